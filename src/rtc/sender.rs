//! Sends encoded frames and audio as RTP packets. Sending never waits: what the connection cannot take is dropped.

use super::publication::{Negotiated, Publication};
use super::vp8::{self, FrameNumbers};
use crate::base::EncodedFrame;
use bytes::Bytes;
use parking_lot::Mutex;
use rtc::rtp::{Header, Packet};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes of a packet, for an estimate of how many the path carries.
const PACKET_BYTES: usize = 1200;
/// Packets that may wait in the pacer in any case: a large key frame must fit. Beyond it new frames are dropped.
const PACER_PACKETS: usize = 100;
/// Packets that may wait in the pacer, in ms of the estimated send rate, if that is more.
const PACER_MS: usize = 400;

/// The outcome of sending a frame or packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum SendOutcome {
    /// It is in the queue to the connection.
    Queued,
    /// It was dropped.
    Dropped(DropReason),
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// The track is not negotiated yet, or the connection is not up.
    NotConnected,
    /// The queue or the pacer is full: the encoder must slow down.
    Congested,
    /// An earlier frame was dropped, and this one is no key frame.
    NeedsKeyframe,
    /// There is no such layer, or the connection is closed.
    Closed,
}

impl From<Result<(), DropReason>> for SendOutcome {
    fn from(result: Result<(), DropReason>) -> Self {
        match result {
            Ok(()) => Self::Queued,
            Err(reason) => Self::Dropped(reason),
        }
    }
}

type PacketQueue = mpsc::Sender<Vec<Packet>>;

fn reserve(queue: &PacketQueue) -> Result<mpsc::Permit<'_, Vec<Packet>>, DropReason> {
    queue.try_reserve().map_err(|full| match full {
        mpsc::error::TrySendError::Full(()) => DropReason::Congested,
        mpsc::error::TrySendError::Closed(()) => DropReason::Closed,
    })
}

impl Publication {
    /// The negotiated parameters, if packets may be sent now.
    fn ready(&self) -> Result<&Negotiated, DropReason> {
        match self.negotiated.get() {
            Some(negotiated) if *self.connected.borrow() => Ok(negotiated),
            _ => Err(DropReason::NotConnected),
        }
    }

    /// The header that every packet of `layer` starts from.
    fn header(&self, negotiated: &Negotiated, layer: usize, timestamp: u32) -> Header {
        let mut header = Header {
            version: 2,
            payload_type: negotiated.payload_type,
            ssrc: self.ssrcs[layer],
            timestamp,
            ..Header::default()
        };
        let rid = self.rids.get(layer).filter(|rid| !rid.is_empty());
        for (id, value) in [(negotiated.mid_id, Some(&negotiated.mid)), (negotiated.rid_id, rid)] {
            if let (Some(id), Some(value)) = (id, value) {
                set_extension(&mut header, id, Bytes::copy_from_slice(value.as_bytes()));
            }
        }
        header
    }

    /// Whether the pacer holds more than the path carries within [`PACER_MS`].
    fn is_congested(&self) -> bool {
        let carried = self.transport.send_rate() as usize * PACER_MS / 1000 / 8 / PACKET_BYTES;
        self.transport.pacer_queue() > carried.max(PACER_PACKETS)
    }
}

fn set_extension(header: &mut Header, id: u8, value: Bytes) {
    if let Err(error) = header.set_extension(id, value) {
        tracing::debug!(%error, id, "a header extension does not fit");
    }
}

/// The numbers of one layer's next packet.
#[derive(Debug)]
struct LayerState {
    sequence: u16,
    numbers: FrameNumbers,
    needs_keyframe: bool,
}

/// Sends the layers of one published video track. Dropping it does not unpublish the track.
#[derive(Debug)]
pub(crate) struct VideoSender {
    publication: Arc<Publication>,
    queue: PacketQueue,
    layers: Mutex<Vec<LayerState>>,
}

impl VideoSender {
    pub(super) fn new(publication: Arc<Publication>, queue: PacketQueue) -> Self {
        let state = |_: &u32| LayerState {
            sequence: rand::random(),
            numbers: FrameNumbers::starting_at(rand::random()),
            needs_keyframe: true,
        };
        let layers = publication.ssrcs.iter().map(state).collect();
        Self { publication, queue, layers: Mutex::new(layers) }
    }

