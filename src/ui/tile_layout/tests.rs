//! What is large, who is on which page, who has a tile.

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
    assert_eq!(tile_layout.next_speaker(0.5), Some(1.0));
    tile_layout.observe(&all, 1.5);
    assert_eq!((tile_layout.main(&RemoteTile::all(&all)), tile_layout.next_speaker(1.5)), (2, None));
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
    tile_layout.pin(TileKey::Person(all[1].user.clone()), true);
    speaks(&mut all, Some(2));
    tile_layout.observe(&all, 0.0);
    tile_layout.observe(&all, 5.0);
    assert_eq!((tile_layout.main(&RemoteTile::all(&all)), tile_layout.shown_layout()), (1, LayoutMode::Speaker));
    all.remove(1);
    tile_layout.observe(&all, 6.0);
    assert_eq!((tile_layout.pinned.clone(), tile_layout.shown_layout()), (vec![], LayoutMode::Grid));
}

#[test]
fn a_spotlight_is_large_until_it_ends_or_the_user_chooses_otherwise() {
    let (mut tile_layout, mut all) = (TileLayout::default(), people(3));
    tile_layout.spotlight = Some(all[2].user.clone());
    tile_layout.observe(&all, 0.0);
    assert_eq!((tile_layout.main(&RemoteTile::all(&all)), tile_layout.shown_layout()), (2, LayoutMode::Speaker));
    tile_layout.pin(TileKey::Person(all[1].user.clone()), true);
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
fn each_tile_is_on_one_page_and_the_main_speaker_on_every_page() {
    let (mut tile_layout, mut all) = (TileLayout::default(), people(60));
    let mut seen = Vec::new();
    for page in 0..3 {
        tile_layout.page = page;
        let shown = tile_layout.page(&RemoteTile::all(&all), 24);
        assert_eq!((shown.number, shown.of), (page, 3));
        seen.extend(shown.tiles);
    }
    let numbers = |range: std::ops::Range<usize>| range.map(Some).collect::<Vec<_>>();
    assert_eq!(seen, numbers(0..60));
    tile_layout.order.per_page = 24;
    speaks(&mut all, Some(3));
    tile_layout.observe(&all, 0.0);
    assert_eq!(tile_layout.page(&RemoteTile::all(&all), 24).tiles, numbers(48..60), "a cough brings nobody in");
    tile_layout.observe(&all, 1.5);
    let last = tile_layout.page(&RemoteTile::all(&all), 24);
    assert_eq!(last.tiles, [numbers(48..60), vec![Some(3)]].concat(), "there is a free place");
    tile_layout.page = 1;
    let second = tile_layout.page(&RemoteTile::all(&all), 24);
    assert_eq!(second.tiles, [numbers(24..47), vec![Some(3)]].concat(), "in the last place");
    speaks(&mut all, None);
    tile_layout.observe(&all, 4.0);
    assert_eq!(tile_layout.page(&RemoteTile::all(&all), 24).tiles.last(), Some(&Some(3)), "a pause for breath");
    assert!(tile_layout.next_change(4.0).is_some());
    tile_layout.observe(&all, 5.6);
    assert_eq!(tile_layout.page(&RemoteTile::all(&all), 24).tiles, numbers(24..48));
    tile_layout.page = 9;
    assert_eq!(tile_layout.page(&RemoteTile::all(&all), 24).number, 2, "people have left meanwhile");
    assert_eq!(TileLayout::default().page(&[], 24), Page { tiles: vec![], number: 0, of: 1 });
}

#[test]
fn several_can_be_pinned_up_to_nine() {
    let (mut layout, all) = (TileLayout::default(), people(12));
    let tiles = RemoteTile::all(&all);
    for i in [4, 1, 7] {
        layout.pin(tiles[i].key(), true);
    }
    assert_eq!(layout.large(&tiles), [4, 1, 7]);
    layout.pin(tiles[1].key(), false);
    assert_eq!(layout.large(&tiles), [4, 7]);
    tiles.iter().for_each(|tile| layout.pin(tile.key(), true));
    assert_eq!(layout.pinned.len(), MOST_PINNED);
    layout.choose(LayoutMode::Speaker);
    assert_eq!(layout.large(&tiles), [0]);
}

#[test]
fn without_a_camera_somebody_has_a_tile_only_if_nobody_has_one_or_they_are_chosen() {
    use crate::base::TrackRole;
    use crate::ui::testing::mute;
    let (mut layout, mut all) = (TileLayout { only_with_camera: true, ..TileLayout::default() }, people(4));
    let names =
        |layout: &TileLayout, all: &[Person]| layout.tiles(all).iter().map(RemoteTile::name).collect::<Vec<_>>();
    for i in [0, 2, 3] {
        mute(&mut all[i], TrackRole::Camera, true);
    }
    assert_eq!(names(&layout, &all), ["Guest 2"]);
    layout.pin(TileKey::Person(all[0].user.clone()), true);
    layout.spotlight = Some(all[3].user.clone());
    assert_eq!(names(&layout, &all), ["Guest 1", "Guest 2", "Guest 4"]);
    layout = TileLayout { only_with_camera: true, ..TileLayout::default() };
    mute(&mut all[1], TrackRole::Camera, true);
    assert_eq!(names(&layout, &all).len(), 4, "nobody has one");
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
    let main = |layout: &TileLayout, all: &[Person]| RemoteTile::all(all)[layout.main(&RemoteTile::all(all))].name();
    assert_eq!(main(&layout, &all), "Guest 2's screen");
    layout.pin(TileKey::Person(all[0].user.clone()), true);
    assert_eq!(main(&layout, &all), "Guest 1");
    layout.pinned = vec![RemoteTile::all(&all)[2].key()];
    all[1].tracks.pop();
    layout.observe(&all, 6.0);
    assert_eq!((main(&layout, &all), layout.pinned.clone()), ("Guest 3".into(), vec![]));
}
