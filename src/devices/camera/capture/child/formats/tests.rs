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
