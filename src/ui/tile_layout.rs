//! The tiles of a call and their layout: mode, pinned tile, page, main speaker. A state machine over snapshots and a
//! clock; `grid` computes the rectangles.

use crate::base::{TrackSid, UserId};
use crate::call::view::{Person, PersonTrack};
use crate::ui::bidi::isolate;
use crate::ui::tile_order::TileOrder;
use crate::ui::tokens::time;
use crate::ui::zoom::Zoom;

/// A tile of somebody else: one for each person, and one more for each screen and each further camera.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemoteTile<'a> {
    pub(super) person: &'a Person,
    pub(super) content: TileContent<'a>,
}

/// The content of a tile.
#[derive(Clone, Copy, Debug)]
pub(super) enum TileContent<'a> {
    /// A person: their first camera, or their avatar.
    Person(Option<&'a PersonTrack>),
    /// A shared screen; the screens of a person count from 1.
    Screen(&'a PersonTrack, usize),
    /// A further camera; the cameras of a person count from 1, so this is 2 or more.
    Camera(&'a PersonTrack, usize),
}

/// Identifies a tile across frames.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum TileKey {
    /// The person's own tile.
    Person(UserId),
    /// The tile of a screen or a further camera.
    Track(UserId, TrackSid),
}

impl<'a> RemoteTile<'a> {
    /// All tiles: people in their order, each followed by their screens and further cameras.
    pub(super) fn all(people: &'a [Person]) -> Vec<Self> {
        let of_person = |person: &'a Person| {
            let mut cameras = person.cameras();
            let own = TileContent::Person(cameras.next());
            let screens = person.screens().enumerate().map(|(i, track)| TileContent::Screen(track, i + 1));
            let more = cameras.enumerate().map(|(i, track)| TileContent::Camera(track, i + 2));
            [own].into_iter().chain(screens).chain(more).map(|content| Self { person, content }).collect::<Vec<_>>()
        };
        people.iter().flat_map(of_person).collect()
    }

    pub(super) fn key(&self) -> TileKey {
        let user = self.person.user.clone();
        match self.content {
            TileContent::Person(_) => TileKey::Person(user),
            TileContent::Screen(track, _) | TileContent::Camera(track, _) => {
                TileKey::Track(user, track.track.sid.clone())
            }
        }
    }

    /// The video track that it shows; `None` for an avatar.
    pub(super) const fn video(&self) -> Option<&'a PersonTrack> {
        match self.content {
            TileContent::Person(track) => track,
            TileContent::Screen(track, _) | TileContent::Camera(track, _) => Some(track),
        }
    }

    /// Its name, unique among the tiles of the person.
    pub(super) fn name(&self) -> String {
        let name = isolate(&self.person.name);
        match self.content {
            TileContent::Person(_) => self.person.name.clone(),
            TileContent::Screen(_, 1) => format!("{name}'s screen"),
            TileContent::Screen(_, number) => format!("{name}'s screen {number}"),
            TileContent::Camera(_, number) => format!("{name}'s camera {number}"),
        }
    }

    pub(super) const fn is_person(&self) -> bool {
        matches!(self.content, TileContent::Person(_))
    }

    pub(super) const fn is_screen(&self) -> bool {
        matches!(self.content, TileContent::Screen(..))
    }

    /// Whether it is a screen that can be seen.
    pub(super) fn shows_screen(&self) -> bool {
        self.is_screen() && self.video().is_some_and(|track| track.undecodable.is_none())
    }

    /// Whether it is the own tile of somebody who speaks.
    pub(super) const fn speaks(&self) -> bool {
        self.is_person() && self.person.speaking
    }
}

/// The layout of the tile area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LayoutMode {
    /// Equal tiles.
    #[default]
    Grid,
    /// One tile large, the others in a strip.
    Speaker,
}

/// Pinned tiles at most.
pub(super) const MOST_PINNED: usize = 9;

/// A main speaker from another page stays for so long after their last word, in seconds.
const VISITOR_STAYS: f64 = 4.0;

/// The state of the tile area.
#[derive(Debug, Default)]
pub(super) struct TileLayout {
    pub(super) layout: LayoutMode,
    /// The tiles that the user has pinned, in that order: they are the large ones.
    pub(super) pinned: Vec<TileKey>,
    /// Whether people without a camera have no tile, while anybody has one.
    pub(super) only_with_camera: bool,
    /// Where the tiles are on the pages of the grid.
    pub(super) order: TileOrder,
    /// Whom a host shows large to everybody; nobody if they are not here.
    pub(super) spotlight: Option<UserId>,
    /// Whether the large tile is shown because of a screen or a spotlight: from its begin on, until the user chooses a layout.
    staged: bool,
    /// Whether there was a screen before.
    had_screen: bool,
    /// Who was shown large to everybody before.
    had_spotlight: Option<UserId>,
    /// Of several screens, the one that the user wants to see.
    pub(super) chosen_screen: Option<TileKey>,
    /// The part of a large screen that is seen.
    pub(super) zoom: Option<(TileKey, Zoom)>,
    /// The page of the grid, from 0.
    pub(super) page: usize,
    /// The tile that takes the focus, by its index in reading order.
    pub(super) current: usize,
    /// The main speaker, and since when.
    main_speaker: Option<(UserId, f64)>,
    /// Somebody who speaks, and since when.
    speaking: Option<(UserId, f64)>,
    /// The main speaker, and when they were heard last: they are shown on every page for a while.
    visitor: Option<(UserId, f64)>,
}

