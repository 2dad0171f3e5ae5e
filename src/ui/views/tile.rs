//! One person's tile: the picture or the avatar, three small chips, the ring of somebody who speaks.

use super::View;
use crate::base::FrameSlot;
use crate::call::view::{CallView, DeviceState, Person, Phase, Quality};
use crate::ui::flow::Screen;
use crate::ui::tokens::{overlay, radius, time};
use crate::ui::video::{PictureLook, Whose};
use crate::ui::widgets::{animate, avatar, bars, chip, quality_bars, speaking_bars};
use crate::ui::{icons, text};
use egui::{Align2, Id, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// What a tile shows.
pub(super) struct Tile {
    whose: Whose,
    user: String,
    name: String,
    /// Behind the name.
    you: bool,
    picture: Option<FrameSlot>,
    mirror: bool,
    microphone: bool,
    speaking: bool,
    /// Bars of the link; not on your own tile.
    bars: Option<usize>,
    quality: &'static str,
    /// The picture stands still because a link is lost.
    paused: bool,
    /// It has stood still for too long to be shown.
    dropped: bool,
    /// Room that something else covers at the left and the right of its lower edge.
    pub(super) covered: [f32; 2],
}

impl Tile {
    /// Somebody else.
    pub(super) fn person(view: &View<'_>, person: &Person) -> Self {
        let lost = matches!(view.model.call().map(|c| &c.phase), Some(Phase::Reconnecting { .. }));
        let quality = if lost { Quality::Lost } else { person.quality };
        Self {
            whose: Whose::Person(person.user.clone()),
            user: person.user.to_string(),
            name: person.name.clone(),
            you: false,
            picture: person.picture.clone(),
            mirror: false,
            microphone: person.microphone,
            speaking: person.speaking && !lost && view.model.screen == Screen::Call,
            bars: bars(quality),
            quality: words(quality),
            paused: quality == Quality::Lost,
            dropped: lost && view.model.flow.lost_for(view.model.now) > time::DROP_PICTURE_AFTER,
            covered: [0.0; 2],
        }
    }

    /// Ourselves.
    pub(super) fn own(view: &View<'_>, call: &CallView) -> Self {
        let snapshot = &view.model.snapshot;
        // The picture goes with the device, not with the wish.
        let open = matches!(snapshot.camera.state, DeviceState::Open | DeviceState::Closing);
        Self {
            whose: Whose::Own,
            user: call.user.to_string(),
            name: call.name.clone(),
            you: true,
            picture: open.then(|| snapshot.own_picture.clone()),
            mirror: view.model.settings.mirror,
            microphone: snapshot.microphone.wanted,
            speaking: call.speaking && view.model.screen == Screen::Call,
            bars: None,
            quality: "",
            paused: false,
            dropped: false,
            covered: [0.0; 2],
        }
    }

    /// "Mina Park, speaking, microphone on, good connection".
    fn spoken(&self, with_picture: bool) -> String {
        let mut spoken = self.name.clone();
        let mut add = |words: &str| {
            spoken.push_str(", ");
            spoken.push_str(words);
        };
        if self.you {
            add("you");
        }
        if self.speaking {
            add("speaking");
        }
        add(if self.microphone { "microphone on" } else { "microphone off" });
        if !with_picture {
            add("camera off");
        }
        if self.paused {
            add("picture paused");
        } else if !self.quality.is_empty() {
            add(self.quality);
        }
        spoken
    }
}

const fn words(quality: Quality) -> &'static str {
    match quality {
        Quality::Unknown => "",
        Quality::Lost => "no connection",
        Quality::Poor => "weak connection",
        Quality::Good | Quality::Excellent => "good connection",
    }
}

