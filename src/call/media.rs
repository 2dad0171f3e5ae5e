//! The media of one call: our tracks with their encoders, and the received tracks with decoders and playout.

use super::audio::CallAudio;
use super::decodability::AudioWatch;
use super::devices::Devices;
use super::lipsync::{LipSync, STALE, SyncGroup};
use super::pictures::Pictures;
use super::report::{ReportSender, TaskReport, TrackSender};
use super::video_decoder::{DecoderStatistics, VideoDecoderInput, VideoDecoderTask, VideoTap};
use super::video_encoder::{FrameCounts, LayerCounts, VideoEncoder, VideoFanout};
use super::volumes::Volumes;
use crate::audio::{AudioReport, AudioStreamId, AudioStreamReport};
use crate::base::{
    DeviceKind, EventKind, FrameSlot, Moment, PcmFormat, SimulcastLayer, TrackRef, TrackSid, TrackSource, Undecodable,
    UserId,
};
use crate::codec::is_sealed;
use crate::rtc::{AudioSender, RemoteMedia, RemoteTrack, SenderClock};
use crate::session::{BoundTrack, Epoch, RemoteParticipant, TrackHandle};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Observes received media, for `--verify`.
pub(crate) trait MediaObserver: Send + Sync {
    /// The media of a video track begins. The tap is called with each decoded frame, in order, from a decoder's thread.
    fn video(&self, track: &TrackRef) -> VideoTap;
    /// The media of an audio track begins: a ring of its decoded samples, 48 kHz mono, before they are mixed.
    fn audio(&self, track: &TrackRef, samples: rtrb::Consumer<f32>);
    /// The media of a track has ended. It may begin again.
    fn ended(&self, track: &TrackRef);
}

/// Samples that wait for the observer of an audio track: one second. More are dropped.
const TAP_SAMPLES: usize = 48_000;

/// A remote video track that is decoded.
struct RemoteVideo {
    track: TrackRef,
    mid: String,
    decoder: VideoDecoderTask,
    epoch: Epoch,
    /// Why it cannot be decoded, as reported last.
    undecodable: Option<Undecodable>,
    /// Frames that were shown before the track was turned off last.
    before: u64,
    /// Whether FirstVideoFrame was sent since.
    is_told: bool,
}

/// A remote audio track that is played.
struct RemoteAudio {
    track: TrackRef,
    mid: String,
    id: AudioStreamId,
    clock: SenderClock,
    lipsync: Arc<LipSync>,
    stop: CancellationToken,
    epoch: Epoch,
    /// Why it cannot be decoded, as reported last.
    undecodable: Option<Undecodable>,
    watch: AudioWatch,
    /// Whether FirstAudioFrame was sent.
    is_told: bool,
}

/// A video track of ours.
struct OwnVideo {
    cid: String,
    encoder: Arc<VideoEncoder>,
}

