//! Packets that are lost, late, reordered or damaged, and what comes out as frames.

use super::super::vp8::{FrameNumbers, packetize};
use super::*;
use proptest::prelude::*;

/// A frame with a VP8 header and a number, which no decoder accepts.
fn frame(number: u32, keyframe: bool, size: usize) -> EncodedFrame {
    let mut data = if keyframe { vec![0, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1] } else { vec![1] };
    data.extend_from_slice(&number.to_be_bytes());
    data.resize(data.len() + size, number as u8);
    EncodedFrame { codec: Codec::Vp8, data: data.into(), keyframe, timestamp: number.wrapping_mul(3000) }
}

fn packets(frames: &[EncodedFrame], first: u16) -> Vec<MediaPacket> {
    let mut packets = Vec::new();
    for frame in frames {
        let payloads = packetize(&frame.data, FrameNumbers::starting_at(7));
        let last = payloads.len() - 1;
        for (i, payload) in payloads.into_iter().enumerate() {
            let sequence = first.wrapping_add(packets.len() as u16);
            packets.push(MediaPacket { sequence, timestamp: frame.timestamp, marker: i == last, payload });
        }
    }
    packets
}

/// All frames and gaps for packets that arrive at these milliseconds.
fn run(arrivals: impl IntoIterator<Item = (u64, MediaPacket)>) -> Vec<VideoMedia> {
    let (mut depacketizer, mut out) = (VideoDepacketizer::default(), Vec::new());
    for (ms, packet) in arrivals {
        let now = Moment::from_millis(ms);
        out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
        depacketizer.push(packet, Codec::Vp8, None, now);
        out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
    }
    let end = Moment::from_millis(1_000_000);
    out.extend(std::iter::from_fn(|| depacketizer.poll(end)));
    out
}

fn wanted(frames: &[EncodedFrame]) -> Vec<VideoMedia> {
    frames.iter().cloned().map(|frame| VideoMedia::Frame(frame, Orientation::default())).collect()
}

fn video(count: u32, sizes: &[usize]) -> Vec<EncodedFrame> {
    (0..count).map(|n| frame(n, n % 10 == 0, sizes[n as usize % sizes.len()])).collect()
}

#[test]
fn a_repaired_loss_loses_no_frame() {
    let frames = video(4, &[3000]);
    let mut packets = packets(&frames, 65_530);
    let late = packets.remove(4);
    packets.insert(8, late);
    let arrivals = packets.into_iter().enumerate().map(|(i, p)| (i as u64 * 10, p));
    assert_eq!(run(arrivals), wanted(&frames));
}

#[test]
fn losses_that_are_not_repaired_are_one_gap_up_to_the_next_key_frame() {
    let frames = video(25, &[10]);
    let mut packets = packets(&frames, 0);
    packets.remove(3);
    packets.remove(5);
    let out = run(packets.into_iter().enumerate().map(|(i, p)| (i as u64 * 500, p)));
    let mut expected = wanted(&frames[..3]);
    expected.push(VideoMedia::Gap);
    expected.extend(wanted(&frames[10..]));
    assert_eq!(out, expected);
}

#[test]
fn nothing_comes_out_before_the_first_whole_key_frame() {
    let frames = video(12, &[2500]);
    let mut packets = packets(&frames, 100);
    packets.remove(1); // the first key frame is broken
    let mut depacketizer = VideoDepacketizer::default();
    assert!(!depacketizer.wants_keyframe(Moment::ZERO), "no packet has come");
    let mut out = Vec::new();
    for (i, packet) in packets.into_iter().enumerate() {
        let now = Moment::from_millis(i as u64 * 30);
        depacketizer.push(packet, Codec::Vp8, None, now);
        out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
        if i == 0 {
            assert!(!depacketizer.wants_keyframe(now), "one is arriving");
            assert!(depacketizer.wants_keyframe(now + KEYFRAME_TIMEOUT), "it has timed out");
        }
    }
    assert_eq!(out, wanted(&frames[10..]));
}

