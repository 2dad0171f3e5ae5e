//! Recognises frames of LiveKit's end-to-end encryption, which may come without announcement. A decoder makes full-scale
//! noise and garbage of them.
//!
//! An encrypted frame ends with tag (16 bytes), IV (12), the IV's length and the key's index (libwebrtc's `FrameCryptor`,
//! livekit-client's worker). The IV is made of the SSRC, the RTP timestamp and that timestamp minus a count modulo 65535,
//! each with 32 bits, big endian.

/// Bytes of the IV.
const IV: usize = 12;
/// Bytes of the authentication tag.
const TAG: usize = 16;
/// Length of the IV and index of the key.
const TRAILER: usize = 2;
/// The count in the IV is below this.
const COUNT: u32 = 0xffff;

/// Whether `frame` (one encoded video frame, or the payload of one audio packet) is encrypted. Another frame looks like it
/// once in 16 million.
pub(crate) fn is_sealed(frame: &[u8]) -> bool {
    let Some((body, &[length, _key])) = frame.split_last_chunk::<TRAILER>() else { return false };
    let Some((body, iv)) = body.split_last_chunk::<IV>() else { return false };
    let word = |at: usize| u32::from_be_bytes([iv[at], iv[at + 1], iv[at + 2], iv[at + 3]]);
    usize::from(length) == IV && body.len() > TAG && word(4).wrapping_sub(word(8)) < COUNT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{FRAME_SAMPLES, OpusEncoder};

    /// `clear` and `cipher` as livekit-client's worker packs them.
    fn sealed(clear: &[u8], cipher: &[u8], timestamp: u32, count: u32, key: u8) -> Vec<u8> {
        let mut frame = [clear, cipher, &[7; TAG]].concat();
        for word in [0x1234_5678, timestamp, timestamp.wrapping_sub(count % COUNT)] {
            frame.extend(word.to_be_bytes());
        }
        frame.extend([IV as u8, key]);
        frame
    }

    #[test]
    fn encrypted_frames_are_known_by_their_end() {
        assert!(is_sealed(&sealed(&[0x78], &[9; 80], 960_000, 12, 0)));
        assert!(is_sealed(&sealed(&[0x78], &[9; 80], 3, 60_000, 255)), "the difference wraps");
        assert!(is_sealed(&sealed(&[1; 10], &[9; 20_000], u32::MAX, 65_534, 3)));
        assert!(!is_sealed(&sealed(&[], &[], 3, 1, 0)), "no frame is empty");
    }

    #[test]
    fn ordinary_frames_are_not_taken_for_encrypted_ones() {
        let mut encoder = OpusEncoder::new(40).expect("an encoder");
        let mut noise = 1u32;
        for _ in 0..500 {
            let samples: Vec<f32> = (0..FRAME_SAMPLES)
                .map(|_| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (noise >> 8) as f32 / (1 << 23) as f32 - 1.0
                })
                .collect();
            let packet = encoder.encode(&samples).expect("encoded").expect("no silence");
            assert!(!is_sealed(&packet));
        }
        for short in [&[][..], &[12, 0], &[0; 29], &[12; 29]] {
            assert!(!is_sealed(short));
        }
    }
}
