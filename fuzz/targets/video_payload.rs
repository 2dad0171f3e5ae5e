//! VP8, VP9 and H.264 in RTP packets: payload descriptors, and the frames that are put together from them.
//!
//! The input is a byte for the codec and a list of packets. Each has a byte for the advance of the sequence number (signed), a byte for the time
//! since the packet before in 4 ms, whose highest bit is the RTP marker, a byte for the length, and the payload.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../src/base/mod.rs"]
mod base;
#[path = "../../src/rtc/depacketizer.rs"]
mod depacketizer;
#[path = "../../src/rtc/loss.rs"]
mod loss;
#[path = "../../src/proto/payload/mod.rs"]
mod payload;
#[path = "../../src/codec/vp8_header.rs"]
mod vp8_header;

/// The names that these files import from another folder.
mod codec {
    pub(crate) use crate::vp8_header::Vp8Header;
}

mod proto {
    pub(crate) use crate::payload;
}

use base::{Codec, MediaPacket, Moment};
use depacketizer::{VideoDepacketizer, VideoMedia};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

fn packets(mut input: &[u8]) -> impl Iterator<Item = (Moment, MediaPacket)> {
    let (mut sequence, mut ms) = (65_530u16, 0u64);
    std::iter::from_fn(move || {
        let [advance, time, length, rest @ ..] = input else { return None };
        let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        input = rest;
        sequence = sequence.wrapping_add_signed(i16::from(*advance as i8));
        ms += u64::from(time & 0x7F) * 4;
        let (timestamp, marker) = (ms as u32 * 90, time & 0x80 != 0);
        let packet = MediaPacket { sequence, timestamp, marker, payload: payload.to_vec().into() };
        Some((Moment::from_millis(ms), packet))
    })
}

/// All frames and gaps of these packets.
fn depacketize(codec: Codec, packets: impl Iterator<Item = (Moment, MediaPacket)>) -> Vec<VideoMedia> {
    let (mut depacketizer, mut out, mut now) = (VideoDepacketizer::default(), Vec::new(), Moment::ZERO);
    for (at, packet) in packets {
        now = at;
        depacketizer.push(packet, codec, None, now);
        out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
        assert!(depacketizer.deadline().is_none_or(|deadline| deadline > now), "a deadline has passed");
    }
    let end = now + Duration::from_secs(1);
    out.extend(std::iter::from_fn(|| depacketizer.poll(end)));
    out
}

fuzz_target!(|input: &[u8]| {
    let Some((codec, input)) = input.split_first() else { return };
    let codec = [Codec::Vp8, Codec::Vp9, Codec::H264][usize::from(codec % 3)];
    let mut needs_keyframe = true;
    for media in depacketize(codec, packets(input)) {
        match media {
            VideoMedia::Gap => needs_keyframe = true,
            VideoMedia::Frame(frame, _) => {
                assert!(!frame.data.is_empty(), "an empty frame");
                assert!(frame.keyframe || !needs_keyframe, "no key frame after a gap");
                needs_keyframe = false;
            }
        }
    }
});
