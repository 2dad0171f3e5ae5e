//! The tiles of a call and their layout: mode, pinned tile, page, main speaker. A state machine over snapshots and a
//! clock; `grid` computes the rectangles.

use crate::base::{TrackSid, UserId};
use crate::call::view::{Person, PersonTrack};
use crate::ui::bidi::isolate;
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

/// The state of the tile area.
#[derive(Debug, Default)]
pub(super) struct TileLayout {
    pub(super) layout: LayoutMode,
    /// The tile that the user has pinned: it is the large one.
    pub(super) pinned: Option<TileKey>,
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
}

/// A page of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The tiles by index, in their order; yours comes after them.
    pub(super) tiles: Vec<usize>,
    /// The page's number, from 0; never beyond the last page.
    pub(super) number: usize,
    /// The number of pages.
    pub(super) of: usize,
}

impl TileLayout {
    /// Follows the speakers, and forgets people who have left and tracks that have ended.
    pub(super) fn observe(&mut self, people: &[Person], now: f64) {
        let here = |user: &UserId| people.iter().any(|p| p.user == *user);
        let tiles = RemoteTile::all(people);
        let is_there = |key: &TileKey| tiles.iter().any(|tile| tile.key() == *key);
        self.pinned = self.pinned.take().filter(is_there);
        self.chosen_screen = self.chosen_screen.take().filter(is_there);
        self.zoom = self.zoom.take().filter(|(key, _)| is_there(key));
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
        let Some((user, since)) = &self.speaking else { return };
        let long = now - since >= time::SPEAKS_AFTER;
        let settled = self.main_speaker.as_ref().is_none_or(|(_, at)| now - at >= time::MAIN_SPEAKER_STAYS);
        let other = self.main_speaker.as_ref().is_none_or(|(has, _)| has != user);
        if long && settled && other {
            self.main_speaker = Some((user.clone(), now));
        }
    }

    /// In how many seconds the main speaker may change; `None` if nobody else speaks.
    pub(super) fn next_change(&self, now: f64) -> Option<f64> {
        let (user, since) = self.speaking.as_ref()?;
        let free = match &self.main_speaker {
            Some((has, _)) if has == user => return None,
            Some((_, at)) => at + time::MAIN_SPEAKER_STAYS,
            None => now,
        };
        Some((free.max(since + time::SPEAKS_AFTER) - now).max(0.005))
    }

