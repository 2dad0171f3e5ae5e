//! For the window's tests: people, calls, video frames, and a call service that serves what a test sets and records what
//! the window asks for.

use crate::base::{
    ChatMessage, ChatPerson, ConnectionQuality, Delivery, DeviceEntry, DeviceLists, ExitReason, FrameSlot, Plane,
    Receipt, ReceiptStep, RoomState, SessionId, StepName, StepState, TrackRef, TrackRole, TrackSource, Undecodable,
    UserId, VideoFrame, WatchedVideos,
};
use crate::call::view::{
    CallApi, CallCommand, CallPhase, CallSummary, CallView, ChatView, DeviceState, LocalDevice, Notice, Person,
    PersonTrack, RoomQuery, RoomStatus, Snapshot,
};
use crate::proto::room_settings::RoomSettings;
use crate::store::{Settings, Theme};
use crate::ui::action::Action;
use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::notifications::NotificationOrder;
use crate::ui::update::update;
use crate::ui::{App, CheckProgress, CheckRequest, Checker, Options, ReportRequest, ReportState, TalkKeyProblem};
use egui_kittest::Harness;
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A server on this computer.
pub(super) const SERVER: &str = "ws://127.0.0.1:7880";
/// 14:32:07.312 on a day in UTC.
const LEFT_AT: f64 = 1_763_908_327_312.0;

/// Applies an action; returns the commands for the call service.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<CallCommand> {
    let mut effects = Effects::default();
    update(model, action, &mut effects);
    effects.commands
}

/// The call service and the callbacks of a test's window.
#[derive(Clone, Default)]
pub(super) struct World {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) snapshot: Snapshot,
    pub(super) notices: Vec<Notice>,
    pub(super) commands: Vec<CallCommand>,
    /// The rooms that were looked up, apart from the commands: they follow what is typed.
    pub(super) looked_up: Vec<Option<RoomQuery>>,
    /// The videos that are shown, apart from the commands: they follow what is drawn.
    pub(super) watched: WatchedVideos,
    pub(super) screens: Vec<&'static str>,
    pub(super) first_frames: Vec<(String, u32, u32)>,
    /// The user, the frame's time in microseconds, and when it was painted in Unix ms.
    pub(super) painted: Vec<(String, u64, f64)>,
    pub(super) settings: Option<Settings>,
    /// The keys for push to talk in all programs, as they were passed on.
    pub(super) talk_keys: Vec<Option<String>>,
    /// What is wrong with such a key.
    pub(super) talk_key_problem: Option<TalkKeyProblem>,
    /// What was asked about the report of a problem, apart from how far it is.
    pub(super) report_requests: Vec<ReportRequest>,
    /// What the system was told about notifications.
    pub(super) notifications: Vec<NotificationOrder>,
    /// How far that report is.
    pub(super) report: Option<ReportState>,
    /// Whether a part of the program broke down last time.
    pub(super) crashed: bool,
    /// Pages for the browser.
    pub(super) pages: Vec<String>,
    /// Files that were saved: names and texts.
    pub(super) files: Vec<(String, String)>,
    /// The state of the check of the set-up; `None` where there is none.
    pub(super) check: Option<CheckProgress>,
    /// The checks that were begun.
    pub(super) checks: Vec<CheckRequest>,
}

struct TestChecker(World);

impl Checker for TestChecker {
    fn start(&mut self, request: CheckRequest) {
        let mut inner = self.0.lock();
        inner.checks.push(request);
        inner.check = Some(CheckProgress { running: true, ..CheckProgress::default() });
    }

    fn stop(&mut self) {
        if let Some(check) = &mut self.0.lock().check {
            (check.running, check.current) = (false, None);
        }
    }

    fn progress(&self) -> CheckProgress {
        self.0.lock().check.clone().unwrap_or_default()
    }

    fn set_waker(&mut self, _wake: Arc<dyn Fn() + Send + Sync>) {}
}