/// The media of one call.
pub(super) struct CallMedia {
    next: u64,
    /// Media that is not yet bound to a track, and the connection attempt that it came on.
    waiting: HashMap<TrackHandle, (Epoch, RemoteTrack)>,
    videos: HashMap<TrackHandle, RemoteVideo>,
    audios: HashMap<TrackHandle, RemoteAudio>,
    /// The pictures of each video track.
    pictures: Mutex<HashMap<TrackSid, Arc<Pictures>>>,
    lipsync: HashMap<(UserId, SyncGroup), Arc<LipSync>>,
    volumes: Volumes,
    /// Our camera and our screen.
    own_videos: BTreeMap<TrackSource, OwnVideo>,
    own_audio: Option<Arc<AudioSender>>,
    /// The last bandwidth estimate for sending, in bits a second.
    link_rate: Option<u32>,
    sending: HashSet<TrackSource>,
    camera: Arc<VideoFanout>,
    screen: Arc<VideoFanout>,
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
            pictures: Mutex::default(),
            lipsync: HashMap::new(),
            volumes: Volumes::default(),
            own_videos: BTreeMap::new(),
            own_audio: None,
            link_rate: None,
            sending: HashSet::new(),
            camera: devices.camera().clone(),
            screen: devices.screen().clone(),
            audio: devices.audio().clone(),
            report_tx,
            observer,
            decoded_is_shown,
            started: Instant::now(),
        }
    }

    // ---- our tracks

    /// A track of ours was published. It replaces the track of an older connection.
    pub(super) fn published(
        &mut self,
        cid: String,
        source: TrackSource,
        sender: TrackSender,
        layers: Vec<SimulcastLayer>,
    ) {
        match (source, sender) {
            (TrackSource::Microphone, TrackSender::Audio(sender)) => self.own_audio = Some(Arc::new(sender)),
            // It was unpublished before this report came.
            (TrackSource::Screen, _) if !self.sending.contains(&source) => return,
            (TrackSource::Camera | TrackSource::Screen, TrackSender::Video(sender)) => {
                let encoder = VideoEncoder::start(source, layers, sender, self.started);
                if let Some(old) = self.own_videos.insert(source, OwnVideo { cid, encoder }) {
                    end(old.encoder);
                }
            }
            (
                TrackSource::Camera
                | TrackSource::Microphone
                | TrackSource::Screen
                | TrackSource::ScreenAudio
                | TrackSource::Unknown(_),
                _,
            ) => return tracing::error!(%cid, ?source, "no device feeds this track"),
        }
        self.connect(source);
    }

    /// Whether a track of ours sends.
    pub(super) fn set_sending(&mut self, source: TrackSource, on: bool) {
        if on {
            self.sending.insert(source);
        } else {
            self.sending.remove(&source);
        }
        self.connect(source);
        // A screen that is not shared any more is unpublished, not muted.
        if source == TrackSource::Screen
            && !on
            && let Some(ended) = self.own_videos.remove(&source)
        {
            end(ended.encoder);
        }
    }

    fn connect(&self, source: TrackSource) {
        let on = self.sending.contains(&source);
        match source {
            TrackSource::Camera | TrackSource::Screen => {
                let encoder = self.own_videos.get(&source).map(|p| p.encoder.clone()).filter(|_| on);
                if let Some(encoder) = &encoder {
                    encoder.want_all_keyframes();
                }
                let fanout = if source == TrackSource::Camera { &self.camera } else { &self.screen };
                fanout.connect(encoder);
            }
            TrackSource::Microphone => {
                self.audio.set_muted(!on);
                let sender = self.own_audio.clone().filter(|_| on);
                self.audio.send_to(sender);
            }
            // Nothing captures the audio of a screen yet.
            TrackSource::ScreenAudio | TrackSource::Unknown(_) => {}
        }
    }

    /// A receiver needs a key frame of this simulcast layer.
    pub(super) fn want_keyframe(&self, cid: &str, layer: usize) {
        if let Some(own) = self.own_video(cid) {
            own.encoder.want_keyframe(layer);
        }
    }

    fn own_video(&self, cid: &str) -> Option<&OwnVideo> {
        self.own_videos.values().find(|own| own.cid == cid)
    }

    /// Sets the bandwidth estimate for sending, in bits a second.
    pub(super) fn set_link_rate(&mut self, bps: u32) {
        self.link_rate = Some(bps);
        self.share_link();
    }

    /// Divides the last estimate among our tracks; before the first, each may send as much as it wants.
    fn share_link(&self) {
        let Some(bps) = self.link_rate else { return };
        let encoders: Vec<&VideoEncoder> = self.own_videos.values().map(|own| &*own.encoder).collect();
        VideoEncoder::set_link_rate(&encoders, bps);
    }

    /// Sets the expected loss of our audio to the measured loss of our packets, within 5 to 30 %. The lower bound keeps some
    /// redundancy (Opus in-band FEC, RFC 6716 section 2.1.7) on a link that has lost nothing so far.
    pub(super) fn set_sent_loss(&self, percent: f64) {
        self.audio.set_expected_loss(percent.ceil().clamp(5.0, 30.0) as u32);
    }

    /// Which simulcast layers of a track of ours have a subscriber.
    pub(super) fn want_layers(&self, cid: &str, layers: &[(usize, bool)]) {
        let Some(own) = self.own_video(cid) else { return };
        for (layer, wanted) in layers {
            own.encoder.set_wanted(*layer, *wanted);
        }
        // No estimate comes while nothing is sent.
        self.share_link();
    }

    // ---- received tracks

    /// Media has begun that is not yet bound to a track.
    pub(super) fn add_received(&mut self, epoch: Epoch, track: RemoteTrack) -> TrackHandle {
        self.next += 1;
        let handle = TrackHandle(self.next);
        self.waiting.insert(handle, (epoch, track));
        handle
    }

    /// Media is bound to a track: decodes and shows it, or plays it.
    pub(super) fn attach(&mut self, BoundTrack { handle, track }: BoundTrack) {
        let Some((epoch, received)) = self.waiting.remove(&handle) else { return };
        let (mid, clock) = (received.mid.clone(), received.clock);
        let report_tx = self.report_tx.clone();
        let ended = move || report_tx.hint(TaskReport::TrackEnded(epoch, handle));
        let group = (track.user.clone(), SyncGroup::of(track.source));
        let lipsync = self.lipsync.entry(group).or_default().clone();
        match received.media {
            RemoteMedia::Video(media, keyframe) => {
                let tap = self.observer.as_ref().map(|o| o.video(&track));
                let pictures = self.pictures(&track.sid).input();
                let report_tx = self.report_tx.clone();
                let began = Box::new(move || report_tx.hint(TaskReport::FirstPicture));
                let input = VideoDecoderInput { media, keyframe, clock, lipsync, pictures, tap, began };
                let decoder = VideoDecoderTask::start(track.user.as_str(), input, ended);
                let video = RemoteVideo { track, mid, decoder, epoch, undecodable: None, before: 0, is_told: false };
                self.videos.insert(handle, video);
            }
            RemoteMedia::Audio(mut media) => {
                let tap = self.observer.as_ref().map(|observer| {
                    let (producer, consumer) = rtrb::RingBuffer::new(TAP_SAMPLES);
                    observer.audio(&track, consumer);
                    producer
                });
                let Some((id, input)) = self.audio.add_stream(tap) else { return };
                self.audio.set_volume(id, self.volumes.of(&track.user));
                let stop = CancellationToken::new();
                let (stopped, watch) = (stop.clone(), AudioWatch::default());
                let sealed = watch.sealed.clone();
                tokio::spawn(async move {
                    loop {
                        tokio::select! {
                            biased;
                            () = stopped.cancelled() => return,
                            packet = media.recv() => match packet {
                                Some(packet) => {
                                    if is_sealed(&packet.payload) {
                                        sealed.fetch_add(1, Relaxed);
                                    } else if !input.push(packet) {
                                        tracing::debug!("the queue of the audio thread is full: a packet was dropped");
                                    }
                                }
                                None => return ended(),
                            },
                        }
                    }
                });
                let (undecodable, is_told) = (None, false);
                let audio = RemoteAudio { track, mid, id, clock, lipsync, stop, epoch, undecodable, watch, is_told };
                self.audios.insert(handle, audio);
            }
        }
    }

    /// The media of a track has ended, or is bound to another track now.
    pub(super) fn detach(&mut self, handle: TrackHandle) {
        self.waiting.remove(&handle);
        let video = self.videos.remove(&handle).map(|v| v.track);
        let audio = self.audios.remove(&handle).map(|audio| {
            audio.stop.cancel();
            self.audio.remove_stream(audio.id);
            audio.track
        });
        if let (Some(track), Some(observer)) = (video.or(audio), &self.observer) {
            observer.ended(&track);
        }
    }

    /// Plays all that a person sends at this volume, in percent.
    pub(super) fn set_volume(&mut self, user: &UserId, percent: u16) {
        let percent = self.volumes.set(user, percent);
        for audio in self.audios.values().filter(|audio| audio.track.user == *user) {
            self.audio.set_volume(audio.id, percent);
        }
    }

    /// How loud a person is played, in percent.
    pub(super) fn volume(&self, user: &UserId) -> u16 {
        self.volumes.of(user)
    }

    /// A remote video track sends from now on, or not. FirstVideoFrame follows for the first picture after an "off".
    pub(super) fn set_receiving(&mut self, track: &TrackSid, on: bool) {
        self.pictures(track).set_sending(on);
        for video in self.videos.values_mut().filter(|v| v.track.sid == *track) {
            video.before = video.decoder.statistics().frames.load(Relaxed);
            video.is_told = false;
        }
    }

    /// The pictures of a track stop for a while, or come again: the time between is no freeze.
    pub(super) fn interrupt(&self, track: &TrackSid) {
        self.pictures(track).interrupt();
    }

    fn pictures(&self, track: &TrackSid) -> Arc<Pictures> {
        self.pictures.lock().entry(track.clone()).or_default().clone()
    }

    /// Where the frames of a video track are shown: the same slot before and after its media begins.
    pub(super) fn slot(&self, track: &TrackSid) -> FrameSlot {
        self.pictures(track).slot().clone()
    }

    /// Forgets the pictures of tracks and the clocks of participants that are not in the roster any more.
    pub(super) fn keep_only(&mut self, people: &[RemoteParticipant]) {
        self.pictures.get_mut().retain(|sid, _| people.iter().any(|p| p.tracks.iter().any(|t| t.sid == *sid)));
        self.lipsync.retain(|(user, _), _| people.iter().any(|p| p.user == *user));
        self.volumes.keep_only(|user| people.iter().any(|p| p.user == *user));
    }

    /// FirstVideoFrame and FirstAudioFrame of tracks that have been shown or heard since; also tells lip sync what is
    /// being heard.
    pub(super) fn take_first_media(&mut self) -> Vec<EventKind> {
        let mut events = Vec::new();
        let report = self.audio.report();
        self.update_lipsync(&report);
        for audio in self.audios.values_mut().filter(|a| !a.is_told) {
            if report.stream(audio.id).is_some_and(|stream| stream.playout.is_some()) {
                audio.is_told = true;
                events.push(EventKind::FirstAudioFrame { track: audio.track.clone() });
            }
        }
        for video in self.videos.values_mut().filter(|v| self.decoded_is_shown && !v.is_told) {
            if video.decoder.statistics().frames.load(Relaxed) > video.before {
                video.is_told = true;
                let (width, height) = video.decoder.statistics().size();
                events.push(EventKind::FirstVideoFrame { track: video.track.clone(), width, height });
            }
        }
        events
    }

    /// The tracks that cannot be decoded any more, or can be again, since the last call of this.
    pub(super) fn take_decodability(&mut self) -> Vec<(Epoch, TrackHandle, Option<Undecodable>)> {
        let report = self.audio.report();
        let now = Moment::ZERO + self.started.elapsed();
        let mut changes = Vec::new();
        for (handle, video) in &mut self.videos {
            let why = video.decoder.statistics().undecodable();
            if std::mem::replace(&mut video.undecodable, why) != why {
                changes.push((video.epoch, *handle, why));
            }
        }
        for (handle, audio) in &mut self.audios {
            let Some(stream) = report.stream(audio.id) else { continue };
            let why = audio.watch.look(&stream.statistics, now);
            if std::mem::replace(&mut audio.undecodable, why) != why {
                changes.push((audio.epoch, *handle, why));
            }
        }
        changes
    }

    /// Updates each clock with the audio position that is heard now. Of several microphones of one user, the first that
    /// is not silent counts.
    fn update_lipsync(&self, report: &AudioReport) {
        let mut heard: HashMap<*const LipSync, (Heard, &RemoteAudio)> = HashMap::new();
        for (handle, audio) in &self.audios {
            let Some(playout) = report.stream(audio.id).and_then(|stream| stream.playout) else { continue };
            let Some(micros) = audio.clock.sender_micros(playout.timestamp) else { continue };
            let this = Heard { stale: playout.at.elapsed() > STALE, handle: *handle, at: playout.at, micros };
            let first = heard.entry(Arc::as_ptr(&audio.lipsync)).or_insert((this, audio));
            if (this.stale, this.handle) < (first.0.stale, first.0.handle) {
                *first = (this, audio);
            }
        }
        for (heard, audio) in heard.into_values() {
            audio.lipsync.heard(heard.micros, heard.at);
        }
    }

    /// What the layers of our video tracks have sent, by source.
    pub(super) fn own_videos(&self) -> impl Iterator<Item = (TrackSource, Vec<LayerCounts>)> {
        self.own_videos.iter().map(|(source, own)| (*source, own.encoder.counts()))
    }

    /// What camera and screen have delivered since they were opened.
    pub(super) fn frame_counts(&self) -> [(DeviceKind, FrameCounts); 2] {
        [(DeviceKind::Camera, self.camera.counts()), (DeviceKind::Screen, self.screen.counts())]
    }

    /// The formats of the open microphone and of the open speaker.
    pub(super) fn audio_formats(&self) -> [Option<PcmFormat>; 2] {
        self.audio.formats()
    }

    /// The video tracks that are decoded: track, mid, statistics.
    pub(super) fn videos(&self) -> impl Iterator<Item = (&TrackRef, &str, &Arc<DecoderStatistics>)> {
        self.videos.values().map(|v| (&v.track, v.mid.as_str(), v.decoder.statistics()))
    }

    /// The audio tracks that are played: track, mid, statistics.
    pub(super) fn audios<'a>(
        &'a self,
        report: &'a AudioReport,
    ) -> impl Iterator<Item = (&'a TrackRef, &'a str, &'a AudioStreamReport)> {
        self.audios.values().filter_map(|a| Some((&a.track, a.mid.as_str(), report.stream(a.id)?)))
    }

    /// Levels, statistics and playout positions of now.
    pub(super) fn audio_report(&self) -> AudioReport {
        self.audio.report()
    }

    /// Ends all media of the call. The devices stay open.
    pub(super) fn stop(&mut self) {
        self.camera.connect(None);
        self.screen.connect(None);
        self.audio.send_to(None);
        self.own_audio = None;
        for own in std::mem::take(&mut self.own_videos).into_values() {
            end(own.encoder);
        }
        self.waiting.clear();
        let handles: Vec<TrackHandle> = self.videos.keys().chain(self.audios.keys()).copied().collect();
        for handle in handles {
            self.detach(handle);
        }
        self.pictures.get_mut().clear();
    }
}

/// The playout position of one audio track.
#[derive(Clone, Copy)]
struct Heard {
    /// Nothing was heard of it for [`STALE`].
    stale: bool,
    handle: TrackHandle,
    at: Instant,
    /// The sender's time of the audio that was heard, in microseconds.
    micros: i64,
}

/// Ends the encoders on another thread: each finishes its current frame first.
fn end(encoder: Arc<VideoEncoder>) {
    tokio::task::spawn_blocking(move || encoder.stop());
}
