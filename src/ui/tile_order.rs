//! Which tile is where on the pages of a grid. On one page the tiles are in the order in which people came. On several, each tile
//! keeps its place: new ones come last, and a gap is filled by the last tile of all, unless that one
//! is on the page that is looked at.

use crate::ui::tile_layout::TileKey;
use std::collections::HashSet;

/// The places of the tiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TileOrder {
    /// The tiles in reading order over all pages; `None` is a gap.
    places: Vec<Option<TileKey>>,
    /// Tiles on a page, without yours; 0 before the first grid was drawn.
    pub(super) per_page: usize,
}

impl TileOrder {
    /// Takes in which tiles there are now, in the order in which people came; `shown` is the page that is looked at.
    pub(super) fn observe(&mut self, tiles: &[TileKey], shown: usize) {
        if self.per_page == 0 || tiles.len() <= self.per_page {
            self.places = tiles.iter().cloned().map(Some).collect();
            return;
        }
        let here: HashSet<&TileKey> = tiles.iter().collect();
        for place in &mut self.places {
            *place = place.take().filter(|key| here.contains(key));
        }
        let placed: HashSet<TileKey> = self.places.iter().flatten().cloned().collect();
        let new = tiles.iter().filter(|key| !placed.contains(*key));
        self.places.extend(new.cloned().map(Some));
        self.fill_gaps(shown);
    }

    /// Fills gaps from the end on, as long as that takes no tile from the page that is looked at.
    fn fill_gaps(&mut self, shown: usize) {
        loop {
            while self.places.last().is_some_and(Option::is_none) {
                self.places.pop();
            }
            let last = self.places.len().saturating_sub(1);
            let Some(gap) = self.places.iter().position(Option::is_none) else { return };
            if last / self.per_page == shown {
                return;
            }
            let tile = self.places.pop().flatten();
            self.places[gap] = tile;
        }
    }

    /// The tiles by page and place.
    pub(super) fn places(&self) -> &[Option<TileKey>] {
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn keys(people: &[u32]) -> Vec<TileKey> {
        people.iter().map(|n| TileKey::Person(format!("user-{n}").parse().expect("a user id"))).collect()
    }

    fn order(per_page: usize, people: &[u32]) -> TileOrder {
        let mut order = TileOrder { per_page, ..TileOrder::default() };
        order.observe(&keys(people), 0);
        order
    }

    #[test]
    fn somebody_who_leaves_another_page_moves_nobody_on_this_one() {
        let mut order = order(3, &[1, 2, 3, 4, 5, 6, 7, 8]);
        order.observe(&keys(&[1, 3, 4, 5, 6, 7, 8]), 1);
        let expected = keys(&[1, 8, 3, 4, 5, 6, 7]).into_iter().map(Some).collect::<Vec<_>>();
        assert_eq!(order.places(), expected, "the last one fills the gap");
    }

    #[test]
    fn the_last_page_gives_nobody_away_while_it_is_looked_at() {
        let mut order = order(3, &[1, 2, 3, 4, 5]);
        order.observe(&keys(&[1, 3, 4, 5]), 1);
        assert_eq!(order.places()[1], None, "a gap on the first page");
        assert_eq!(order.places()[3..], keys(&[4, 5]).into_iter().map(Some).collect::<Vec<_>>());
        order.observe(&keys(&[1, 3, 4, 5]), 0);
        assert_eq!(
            order.places(),
            keys(&[1, 5, 3, 4]).into_iter().map(Some).collect::<Vec<_>>(),
            "the page was turned"
        );
    }

    #[test]
    fn new_people_come_last_and_one_page_is_in_order_of_coming() {
        let mut order = order(4, &[1, 2, 3, 4, 5]);
        order.observe(&keys(&[9, 1, 2, 3, 4, 5]), 0);
        assert_eq!(order.places().last(), Some(&Some(keys(&[9])[0].clone())));
        order.observe(&keys(&[9, 1, 5]), 0);
        assert_eq!(order.places(), keys(&[9, 1, 5]).into_iter().map(Some).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn tiles_that_stay_on_the_page_that_is_looked_at_keep_their_places(
            per_page in 1usize..9,
            steps in prop::collection::vec((prop::collection::btree_set(0u32..30, 10..30), 0usize..5), 1..12),
        ) {
            let mut order = TileOrder { per_page, ..TileOrder::default() };
            let mut before: BTreeMap<usize, TileKey> = BTreeMap::new();
            let mut looked_at = None;
            for (people, page) in steps {
                let people: Vec<u32> = people.into_iter().collect();
                let now = keys(&people);
                order.observe(&now, page);
                let mut seen: Vec<TileKey> = order.places().iter().flatten().cloned().collect();
                prop_assert_eq!(seen.len(), now.len(), "each has one place");
                seen.sort_by_key(|key| format!("{key:?}"));
                let mut all = now.clone();
                all.sort_by_key(|key| format!("{key:?}"));
                prop_assert_eq!(seen, all);
                if looked_at == Some(page) {
                    for (place, key) in before.iter().filter(|(place, _)| *place / per_page == page) {
                        if now.contains(key) {
                            prop_assert_eq!(order.places().get(*place), Some(&Some(key.clone())));
                        }
                    }
                }
                looked_at = Some(page);
                before = order.places().iter().cloned().enumerate().filter_map(|(i, key)| Some((i, key?))).collect();
            }
        }
    }
}
