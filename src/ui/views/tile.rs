//! A tile: the video or the avatar, three small chips, the ring of somebody who speaks.

use super::tile_cover::{self, Cover};
use super::{View, stage_tools};
use crate::base::{ConnectionQuality, FrameSlot, UserId};
use crate::call::view::{CallPhase, CallView, DeviceState};
use crate::ui::action::Action;
use crate::ui::bidi::{isolate, plain};
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::parts::Focus;
use crate::ui::people::PeopleAction;
use crate::ui::screens::Screen;
use crate::ui::text::{self, Type};
use crate::ui::tile_layout::{RemoteTile, TileContent, TileKey};
use crate::ui::tokens::{overlay, radius, size, time};
use crate::ui::video::{Crop, VideoKey, VideoLook};
use crate::ui::widgets::{Button, Look, animate, bars, chip, focus_ring, place, quality_bars, speaking_bars};
use crate::ui::zoom::Zoom;
use egui::{
    Align, Align2, Color32, Context, CornerRadius, EventFilter, Frame, Id, Layout, Margin, PointerButton, Rect,
    Response, Role, Sense,
};
use egui::{Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};

/// A tile as it is drawn.
pub(super) struct Tile {
    /// Its key and user; `None` for your own tile.
    remote: Option<(TileKey, UserId)>,
    user: String,
    /// The name of the person, or of their screen or camera.
    name: String,
    /// The name for the avatar's initials.
    person: String,
    kind: TileKind,
    video: Option<(VideoKey, FrameSlot)>,
    mirror: bool,
    microphone: bool,
    speaking: bool,
    /// The place of the raised hand among all; `None` if it is down, or if the tile is not the person's own.
    hand: Option<usize>,
    /// Bars of the connection, 0 to 4; `None` while unknown and for your own tile.
    bars: Option<usize>,
    quality: &'static str,
    /// Whether the video stands still because a connection is lost.
    paused: bool,
    /// Whether it has stood still for so long that the avatar takes its place.
    dropped: bool,
    /// What of it cannot be shown or played.
    cover: Cover,
    /// Whether we have hidden the picture.
    hidden: bool,
    /// Whether the user has pinned it.
    pinned: bool,
    /// Whether it has a menu: with one other tile there is nothing to pin, but a host can remove the person.
    pub(super) menu: bool,
    /// Its index in reading order, and whether it takes the focus for all tiles.
    pub(super) place: (usize, bool),
    /// Whether it is the large one: beside one other person, and in speaker view.
    pub(super) large: bool,
    /// Width that another tile covers at the left and the right of its lower edge.
    pub(super) covered: [f32; 2],
}

/// The kind of a tile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TileKind {
    /// Our own tile.
    You,
    /// A remote user's tile, with their audio state.
    Person,
    /// One more camera of somebody.
    Camera,
    /// A screen that somebody shares.
    Screen,
}

impl Tile {
    /// The tile of somebody else.
    pub(super) fn remote(view: &View<'_>, tile: &RemoteTile<'_>) -> Self {
        let person = tile.person;
        let kind = match tile.content {
            TileContent::Person(_) => TileKind::Person,
            TileContent::Screen(..) => TileKind::Screen,
            TileContent::Camera(..) => TileKind::Camera,
        };
        let hidden = kind != TileKind::Screen && tile.video().is_some() && view.model.people.hides(&person.user);
        let video = tile.video().filter(|_| !hidden);
        let lost = matches!(view.model.call().map(|c| &c.phase), Some(CallPhase::Reconnecting { .. }));
        let quality = if lost { ConnectionQuality::Lost } else { person.quality };
        Self {
            user: person.user.to_string(),
            name: tile.name(),
            person: person.name.clone(),
            kind,
            video: video.and_then(|t| Some((VideoKey::Track(t.track.clone()), t.frames.clone()?))),
            mirror: false,
            microphone: person.microphone_on(),
            speaking: tile.speaks() && !lost && view.model.screen == Screen::Call,
            hand: person.hand.filter(|_| tile.is_person()),
            bars: bars(quality),
            quality: words(quality),
            paused: quality == ConnectionQuality::Lost,
            dropped: lost && view.model.screens.lost_for(view.model.now) > time::DROP_VIDEO_AFTER,
            cover: if hidden { Cover::hidden() } else { Cover::of(tile) },
            hidden,
            pinned: view.model.tile_layout.pinned.contains(&tile.key()),
            menu: view.model.call().is_some_and(|c| RemoteTile::all(&c.people).len() > 1 || c.host),
            remote: Some((tile.key(), person.user.clone())),
            place: (1, false),
            large: false,
            covered: [0.0; 2],
        }
    }

