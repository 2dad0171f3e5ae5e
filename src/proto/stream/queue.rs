//! What waits while a TCP connection is slow: sound goes before pictures, and pictures are dropped before sound.

use super::framing::Framing;
use std::collections::VecDeque;

/// Bytes of video that wait at most; further packets are dropped, and the receiver requests a key frame.
const VIDEO: usize = 64 << 10;
/// Bytes ahead of the video with which audio is still taken: some seconds of it.
const AUDIO: usize = 32 << 10;
/// The same for control packets. A connection that holds back more has been useless for long.
const CONTROL: usize = 128 << 10;
/// Bytes that are handed to the connection at once. What is handed over cannot be overtaken.
const CHUNK: usize = 4 << 10;

/// The kind of a datagram (RFC 7983).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// STUN, DTLS with data channels, RTCP: never dropped.
    Control,
    /// RTP of an audio track.
    Audio,
    /// RTP of a video track.
    Video,
}

impl Class {
    /// The class of a datagram of WebRTC. `is_audio` knows the payload types.
    pub(crate) fn of(datagram: &[u8], is_audio: impl FnOnce(u8) -> bool) -> Self {
        match datagram {
            // RTCP (RFC 5761, section 4).
            [128..=191, 192..=223, ..] => Self::Control,
            [128..=191, second, ..] if is_audio(second & 0x7f) => Self::Audio,
            [128..=191, _, ..] => Self::Video,
            _ => Self::Control,
        }
    }

    /// The class of a message to a TURN server: that of the datagram in ChannelData (RFC 8656, section 12.4).
    pub(crate) fn in_turn(message: &[u8], is_audio: impl FnOnce(u8) -> bool) -> Self {
        match message {
            [64..=127, _, _, _, datagram @ ..] => Self::of(datagram, is_audio),
            _ => Self::Control,
        }
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    /// It will be sent.
    Taken,
    /// There was no room, or it cannot be framed.
    Dropped,
    /// There was no room for a control packet: the connection is of no use any more.
    Stuck,
}

/// The datagrams that wait for a connection. Never more than about 200 KiB.
#[derive(Debug)]
pub(crate) struct SendQueue {
    framing: Framing,
    /// Control and audio, which go first.
    urgent: VecDeque<Vec<u8>>,
    urgent_bytes: usize,
    video: VecDeque<Vec<u8>>,
    video_bytes: usize,
    /// Framed, and being written.
    current: Vec<u8>,
    written: usize,
}

impl SendQueue {
    /// An empty queue.
    pub(crate) const fn new(framing: Framing) -> Self {
        Self {
            framing,
            urgent: VecDeque::new(),
            urgent_bytes: 0,
            video: VecDeque::new(),
            video_bytes: 0,
            current: Vec::new(),
            written: 0,
        }
    }

    /// Queues a datagram.
    pub(crate) fn push(&mut self, class: Class, datagram: &[u8]) -> Queued {
        let (limit, bytes) = match class {
            Class::Control => (CONTROL, self.urgent_bytes),
            Class::Audio => (AUDIO, self.urgent_bytes),
            Class::Video => (VIDEO, self.video_bytes),
        };
        if bytes + datagram.len() > limit {
            return if class == Class::Control { Queued::Stuck } else { Queued::Dropped };
        }
        let mut frame = Vec::with_capacity(datagram.len() + 4);
        if !self.framing.write(datagram, &mut frame) {
            return Queued::Dropped;
        }
        let (queue, bytes) = match class {
            Class::Video => (&mut self.video, &mut self.video_bytes),
            Class::Control | Class::Audio => (&mut self.urgent, &mut self.urgent_bytes),
        };
        *bytes += frame.len();
        queue.push_back(frame);
        Queued::Taken
    }

    /// The bytes to write next; empty when nothing waits.
    pub(crate) fn unwritten(&mut self) -> &[u8] {
        if self.written >= self.current.len() {
            self.current.clear();
            self.written = 0;
            while self.current.len() < CHUNK {
                let Some(frame) = self.next() else { break };
                self.current.extend(frame);
            }
        }
        self.current.get(self.written..).unwrap_or_default()
    }

    /// Notes that so many of [`SendQueue::unwritten`] were written.
    pub(crate) const fn advance(&mut self, bytes: usize) {
        self.written += bytes;
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(frame) = self.urgent.pop_front() {
            self.urgent_bytes = self.urgent_bytes.saturating_sub(frame.len());
            return Some(frame);
        }
        let frame = self.video.pop_front()?;
        self.video_bytes = self.video_bytes.saturating_sub(frame.len());
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::super::FrameReader;
    use super::*;
    use proptest::prelude::*;

    const OPUS: u8 = 111;

    fn rtp(payload_type: u8, number: u16) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type];
        packet.extend(number.to_be_bytes());
        packet.resize(1000, 0);
        packet
    }

