//! What we send: encoded frames and sound in, numbered RTP packets out. Sending never waits.

use super::event::{EventSender, RtcEvent};
use super::interceptors::TransportState;
use super::vp8::{self, FrameNumbers};
use crate::base::EncodedFrame;
use bytes::Bytes;
use rtc::rtp::{Header, Packet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{mpsc, watch};

/// Frames of one track that wait for the connection: three layers' worth of a few frames.
pub(super) const QUEUED_FRAMES: usize = 24;
/// Packets in the pacer beyond which new frames only grow older: a large key frame must fit.
const PACER_PACKETS: usize = 100;
/// Time in the pacer beyond which new frames only grow older, in ms.
const PACER_MS: usize = 400;

/// One encoding of a published picture, smallest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    /// `q`, `h` or `f`; empty when there is only one.
    pub(crate) rid: String,
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// Kilobits a second that it may take.
    pub(crate) max_kbps: u32,
}

/// What became of a frame or packet that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum SendOutcome {
    /// It is on its way.
    Queued,
    /// It was dropped.
    Dropped(DropReason),
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// The track is not negotiated yet, or the connection is not up.
    NotConnected,
    /// More waits already than the way carries. The encoder must slow down.
    Congested,
    /// A frame before it was dropped, so it could not be decoded: a key frame is needed first.
    NeedsKeyframe,
    /// No such layer, or the track is not published any more.
    Closed,
}

/// What all packets of a track have in common, known once it is negotiated.
#[derive(Debug)]
pub(super) struct Negotiated {
    pub(super) payload_type: u8,
    pub(super) mid: String,
    /// Negotiated ids of the header extensions; `None` for one that was refused.
    pub(super) mid_id: Option<u8>,
    pub(super) rid_id: Option<u8>,
    pub(super) level_id: Option<u8>,
}

/// A published track, as its connection and its sender share it.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) cid: Arc<str>,
    pub(super) ssrcs: Vec<u32>,
    pub(super) rids: Vec<String>,
    pub(super) negotiated: OnceLock<Negotiated>,
    pub(super) connected: watch::Receiver<bool>,
    pub(super) closed: AtomicBool,
    pub(super) transport: Arc<TransportState>,
    pub(super) events: EventSender,
}

impl Publication {
    /// What is negotiated, if packets may be sent now.
    fn ready(&self) -> Result<&Negotiated, DropReason> {
        if self.closed.load(Relaxed) {
            return Err(DropReason::Closed);
        }
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
        let named = [(negotiated.mid_id, Some(&negotiated.mid)), (negotiated.rid_id, rid)];
        for (id, value) in named {
            if let (Some(id), Some(value)) = (id, value) {
                set_extension(&mut header, id, Bytes::copy_from_slice(value.as_bytes()));
            }
        }
        header
    }

    fn want_keyframe(&self, layer: usize) {
        self.events.hint(RtcEvent::KeyframeWanted { cid: self.cid.clone(), layer });
    }
}

fn set_extension(header: &mut Header, id: u8, value: Bytes) {
    if let Err(error) = header.set_extension(id, value) {
        tracing::debug!(%error, id, "a header extension does not fit");
    }
}

/// Where one layer's numbers stand.
#[derive(Debug)]
struct LayerState {
    sequence: u16,
    numbers: FrameNumbers,
    needs_keyframe: bool,
}

/// Sends the layers of one published picture. Dropping it does not unpublish.
#[derive(Debug)]
pub(crate) struct VideoSender {
    publication: Arc<Publication>,
    queue: mpsc::Sender<Vec<Packet>>,
    layers: Mutex<Vec<LayerState>>,
}

impl VideoSender {
    pub(super) fn new(publication: Arc<Publication>, queue: mpsc::Sender<Vec<Packet>>) -> Self {
        let state = |_: &u32| LayerState {
            sequence: rand::random(),
            numbers: FrameNumbers::starting_at(rand::random()),
            needs_keyframe: true,
        };
        let layers = publication.ssrcs.iter().map(state).collect();
        Self { publication, queue, layers: Mutex::new(layers) }
    }

    /// Sends one VP8 frame of one layer. A dropped frame is followed by others only from the next key frame on, which
    /// is asked for by [`RtcEvent::KeyframeWanted`].
    pub(crate) fn send(&self, layer: usize, frame: &EncodedFrame) -> SendOutcome {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = layers.get_mut(layer) else { return SendOutcome::Dropped(DropReason::Closed) };
        match self.try_send(state, layer, frame) {
            Ok(()) => SendOutcome::Queued,
            Err(reason) => {
                state.needs_keyframe = true;
                if matches!(reason, DropReason::Congested | DropReason::NeedsKeyframe) {
                    self.publication.want_keyframe(layer);
                }
                SendOutcome::Dropped(reason)
            }
        }
    }

    fn try_send(&self, state: &mut LayerState, layer: usize, frame: &EncodedFrame) -> Result<(), DropReason> {
        let negotiated = self.publication.ready()?;
        if state.needs_keyframe && !frame.keyframe {
            return Err(DropReason::NeedsKeyframe);
        }
        if self.is_congested() {
            return Err(DropReason::Congested);
        }
        let place = self.queue.try_reserve().map_err(|full| match full {
            mpsc::error::TrySendError::Full(()) => DropReason::Congested,
            mpsc::error::TrySendError::Closed(()) => DropReason::Closed,
        })?;
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

    fn is_congested(&self) -> bool {
        let transport = &self.publication.transport;
        let carried = transport.send_rate() as usize * PACER_MS / 1000 / 8 / 1200;
        transport.waiting() > carried.max(PACER_PACKETS)
    }
}

/// Sends one published sound. Dropping it does not unpublish.
#[derive(Debug)]
pub(crate) struct AudioSender {
    publication: Arc<Publication>,
    queue: mpsc::Sender<Vec<Packet>>,
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
    pub(super) fn new(publication: Arc<Publication>, queue: mpsc::Sender<Vec<Packet>>) -> Self {
        Self { publication, queue, state: Mutex::new(AudioState { sequence: rand::random(), last: None }) }
    }

    /// Sends one Opus packet. `timestamp` counts 48 kHz samples and jumps over what was not sent (DTX); `level` is the
    /// loudness in dBov, -127 (silence) to 0; `active` says whether it is a voice.
    pub(crate) fn send(&self, payload: Bytes, timestamp: u32, level: f32, active: bool) -> SendOutcome {
        match self.try_send(payload, timestamp, level, active) {
            Ok(()) => SendOutcome::Queued,
            Err(reason) => SendOutcome::Dropped(reason),
        }
    }

    fn try_send(&self, payload: Bytes, timestamp: u32, level: f32, active: bool) -> Result<(), DropReason> {
        let negotiated = self.publication.ready()?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.queue.try_reserve().map_err(|full| match full {
            mpsc::error::TrySendError::Full(()) => DropReason::Congested,
            mpsc::error::TrySendError::Closed(()) => DropReason::Closed,
        })?;
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

/// The audio level extension (RFC 6464): voice activity, and the level as -dBov.
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
