//! Who sits where: the layout, the pinned person, the page, and the one who has the floor. A pure machine over
//! snapshots and a clock; the arithmetic of rectangles is in `grid`.

use crate::base::UserId;
use crate::call::view::Person;
use crate::ui::tokens::time;

/// How the tile area is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LayoutMode {
    /// Everybody in equal tiles.
    #[default]
    Grid,
    /// One person large, the others in a strip.
    Speaker,
}

/// The window's memory of the tile area.
#[derive(Debug, Default)]
pub(super) struct TileLayout {
    pub(super) layout: LayoutMode,
    /// Whom the user wants large, whoever speaks.
    pub(super) pinned: Option<UserId>,
    /// The page of the grid, from 0.
    pub(super) page: usize,
    /// The tile that has the tile area's one stop of the focus, in reading order.
    pub(super) current: usize,
    /// Who has the floor, since when.
    main_speaker: Option<(UserId, f64)>,
    /// Who has begun to speak, and when.
    speaking: Option<(UserId, f64)>,
}

/// What a page of the grid shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Which people, in their order; you come after them.
    pub(super) people: Vec<usize>,
    /// Which page it is, from 0; the last one when fewer are left.
    pub(super) number: usize,
    /// How many there are.
    pub(super) of: usize,
}

impl TileLayout {
    /// Follows who speaks, and forgets who has left.
    pub(super) fn observe(&mut self, people: &[Person], now: f64) {
        let here = |user: &UserId| people.iter().any(|p| p.user == *user);
        self.pinned = self.pinned.take().filter(here);
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

    /// When somebody may get the floor, if that is to come.
    pub(super) fn next_change(&self, now: f64) -> Option<f64> {
        let (user, since) = self.speaking.as_ref()?;
        let free = match &self.main_speaker {
            Some((has, _)) if has == user => return None,
            Some((_, at)) => at + time::MAIN_SPEAKER_STAYS,
            None => now,
        };
        Some((free.max(since + time::SPEAKS_AFTER) - now).max(0.005))
    }

    /// Who is shown large: the pinned one, else the one who has the floor, else the first.
    pub(super) fn main(&self, people: &[Person]) -> usize {
        let wanted = self.pinned.as_ref().or(self.main_speaker.as_ref().map(|(user, _)| user));
        wanted.and_then(|user| people.iter().position(|p| p.user == *user)).unwrap_or(0)
    }

    /// The layout as it is now: whoever pinned somebody sees them large.
    pub(super) fn shown_layout(&self) -> LayoutMode {
        if self.pinned.is_some() { LayoutMode::Speaker } else { self.layout }
    }

    /// Who is on the present page, when `size` tiles, yours among them, fit on one. Who speaks on another page takes the
    /// last place, and nobody else moves.
    pub(super) fn page(&self, people: &[Person], size: usize) -> Page {
        let others = size.saturating_sub(1).max(1);
        let of = people.len().div_ceil(others).max(1);
        let number = self.page.min(of - 1);
        let begin = number * others;
        let mut shown: Vec<usize> = (begin..people.len().min(begin + others)).collect();
        let speaker = people.iter().position(|p| p.speaking);
        if let Some(speaker) = speaker.filter(|s| !shown.contains(s))
            && let Some(last) = shown.last_mut()
        {
            *last = speaker;
        }
        Page { people: shown, number, of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::person;

    fn people(count: usize) -> Vec<Person> {
        let one = |i: usize| {
            let mut one = person(i % 9);
            one.user = format!("user-{i}").parse().expect("a user id");
            one
        };
        (0..count).map(one).collect()
    }

    fn speaks(people: &mut [Person], who: Option<usize>) {
        for (i, person) in people.iter_mut().enumerate() {
            person.speaking = Some(i) == who;
        }
    }

    #[test]
    fn the_floor_goes_to_who_speaks_for_a_while_and_not_too_often() {
        let (mut tile_layout, mut all) = (TileLayout::default(), people(4));
        speaks(&mut all, Some(2));
        tile_layout.observe(&all, 0.0);
        assert_eq!(tile_layout.main(&all), 0, "nobody has spoken long enough");
        assert_eq!(tile_layout.next_change(0.5), Some(1.0));
        tile_layout.observe(&all, 1.5);
        assert_eq!((tile_layout.main(&all), tile_layout.next_change(1.5)), (2, None));
        speaks(&mut all, Some(1));
        tile_layout.observe(&all, 2.0);
        tile_layout.observe(&all, 3.6);
        assert_eq!(tile_layout.main(&all), 2, "it stays for three seconds");
        tile_layout.observe(&all, 4.5);
        assert_eq!(tile_layout.main(&all), 1);
        speaks(&mut all, None);
        tile_layout.observe(&all, 9.0);
        assert_eq!(tile_layout.main(&all), 1, "silence takes it from nobody");
        all.remove(1);
        tile_layout.observe(&all, 9.1);
        assert_eq!(tile_layout.main(&all), 0, "who has left does not have it");
    }

    #[test]
    fn a_pinned_person_is_large_until_they_leave() {
        let (mut tile_layout, mut all) = (TileLayout::default(), people(3));
        tile_layout.pinned = Some(all[1].user.clone());
        speaks(&mut all, Some(2));
        tile_layout.observe(&all, 0.0);
        tile_layout.observe(&all, 5.0);
        assert_eq!((tile_layout.main(&all), tile_layout.shown_layout()), (1, LayoutMode::Speaker));
        all.remove(1);
        tile_layout.observe(&all, 6.0);
        assert_eq!((tile_layout.pinned.clone(), tile_layout.shown_layout()), (None, LayoutMode::Grid));
    }

    #[test]
    fn pages_hold_everybody_once_and_the_speaker_always() {
        let (mut tile_layout, mut all) = (TileLayout::default(), people(60));
        let mut seen = Vec::new();
        for page in 0..3 {
            tile_layout.page = page;
            let shown = tile_layout.page(&all, 25);
            assert_eq!((shown.number, shown.of), (page, 3));
            seen.extend(shown.people);
        }
        assert_eq!(seen, (0..60).collect::<Vec<_>>());
        speaks(&mut all, Some(3));
        let last = tile_layout.page(&all, 25);
        assert_eq!(last.people, (48..59).chain([3]).collect::<Vec<_>>(), "in the last place");
        tile_layout.page = 0;
        assert_eq!(tile_layout.page(&all, 25).people, (0..24).collect::<Vec<_>>());
        tile_layout.page = 9;
        assert_eq!(tile_layout.page(&all, 25).number, 2, "people have left meanwhile");
        assert_eq!(tile_layout.page(&[], 25), Page { people: vec![], number: 0, of: 1 });
    }
}