/// A page of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The tiles by index, in their places; `None` is a gap. Yours comes after them.
    pub(super) tiles: Vec<Option<usize>>,
    /// The page's number, from 0; never beyond the last page.
    pub(super) number: usize,
    /// The number of pages.
    pub(super) of: usize,
}

impl TileLayout {
    /// Follows the speakers, and forgets people who have left and tracks that have ended.
    pub(super) fn observe(&mut self, people: &[Person], now: f64) {
        let here = |user: &UserId| people.iter().any(|p| p.user == *user);
        let all = RemoteTile::all(people);
        let is_there = |key: &TileKey| all.iter().any(|tile| tile.key() == *key);
        self.pinned.retain(is_there);
        self.chosen_screen = self.chosen_screen.take().filter(is_there);
        self.zoom = self.zoom.take().filter(|(key, _)| is_there(key));
        let tiles = self.tiles(people);
        let keys: Vec<TileKey> = tiles.iter().map(RemoteTile::key).collect();
        self.order.observe(&keys, self.page);
        let has_screen = tiles.iter().any(RemoteTile::shows_screen);
        let spotlight = self.spotlight_in(&tiles).and(self.spotlight.clone());
        let begins = (has_screen && !self.had_screen) || (spotlight.is_some() && spotlight != self.had_spotlight);
        self.staged = (has_screen || spotlight.is_some()) && (self.staged || begins);
        (self.had_screen, self.had_spotlight) = (has_screen, spotlight);
        self.main_speaker = self.main_speaker.take().filter(|(user, _)| here(user));
        let first = people.iter().find(|p| p.speaking).map(|p| &p.user);
        self.speaking = match (self.speaking.take(), first) {
            (Some((user, since)), _) if people.iter().any(|p| p.user == user && p.speaking) => Some((user, since)),
            (_, Some(user)) => Some((user.clone(), now)),
            (_, None) => None,
        };
        self.follow_main_speaker(now);
        let speaks = |user: &UserId| people.iter().any(|p| p.user == *user && p.speaking);
        self.visitor = match (&self.main_speaker, self.visitor.take()) {
            (Some((user, _)), _) if speaks(user) => Some((user.clone(), now)),
            (_, visitor) => visitor.filter(|(user, at)| here(user) && now - at < VISITOR_STAYS),
        };
    }

    /// Somebody who speaks long enough becomes the main speaker, unless another one has become it just now.
    fn follow_main_speaker(&mut self, now: f64) {
        let Some((user, since)) = &self.speaking else { return };
        let long = now - since >= time::SPEAKS_AFTER;
        let settled = self.main_speaker.as_ref().is_none_or(|(_, at)| now - at >= time::MAIN_SPEAKER_STAYS);
        let other = self.main_speaker.as_ref().is_none_or(|(has, _)| has != user);
        if long && settled && other {
            self.main_speaker = Some((user.clone(), now));
        }
    }

