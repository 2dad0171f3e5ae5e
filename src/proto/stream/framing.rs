//! Framing: where a datagram ends on a byte stream.

/// Bytes of a datagram at most. WebRTC sends none above the MTU; a longer one ends the connection.
const DATAGRAM: usize = 2000;

/// How datagrams are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A 16-bit length before each datagram (RFC 4571, section 2): ICE over TCP.
    Length,
    /// STUN messages and ChannelData have their own lengths; ChannelData is padded to a multiple of 4 bytes (RFC 8656,
    /// section 12.5): the connection to a TURN server.
    Turn,
}

/// The bytes do not belong to this framing, or a datagram is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection carries something else than datagrams")]
pub(crate) struct FramingError;

impl Framing {
    /// Appends a datagram, framed. Whether it can be framed.
    pub(super) fn write(self, datagram: &[u8], to: &mut Vec<u8>) -> bool {
        match self {
            Self::Length => {
                let Some(length) = u16::try_from(datagram.len()).ok().filter(|n| usize::from(*n) <= DATAGRAM) else {
                    return false;
                };
                to.extend(length.to_be_bytes());
                to.extend(datagram);
            }
            Self::Turn => {
                let Ok(Some(lengths)) = self.length(datagram) else { return false };
                // Some clients pad ChannelData for UDP too. Something else would put the rest of the stream out of step.
                let Some((message, rest)) = datagram.split_at_checked(lengths.datagram) else { return false };
                if rest.len() > lengths.padding {
                    return false;
                }
                to.extend(message);
                to.extend([0; 3].iter().take(lengths.padding));
            }
        }
        true
    }

    /// The lengths of the first frame in `bytes`; `None` if too few bytes have come to tell.
    fn length(self, bytes: &[u8]) -> Result<Option<Lengths>, FramingError> {
        let lengths = match (self, bytes) {
            (Self::Length, [a, b, ..]) => {
                Lengths { header: 2, datagram: usize::from(u16::from_be_bytes([*a, *b])), padding: 0 }
            }
            // STUN (RFC 8489, section 5): the length does not count the header of 20 bytes.
            (Self::Turn, [0..=63, _, a, b, ..]) => {
                Lengths { header: 0, datagram: usize::from(u16::from_be_bytes([*a, *b])) + 20, padding: 0 }
            }
            (Self::Turn, [64..=127, _, a, b, ..]) => {
                let datagram = usize::from(u16::from_be_bytes([*a, *b])) + 4;
                Lengths { header: 0, datagram, padding: padding(datagram) }
            }
            (Self::Turn, [128..=255, ..]) => return Err(FramingError),
            _ => return Ok(None),
        };
        if lengths.datagram > DATAGRAM { Err(FramingError) } else { Ok(Some(lengths)) }
    }
}

/// Bytes from `length` to the next multiple of 4.
const fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

/// The parts of a frame, in bytes.
#[derive(Clone, Copy, Debug)]
struct Lengths {
    header: usize,
    datagram: usize,
    padding: usize,
}

/// Finds the datagrams in the bytes of a connection.
#[derive(Debug)]
pub(crate) struct FrameReader {
    framing: Framing,
    buffer: Vec<u8>,
    /// Bytes of the buffer that have been handed out.
    taken: usize,
}

impl FrameReader {
    /// At the start of a connection.
    pub(crate) const fn new(framing: Framing) -> Self {
        Self { framing, buffer: Vec::new(), taken: 0 }
    }

    /// Adds received bytes. The caller takes all frames before it adds more, so that less than one frame is kept.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend(bytes);
    }

    /// The next whole datagram; `None` until more bytes come.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, FramingError> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some(lengths) = self.framing.length(rest)? else { return Ok(None) };
        let Some(whole) = rest.get(..lengths.header + lengths.datagram + lengths.padding) else { return Ok(None) };
        self.taken += whole.len();
        Ok(whole.get(lengths.header..lengths.header + lengths.datagram))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(reader: &mut FrameReader) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| reader.next().expect("frames").map(<[u8]>::to_vec)).collect()
    }

    /// A STUN message or ChannelData with `length` bytes of content, as TURN carries them.
    fn turn_message(stun: bool, length: u16) -> Vec<u8> {
        let length = if stun { length / 4 * 4 } else { length };
        let mut message = if stun { vec![0, 1] } else { vec![0x40, 0] };
        message.extend(length.to_be_bytes());
        message.resize(usize::from(length) + if stun { 20 } else { 4 }, 7);
        message
    }

    proptest! {
        #[test]
        fn datagrams_come_out_as_they_went_in(
            sent in prop::collection::vec((any::<bool>(), 0u16..1400), 1..20),
            turn in any::<bool>(),
            cut in 1usize..3000,
        ) {
            let framing = if turn { Framing::Turn } else { Framing::Length };
            let sent: Vec<_> = sent.into_iter().map(|(stun, length)| turn_message(stun, length)).collect();
            let mut stream = vec![];
            for datagram in &sent {
                prop_assert!(framing.write(datagram, &mut stream));
            }
            let mut reader = FrameReader::new(framing);
            let mut received = vec![];
            for part in stream.chunks(cut) {
                reader.add(part);
                received.extend(all(&mut reader));
            }
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn any_bytes_are_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..5000), turn in any::<bool>()) {
            let mut reader = FrameReader::new(if turn { Framing::Turn } else { Framing::Length });
            for part in bytes.chunks(700) {
                reader.add(part);
                loop {
                    match reader.next() {
                        Ok(Some(datagram)) => prop_assert!(datagram.len() <= DATAGRAM),
                        Ok(None) => break,
                        Err(FramingError) => return Ok(()),
                    }
                }
            }
        }
    }

    #[test]
    fn channel_data_is_padded_once() {
        for datagram in [&[0x40, 0, 0, 5, 1, 2, 3, 4, 5][..], &[0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]] {
            let mut stream = vec![];
            assert!(Framing::Turn.write(datagram, &mut stream));
            assert_eq!(stream, [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]);
        }
    }

    #[test]
    fn what_is_too_long_or_not_of_the_framing_is_refused() {
        let mut stream = vec![];
        assert!(!Framing::Length.write(&[0; DATAGRAM + 1], &mut stream));
        assert!(!Framing::Turn.write(&[0x80; 20], &mut stream), "no TURN message");
        assert!(!Framing::Turn.write(&[0x40, 0, 0, 9, 1], &mut stream), "shorter than it says");
        assert!(!Framing::Turn.write(&[0x40, 0, 0, 1, 1, 0, 0, 0, 0], &mut stream), "longer than it says");
        assert!(stream.is_empty());
        let refused = |framing, bytes: &[u8]| {
            let mut reader = FrameReader::new(framing);
            reader.add(bytes);
            reader.next() == Err(FramingError)
        };
        assert!(refused(Framing::Length, &[0xff, 0xff]));
        assert!(refused(Framing::Turn, b"\x16\x03\xff\xff"));
        assert!(refused(Framing::Turn, &[0x80, 0, 0, 0]));
    }
}
