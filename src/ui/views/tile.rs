//! A tile: the video or the avatar, three small chips, the ring of somebody who speaks.

use super::View;
use crate::base::{ConnectionQuality, FrameSlot, UserId};
use crate::call::view::{CallPhase, CallView, DeviceState};
use crate::ui::action::Action;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use crate::ui::tile_layout::{RemoteTile, TileContent, TileKey};
use crate::ui::tokens::{overlay, radius, time};
use crate::ui::video::{VideoKey, VideoLook};
use crate::ui::widgets::{animate, avatar, bars, chip, focus_ring, quality_bars, speaking_bars};
use crate::ui::{icons, text};
use egui::{
    Align2, EventFilter, Id, PointerButton, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
};
use egui::{pos2, vec2};

/// What a tile shows.
pub(super) struct Tile {
    /// Whose it is; `None` for your own.
    remote: Option<(TileKey, UserId)>,
    user: String,
    /// What it is called: the person's name, or that of their screen.
    name: String,
    /// The name that the initials of the avatar are of.
    person: String,
    kind: TileKind,
    video: Option<(VideoKey, FrameSlot)>,
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
    /// Whether the user has pinned it.
    pinned: bool,
    /// Whether something can be done with it: beside one other person there is nothing to pin, but a host can remove.
    pub(super) menu: bool,
    /// Its place in the tile area's reading order, and whether it has the tile area's stop of the focus.
    pub(super) place: (usize, bool),
    /// Room that something else covers at the left and the right of its lower edge.
    pub(super) covered: [f32; 2],
}

/// Whose tile it is, and of what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TileKind {
    /// Yours.
    You,
    /// Somebody else's, with their voice.
    Person,
    /// One more camera of somebody.
    Camera,
    /// A screen that somebody shares.
    Screen,
}

impl Tile {
    /// Somebody else's.
    pub(super) fn remote(view: &View<'_>, tile: &RemoteTile<'_>) -> Self {
        let person = tile.person;
        let kind = match tile.content {
            TileContent::Person(_) => TileKind::Person,
            TileContent::Screen(..) => TileKind::Screen,
            TileContent::Camera(..) => TileKind::Camera,
        };
        let lost = matches!(view.model.call().map(|c| &c.phase), Some(CallPhase::Reconnecting { .. }));
        let quality = if lost { ConnectionQuality::Lost } else { person.quality };
        Self {
            user: person.user.to_string(),
            name: tile.name(),
            person: person.name.clone(),
            kind,
            video: tile.video().and_then(|t| Some((VideoKey::Track(t.track.clone()), t.frames.clone()?))),
            mirror: false,
            microphone: person.microphone_on(),
            speaking: tile.speaks() && !lost && view.model.screen == Screen::Call,
            bars: bars(quality),
            quality: words(quality),
            paused: quality == ConnectionQuality::Lost,
            dropped: lost && view.model.screens.lost_for(view.model.now) > time::DROP_PICTURE_AFTER,
            pinned: view.model.tile_layout.pinned.as_ref() == Some(&tile.key()),
            menu: view.model.call().is_some_and(|c| RemoteTile::all(&c.people).len() > 1 || c.host),
            remote: Some((tile.key(), person.user.clone())),
            place: (1, false),
            covered: [0.0; 2],
        }
    }

    /// Ourselves.
    pub(super) fn own(view: &View<'_>, call: &CallView) -> Self {
        let snapshot = &view.model.snapshot;
        // The picture goes with the device, not with the wish.
        let open = matches!(snapshot.camera.state, DeviceState::Open | DeviceState::Closing);
        Self {
            remote: None,
            user: call.user.to_string(),
            name: call.name.clone(),
            person: call.name.clone(),
            kind: TileKind::You,
            video: open.then(|| (VideoKey::Own, snapshot.own_picture.clone())),
            mirror: view.model.settings.mirror,
            microphone: snapshot.microphone.wanted,
            speaking: call.speaking && view.model.screen == Screen::Call,
            bars: None,
            quality: "",
            paused: false,
            dropped: false,
            pinned: false,
            menu: false,
            place: (1, false),
            covered: [0.0; 2],
        }
    }

    /// "Mina Park, speaking, microphone on, good connection"; "Mina Park's screen, good connection".
    fn spoken(&self, with_picture: bool) -> String {
        let mut spoken = self.name.clone();
        let mut add = |words: &str| {
            spoken.push_str(", ");
            spoken.push_str(words);
        };
        if self.kind == TileKind::You {
            add("you");
        }
        if self.pinned {
            add("pinned");
        }
        if self.speaking {
            add("speaking");
        }
        if self.has_voice() {
            add(if self.microphone { "microphone on" } else { "microphone off" });
            if !with_picture {
                add("camera off");
            }
        }
        if self.paused {
            add("picture paused");
        } else if !self.quality.is_empty() {
            add(self.quality);
        }
        spoken
    }
}

impl Tile {
    /// Whether microphone and camera of a person are told of on this tile.
    const fn has_voice(&self) -> bool {
        match self.kind {
            TileKind::You | TileKind::Person => true,
            TileKind::Camera | TileKind::Screen => false,
        }
    }
}

const fn words(quality: ConnectionQuality) -> &'static str {
    match quality {
        ConnectionQuality::Unknown => "",
        ConnectionQuality::Lost => "no connection",
        ConnectionQuality::Poor => "weak connection",
        ConnectionQuality::Good | ConnectionQuality::Excellent => "good connection",
    }
}