struct TestCalls(World);

impl CallApi for TestCalls {
    fn send(&mut self, command: CallCommand) {
        let mut inner = self.0.lock();
        match command {
            CallCommand::LookUp(room) => inner.looked_up.push(room),
            CallCommand::Watch(watched) => inner.watched = watched,
            command => inner.commands.push(command),
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(self.0.lock().snapshot.clone())
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.0.lock().notices)
    }

    fn set_waker(&mut self, _wake: Arc<dyn Fn() + Send + Sync>) {}
}

impl World {
    /// Working devices, and no call.
    pub(super) fn new() -> Self {
        let world = Self::default();
        let mut inner = world.lock();
        inner.snapshot = Snapshot {
            devices: devices(),
            camera: device("Built-in camera"),
            microphone: device("Headset microphone"),
            speaker: device("Headset"),
            own_level: -24.0,
            ..Snapshot::default()
        };
        inner.snapshot.own_frames.put(portrait(PEOPLE[3].1));
        drop(inner);
        world
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Starts a call at `phase`.
    pub(super) fn call(&self, phase: CallPhase) {
        self.lock().snapshot.call = Some(call(phase));
    }

    /// Ends the call, with the devices closed.
    pub(super) fn end(&self, ending: CallSummary) {
        let mut inner = self.lock();
        inner.snapshot.camera.state = DeviceState::Off;
        inner.snapshot.microphone.state = DeviceState::Off;
        let call = inner.snapshot.call.as_mut().expect("a call");
        call.people.clear();
        call.phase = CallPhase::Ended(ending);
    }

    /// Changes the call.
    pub(super) fn with_call(&self, change: impl FnOnce(&mut CallView)) {
        change(self.lock().snapshot.call.as_mut().expect("a call"));
    }

    /// The commands since the last call of this.
    pub(super) fn commands(&self) -> Vec<CallCommand> {
        std::mem::take(&mut self.lock().commands)
    }

    /// The videos that are shown, by sid, with the size of their tiles in pixels.
    pub(super) fn watched(&self) -> BTreeMap<String, (u32, u32)> {
        let WatchedVideos::Only(watched) = &self.lock().watched else { panic!("the window says which are shown") };
        watched.iter().map(|(sid, view)| (sid.to_string(), (view.width, view.height))).collect()
    }

    /// Answers the last look-up.
    pub(super) fn answer_lookup(&self, news: RoomStatus) {
        let mut inner = self.lock();
        let question = inner.looked_up.last().cloned().flatten().expect("a room was looked up");
        inner.snapshot.room = Some((question, news));
    }

    /// Opens the window on this world.
    pub(super) fn window(&self, size: [f32; 2], settings: Settings) -> Harness<'static, App> {
        let [screens, frames, painted, chosen, pages, files, talk_keys, reports, notifications] =
            [(); 9].map(|()| self.clone());
        let has_checker = self.lock().check.is_some();
        let checker = has_checker.then(|| Box::new(TestChecker(self.clone())) as Box<dyn Checker>);
        let options = Options {
            checker,
            link: None,
            settings,
            on_screen: Box::new(move |name| screens.lock().screens.push(name)),
            on_first_frame: Box::new(move |track, w, h| {
                frames.lock().first_frames.push((track.user.to_string(), w, h));
            }),
            on_painted: Some(Box::new(move |track, frame, unix_ms| {
                painted.lock().painted.push((track.user.to_string(), frame.timestamp_us(), unix_ms));
            })),
            on_focus: None,
            on_settings: Box::new(move |s| chosen.lock().settings = Some(s.clone())),
            has_talk_key: true,
            on_talk_key: Box::new(move |key| {
                let mut inner = talk_keys.lock();
                inner.talk_keys.push(key.map(str::to_owned));
                inner.talk_key_problem.map_or(Ok(()), Err)
            }),
            on_page: Box::new(move |page| pages.lock().pages.push(page.to_owned())),
            on_save: Box::new(move |name, text| files.lock().files.push((name.to_owned(), text.to_owned()))),
            on_notification: Box::new(move |order| notifications.lock().notifications.push(order)),
            on_report: Box::new(move |request| {
                let mut inner = reports.lock();
                if request != ReportRequest::Poll {
                    inner.report_requests.push(request);
                }
                inner.report.clone().unwrap_or(ReportState::Working)
            }),
            crashed: self.lock().crashed,
            on_exit: Box::new(|| ()),
            clock: || LEFT_AT,
            zone: jiff::tz::TimeZone::UTC,
        };
        let calls = Box::new(TestCalls(self.clone()));
        let builder = Harness::builder().with_size(size).with_step_dt(1.0 / 20.0).with_max_steps(40);
        let mut harness = builder.wgpu().build_eframe(move |cc| App::new(cc, calls, options));
        harness.run_steps(3);
        harness
    }
}

