//! The media of one call: our tracks as they are fed, the others' pictures and voices as they arrive.

use super::audio::CallAudio;
use super::devices::Devices;
use super::lipsync::LipSync;
use super::report::{ReportSender, TaskReport, TrackSender};
use super::video_decoder::{DecoderStatistics, VideoDecoderInput, VideoDecoderTask, VideoTap};
use super::video_encoder::{CameraFanout, VideoEncoder};
use crate::audio::{AudioReport, AudioStreamId, AudioStreamReport};
use crate::base::{EventKind, FrameSlot, SimulcastLayer, TrackSource, UserId};
use crate::rtc::{AudioSender, RemoteMedia, RemoteTrack, SenderClock};
use crate::session::{Attached, Epoch, TrackHandle};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Reads along what arrives: `--verify` measures pictures and tones with it.
pub(crate) trait MediaObserver: Send + Sync {
    /// Called with each decoded picture of somebody, in order, from a decoder's thread.
    fn picture(&self, user: &UserId) -> VideoTap;
    /// Called with a ring of somebody's decoded sound, 48 kHz mono, before it is mixed.
    fn voice(&self, user: &UserId, samples: rtrb::Consumer<f32>);
}

/// Samples that wait for a reader of a voice: one second.
const TAP_SAMPLES: usize = 48_000;

/// A remote picture that is shown.
struct RemoteVideo {
    user: UserId,
    mid: String,
    decoder: VideoDecoderTask,
    told: bool,
}

/// A remote voice that is played.
struct RemoteAudio {
    user: UserId,
    mid: String,
    id: AudioStreamId,
    clock: SenderClock,
    stop: CancellationToken,
    told: bool,
}

/// A picture of ours.
struct OwnVideo {
    cid: String,
    out: Arc<VideoEncoder>,
}

/// The media of one call.
pub(super) struct CallMedia {
    next: u64,
    /// Media of which nobody knows yet whose it is, and the connection on which it came.
    waiting: HashMap<TrackHandle, (Epoch, RemoteTrack)>,
    videos: HashMap<TrackHandle, RemoteVideo>,
    audios: HashMap<TrackHandle, RemoteAudio>,
    slots: HashMap<UserId, FrameSlot>,
    lipsync: HashMap<UserId, Arc<LipSync>>,
    own_video: Option<OwnVideo>,
    own_audio: Option<Arc<AudioSender>>,
    feeding: HashSet<TrackSource>,
    camera: Arc<CameraFanout>,
    audio: Arc<CallAudio>,
    report_tx: ReportSender,
    observer: Option<Arc<dyn MediaObserver>>,
    decoded_is_shown: bool,
    started: Instant,
}

impl CallMedia {
    pub(super) fn new(
        devices: &Devices,
        report_tx: ReportSender,
        observer: Option<Arc<dyn MediaObserver>>,
        decoded_is_shown: bool,
    ) -> Self {
        Self {
            next: 0,
            waiting: HashMap::new(),
            videos: HashMap::new(),
            audios: HashMap::new(),
            slots: HashMap::new(),
            lipsync: HashMap::new(),
            own_video: None,
            own_audio: None,
            feeding: HashSet::new(),
            camera: devices.camera().clone(),
            audio: devices.audio().clone(),
            report_tx,
            observer,
            decoded_is_shown,
            started: Instant::now(),
        }
    }

    // ---- ours

    /// A track of ours can be fed from now on; one of an older connection ends.
    pub(super) fn published(
        &mut self,
        cid: String,
        source: TrackSource,
        sender: TrackSender,
        layers: Vec<SimulcastLayer>,
    ) {
        match (source, sender) {
            (TrackSource::Microphone, TrackSender::Audio(sender)) => self.own_audio = Some(Arc::new(sender)),
            (TrackSource::Camera, TrackSender::Video(sender)) => {
                let out = VideoEncoder::start(layers, sender, self.started);
                if let Some(old) = self.own_video.replace(OwnVideo { cid, out }) {
                    end(old.out);
                }
            }
            (
                TrackSource::Camera
                | TrackSource::Microphone
                | TrackSource::Screen
                | TrackSource::ScreenAudio
                | TrackSource::Unknown(_),
                _,
            ) => return tracing::error!(%cid, ?source, "nothing feeds this track"),
        }
        self.connect(source);
    }

    /// Whether a track of ours sends.
    pub(super) fn feed(&mut self, source: TrackSource, on: bool) {
        if on {
            self.feeding.insert(source);
        } else {
            self.feeding.remove(&source);
        }
        self.connect(source);
    }

    fn connect(&self, source: TrackSource) {
        let on = self.feeding.contains(&source);
        match source {
            TrackSource::Camera => {
                let out = self.own_video.as_ref().map(|p| p.out.clone()).filter(|_| on);
                if let Some(out) = &out {
                    out.want_all_keyframes();
                }
                self.camera.feed(out);
            }
            TrackSource::Microphone => {
                self.audio.set_muted(!on);
                let sender = self.own_audio.clone().filter(|_| on);
                self.audio.send_to(sender);
            }
            // Nothing captures a screen yet.
            TrackSource::Screen | TrackSource::ScreenAudio | TrackSource::Unknown(_) => {}
        }
    }

    pub(super) fn want_keyframe(&self, cid: &str, layer: usize) {
        if let Some(own) = self.own_video.as_ref().filter(|p| p.cid == cid) {
            own.out.want_keyframe(layer);
        }
    }

    pub(super) fn set_link_rate(&self, bps: u32) {
        if let Some(own) = &self.own_video {
            own.out.set_link_rate(bps);
        }
    }