    fn push(queue: &mut SendQueue, datagram: &[u8]) -> Queued {
        queue.push(Class::of(datagram, |pt| pt == OPUS), datagram)
    }

    fn written(queue: &mut SendQueue) -> Vec<Vec<u8>> {
        let mut reader = FrameReader::new(Framing::Length);
        let mut all = vec![];
        loop {
            let bytes = queue.unwritten().to_vec();
            if bytes.is_empty() {
                return all;
            }
            let part = bytes.len().min(777);
            queue.advance(part);
            reader.add(&bytes[..part]);
            while let Some(datagram) = reader.next().expect("frames") {
                all.push(datagram.to_vec());
            }
        }
    }

    #[test]
    fn datagrams_are_classified() {
        let class = |datagram: &[u8]| Class::of(datagram, |pt| pt == OPUS);
        assert_eq!(class(&rtp(OPUS, 1)), Class::Audio);
        assert_eq!(class(&rtp(OPUS | 0x80, 1)), Class::Audio, "with the marker bit");
        assert_eq!(class(&rtp(96, 1)), Class::Video);
        for control in [&[0, 1, 0, 0][..], &[22, 254, 253], &[0x80, 200, 0, 1], &[0x81, 206], &[], &[0x80]] {
            assert_eq!(class(control), Class::Control, "{control:?}");
        }
        let channel_data = [&[0x40, 0, 0, 8][..], &rtp(96, 1)].concat();
        assert_eq!(Class::in_turn(&channel_data, |pt| pt == OPUS), Class::Video);
        assert_eq!(Class::in_turn(&[0, 1, 0, 0], |pt| pt == OPUS), Class::Control);
    }

    #[test]
    fn sound_overtakes_pictures_and_pictures_are_dropped_first() {
        let mut queue = SendQueue::new(Framing::Length);
        let taken = (0..1000).filter(|n| push(&mut queue, &rtp(96, *n)) == Queued::Taken).count();
        assert!((50..70).contains(&taken), "{taken} packets of video wait");
        for n in 0..10 {
            assert_eq!(push(&mut queue, &rtp(OPUS, n)), Queued::Taken);
        }
        assert_eq!(push(&mut queue, &[22, 254, 253]), Queued::Taken);
        let sent = written(&mut queue);
        let kinds: Vec<u8> = sent.iter().map(|d| d.get(1).copied().unwrap_or_default()).collect();
        assert!(kinds[..10].iter().all(|kind| *kind == OPUS), "{kinds:?}");
        assert_eq!(sent.len(), taken + 11);
        assert_eq!(push(&mut queue, &rtp(96, 1)), Queued::Taken, "there is room again");
    }

    #[test]
    fn a_connection_that_takes_nothing_is_given_up() {
        let mut queue = SendQueue::new(Framing::Length);
        let dropped = (0..1000).filter(|n| push(&mut queue, &rtp(OPUS, *n)) == Queued::Dropped).count();
        assert!(dropped > 900, "{dropped}");
        let control = [22; 1000];
        let stuck = (0..1000).position(|_| push(&mut queue, &control) == Queued::Stuck);
        assert!(stuck.is_some_and(|n| n > 50), "{stuck:?}");
    }

    proptest! {
        #[test]
        fn the_queue_is_bounded_and_keeps_the_order_of_each_kind(
            operations in prop::collection::vec((0u8..4, 1usize..4000), 1..600),
        ) {
            let mut queue = SendQueue::new(Framing::Length);
            let mut reader = FrameReader::new(Framing::Length);
            let mut expected: [VecDeque<u16>; 2] = Default::default();
            for (number, (what, bytes)) in operations.into_iter().enumerate() {
                let number = u16::try_from(number).expect("small");
                match what {
                    0 | 1 => {
                        let datagram = rtp(if what == 0 { OPUS } else { 96 }, number);
                        if push(&mut queue, &datagram) == Queued::Taken {
                            expected[usize::from(what)].push_back(number);
                        }
                    }
                    _ => {
                        let part = queue.unwritten();
                        let part = part[..bytes.min(part.len())].to_vec();
                        queue.advance(part.len());
                        reader.add(&part);
                        while let Some(datagram) = reader.next().expect("frames") {
                            let which = usize::from(datagram[1] != OPUS);
                            let number = u16::from_be_bytes([datagram[2], datagram[3]]);
                            prop_assert_eq!(expected[which].pop_front(), Some(number));
                        }
                    }
                }
                prop_assert!(queue.urgent_bytes + queue.video_bytes + queue.current.len() <= 200 << 10);
            }
        }
    }
}