/// The settings of somebody who has used the program before.
pub(super) fn ada() -> Settings {
    let mut settings = Settings::default();
    settings.name = "Ada Okafor".into();
    settings.room = "https://meet.example/j/Design%20review".into();
    settings.server = SERVER.into();
    settings.theme = Theme::Dark;
    settings.check_for_updates = Some(false);
    settings
}

/// Ada's settings, changed.
pub(super) fn ada_with(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = ada();
    change(&mut settings);
    settings
}

/// Names with the colours (top left, bottom right) of their video.
const PEOPLE: [(&str, [[u8; 3]; 2]); 9] = [
    ("Mina Park", [[214, 184, 152], [150, 112, 90]]),
    ("Tomás Rivera", [[96, 116, 138], [48, 60, 76]]),
    ("Priya Nair", [[190, 110, 80], [110, 56, 44]]),
    ("Ada Okafor", [[36, 62, 50], [60, 86, 68]]),
    ("Lena Vogt", [[140, 150, 170], [86, 96, 116]]),
    ("Sam Idris", [[70, 64, 92], [44, 40, 60]]),
    ("Noah Berg", [[110, 140, 160], [60, 84, 104]]),
    ("Amir Haddad", [[90, 122, 104], [44, 70, 58]]),
    ("李雪", [[120, 100, 120], [60, 50, 70]]),
];

fn user(name: &str) -> UserId {
    name.split_whitespace().next().unwrap_or(name).to_lowercase().parse().expect("a user id")
}

/// Somebody with video and a good connection.
pub(super) fn person(index: usize) -> Person {
    let (name, colors) = PEOPLE[index];
    let slot = FrameSlot::default();
    slot.put(portrait(colors));
    let track = |source, kind: &str, frames| {
        let sid = format!("TR_{kind}{index}").as_str().into();
        PersonTrack {
            track: TrackRef { user: user(name), source, sid },
            muted: false,
            undecodable: None,
            paused: false,
            frames,
        }
    };
    Person {
        user: user(name),
        name: name.into(),
        tracks: vec![track(TrackSource::Camera, "VC", Some(slot)), track(TrackSource::Microphone, "AM", None)],
        speaking: false,
        quality: ConnectionQuality::Excellent,
        hand: None,
        host: false,
        volume: 100,
    }
}

/// One of many users, with a name numbered from 1.
pub(super) fn guest(index: usize) -> Person {
    let mut guest = person(index % PEOPLE.len());
    guest.user = format!("user-{index}").parse().expect("a user id");
    guest.name = format!("Guest {}", index + 1);
    for track in &mut guest.tracks {
        track.track.user = guest.user.clone();
        track.track.sid = format!("{}-{index}", track.track.sid).as_str().into();
    }
    guest
}