    /// Your own tile.
    pub(super) fn own(view: &View<'_>, call: &CallView) -> Self {
        let snapshot = &view.model.snapshot;
        // The device decides, not the button: video may still come while the camera closes.
        let open = matches!(snapshot.camera.state, DeviceState::Open | DeviceState::Closing);
        Self {
            remote: None,
            user: call.user.to_string(),
            name: call.name.clone(),
            person: call.name.clone(),
            kind: TileKind::You,
            video: open.then(|| (VideoKey::Own, snapshot.own_frames.clone())),
            mirror: view.model.settings.mirror,
            microphone: snapshot.microphone.wanted,
            speaking: call.speaking && view.model.screen == Screen::Call,
            hand: call.hand,
            bars: None,
            quality: "",
            paused: false,
            dropped: false,
            cover: Cover::default(),
            hidden: false,
            pinned: false,
            menu: false,
            place: (1, false),
            large: false,
            covered: [0.0; 2],
        }
    }

    /// "Mina Park, speaking, microphone on, good connection"; "Mina Park's screen, good connection".
    fn spoken(&self, with_video: bool) -> String {
        let mut spoken = plain(&self.name).into_owned();
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
        if let Some(place) = self.hand {
            add(&format!("hand raised, number {place}"));
        }
        if self.has_voice() {
            if self.cover.voice.is_none() {
                add(if self.microphone { "microphone on" } else { "microphone off" });
            }
            if !with_video && !self.cover.video && self.cover.sentence.is_empty() {
                add("camera off");
            }
        }
        if !self.cover.sentence.is_empty() {
            add(self.cover.sentence.trim_end_matches('.'));
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
    /// Whether it is a screen in the large tile.
    fn is_large_screen(&self) -> bool {
        self.large && self.kind == TileKind::Screen
    }

    /// The part of the video that is seen.
    fn zoom(&self, model: &Model) -> Zoom {
        let key = self.remote.as_ref().map(|(key, _)| key).filter(|_| self.is_large_screen());
        key.map_or_else(Zoom::default, |key| model.tile_layout.zoom_of(key))
    }

    /// Whether this tile shows the state of a person's microphone and camera.
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
        let (crop, bars) = match tile.kind {
            TileKind::Screen => (Crop::Nothing, Color32::BLACK),
            _ if tile.large || tile.pinned => (Crop::Little, view.colors.camera_off),
            _ => (Crop::Some, view.colors.camera_off),
        };
        let zoom = tile.zoom(view.model);
        let look = VideoLook { mirror: tile.mirror, crop, bars, radius: radius::TILE, light, zoom };
        shown = view.videos.show(ui, rect, key, slot, &look);
    }
    let response = interact(ui, view, rect, id, tile.place);
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, tile.spoken(shown)));
    if !shown {
        ui.painter().rect_filled(rect, radius::TILE, view.colors.camera_off);
        let button = if tile.hidden { size::BUTTON_TINY + 8.0 } else { 0.0 };
        // A small tile has room for the button alone.
        if !tile.hidden || rect.height() > 150.0 {
            tile_cover::cover(ui, view, rect, (&tile.user, &tile.person), (&tile.cover.sentence, button));
        }
    }
    show_again(ui, view, rect, tile);
    ring(ui, view, rect, id, tile.speaking);
    focus_ring(ui, &response, radius::TILE, view.colors);
    lower_chips(ui, rect, tile);
    upper_chips(ui, view, rect, tile, (&response, shown));
    if let (true, Some((_, slot)), Some((key, _))) = (tile.is_large_screen() && shown, &tile.video, &tile.remote)
        && let Some((_, frame)) = slot.latest()
    {
        stage_tools::stage_tools(ui, view, &response, key, &frame);
    }
}