    /// The less arrives, the more of each packet of sound is repeated in the next one. A link that loses nothing now may
    /// do so in a moment, so a little is always repeated.
    pub(super) fn set_sent_loss(&self, percent: f64) {
        self.audio.set_expected_loss(percent.ceil().clamp(5.0, 30.0) as u32);
    }

    pub(super) fn set_layer_wanted(&self, layer: usize, wanted: bool) {
        if let Some(own) = &self.own_video {
            own.out.set_wanted(layer, wanted);
        }
    }

    // ---- theirs

    /// Media arrived; nobody knows yet whose it is.
    pub(super) fn arrived(&mut self, epoch: Epoch, track: RemoteTrack) -> TrackHandle {
        self.next += 1;
        let handle = TrackHandle(self.next);
        self.waiting.insert(handle, (epoch, track));
        handle
    }

    /// It is known by name: show or play it.
    pub(super) fn attach(&mut self, attached: Attached) {
        let Some((epoch, track)) = self.waiting.remove(&attached.handle) else { return };
        let mid = track.mid.clone();
        let (handle, report_tx) = (attached.handle, self.report_tx.clone());
        let ended = move || report_tx.hint(TaskReport::TrackEnded(epoch, handle));
        let lipsync = self.lipsync.entry(attached.user.clone()).or_default().clone();
        match track.media {
            RemoteMedia::Video(media, keyframe) => {
                let tap = self.observer.as_ref().map(|t| t.picture(&attached.user));
                let slot = self.slots.entry(attached.user.clone()).or_default().clone();
                let source = VideoDecoderInput { media, keyframe, clock: track.clock, lipsync, slot, tap };
                let decoder = VideoDecoderTask::start(attached.user.as_str(), source, ended);
                self.videos.insert(handle, RemoteVideo { user: attached.user, mid, decoder, told: false });
            }
            RemoteMedia::Audio(mut media) => {
                let tap = self.observer.as_ref().map(|observer| {
                    let (producer, consumer) = rtrb::RingBuffer::new(TAP_SAMPLES);
                    observer.voice(&attached.user, consumer);
                    producer
                });
                let Some((id, input)) = self.audio.add_voice(tap) else { return };
                let stop = CancellationToken::new();
                let stopped = stop.clone();
                tokio::spawn(async move {
                    loop {
                        tokio::select! {
                            biased;
                            () = stopped.cancelled() => return,
                            packet = media.recv() => match packet {
                                Some(packet) => {
                                    if !input.push(packet) {
                                        tracing::debug!("the sound thread is behind: a packet was dropped");
                                    }
                                }
                                None => return ended(),
                            },
                        }
                    }
                });
                let user = attached.user;
                self.audios.insert(handle, RemoteAudio { user, mid, id, clock: track.clock, stop, told: false });
            }
        }
    }

    /// It is gone.
    pub(super) fn detach(&mut self, handle: TrackHandle) {
        self.waiting.remove(&handle);
        self.videos.remove(&handle);
        if let Some(voice) = self.audios.remove(&handle) {
            voice.stop.cancel();
            self.audio.remove_voice(voice.id);
        }
    }

    /// Where somebody's picture is shown. The slot is made when it is first asked for.
    pub(super) fn slot(&self, user: &UserId) -> FrameSlot {
        self.slots.get(user).cloned().unwrap_or_default()
    }

    /// Pictures that were shown and voices that were heard for the first time; also keeps lip sync going.
    pub(super) fn take_first_media(&mut self) -> Vec<EventKind> {
        let mut events = Vec::new();
        let report = self.audio.report();
        for voice in self.audios.values_mut() {
            let Some(playout) = report.stream(voice.id).and_then(|v| v.playout) else { continue };
            if let (Some(micros), Some(lipsync)) =
                (voice.clock.sender_micros(playout.timestamp), self.lipsync.get(&voice.user))
            {
                lipsync.heard(micros, playout.at);
            }
            if !voice.told {
                voice.told = true;
                events.push(EventKind::FirstAudioFrame { user: voice.user.clone() });
            }
        }
        for picture in self.videos.values_mut().filter(|_| self.decoded_is_shown) {
            if !picture.told && picture.decoder.figures().frames.load(Relaxed) > 0 {
                picture.told = true;
                let (width, height) = picture.decoder.figures().size();
                events.push(EventKind::FirstVideoFrame { user: picture.user.clone(), width, height });
            }
        }
        events
    }

    /// Figures of the pictures that are decoded: owner, section, counts.
    pub(super) fn videos(&self) -> impl Iterator<Item = (&UserId, &str, &Arc<DecoderStatistics>)> {
        self.videos.values().map(|p| (&p.user, p.mid.as_str(), p.decoder.figures()))
    }

    /// Voices that are played: owner, section, figures.
    pub(super) fn audios<'a>(
        &'a self,
        report: &'a AudioReport,
    ) -> impl Iterator<Item = (&'a UserId, &'a str, &'a AudioStreamReport)> {
        self.audios.values().filter_map(|v| Some((&v.user, v.mid.as_str(), report.stream(v.id)?)))
    }

    /// What is heard and said now.
    pub(super) fn audio_report(&self) -> AudioReport {
        self.audio.report()
    }

    /// Ends everything of this call; the devices are released by others.
    pub(super) fn stop(&mut self) {
        self.camera.feed(None);
        self.audio.send_to(None);
        self.own_audio = None;
        if let Some(own) = self.own_video.take() {
            end(own.out);
        }
        self.waiting.clear();
        self.videos.clear();
        for (_, voice) in self.audios.drain() {
            voice.stop.cancel();
            self.audio.remove_voice(voice.id);
        }
        self.slots.clear();
    }
}

/// Encoders end after the picture at hand; nobody waits for that here.
fn end(out: Arc<VideoEncoder>) {
    tokio::task::spawn_blocking(move || out.stop());
}