/// Mutes or unmutes one source of a remote user.
pub(super) fn mute(person: &mut Person, role: TrackRole, muted: bool) {
    for track in person.tracks.iter_mut().filter(|t| t.role() == role) {
        track.muted = muted;
    }
}

/// The tracks of a role arrive in a form that cannot be decoded.
pub(super) fn cover(person: &mut Person, role: TrackRole, why: Undecodable) {
    for track in person.tracks.iter_mut().filter(|t| t.role() == role) {
        (track.undecodable, track.frames) = (Some(why), None);
    }
}

/// Somebody shares a screen: a white 4:3 video.
pub(super) fn share(person: &mut Person, sid: &str) {
    let frames = FrameSlot::default();
    frames.put(Arc::new(VideoFrame::filled(640, 480, [235, 128, 128], 0).expect("a picture")));
    add_video(person, TrackSource::Screen, sid, frames);
}

/// Somebody turns on a second camera, which shows plain green.
pub(super) fn second_camera(person: &mut Person) {
    let frames = FrameSlot::default();
    frames.put(Arc::new(VideoFrame::filled(640, 360, [145, 54, 34], 0).expect("a picture")));
    add_video(person, TrackSource::Camera, "TR_VC-second", frames);
}

fn add_video(person: &mut Person, source: TrackSource, sid: &str, frames: FrameSlot) {
    let track = TrackRef { user: person.user.clone(), source, sid: sid.into() };
    person.tracks.push(PersonTrack { track, muted: false, undecodable: None, paused: false, frames: Some(frames) });
}

/// Ada's call "Design review" with Mina (speaking), Tomás (muted, weak) and Priya.
pub(super) fn call(phase: CallPhase) -> CallView {
    let mut people: Vec<Person> = (0..3).map(person).collect();
    people[0].speaking = true;
    mute(&mut people[1], TrackRole::Voice, true);
    people[1].quality = ConnectionQuality::Good;
    CallView {
        session: SessionId(1),
        room: "Design review".parse().expect("a room"),
        user: user("Ada"),
        name: "Ada Okafor".into(),
        server: "wss://meet.example".into(),
        invitation: None,
        host: false,
        settings: RoomSettings::default(),
        waiting: false,
        guests: Vec::new(),
        phase,
        people,
        chat: ChatView::default(),
        hand: None,
        quality: ConnectionQuality::Excellent,
        speaking: false,
        stale_peer_limit: Duration::from_secs(6),
    }
}

/// A message of one of the people, or of ours, written at 14:32.
pub(super) fn message(number: u64, author: Option<usize>, text: &str) -> ChatMessage {
    let person = |index: usize| ChatPerson { user: user(PEOPLE[index].0), name: PEOPLE[index].0.into() };
    ChatMessage {
        number,
        id: number.to_string().into(),
        author: author.map(person),
        recipient: None,
        private: false,
        text: text.into(),
        unix_ms: LEFT_AT as i64,
        delivery: Delivery::Sent,
        edited: false,
    }
}

/// Somebody writes.
pub(super) fn write_message(world: &World, message: ChatMessage) {
    world.with_call(|call| Arc::make_mut(&mut call.chat.messages).push(message));
}

/// 24 minutes and 16 seconds in.
pub(super) fn in_call() -> CallPhase {
    CallPhase::InCall { elapsed: Duration::from_secs(24 * 60 + 16) }
}

/// A clean end for `reason`.
pub(super) fn ending(reason: ExitReason) -> CallSummary {
    let told = if reason == ExitReason::Left { StepState::Confirmed } else { StepState::NotApplicable };
    let step = |step, state, ms| ReceiptStep { step, state, ms, detail: String::new() };
    let steps = vec![
        step(StepName::CameraReleased, StepState::Confirmed, 11.0),
        step(StepName::MicrophoneReleased, StepState::Confirmed, 6.0),
        step(StepName::ScreenReleased, StepState::NotApplicable, 0.0),
        step(StepName::OthersTold, told, 18.0),
        step(StepName::ConnectionsClosed, StepState::Confirmed, 35.0),
    ];
    CallSummary {
        reason,
        receipt: Receipt { steps },
        total_ms: 35.0,
        unix_ms: LEFT_AT,
        told: PEOPLE[..3].iter().map(|(name, _)| (*name).to_owned()).collect(),
        message: String::new(),
    }
}