/// The button on a tile whose picture we have hidden.
fn show_again(ui: &mut Ui, view: &mut View<'_>, rect: Rect, tile: &Tile) {
    let Some((_, user)) = tile.remote.as_ref().filter(|_| tile.hidden) else { return };
    let name = format!("Show {}'s picture", plain(&tile.person));
    let button = Button::new("Show", Look::Plain).named(&name).height(size::BUTTON_TINY);
    let size = button.size(ui);
    let place = rect.shrink(ChipLook::of(rect).edge).with_max_y(rect.bottom() - tile_cover::BELOW);
    let response = place::overlay(ui, place, Align2::CENTER_BOTTOM, size, |ui| button.show(ui, view.colors));
    view.on_click(&response, Action::People(PeopleAction::HidePicture(user.clone(), false)));
}

/// Where egui's memory keeps the id of the tile that takes the focus.
fn focus_key() -> Id {
    Id::unique("focused tile")
}

/// The id of the tile that takes the focus for all tiles in this frame.
pub(in crate::ui) fn focus_id(ctx: &Context) -> Option<Id> {
    ctx.data(|d| d.get_temp(focus_key()))
}

/// The tiles are one stop of the Tab key: the current one takes the focus, and the arrow keys move between them.
fn interact(ui: &Ui, view: &mut View<'_>, rect: Rect, id: Id, (place, present): (usize, bool)) -> Response {
    let sense = if present { Sense::click() } else { Sense::CLICK };
    let response = ui.interact(rect, id, sense);
    if present {
        view.focus(&response, Focus::Tiles);
        // If the focused tile has gone or moved, the focus stays in the tile area.
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

/// The ring of somebody who speaks; it appears quickly and fades out slowly.
fn ring(ui: &Ui, view: &View<'_>, rect: Rect, id: Id, speaking: bool) {
    let seconds = if speaking { time::RING_IN } else { time::RING_OUT };
    let shown = animate(ui, id.with("ring"), speaking, seconds);
    if shown > 0.0 {
        let stroke = Stroke::new(3.0, view.colors.live.gamma_multiply(shown));
        ui.painter().rect_stroke(rect.expand(2.0), radius::TILE + 2, stroke, StrokeKind::Outside);
    }
}

/// The sizes of a tile's chips, which depend on the tile's.
#[derive(Clone, Copy)]
struct ChipLook {
    /// From the tile's edge to a chip.
    edge: f32,
    height: f32,
    corner: CornerRadius,
    padding: i8,
    icon: f32,
    /// Between icon and text.
    gap: f32,
    text: Type,
}

impl ChipLook {
    const LARGE: Self = Self {
        edge: 10.0,
        height: 28.0,
        corner: radius::CHIP_LARGE,
        padding: 10,
        icon: 16.0,
        gap: 6.0,
        text: text::LABEL,
    };
    const SMALL: Self =
        Self { edge: 8.0, height: 24.0, corner: radius::CHIP, padding: 8, icon: 14.0, gap: 5.0, text: text::TOOL };

    const fn of(tile: Rect) -> Self {
        if tile.max.x - tile.min.x >= 420.0 { Self::LARGE } else { Self::SMALL }
    }

    /// Adds a chip around `content`.
    fn show(&self, ui: &mut Ui, padding: i8, content: impl FnOnce(&mut Ui)) {
        let frame = Frame::new().fill(overlay::BACKGROUND).corner_radius(self.corner).inner_margin(Margin {
            left: padding,
            right: padding,
            ..Margin::ZERO
        });
        frame.show(ui, |ui| {
            ui.set_min_height(self.height);
            content(ui);
        });
    }
}

/// The chips at the lower edge: the name, and the connection's quality.
fn lower_chips(ui: &mut Ui, rect: Rect, tile: &Tile) {
    let look = ChipLook::of(rect);
    let [covered_left, covered_right] = tile.covered;
    let inner = rect.shrink(look.edge);
    let row = Rect::from_min_max(
        pos2(inner.left() + covered_left, inner.bottom() - look.height),
        pos2(inner.right() - covered_right, inner.bottom()),
    );
    let quality = tile.bars.filter(|filled| rect.width() >= 180.0 || *filled <= 2);
    place::within(ui, row, Layout::top_down(Align::Min), |ui| {
        place::sides(
            ui,
            look.height,
            8.0,
            |ui| name_chip(ui, look, tile),
            |ui| {
                let Some(filled) = quality else { return };
                look.show(ui, look.padding - 2, |ui| {
                    let (_, bars) = ui.allocate_space(vec2(16.0, look.height));
                    quality_bars(ui.painter(), bars.center(), filled);
                });
            },
        );
    });
}

/// The name, after an icon of what the tile shows or of its voice.
fn name_chip(ui: &mut Ui, look: ChipLook, tile: &Tile) {
    look.show(ui, look.padding, |ui| {
        if tile.kind == TileKind::Screen {
            text::add_icon_fill(ui, [look.icon; 2], look.icon, overlay::TEXT, icons::DESKTOP);
            ui.add_space(look.gap);
        } else if tile.has_voice() && !tile.microphone {
            text::add_icon_fill(ui, [look.icon; 2], look.icon, overlay::MUTED, icons::MICROPHONE_SLASH);
            ui.add_space(look.gap);
        } else if tile.speaking {
            let (_, bars) = ui.allocate_space(vec2(14.0, look.height));
            speaking_bars(ui.painter(), bars.center(), overlay::SPEAKING);
            ui.add_space(5.0);
        }
        let name =
            if tile.kind == TileKind::You { format!("{} (you)", isolate(&tile.name)) } else { tile.name.clone() };
        text::add_words(ui, look.text, overlay::TEXT, &name);
    });
}

/// The chips at the top right, and left of them the button of the tile's menu.
fn upper_chips(ui: &mut Ui, view: &mut View<'_>, rect: Rect, tile: &Tile, (response, with_video): (&Response, bool)) {
    let look = ChipLook::of(rect);
    let right_top = pos2(rect.right() - look.edge, rect.top() + look.edge);
    let chips = Rect::from_min_max(pos2(rect.left() + look.edge, right_top.y), right_top + vec2(0.0, look.height));
    if let Some(place) = tile.hand {
        super::reactions::hand_chip(ui, view, chips.min, look.height, place);
    }
    // The button is higher than the chips.
    let row = chips.expand2(vec2(0.0, (size::TILE_MENU - look.height) / 2.0));
    place::within(ui, row, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if tile.pinned {
            let (_, pin) = ui.allocate_space(Vec2::splat(look.height));
            chip(ui, pin, look.corner);
            text::icon_fill(ui, pin.center(), 15.0, overlay::TEXT, icons::PUSH_PIN);
        }
        if tile.paused {
            words_chip(ui, look, icons::WIFI_SLASH, "Picture paused");
        } else if let Some(why) = tile.cover.voice.filter(|_| with_video) {
            words_chip(ui, look, icons::MICROPHONE_SLASH, tile_cover::voice_chip(why));
        }
        if let Some((key, user)) = tile.remote.as_ref().filter(|_| tile.menu) {
            super::tile_menu::tile_menu(ui, view, response, (key, user), &tile.name);
        }
    });
}

fn words_chip(ui: &mut Ui, look: ChipLook, icon: char, words: &str) {
    let size = vec2(text::width(ui, look.text, words) + 42.0, look.height);
    place::group(ui, size, |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        chip(ui, ui.max_rect(), look.corner);
        ui.add_space(10.0);
        text::add_icon(ui, [size::ICON_SMALL; 2], size::ICON_SMALL, overlay::WEAK_TEXT, icon);
        ui.add_space(6.0);
        text::add_words(ui, look.text, overlay::WEAK_TEXT, words);
    });
}
