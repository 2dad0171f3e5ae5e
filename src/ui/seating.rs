//! Who sits where: the layout, the pinned person, the page, and the one who has the floor. A pure machine over
//! snapshots and a clock; the arithmetic of rectangles is in `grid`.

use crate::base::UserId;
use crate::call::view::Person;
use crate::ui::tokens::time;

/// How the stage is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layout {
    /// Everybody in equal tiles.
    #[default]
    Grid,
    /// One person large, the others in a strip.
    Speaker,
}

/// The window's memory of the stage.
#[derive(Debug, Default)]
pub(super) struct Seating {
    pub(super) layout: Layout,
    /// Whom the user wants large, whoever speaks.
    pub(super) pinned: Option<UserId>,
    /// The page of the grid, from 0.
    pub(super) page: usize,
    /// The tile that has the stage's one stop of the focus, in reading order.
    pub(super) current: usize,
    /// Who has the floor, since when.
    floor: Option<(UserId, f64)>,
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

impl Seating {
    /// Follows who speaks, and forgets who has left.
    pub(super) fn observe(&mut self, people: &[Person], now: f64) {
        let here = |user: &UserId| people.iter().any(|p| p.user == *user);
        self.pinned = self.pinned.take().filter(here);
        self.floor = self.floor.take().filter(|(user, _)| here(user));
        let first = people.iter().find(|p| p.speaking).map(|p| &p.user);
        self.speaking = match (self.speaking.take(), first) {
            (Some((user, since)), _) if people.iter().any(|p| p.user == user && p.speaking) => Some((user, since)),
            (_, Some(user)) => Some((user.clone(), now)),
            (_, None) => None,
        };
        let Some((user, since)) = &self.speaking else { return };
        let long = now - since >= time::SPEAKS_AFTER;
        let settled = self.floor.as_ref().is_none_or(|(_, at)| now - at >= time::FLOOR_STAYS);
        let other = self.floor.as_ref().is_none_or(|(has, _)| has != user);
        if long && settled && other {
            self.floor = Some((user.clone(), now));
        }
    }

    /// When somebody may get the floor, if that is to come.
    pub(super) fn next_change(&self, now: f64) -> Option<f64> {
        let (user, since) = self.speaking.as_ref()?;
        let floor = match &self.floor {
            Some((has, _)) if has == user => return None,
            Some((_, at)) => at + time::FLOOR_STAYS,
            None => now,
        };
        Some((floor.max(since + time::SPEAKS_AFTER) - now).max(0.005))
    }

    /// Who is shown large: the pinned one, else the one who has the floor, else the first.
    pub(super) fn main(&self, people: &[Person]) -> usize {
        let wanted = self.pinned.as_ref().or(self.floor.as_ref().map(|(user, _)| user));
        wanted.and_then(|user| people.iter().position(|p| p.user == *user)).unwrap_or(0)
    }

    /// The layout as it is now: whoever pinned somebody sees them large.
    pub(super) fn shown_layout(&self) -> Layout {
        if self.pinned.is_some() { Layout::Speaker } else { self.layout }
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
        let (mut seating, mut all) = (Seating::default(), people(4));
        speaks(&mut all, Some(2));
        seating.observe(&all, 0.0);
        assert_eq!(seating.main(&all), 0, "nobody has spoken long enough");
        assert_eq!(seating.next_change(0.5), Some(1.0));
        seating.observe(&all, 1.5);
        assert_eq!((seating.main(&all), seating.next_change(1.5)), (2, None));
        speaks(&mut all, Some(1));
        seating.observe(&all, 2.0);
        seating.observe(&all, 3.6);
        assert_eq!(seating.main(&all), 2, "it stays for three seconds");
        seating.observe(&all, 4.5);
        assert_eq!(seating.main(&all), 1);
        speaks(&mut all, None);
        seating.observe(&all, 9.0);
        assert_eq!(seating.main(&all), 1, "silence takes it from nobody");
        all.remove(1);
        seating.observe(&all, 9.1);
        assert_eq!(seating.main(&all), 0, "who has left does not have it");
    }

    #[test]
    fn a_pinned_person_is_large_until_they_leave() {
        let (mut seating, mut all) = (Seating::default(), people(3));
        seating.pinned = Some(all[1].user.clone());
        speaks(&mut all, Some(2));
        seating.observe(&all, 0.0);
        seating.observe(&all, 5.0);
        assert_eq!((seating.main(&all), seating.shown_layout()), (1, Layout::Speaker));
        all.remove(1);
        seating.observe(&all, 6.0);
        assert_eq!((seating.pinned.clone(), seating.shown_layout()), (None, Layout::Grid));
    }

    #[test]
    fn pages_hold_everybody_once_and_the_speaker_always() {
        let (mut seating, mut all) = (Seating::default(), people(60));
        let mut seen = Vec::new();
        for page in 0..3 {
            seating.page = page;
            let shown = seating.page(&all, 25);
            assert_eq!((shown.number, shown.of), (page, 3));
            seen.extend(shown.people);
        }
        assert_eq!(seen, (0..60).collect::<Vec<_>>());
        speaks(&mut all, Some(3));
        let last = seating.page(&all, 25);
        assert_eq!(last.people, (48..59).chain([3]).collect::<Vec<_>>(), "in the last place");
        seating.page = 0;
        assert_eq!(seating.page(&all, 25).people, (0..24).collect::<Vec<_>>());
        seating.page = 9;
        assert_eq!(seating.page(&all, 25).number, 2, "people have left meanwhile");
        assert_eq!(seating.page(&[], 25), Page { people: vec![], number: 0, of: 1 });
    }
}