#[test]
fn the_black_frames_at_the_end_of_a_track_are_skipped() {
    let mut frames = video(3, &[10]);
    let mut black = frame(3, true, 0);
    black.data = Bytes::from_static(&[0, 0, 0, 0x9D, 1, 0x2A, 8, 0, 8, 0, 1, 2]);
    frames.extend([black.clone(), black]);
    let mut depacketizer = VideoDepacketizer::default();
    for packet in packets(&frames, 0) {
        depacketizer.push(packet, Codec::Vp8, None, Moment::ZERO);
    }
    let out: Vec<_> = std::iter::from_fn(|| depacketizer.poll(Moment::ZERO)).collect();
    assert_eq!(out, wanted(&frames[..3]));
    assert!(!depacketizer.wants_keyframe(Moment::from_millis(900)), "the track has ended");
    for packet in packets(&[frame(9, false, 10)], 5) {
        depacketizer.push(packet, Codec::Vp8, None, Moment::from_millis(1000));
    }
    assert!(depacketizer.wants_keyframe(Moment::from_millis(1000)), "the track goes on");
}

#[test]
fn a_key_frame_that_was_given_up_does_not_come_out_later() {
    let frames = video(32, &[10]);
    let mut packets = packets(&frames, 0);
    let late = packets.remove(10); // a key frame in one packet
    packets.remove(24); // of frame 25
    packets.insert(26, late); // before frame 28, while a key frame is waited for
    let out = run(packets.into_iter().enumerate().map(|(i, p)| (i as u64 * 500, p)));
    let mut expected = wanted(&frames[..10]);
    expected.push(VideoMedia::Gap);
    expected.extend(wanted(&frames[20..25]));
    expected.push(VideoMedia::Gap);
    expected.extend(wanted(&frames[30..]));
    assert_eq!(out, expected);
}

#[test]
fn padding_is_no_loss() {
    let frames = video(2, &[10]);
    let mut packets = packets(&frames, 0);
    let padding = MediaPacket { sequence: 1, timestamp: 0, marker: false, payload: Bytes::new() };
    packets[1].sequence = 2;
    packets.insert(1, padding);
    assert_eq!(run(packets.into_iter().map(|p| (0, p))), wanted(&frames));
}

#[test]
fn a_jump_of_the_sequence_number_is_a_new_stream() {
    let (before, after) = (video(3, &[10]), video(13, &[20]));
    let all = packets(&before, 100).into_iter().chain(packets(&after[10..], 40_000));
    let out = run(all.enumerate().map(|(i, p)| (i as u64, p)));
    let mut expected = wanted(&before);
    expected.push(VideoMedia::Gap);
    expected.extend(wanted(&after[10..]));
    assert_eq!(out, expected);
}

#[test]
fn an_orientation_holds_from_the_frame_that_announces_it() {
    let frames = video(30, &[2500, 10]);
    // The last packet of a frame announces it: at key frames, and when it changes.
    let announced = |n: u32| match n {
        0 => Some(Orientation::from_cvo(1)),
        5 => Some(Orientation::from_cvo(2)),
        10 => Some(Orientation::from_cvo(2)),
        16 => Some(Orientation::from_cvo(0)),
        _ => None,
    };
    let mut depacketizer = VideoDepacketizer::default();
    let mut arrivals: Vec<_> = packets(&frames, 65_500)
        .into_iter()
        .map(|packet| {
            let orientation = announced(packet.timestamp / 3000).filter(|_| packet.marker);
            (packet, orientation)
        })
        .collect();
    arrivals.swap(20, 21); // late packets change nothing before their turn
    let mut out = Vec::new();
    for (packet, orientation) in arrivals {
        depacketizer.push(packet, Codec::Vp8, orientation, Moment::ZERO);
        out.extend(std::iter::from_fn(|| depacketizer.poll(Moment::ZERO)));
    }
    let turned = |n: u32| {
        Orientation::from_cvo(if n < 5 {
            1
        } else if n < 16 {
            2
        } else {
            0
        })
    };
    let expected: Vec<_> = frames.into_iter().zip(0..).map(|(frame, n)| VideoMedia::Frame(frame, turned(n))).collect();
    assert_eq!(out, expected);
}