/// The first `count` confirmed steps of an exit.
pub(super) fn done(count: usize) -> Vec<ReceiptStep> {
    let steps = ending(ExitReason::Left).receipt.steps;
    steps.into_iter().filter(|s| s.state == StepState::Confirmed).take(count).collect()
}

/// An open device.
pub(super) fn device(label: &str) -> LocalDevice {
    LocalDevice {
        id: label.to_lowercase(),
        label: label.into(),
        wanted: true,
        state: DeviceState::Open,
        withheld: None,
        missing: None,
    }
}

/// The server's answer to a lookup.
pub(super) const fn room_state(is_open: bool, people: u32, can_enter: bool) -> RoomStatus {
    RoomStatus::Known(RoomState { is_open, people, can_enter })
}

/// The devices of a computer.
pub(super) fn devices() -> DeviceLists {
    let entry = |id: &str, label: &str, synthetic| DeviceEntry {
        id: id.into(),
        label: label.into(),
        synthetic,
        default: id.ends_with('0'),
        formats: Vec::new(),
    };
    DeviceLists {
        cameras: vec![entry("cam0", "Built-in camera", false), entry("test-picture", "Test picture", true)],
        microphones: vec![entry("mic0", "Headset microphone", false), entry("test-tone", "Test tone", true)],
        speakers: vec![entry("spk0", "Headset", false), entry("spk1", "Screen speakers", false)],
    }
}

/// A video frame of somebody: a gradient with head and shoulders, and a bright window at the right.
pub(super) fn portrait([from, to]: [[u8; 3]; 2]) -> Arc<VideoFrame> {
    let (width, height) = (640usize, 360usize);
    let rgb = |x: usize, y: usize| -> [f32; 3] {
        let (fx, fy) = (x as f32 / width as f32, y as f32 / height as f32);
        let t = (fx + fy) / 2.0;
        let ground = [0, 1, 2].map(|i| f32::from(from[i]) * (1.0 - t) + f32::from(to[i]) * t);
        let head = ((fx - 0.5) * 16.0 / 9.0).hypot(fy - 0.45) < 0.2;
        let shoulders = ((fx - 0.5) * 1.1).hypot((fy - 1.1) * 0.9) < 0.38;
        let window = (0.72..0.92).contains(&fx) && (0.12..0.5).contains(&fy);
        match (head, shoulders, window) {
            (true, _, _) => [224.0, 178.0, 150.0],
            (_, true, _) => ground.map(|c| c * 0.45),
            (_, _, true) => ground.map(|c| c * 0.6 + 90.0),
            _ => ground,
        }
    };
    let yuv = |[r, g, b]: [f32; 3]| {
        let y = 16.0 + 0.257 * r + 0.504 * g + 0.098 * b;
        let u = 128.0 - 0.148 * r - 0.291 * g + 0.439 * b;
        let v = 128.0 + 0.439 * r - 0.368 * g - 0.071 * b;
        [y as u8, u as u8, v as u8]
    };
    let plane = |i: usize| {
        let step = if i == 0 { 1 } else { 2 };
        let samples = |y: usize| (0..width).step_by(step).map(move |x| (x, y));
        let data = (0..height).step_by(step).flat_map(samples).map(|(x, y)| yuv(rgb(x, y))[i]).collect();
        Plane { data, stride: width / step }
    };
    let planes = [plane(0), plane(1), plane(2)];
    Arc::new(VideoFrame::new(width as u32, height as u32, planes, 0).expect("a video frame"))
}
