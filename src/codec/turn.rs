//! Turns frames upright.

use crate::base::{Orientation, Plane, VideoFrame};

/// The frame, turned and mirrored to stand upright; a quarter turn swaps width and height.
pub(crate) fn turn_upright(frame: VideoFrame, orientation: Orientation) -> VideoFrame {
    if orientation.is_upright() {
        return frame;
    }
    let (width, height) = match orientation.quarter_turns() {
        1 | 3 => (frame.height(), frame.width()),
        _ => (frame.width(), frame.height()),
    };
    let planes = std::array::from_fn(|i| turn(frame.plane(i), frame.plane_size(i), orientation));
    // The planes have the size that is asked for, so the frame is returned as it is only if this file has a fault.
    VideoFrame::new(width, height, planes, frame.timestamp_us()).unwrap_or(frame)
}

/// A turned plane, without padding. It costs one read and one write for each sample.
fn turn(plane: &Plane, (width, height): (usize, usize), orientation: Orientation) -> Plane {
    let Plane { data, stride } = plane;
    let row = |y: usize| data[y * stride..][..width].iter();
    let column = |x: usize| data[x..].iter().step_by(*stride).take(height);
    let (turned_width, turned_height) =
        if orientation.quarter_turns() % 2 == 1 { (height, width) } else { (width, height) };
    let mut turned = Vec::with_capacity(width * height);
    for y in 0..turned_height {
        match orientation.quarter_turns() {
            0 => turned.extend(row(y)),
            1 => turned.extend(column(y).rev()),
            2 => turned.extend(row(height - 1 - y).rev()),
            _ => turned.extend(column(width - 1 - y)),
        }
        if orientation.mirrored() {
            let start = turned.len() - turned_width;
            turned[start..].reverse();
        }
    }
    Plane { data: turned, stride: turned_width }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples by rows, as text.
    fn rows(plane: &Plane) -> Vec<String> {
        plane.data.chunks(plane.stride).map(|row| row.iter().map(|&v| char::from(v)).collect()).collect()
    }

    fn plane(rows: [&str; 2]) -> Plane {
        Plane { data: rows.concat().into_bytes(), stride: rows[0].len() }
    }

    #[test]
    fn every_orientation_puts_each_sample_in_its_place() {
        // Padded to a stride of four; the chroma planes have two samples in one row.
        let chroma = |text: &str| Plane { data: text.into(), stride: 2 };
        let frame = VideoFrame::new(3, 2, [plane(["abc.", "def."]), chroma("uU"), chroma("vV")], 7).expect("a frame");
        let turned = |byte| {
            let turned = turn_upright(frame.clone(), Orientation::from_cvo(byte));
            assert_eq!(turned.timestamp_us(), 7);
            let size = turned.plane_size(0);
            assert_eq!((turned.width() as usize, turned.height() as usize), size);
            (rows(turned.plane(0)).join("/"), rows(turned.plane(1)).join("/"), rows(turned.plane(2)).join("/"))
        };
        let is = |luma: &str, u: &str, v: &str| (luma.to_owned(), u.to_owned(), v.to_owned());
        assert_eq!(turned(0), is("abc./def.", "uU", "vV"), "untouched, with its padding");
        assert_eq!(turned(1), is("da/eb/fc", "u/U", "v/V"));
        assert_eq!(turned(2), is("fed/cba", "Uu", "Vv"));
        assert_eq!(turned(3), is("cf/be/ad", "U/u", "V/v"));
        assert_eq!(turned(4), is("cba/fed", "Uu", "Vv"));
        assert_eq!(turned(5), is("ad/be/cf", "u/U", "v/V"));
        assert_eq!(turned(6), is("def/abc", "uU", "vV"));
        assert_eq!(turned(7), is("fc/eb/da", "U/u", "V/v"));
    }

    #[test]
    fn a_frame_of_one_sample_is_turned() {
        let frame = VideoFrame::filled(1, 1, [1, 2, 3], 0).expect("a frame");
        for byte in 0..8 {
            assert_eq!(turn_upright(frame.clone(), Orientation::from_cvo(byte)), frame);
        }
    }
}