#[test]
fn an_orientation_outlives_a_gap_and_a_jump_of_the_sequence_number() {
    let turned = Orientation::from_cvo(3);
    let mut depacketizer = VideoDepacketizer::default();
    let mut all = packets(&video(25, &[10]), 100);
    all.remove(4);
    all.extend(packets(&video(1, &[10]), 40_000));
    let mut out = Vec::new();
    for (i, packet) in all.into_iter().enumerate() {
        let now = Moment::from_millis(i as u64 * 500);
        depacketizer.push(packet, Codec::Vp8, (i == 0).then_some(turned), now);
        out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
    }
    let gaps = out.iter().filter(|media| **media == VideoMedia::Gap).count();
    let upright = |media: &VideoMedia| matches!(media, VideoMedia::Frame(_, orientation) if *orientation != turned);
    assert!(gaps == 2 && out.len() > 10 && !out.iter().any(upright), "{out:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn reordering_and_duplication_within_the_nack_timeout_lose_nothing(
        first in any::<u16>(),
        sizes in prop::collection::vec(0usize..4000, 1..8),
        shifts in prop::collection::vec((0u64..70, any::<bool>()), 400),
    ) {
        let frames = video(30, &sizes);
        let mut arrivals = Vec::new();
        for (i, packet) in packets(&frames, first).into_iter().enumerate() {
            let (shift, duplicate) = shifts[i % shifts.len()];
            // The stream starts at the key frame that is whole first: that is frame 0 as long as it is not shifted.
            let at = i as u64 + if packet.timestamp == 0 { 0 } else { shift };
            if duplicate {
                arrivals.push((at + 200, packet.clone()));
            }
            arrivals.push((at, packet));
        }
        arrivals.sort_by_key(|(at, _)| *at);
        prop_assert_eq!(run(arrivals), wanted(&frames));
    }

    #[test]
    fn any_loss_leaves_whole_frames_in_order_and_a_key_frame_after_each_gap(
        first in any::<u16>(),
        sizes in prop::collection::vec(0usize..4000, 1..8),
        fates in prop::collection::vec((0u64..300, 0u8..10), 400),
    ) {
        let frames = video(60, &sizes);
        let mut arrivals: Vec<_> = packets(&frames, first).into_iter().enumerate().filter_map(|(i, packet)| {
            let (delay, fate) = fates[i % fates.len()];
            (fate > 0).then_some((i as u64 * 5 + delay, packet))
        }).collect();
        arrivals.sort_by_key(|(at, _)| *at);
        let (mut previous, mut needs_keyframe) = (None, true);
        for media in run(arrivals) {
            match media {
                VideoMedia::Gap => needs_keyframe = true,
                VideoMedia::Frame(got, _) => {
                    let number = frames.iter().position(|f| *f == got);
                    prop_assert!(number.is_some(), "a frame that was never sent");
                    prop_assert!(number > previous, "out of order");
                    prop_assert!(!needs_keyframe || got.keyframe, "a gap was not followed by a key frame");
                    if !got.keyframe {
                        prop_assert_eq!(number, previous.map(|p: usize| p + 1), "a gap was not reported");
                    }
                    (previous, needs_keyframe) = (number, false);
                }
            }
        }
    }

    #[test]
    fn random_packets_are_survived(
        packets in prop::collection::vec((any::<u16>(), any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..12), 0u64..1000), 0..300),
    ) {
        let mut arrivals: Vec<_> = packets.into_iter().map(|(sequence, timestamp, marker, payload, at)| {
            (at, MediaPacket { sequence, timestamp, marker, payload: payload.into() })
        }).collect();
        arrivals.sort_by_key(|(at, _)| *at);
        let count = arrivals.len();
        prop_assert!(run(arrivals).len() <= 2 * count);
    }
}