    /// The tiles of others that are shown: all, or those with a camera, of a screen, and those that somebody has chosen.
    pub(super) fn tiles<'a>(&self, people: &'a [Person]) -> Vec<RemoteTile<'a>> {
        let all = RemoteTile::all(people);
        let is_kept = |tile: &RemoteTile<'_>| {
            let chosen = self.pinned.contains(&tile.key()) || self.spotlight.as_ref() == Some(&tile.person.user);
            tile.video().is_some() || chosen
        };
        if !self.only_with_camera || !all.iter().any(is_kept) {
            return all;
        }
        all.into_iter().filter(is_kept).collect()
    }

    /// Pins a tile, or unpins it; with [`MOST_PINNED`] no further one is pinned.
    pub(super) fn pin(&mut self, tile: TileKey, on: bool) {
        self.pinned.retain(|key| *key != tile);
        if on && self.pinned.len() < MOST_PINNED {
            self.pinned.push(tile);
        }
    }

    /// In how many seconds the main speaker may change, or a speaker from another page goes; `None` if neither can.
    pub(super) fn next_change(&self, now: f64) -> Option<f64> {
        let leaves = self.visitor.as_ref().map(|(_, at)| (at + VISITOR_STAYS - now).max(0.005));
        [self.next_speaker(now), leaves].into_iter().flatten().reduce(f64::min)
    }

    /// In how many seconds the main speaker may change; `None` if nobody else speaks.
    fn next_speaker(&self, now: f64) -> Option<f64> {
        let (user, since) = self.speaking.as_ref()?;
        let free = match &self.main_speaker {
            Some((has, _)) if has == user => return None,
            Some((_, at)) => at + time::MAIN_SPEAKER_STAYS,
            None => now,
        };
        Some((free.max(since + time::SPEAKS_AFTER) - now).max(0.005))
    }

    /// The large tiles: the pinned ones, else one.
    pub(super) fn large(&self, tiles: &[RemoteTile<'_>]) -> Vec<usize> {
        let pinned = self.pinned.iter().filter_map(|key| tiles.iter().position(|tile| tile.key() == *key));
        let pinned: Vec<usize> = pinned.collect();
        if pinned.is_empty() { vec![self.main(tiles)] } else { pinned }
    }

    /// The large tile: the first pinned one, else that of the spotlight, else a screen, else the main speaker's, else the first.
    pub(super) fn main(&self, tiles: &[RemoteTile<'_>]) -> usize {
        let pinned = self.pinned.first().and_then(|key| tiles.iter().position(|tile| tile.key() == *key));
        let chosen = || self.chosen_screen.as_ref().and_then(|key| tiles.iter().position(|tile| tile.key() == *key));
        let screen = || chosen().or_else(|| tiles.iter().position(RemoteTile::shows_screen));
        let speaker = || {
            let (user, _) = self.main_speaker.as_ref()?;
            tiles.iter().position(|tile| tile.is_person() && tile.person.user == *user)
        };
        pinned.or_else(|| self.spotlight_in(tiles)).or_else(screen).or_else(speaker).unwrap_or(0)
    }

    /// The tile that a host shows large to everybody.
    fn spotlight_in(&self, tiles: &[RemoteTile<'_>]) -> Option<usize> {
        let user = self.spotlight.as_ref()?;
        tiles.iter().position(|tile| tile.is_person() && tile.person.user == *user)
    }

    /// The mode in effect: a pinned tile is large in either, and a screen or a spotlight until the user chooses the grid.
    pub(super) fn shown_layout(&self) -> LayoutMode {
        if !self.pinned.is_empty() || self.staged { LayoutMode::Speaker } else { self.layout }
    }

    /// The user chooses a layout.
    pub(super) fn choose(&mut self, layout: LayoutMode) {
        self.pinned.clear();
        (self.layout, self.staged) = (layout, false);
    }

    /// The part of a screen that is seen while it is large.
    pub(super) fn zoom_of(&self, key: &TileKey) -> Zoom {
        self.zoom.as_ref().filter(|(of, _)| of == key).map_or_else(Zoom::default, |(_, zoom)| *zoom)
    }

    /// The current page, with `others` tiles to a page without yours. Each tile has its place ([`TileOrder`]); the main
    /// speaker, if theirs is on another page, takes the last place for as long as they speak and a while longer. No other tile
    /// moves.
    pub(super) fn page(&self, tiles: &[RemoteTile<'_>], others: usize) -> Page {
        let others = others.max(1);
        let places = self.places(tiles);
        let of = places.len().div_ceil(others).max(1);
        let number = self.page.min(of - 1);
        let begin = number * others;
        let mut shown = places[begin.min(places.len())..places.len().min(begin + others)].to_vec();
        let visitor = self
            .visitor
            .as_ref()
            .and_then(|(user, _)| tiles.iter().position(|tile| tile.is_person() && tile.person.user == *user));
        if let Some(visitor) = visitor.filter(|visitor| !shown.contains(&Some(*visitor))) {
            if shown.len() < others {
                shown.push(Some(visitor));
            } else if let Some(last) = shown.last_mut() {
                *last = Some(visitor);
            }
        }
        Page { tiles: shown, number, of }
    }

    /// The tiles by index, in their places over all pages.
    fn places(&self, tiles: &[RemoteTile<'_>]) -> Vec<Option<usize>> {
        let keys: Vec<TileKey> = tiles.iter().map(RemoteTile::key).collect();
        let at = |key: &TileKey| keys.iter().position(|other| other == key);
        let mut places: Vec<Option<usize>> = self.order.places().iter().map(|key| key.as_ref().and_then(at)).collect();
        let missing: Vec<usize> = (0..tiles.len()).filter(|i| !places.contains(&Some(*i))).collect();
        places.extend(missing.into_iter().map(Some));
        places
    }
}

#[cfg(test)]
mod tests;
