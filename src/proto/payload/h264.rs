//! H.264 (RFC 6184): single NAL units, STAP-A and FU-A, as packetization mode 1 has them.

use super::PayloadPart;

/// NAL unit types (ITU-T H.264, table 7-1; RFC 6184, table 1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

const fn kind(header: u8) -> u8 {
    header & 0x1F
}

/// Whether a picture that needs no earlier one begins with a NAL unit of this type.
const fn is_key(kind: u8) -> bool {
    matches!(kind, IDR | SPS)
}

/// Reads a payload.
pub(super) fn read(payload: &[u8]) -> Option<PayloadPart> {
    let part = |begins, is_key| Some(PayloadPart { descriptor: 0, begins, begins_keyframe: begins && is_key });
    match kind(*payload.first()?) {
        1..STAP_A => part(true, is_key(kind(payload[0]))),
        STAP_A => {
            let mut kinds = units(payload).map(|unit| unit.first().copied().map_or(0, kind)).peekable();
            kinds.peek()?;
            part(true, kinds.any(is_key))
        }
        FU_A => {
            let header = *payload.get(1)?;
            payload.get(2)?;
            part(header & 0x80 != 0, is_key(kind(header)))
        }
        _ => None,
    }
}

/// The NAL units of a STAP-A (section 5.7.1), up to one that is cut short.
fn units(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &payload[1..];
    std::iter::from_fn(move || {
        let (size, after) = rest.split_first_chunk::<2>()?;
        let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
        rest = after;
        (!unit.is_empty()).then_some(unit)
    })
}

/// Appends the NAL units of a payload as a byte stream with start codes (ITU-T H.264, annex B).
pub(super) fn append(payload: &[u8], out: &mut bytes::BytesMut) {
    const START: [u8; 4] = [0, 0, 0, 1];
    let Some(&first) = payload.first() else { return };
    let mut add = |unit: &[&[u8]]| {
        out.extend_from_slice(&START);
        unit.iter().for_each(|part| out.extend_from_slice(part));
    };
    match kind(first) {
        STAP_A => units(payload).for_each(|unit| add(&[unit])),
        FU_A => match *payload {
            [indicator, header, ref rest @ ..] if header & 0x80 != 0 => {
                add(&[&[indicator & 0xE0 | kind(header)], rest])
            }
            [_, _, ref rest @ ..] => out.extend_from_slice(rest),
            _ => {}
        },
        _ => add(&[payload]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begins(payload: &[u8]) -> Option<(bool, bool)> {
        read(payload).map(|p| (p.begins, p.begins_keyframe))
    }

    #[test]
    fn key_frames_are_known_in_every_packing() {
        assert_eq!(begins(&[0x67, 1]), Some((true, true)), "SPS");
        assert_eq!(begins(&[0x65, 1]), Some((true, true)), "IDR");
        assert_eq!(begins(&[0x41, 1]), Some((true, false)));
        assert_eq!(begins(&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68]), Some((true, true)), "STAP-A with SPS and PPS");
        assert_eq!(begins(&[0x78, 0, 1, 0x41]), Some((true, false)));
        assert_eq!(begins(&[0x7C, 0x85, 1]), Some((true, true)), "the first part of an IDR");
        assert_eq!(begins(&[0x7C, 0x05, 1]), Some((false, false)), "a later part");
        for malformed in [&[][..], &[0x78], &[0x78, 0, 9, 1], &[0x7C, 0x85], &[0x1F, 1], &[0, 1]] {
            assert_eq!(read(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn payloads_become_a_byte_stream() {
        let stream = |payloads: &[&[u8]]| {
            let mut out = bytes::BytesMut::new();
            payloads.iter().for_each(|payload| append(payload, &mut out));
            out.to_vec()
        };
        assert_eq!(stream(&[&[0x41, 9]]), [0, 0, 0, 1, 0x41, 9]);
        assert_eq!(stream(&[&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68]]), [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68]);
        assert_eq!(stream(&[&[0x7C, 0x85, 1, 2], &[0x7C, 0x05, 3], &[0x7C, 0x45, 4]]), [0, 0, 0, 1, 0x65, 1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn any_payload_is_survived(payload in prop::collection::vec(any::<u8>(), 0..40)) {
            read(&payload);
            append(&payload, &mut bytes::BytesMut::new());
        }
    }
}