/// The frames of payloads with their sequence number, timestamp, marker and codec, all in order.
fn frames_of(payloads: &[(u16, u32, bool, Codec, &'static [u8])]) -> Vec<(Codec, bool, Vec<u8>)> {
    let mut depacketizer = VideoDepacketizer::default();
    let mut frames = Vec::new();
    for (sequence, timestamp, marker, codec, payload) in payloads.iter().copied() {
        let packet = MediaPacket { sequence, timestamp, marker, payload: Bytes::from_static(payload) };
        depacketizer.push(packet, codec, None, Moment::ZERO);
        while let Some(media) = depacketizer.poll(Moment::ZERO) {
            match media {
                VideoMedia::Frame(frame, _) => frames.push((frame.codec, frame.keyframe, frame.data.to_vec())),
                VideoMedia::Gap => frames.push((Codec::Other, false, vec![])),
            }
        }
    }
    frames
}

/// Payloads of VP9: a key picture of two layers, a picture of which the server sends the upper layer alone, and one of two
/// packets.
#[test]
fn the_layers_of_a_vp9_picture_are_one_frame() {
    const V: Codec = Codec::Vp9;
    let frames = frames_of(&[
        (1, 0, false, V, &[0x2C, 0x00, 7, 1, 2]),
        (2, 0, true, V, &[0x2C, 0x02, 7, 3]),
        (3, 3000, true, V, &[0x6C, 0x02, 8, 4]),
        (4, 6000, false, V, &[0x68, 0x00, 9, 5]),
        (5, 6000, true, V, &[0x64, 0x00, 9, 6]),
    ]);
    let superframe = vec![1, 2, 3, 0xD9, 2, 0, 0, 0, 1, 0, 0, 0, 0xD9];
    assert_eq!(frames, [(V, true, superframe), (V, false, vec![4]), (V, false, vec![5, 6])]);
}

#[test]
fn the_nal_units_of_an_h264_picture_are_one_frame() {
    const H: Codec = Codec::H264;
    let frames = frames_of(&[
        (1, 0, true, H, &[0x41, 9]),
        (2, 3000, false, H, &[0x67, 1]),
        (3, 3000, false, H, &[0x68, 2]),
        (4, 3000, false, H, &[0x7C, 0x85, 3]),
        (5, 3000, true, H, &[0x7C, 0x45, 4]),
        (6, 6000, true, H, &[0x41, 5]),
    ]);
    let key = vec![0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 4];
    assert_eq!(frames, [(H, true, key), (H, false, vec![0, 0, 0, 1, 0x41, 5])], "from the first key frame on");
}

/// A publisher of LiveKit Meet goes over to its backup codec within the same stream.
#[test]
fn the_codec_changes_at_a_key_frame_and_nowhere_else() {
    const KEY: &[u8] = &[0x10, 0, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1];
    let vp9 = (1, 0, true, Codec::Vp9, &[0x0C, 1][..]);
    let frames = frames_of(&[vp9, (2, 3000, true, Codec::Vp8, KEY)]);
    assert_eq!(frames, [(Codec::Vp9, true, vec![1]), (Codec::Vp8, true, KEY[1..].to_vec())]);
    let inter = (2, 3000, true, Codec::Vp8, &[0x10, 1][..]);
    let frames = frames_of(&[vp9, inter, (3, 6000, true, Codec::Vp8, KEY)]);
    let gap = (Codec::Other, false, vec![]);
    assert_eq!(frames, [(Codec::Vp9, true, vec![1]), gap, (Codec::Vp8, true, KEY[1..].to_vec())]);
}
