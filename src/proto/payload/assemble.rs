//! The frame in the form that decoders take, from its payloads in order.

use super::{PayloadPart, h264};
use crate::base::Codec;
use bytes::{Bytes, BytesMut};

/// Frames of a VP9 superframe at most (VP9 bitstream specification, annex B.2).
const SUPERFRAME: usize = 8;

/// Joins the payloads of one frame. The layers of a VP9 picture become a superframe.
pub(crate) fn assemble(codec: Codec, payloads: &[(PayloadPart, Bytes)]) -> Bytes {
    if codec == Codec::H264 {
        let mut stream = BytesMut::with_capacity(payloads.iter().map(|(_, p)| p.len() + 4).sum());
        payloads.iter().for_each(|(_, payload)| h264::append(payload, &mut stream));
        return stream.freeze();
    }
    if let [(part, only)] = payloads {
        return only.slice(part.descriptor..);
    }
    let mut frame = BytesMut::with_capacity(payloads.iter().map(|(_, p)| p.len()).sum::<usize>() + 64);
    let mut starts = Vec::new();
    for (part, payload) in payloads {
        if part.begins {
            starts.push(frame.len());
        }
        frame.extend_from_slice(&payload[part.descriptor..]);
    }
    if codec == Codec::Vp9 && (2..=SUPERFRAME).contains(&starts.len()) {
        append_index(&mut frame, &starts);
    }
    frame.freeze()
}

/// The index at the end of a superframe: its marker, the size of each frame in four bytes, the marker again.
fn append_index(frame: &mut BytesMut, starts: &[usize]) {
    let ends = starts[1..].iter().copied().chain([frame.len()]);
    let sizes: Vec<u32> = starts.iter().zip(ends).map(|(start, end)| (end - start) as u32).collect();
    let marker = 0b110 << 5 | 3 << 3 | (starts.len() - 1) as u8;
    frame.extend_from_slice(&[marker]);
    sizes.iter().for_each(|size| frame.extend_from_slice(&size.to_le_bytes()));
    frame.extend_from_slice(&[marker]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(codec: Codec, payloads: &[&'static [u8]]) -> Vec<(PayloadPart, Bytes)> {
        let read = |payload: &&'static [u8]| {
            (PayloadPart::read(codec, payload).expect("a payload"), Bytes::from_static(payload))
        };
        payloads.iter().map(read).collect()
    }

    #[test]
    fn the_layers_of_a_vp9_picture_become_a_superframe() {
        let one = parts(Codec::Vp9, &[&[0x08, 1, 2], &[0x04, 3]]);
        assert_eq!(assemble(Codec::Vp9, &one)[..], [1, 2, 3]);
        let two = parts(Codec::Vp9, &[&[0x2C, 0x00, 7, 1, 2, 3], &[0x28, 0x02, 7, 4], &[0x24, 0x02, 7, 5]]);
        assert_eq!(assemble(Codec::Vp9, &two)[..], [1, 2, 3, 4, 5, 0xD9, 3, 0, 0, 0, 2, 0, 0, 0, 0xD9]);
    }

    #[test]
    fn other_codecs_lose_their_descriptors() {
        assert_eq!(assemble(Codec::Vp8, &parts(Codec::Vp8, &[&[0x10, 1], &[0x00, 2]]))[..], [1, 2]);
        assert_eq!(assemble(Codec::H264, &parts(Codec::H264, &[&[0x41, 2]]))[..], [0, 0, 0, 1, 0x41, 2]);
    }
}
