//! The choice among the formats of a camera, and what is said of those that cannot be read.

use super::*;

fn candidate(code: &FourCc, width: u32, height: u32, fps: u32) -> Candidate {
    Candidate { code: *code, format: CameraFormat { width, height, fps } }
}

fn best(candidates: &[Candidate], width: u32, height: u32, fps: u32) -> Option<Candidate> {
    best_first(candidates.to_vec(), CameraFormat { width, height, fps }).first().copied()
}

#[test]
fn the_format_that_serves_best_is_chosen() {
    let formats = [
        candidate(b"YUYV", 640, 480, 30),
        candidate(b"YUYV", 1280, 720, 10),
        candidate(b"MJPG", 1280, 720, 30),
        candidate(b"MJPG", 1920, 1080, 30),
        candidate(b"H264", 1280, 720, 30),
    ];
    assert_eq!(best(&formats, 1280, 720, 30), Some(formats[2]));
    assert_eq!(best(&formats, 1280, 720, 10), Some(formats[1]));
    assert_eq!(best(&formats, 640, 360, 30), Some(formats[0]));
    assert_eq!(best(&formats, 3840, 2160, 30), Some(formats[3]));
    assert_eq!(best(&[], 1280, 720, 30), None);
    assert_eq!(best(&formats[4..], 1280, 720, 30), None, "H.264 cannot be read");
    assert_eq!(best(&[candidate(b"YUYV", 640, 480, 0)], 640, 480, 30), None, "a rate of nothing");
}

#[test]
fn of_equal_sizes_and_rates_the_cheapest_conversion_is_chosen() {
    let order: [&FourCc; 8] = [b"NV12", b"YU12", b"YUYV", b"NV16", b"BGR3", b"MJPG", b"GREY", b"Y10 "];
    for (i, code) in order.iter().enumerate() {
        let mut rest: Vec<Candidate> = order[i..].iter().map(|code| candidate(code, 640, 480, 30)).collect();
        rest.reverse();
        assert_eq!(best(&rest, 640, 480, 30).map(|c| c.code), Some(**code));
    }
    // Colour goes before size.
    let infrared = [candidate(b"GREY", 1280, 720, 30), candidate(b"YUYV", 640, 480, 15)];
    assert_eq!(best(&infrared, 1280, 720, 30), Some(infrared[1]));
    // 29.97 frames a second are not too slow, so nothing has to be decompressed.
    let rate = OfferedIntervals::One((1001, 30_000)).nearest(30);
    let ntsc = [candidate(b"MJPG", 1280, 720, 30), candidate(b"YUYV", 1280, 720, rate)];
    assert_eq!(best(&ntsc, 1280, 720, 30), Some(ntsc[1]));
}

#[test]
fn every_format_that_is_chosen_can_be_read() {
    for (code, coding) in READABLE {
        let layout = PictureLayout { code: *code, width: 4, height: 2, stride: 0, encoding: YuvEncoding::default() };
        let read = layout.read(&[128; 64], 9);
        assert_eq!(read.is_ok(), coding != Coding::Jpeg, "{}: {read:?}", name(*code));
        assert!(is_readable(*code) && !matches!(read, Err(DeviceError::Unreadable(_))));
    }
}

#[test]
fn what_cannot_be_read_is_named_in_a_sentence() {
    let said = |offered: &[&FourCc]| unreadable(&offered.iter().map(|code| **code).collect::<Vec<_>>()).to_string();
    let ends = "which Visavis cannot read yet. Choose another camera.";
    assert_eq!(said(&[b"H264"]), format!("This camera gives only H.264, {ends}"));
    assert_eq!(said(&[b"H264", b"HEVC", b"H264"]), format!("This camera gives only H.264 and H.265, {ends}"));
    assert_eq!(said(&[b"BA81", b"pRAA", b"RG10"]), format!("This camera gives only raw sensor data, {ends}"));
    assert_eq!(said(&[b"Z16 "]), format!("This camera gives only Z16, {ends}"));
    assert_eq!(said(&[]), "This camera offers no video. Choose another camera.");
}

#[test]
fn a_size_within_a_range_is_not_smaller_than_what_is_wanted() {
    let sizes = OfferedSizes::Range { width: [160, 1920, 16], height: [120, 1080, 8] };
    assert_eq!(sizes.nearest(1280, 720), (1280, 720));
    assert_eq!(sizes.nearest(1279, 713), (1280, 720));
    assert_eq!(sizes.nearest(100, 90), (160, 120));
    assert_eq!(sizes.nearest(3840, 2160), (1920, 1080));
    assert_eq!(OfferedSizes::One(640, 480).nearest(1280, 720), (640, 480));
    // The greatest lies between two steps; a step of nothing; a range upside down.
    let odd = OfferedSizes::Range { width: [2, 1001, 500], height: [1, 9, 0] };
    assert_eq!(odd.nearest(900, 5), (502, 5));
    let wild = OfferedSizes::Range { width: [640, 320, 2], height: [0, u32::MAX, 16] };
    assert_eq!(wild.nearest(500, 7), (640, 16));
    assert_eq!(wild.nearest(u32::MAX, u32::MAX), (640, u32::MAX - 15));
}

#[test]
fn a_rate_within_a_range_is_the_one_that_is_wanted() {
    let range = OfferedIntervals::Range((1, 60), (1, 5));
    assert_eq!([1, 15, 60, 90].map(|fps| range.nearest(fps)), [5, 15, 60, 60]);
    assert_eq!(OfferedIntervals::One((1, 25)).nearest(30), 25);
    assert_eq!(OfferedIntervals::One((333_333, 10_000_000)).nearest(30), 30);
    assert_eq!(OfferedIntervals::One((0, 1)).nearest(30), 0);
    assert_eq!(OfferedIntervals::Range((0, 1), (1, 1)).nearest(30), 30, "from nothing on");
    assert_eq!(OfferedIntervals::Range((u32::MAX, 1), (1, u32::MAX)).nearest(30), 0, "upside down");
}