/// Draws a tile.
pub(super) fn tile(ui: &mut Ui, view: &mut View<'_>, rect: Rect, tile: &Tile) {
    let id = Id::unique(("tile of", &tile.user, tile.you));
    let mut shown = false;
    if let Some(slot) = tile.picture.as_ref().filter(|_| !tile.dropped) {
        let light = if tile.paused { overlay::PAUSED } else { 1.0 };
        let look = PictureLook { mirror: tile.mirror, cover: true, radius: radius::TILE, light };
        shown = view.videos.show(ui, rect, &tile.whose, slot, &look);
    }
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, tile.spoken(shown)));
    if !shown {
        ui.painter().rect_filled(rect, radius::TILE, view.colors.camera_off);
        let diameter = (rect.height() * 0.42).min(128.0);
        avatar(ui, rect.center(), diameter, &tile.user, &tile.name);
    }
    ring(ui, view, rect, id, tile.speaking);
    chips(ui, rect, tile);
}

/// The ring of somebody who speaks: in at once, out slowly.
fn ring(ui: &Ui, view: &View<'_>, rect: Rect, id: Id, speaking: bool) {
    let seconds = if speaking { time::RING_IN } else { time::RING_OUT };
    let shown = animate(ui, id.with("ring"), speaking, seconds);
    if shown > 0.0 {
        let stroke = Stroke::new(3.0, view.colors.live.gamma_multiply(shown));
        ui.painter().rect_stroke(rect.expand(2.0), radius::TILE + 2, stroke, StrokeKind::Outside);
    }
}

fn chips(ui: &Ui, rect: Rect, tile: &Tile) {
    let large = rect.width() >= 420.0;
    let (height, edge) = if large { (28.0, 10.0) } else { (24.0, 8.0) };
    let corner = if large { radius::CHIP_LARGE } else { radius::CHIP };
    let middle = rect.bottom() - edge - height / 2.0;
    let mut right = rect.right() - edge - tile.covered[1];
    let quality = tile.bars.filter(|filled| rect.width() >= 180.0 || *filled <= 2);
    if let Some(filled) = quality {
        let width = if large { 32.0 } else { 28.0 };
        let ground = Rect::from_min_size(pos2(right - width, middle - height / 2.0), vec2(width, height));
        chip(ui, ground, corner);
        quality_bars(ui.painter(), ground.center(), filled);
        right = ground.left() - 8.0;
    }

    let name = if tile.you { format!("{} (you)", tile.name) } else { tile.name.clone() };
    let kind = if large { text::LABEL } else { text::TOOL };
    let sign = if !tile.microphone || tile.speaking { 19.0 } else { 0.0 };
    let left = rect.left() + edge + tile.covered[0];
    let space = (right - left - 20.0 - sign).max(10.0);
    let words = text::layout(ui, kind.cut(&name, overlay::TEXT, space));
    let size = vec2(words.size().x + 20.0 + sign, height);
    let ground = Rect::from_min_size(pos2(left, middle - height / 2.0), size);
    chip(ui, ground, corner);
    let at = pos2(left + 10.0 + 7.0, middle);
    if !tile.microphone {
        text::icon_fill(ui, at, 15.0, overlay::MUTED, icons::MICROPHONE_SLASH);
    } else if tile.speaking {
        speaking_bars(ui.painter(), at, overlay::SPEAKING);
    }
    let at = pos2(left + 10.0 + sign, middle - words.size().y / 2.0);
    ui.painter().galley(at, words, overlay::TEXT);

    if tile.paused {
        let word = "Picture paused";
        let width = text::width(ui, kind, word) + 20.0 + 22.0;
        let at = pos2(rect.right() - edge - width, rect.top() + edge);
        let ground = Rect::from_min_size(at, vec2(width, height));
        chip(ui, ground, corner);
        let middle = ground.center().y;
        text::icon(ui, pos2(ground.left() + 18.0, middle), 16.0, overlay::WEAK, icons::WIFI_SLASH);
        let at = pos2(ground.left() + 32.0, middle);
        text::paint(ui, at, Align2::LEFT_CENTER, kind, overlay::WEAK, word, f32::INFINITY);
    }
}