/// Draws a tile.
pub(super) fn tile(ui: &mut Ui, view: &mut View<'_>, rect: Rect, tile: &Tile) {
    let id = Id::unique(("tile of", &tile.user, tile.remote.as_ref().map(|(key, _)| key)));
    let leaving = matches!(view.model.screen, Screen::Leaving { .. });
    let mut shown = false;
    if let Some((key, slot)) = tile.video.as_ref().filter(|_| !tile.dropped) {
        let light = if tile.paused || leaving { overlay::PAUSED } else { 1.0 };
        // A screen is fitted: its edges may hold what matters.
        let cover = tile.kind != TileKind::Screen;
        let look = VideoLook { mirror: tile.mirror, cover, radius: radius::TILE, light };
        shown = view.videos.show(ui, rect, key, slot, &look);
    }
    let response = interact(ui, view, rect, id, tile.place);
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, tile.spoken(shown)));
    if !shown {
        ui.painter().rect_filled(rect, radius::TILE, view.colors.camera_off);
        let diameter = (rect.height() * 0.42).min(128.0);
        avatar(ui, rect.center(), diameter, &tile.user, &tile.person);
    }
    ring(ui, view, rect, id, tile.speaking);
    focus_ring(ui, &response, radius::TILE, view.colors);
    let top = chips(ui, rect, tile);
    if let Some((key, user)) = tile.remote.as_ref().filter(|_| tile.menu) {
        super::tile_menu::tile_menu(ui, view, &response, (key, user), &tile.name, top);
    }
}

/// Where it is kept which tile has the tile area's stop of the focus.
fn focus_key() -> Id {
    Id::unique("focused tile")
}

/// The tile that has the tile area's stop of the focus in this frame.
pub(super) fn focus_id(ui: &Ui) -> Option<Id> {
    ui.data(|d| d.get_temp(focus_key()))
}

/// The tiles are one stop of the focus together: the present one takes it, and the arrows go from one to the next.
fn interact(ui: &Ui, view: &mut View<'_>, rect: Rect, id: Id, (place, present): (usize, bool)) -> Response {
    let sense = if present { Sense::click() } else { Sense::CLICK };
    let response = ui.interact(rect, id, sense);
    if present {
        view.focus(&response, Focus::Tiles);
        // Who was there has gone, or has another place: whoever walks by the keyboard stays on the tile area.
        let before = ui.data(|d| d.get_temp(focus_key()).unwrap_or(id));
        if before != id && ui.memory(|m| m.has_focus(before)) {
            response.request_focus();
        }
        ui.data_mut(|d| d.insert_temp(focus_key(), id));
    }
    if response.clicked_by(PointerButton::Primary) {
        view.dispatch(Action::GoToTile(place));
    }
    if response.has_focus() {
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|m| m.set_focus_lock_filter(id, filter));
    }
    response
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

/// Name, quality, and what stands at the top right; returns the right centre of what is free there.
fn chips(ui: &Ui, rect: Rect, tile: &Tile) -> Pos2 {
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

    let name = if tile.kind == TileKind::You { format!("{} (you)", tile.name) } else { tile.name.clone() };
    let kind = if large { text::LABEL } else { text::TOOL };
    let (padding, icon) = if large { (10.0, 16.0) } else { (8.0, 14.0) };
    let with_icon = icon + if large { 6.0 } else { 5.0 };
    let sign = match (tile.kind, tile.microphone, tile.speaking) {
        (TileKind::Screen, ..) => with_icon,
        (TileKind::Camera, ..) => 0.0,
        (TileKind::You | TileKind::Person, false, _) => with_icon,
        (TileKind::You | TileKind::Person, true, true) => 19.0,
        (TileKind::You | TileKind::Person, true, false) => 0.0,
    };
    let left = rect.left() + edge + tile.covered[0];
    let space = (right - left - 2.0 * padding - sign).max(10.0);
    let words = text::layout(ui, kind.cut(&name, overlay::TEXT, space));
    let size = vec2(words.size().x + 2.0 * padding + sign, height);
    let ground = Rect::from_min_size(pos2(left, middle - height / 2.0), size);
    chip(ui, ground, corner);
    let at = pos2(left + padding + icon / 2.0, middle);
    if tile.kind == TileKind::Screen {
        text::icon_fill(ui, at, icon, overlay::TEXT, icons::DESKTOP);
    } else if tile.has_voice() && !tile.microphone {
        text::icon_fill(ui, at, icon, overlay::MUTED, icons::MICROPHONE_SLASH);
    } else if tile.speaking {
        speaking_bars(ui.painter(), pos2(left + padding + 7.0, middle), overlay::SPEAKING);
    }
    let at = pos2(left + padding + sign, middle - words.size().y / 2.0);
    ui.painter().galley(at, words, overlay::TEXT);

    let mut free = pos2(rect.right() - edge, rect.top() + edge + height / 2.0);
    if tile.pinned {
        let ground = Rect::from_min_size(pos2(free.x - height, free.y - height / 2.0), vec2(height, height));
        chip(ui, ground, corner);
        text::icon_fill(ui, ground.center(), 15.0, overlay::TEXT, icons::PUSH_PIN);
        free.x = ground.left() - 6.0;
    }
    if tile.paused {
        let word = "Picture paused";
        let width = text::width(ui, kind, word) + 20.0 + 22.0;
        let at = pos2(free.x - width, rect.top() + edge);
        let ground = Rect::from_min_size(at, vec2(width, height));
        chip(ui, ground, corner);
        let middle = ground.center().y;
        text::icon(ui, pos2(ground.left() + 18.0, middle), 16.0, overlay::WEAK_TEXT, icons::WIFI_SLASH);
        let at = pos2(ground.left() + 32.0, middle);
        text::paint(ui, at, Align2::LEFT_CENTER, kind, overlay::WEAK_TEXT, word, f32::INFINITY);
        free.x = ground.left() - 6.0;
    }
    free
}