    /// The large tile: the pinned one, else that of the spotlight, else a screen, else the main speaker's, else the first.
    pub(super) fn main(&self, tiles: &[RemoteTile<'_>]) -> usize {
        let pinned = self.pinned.as_ref().and_then(|key| tiles.iter().position(|tile| tile.key() == *key));
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
        if self.pinned.is_some() || self.staged { LayoutMode::Speaker } else { self.layout }
    }

    /// The user chooses a layout.
    pub(super) fn choose(&mut self, layout: LayoutMode) {
        (self.layout, self.pinned, self.staged) = (layout, None, false);
    }

    /// The part of a screen that is seen while it is large.
    pub(super) fn zoom_of(&self, key: &TileKey) -> Zoom {
        self.zoom.as_ref().filter(|(of, _)| of == key).map_or_else(Zoom::default, |(_, zoom)| *zoom)
    }

    /// The current page, with `size` tiles to a page, yours among them. The tile of somebody who speaks on another page
    /// replaces the last one; no other tile moves.
    pub(super) fn page(&self, tiles: &[RemoteTile<'_>], size: usize) -> Page {
        let others = size.saturating_sub(1).max(1);
        let of = tiles.len().div_ceil(others).max(1);
        let number = self.page.min(of - 1);
        let begin = number * others;
        let mut shown: Vec<usize> = (begin..tiles.len().min(begin + others)).collect();
        let speaker = tiles.iter().position(RemoteTile::speaks);
        if let Some(speaker) = speaker.filter(|s| !shown.contains(s))
            && let Some(last) = shown.last_mut()
        {
            *last = speaker;
        }
        Page { tiles: shown, number, of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{guest, second_camera, share};

    fn people(count: usize) -> Vec<Person> {
        (0..count).map(guest).collect()
    }

    fn speaks(people: &mut [Person], who: Option<usize>) {
        for (i, person) in people.iter_mut().enumerate() {
            person.speaking = Some(i) == who;
        }
    }

    #[test]
    fn the_main_speaker_changes_after_a_while_and_not_too_often() {
        let (mut tile_layout, mut all) = (TileLayout::default(), people(4));
        speaks(&mut all, Some(2));
        tile_layout.observe(&all, 0.0);
        assert_eq!(tile_layout.main(&RemoteTile::all(&all)), 0, "nobody has spoken long enough");
        assert_eq!(tile_layout.next_change(0.5), Some(1.0));
        tile_layout.observe(&all, 1.5);
        assert_eq!((tile_layout.main(&RemoteTile::all(&all)), tile_layout.next_change(1.5)), (2, None));
        speaks(&mut all, Some(1));
        tile_layout.observe(&all, 2.0);
        tile_layout.observe(&all, 3.6);
        assert_eq!(tile_layout.main(&RemoteTile::all(&all)), 2, "it stays for three seconds");
        tile_layout.observe(&all, 4.5);
        assert_eq!(tile_layout.main(&RemoteTile::all(&all)), 1);
        speaks(&mut all, None);
        tile_layout.observe(&all, 9.0);
        assert_eq!(tile_layout.main(&RemoteTile::all(&all)), 1, "silence changes nothing");
        all.remove(1);
        tile_layout.observe(&all, 9.1);
        assert_eq!(tile_layout.main(&RemoteTile::all(&all)), 0, "not somebody who has left");
    }

    #[test]
    fn a_pinned_person_is_large_until_they_leave() {
        let (mut tile_layout, mut all) = (TileLayout::default(), people(3));
        tile_layout.pinned = Some(TileKey::Person(all[1].user.clone()));
        speaks(&mut all, Some(2));
        tile_layout.observe(&all, 0.0);
        tile_layout.observe(&all, 5.0);
        assert_eq!((tile_layout.main(&RemoteTile::all(&all)), tile_layout.shown_layout()), (1, LayoutMode::Speaker));
        all.remove(1);
        tile_layout.observe(&all, 6.0);
        assert_eq!((tile_layout.pinned.clone(), tile_layout.shown_layout()), (None, LayoutMode::Grid));
    }

    #[test]
    fn a_spotlight_is_large_until_it_ends_or_the_user_chooses_otherwise() {
        let (mut tile_layout, mut all) = (TileLayout::default(), people(3));
        tile_layout.spotlight = Some(all[2].user.clone());
        tile_layout.observe(&all, 0.0);
        assert_eq!((tile_layout.main(&RemoteTile::all(&all)), tile_layout.shown_layout()), (2, LayoutMode::Speaker));
        tile_layout.pinned = Some(TileKey::Person(all[1].user.clone()));
        assert_eq!(tile_layout.main(&RemoteTile::all(&all)), 1, "the user's own choice comes first");
        tile_layout.choose(LayoutMode::Grid);
        tile_layout.observe(&all, 1.0);
        assert_eq!(tile_layout.shown_layout(), LayoutMode::Grid);
        tile_layout.spotlight = Some(all[0].user.clone());
        tile_layout.observe(&all, 2.0);
        assert_eq!(tile_layout.shown_layout(), LayoutMode::Speaker, "another spotlight");
        all.remove(0);
        tile_layout.observe(&all, 3.0);
        assert_eq!(tile_layout.shown_layout(), LayoutMode::Grid, "they have left");
    }

    #[test]
    fn each_tile_is_on_one_page_and_the_speakers_on_every_page() {
        let (mut tile_layout, mut all) = (TileLayout::default(), people(60));
        let mut seen = Vec::new();
        for page in 0..3 {
            tile_layout.page = page;
            let shown = tile_layout.page(&RemoteTile::all(&all), 25);
            assert_eq!((shown.number, shown.of), (page, 3));
            seen.extend(shown.tiles);
        }
        assert_eq!(seen, (0..60).collect::<Vec<_>>());
        speaks(&mut all, Some(3));
        let last = tile_layout.page(&RemoteTile::all(&all), 25);
        assert_eq!(last.tiles, (48..59).chain([3]).collect::<Vec<_>>(), "in the last place");
        tile_layout.page = 0;
        assert_eq!(tile_layout.page(&RemoteTile::all(&all), 25).tiles, (0..24).collect::<Vec<_>>());
        tile_layout.page = 9;
        assert_eq!(tile_layout.page(&RemoteTile::all(&all), 25).number, 2, "people have left meanwhile");
        assert_eq!(tile_layout.page(&[], 25), Page { tiles: vec![], number: 0, of: 1 });
    }

    #[test]
    fn a_screen_and_a_second_camera_have_tiles_beside_their_person() {
        let mut all = people(2);
        share(&mut all[0], "TR_VS1");
        second_camera(&mut all[0]);
        let names = |all: &[Person]| RemoteTile::all(all).iter().map(RemoteTile::name).collect::<Vec<_>>();
        assert_eq!(names(&all), ["Guest 1", "Guest 1's screen", "Guest 1's camera 2", "Guest 2"]);
        share(&mut all[0], "TR_VS2");
        assert_eq!(names(&all)[2], "Guest 1's screen 2");
        // A muted camera has no tile: the other one becomes the person's.
        all[0].tracks[0].muted = true;
        assert_eq!(names(&all), ["Guest 1", "Guest 1's screen", "Guest 1's screen 2", "Guest 2"]);
        let shown = RemoteTile::all(&all)[0].video().map(|t| t.track.sid.to_string());
        assert_eq!(shown, Some(all[0].tracks[3].track.sid.to_string()));
    }

    #[test]
    fn a_screen_takes_the_stage_until_it_ends_or_the_user_chooses_the_grid() {
        let (mut layout, mut all) = (TileLayout::default(), people(3));
        layout.observe(&all, 0.0);
        assert_eq!(layout.shown_layout(), LayoutMode::Grid);
        share(&mut all[1], "TR_VS1");
        layout.observe(&all, 1.0);
        assert_eq!(layout.shown_layout(), LayoutMode::Speaker);
        layout.choose(LayoutMode::Grid);
        share(&mut all[0], "TR_VS2");
        layout.observe(&all, 2.0);
        assert_eq!(layout.shown_layout(), LayoutMode::Grid, "another screen does not overrule the user");
        all[0].tracks.pop();
        all[1].tracks.pop();
        layout.observe(&all, 3.0);
        share(&mut all[1], "TR_VS3");
        layout.observe(&all, 4.0);
        assert_eq!(layout.shown_layout(), LayoutMode::Speaker, "the next one does");
        all[1].tracks.pop();
        layout.observe(&all, 5.0);
        assert_eq!(layout.shown_layout(), LayoutMode::Grid);
    }

    #[test]
    fn of_several_screens_the_user_chooses_one() {
        let (mut layout, mut all) = (TileLayout::default(), people(2));
        share(&mut all[0], "TR_VS1");
        share(&mut all[1], "TR_VS2");
        layout.observe(&all, 0.0);
        let main = |layout: &TileLayout, all: &[Person]| {
            let tiles = RemoteTile::all(all);
            tiles[layout.main(&tiles)].name()
        };
        assert_eq!(main(&layout, &all), "Guest 1's screen");
        layout.chosen_screen = Some(RemoteTile::all(&all)[3].key());
        layout.observe(&all, 1.0);
        assert_eq!(main(&layout, &all), "Guest 2's screen");
        all[1].tracks.pop();
        layout.observe(&all, 2.0);
        assert_eq!((main(&layout, &all), layout.chosen_screen.clone()), ("Guest 1's screen".into(), None));
    }

    #[test]
    fn a_screen_is_large_until_it_ends_also_while_others_speak() {
        let (mut layout, mut all) = (TileLayout::default(), people(3));
        share(&mut all[1], "TR_VS1");
        speaks(&mut all, Some(2));
        layout.observe(&all, 0.0);
        layout.observe(&all, 5.0);
        let main =
            |layout: &TileLayout, all: &[Person]| RemoteTile::all(all)[layout.main(&RemoteTile::all(all))].name();
        assert_eq!(main(&layout, &all), "Guest 2's screen");
        layout.pinned = Some(TileKey::Person(all[0].user.clone()));
        assert_eq!(main(&layout, &all), "Guest 1");
        layout.pinned = Some(RemoteTile::all(&all)[2].key());
        all[1].tracks.pop();
        layout.observe(&all, 6.0);
        assert_eq!((main(&layout, &all), layout.pinned.clone()), ("Guest 3".into(), None));
    }
}