    /// Sends one VP8 frame of one layer. After a dropped frame, frames are dropped up to the next key frame, which is
    /// requested by [`RtcEvent::KeyframeWanted`](super::RtcEvent::KeyframeWanted).
    pub(crate) fn send(&self, layer: usize, frame: &EncodedFrame) -> SendOutcome {
        let mut layers = self.layers.lock();
        let Some(state) = layers.get_mut(layer) else { return SendOutcome::Dropped(DropReason::Closed) };
        let result = self.try_send(state, layer, frame);
        if let Err(reason) = result {
            state.needs_keyframe = true;
            if matches!(reason, DropReason::Congested | DropReason::NeedsKeyframe) {
                self.publication.want_keyframe(layer);
            }
        }
        result.into()
    }

    fn try_send(&self, state: &mut LayerState, layer: usize, frame: &EncodedFrame) -> Result<(), DropReason> {
        let negotiated = self.publication.ready()?;
        if state.needs_keyframe && !frame.keyframe {
            return Err(DropReason::NeedsKeyframe);
        }
        if self.publication.is_congested() {
            return Err(DropReason::Congested);
        }
        let place = reserve(&self.queue)?;
        let header = self.publication.header(negotiated, layer, frame.timestamp);
        let payloads = vp8::packetize(&frame.data, state.numbers);
        let last = payloads.len().saturating_sub(1);
        let packet = |(i, payload)| {
            let mut header = header.clone();
            header.sequence_number = state.sequence.wrapping_add(i as u16);
            header.marker = i == last;
            Packet { header, payload }
        };
        place.send(payloads.into_iter().enumerate().map(packet).collect());
        state.sequence = state.sequence.wrapping_add(last as u16 + 1);
        state.numbers = state.numbers.next();
        state.needs_keyframe = false;
        Ok(())
    }
}

/// Sends one published audio track. Dropping it does not unpublish the track.
#[derive(Debug)]
pub(crate) struct AudioSender {
    publication: Arc<Publication>,
    queue: PacketQueue,
    state: Mutex<AudioState>,
}

#[derive(Debug)]
struct AudioState {
    sequence: u16,
    /// Timestamp of the last packet.
    last: Option<u32>,
}

/// Ticks of the longest Opus packet, 120 ms at 48 kHz: a longer pause starts a new talk spurt.
const LONGEST_PACKET: u32 = 5760;

impl AudioSender {
    pub(super) fn new(publication: Arc<Publication>, queue: PacketQueue) -> Self {
        Self { publication, queue, state: Mutex::new(AudioState { sequence: rand::random(), last: None }) }
    }

    /// Sends one Opus packet. `timestamp` counts 48 kHz samples, also those that were not sent (DTX); `level` is the
    /// loudness in dBov, -127 (silence) to 0; `active` says whether it is speech.
    pub(crate) fn send(&self, payload: Bytes, timestamp: u32, level: f32, active: bool) -> SendOutcome {
        self.try_send(payload, timestamp, level, active).into()
    }

    fn try_send(&self, payload: Bytes, timestamp: u32, level: f32, active: bool) -> Result<(), DropReason> {
        let negotiated = self.publication.ready()?;
        let mut state = self.state.lock();
        let place = reserve(&self.queue)?;
        let mut header = self.publication.header(negotiated, 0, timestamp);
        header.sequence_number = state.sequence;
        header.marker = state.last.is_none_or(|last| timestamp.wrapping_sub(last) > LONGEST_PACKET);
        if let Some(id) = negotiated.level_id {
            set_extension(&mut header, id, Bytes::copy_from_slice(&[level_byte(level, active)]));
        }
        place.send(vec![Packet { header, payload }]);
        state.sequence = state.sequence.wrapping_add(1);
        state.last = Some(timestamp);
        Ok(())
    }
}

/// The audio level extension (RFC 6464): voice activity, and the level in -dBov.
fn level_byte(level: f32, active: bool) -> u8 {
    let quiet = (-level).clamp(0.0, 127.0) as u8;
    quiet | if active { 0x80 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_written_as_rfc_6464_has_them() {
        assert_eq!(level_byte(-20.0, true), 0x80 | 20);
        assert_eq!(level_byte(-200.0, false), 127);
        assert_eq!(level_byte(3.0, true), 0x80);
        assert_eq!(level_byte(f32::NAN, false), 0);
    }
}
