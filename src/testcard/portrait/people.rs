//! The people who can be drawn.

use super::canvas::Color;

/// The shape of the hair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hair {
    Short,
    /// To the chin.
    Bob,
    /// Over the shoulders.
    Long,
    /// Tied on the top of the head.
    Bun,
    Curls,
    None,
}

/// What is behind a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Window,
    Lamp,
    Shelf,
    Picture,
    Plant,
}

/// A person, and the room they are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) skin: Color,
    pub(super) hair: Color,
    pub(super) clothes: Color,
    /// The wall at the left and at the right.
    pub(super) wall: [Color; 2],
    pub(super) style: Hair,
    pub(super) room: Room,
    pub(super) beard: bool,
    pub(super) glasses: bool,
    pub(super) earrings: bool,
}

/// How many different people there are.
pub(crate) const PORTRAITS: u32 = 9;

/// Red, green and blue of skin, hair, clothes, and both ends of the wall.
type Colors = [[u8; 3]; 5];

/// Person `n`, from 1 on; beyond the last one the first comes again.
pub(super) fn person(n: u32) -> Look {
    let (colors, style, room, beard, glasses, earrings): (Colors, Hair, Room, bool, bool, bool) =
        match n.saturating_sub(1) % PORTRAITS {
            0 => (
                [[244, 206, 172], [34, 26, 30], [52, 82, 112], [216, 186, 156], [158, 120, 96]],
                Hair::Bob,
                Room::Window,
                false,
                false,
                false,
            ),
            1 => (
                [[226, 176, 140], [74, 50, 36], [70, 96, 84], [104, 126, 150], [50, 64, 82]],
                Hair::Short,
                Room::Picture,
                false,
                false,
                false,
            ),
            2 => (
                [[178, 118, 76], [26, 20, 20], [212, 180, 142], [190, 112, 84], [116, 60, 46]],
                Hair::Bun,
                Room::Lamp,
                false,
                false,
                true,
            ),
            3 => (
                [[130, 82, 54], [28, 20, 18], [202, 142, 58], [38, 64, 52], [62, 90, 70]],
                Hair::Curls,
                Room::Plant,
                false,
                false,
                true,
            ),
            4 => (
                [[246, 210, 186], [202, 136, 62], [112, 58, 66], [142, 152, 174], [86, 98, 120]],
                Hair::Long,
                Room::Lamp,
                false,
                false,
                false,
            ),
            5 => (
                [[112, 68, 44], [24, 20, 20], [84, 132, 114], [78, 70, 100], [46, 42, 64]],
                Hair::Short,
                Room::Shelf,
                true,
                false,
                false,
            ),
            6 => (
                [[240, 200, 166], [168, 160, 150], [38, 42, 50], [112, 144, 166], [62, 88, 110]],
                Hair::Short,
                Room::Window,
                false,
                true,
                false,
            ),
            7 => (
                [[206, 146, 102], [34, 26, 24], [202, 108, 82], [94, 126, 108], [46, 74, 60]],
                Hair::None,
                Room::Shelf,
                true,
                false,
                false,
            ),
            _ => (
                [[240, 204, 166], [40, 36, 40], [36, 46, 58], [204, 214, 204], [150, 166, 156]],
                Hair::Short,
                Room::Picture,
                false,
                true,
                false,
            ),
        };
    let [skin, hair, clothes, left, right] = colors.map(|[red, green, blue]| Color::rgb(red, green, blue));
    Look { skin, hair, clothes, wall: [left, right], style, room, beard, glasses, earrings }
}
