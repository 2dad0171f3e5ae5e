//! Plays a scenario in real time: a server and participants of this program as processes of their own, each participant
//! over a relay of its own. What happened is read from the events that they write.
//!
//! Processes take their time to start, more of it on a busy computer. A step waits until everybody who has joined before it
//! is in the room, and everything after it is as much later.

mod delay;
mod process;
mod relay;
mod rewrite;
#[cfg(test)]
mod tests;

use super::acts::{Act, acts};
use super::words::{DeviceFault, StepWord};
use super::{PersonPlan, Played, Scenario, Step, judge};
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{DeviceKind, RoomName, UserId};
use crate::clock::unix_ms;
use crate::proto::token::{ApiKey, JOIN_VALIDITY, JoinClaims};
use process::Process;
use relay::{Condition, Relay, ServerPorts};
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

/// The room of all participants.
const ROOM: &str = "scenario";
/// How long a process may take to start, or to end in good order.
const PATIENCE: Duration = Duration::from_secs(20);
/// Whoever joined so long before a step is in the room by then on the stage.
const IN_BY: Duration = Duration::from_millis(400);
/// What must happen may be so much later than on the stage.
const GRACE: Duration = Duration::from_secs(10);
/// How often the events are looked at while one is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// Why a scenario could not be played in real time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    /// Something in it is played in memory only.
    #[error("{0} can be played in memory only. Add --stage")]
    NeedsStage(String),
    /// A process could not be started.
    #[error("the process of {name} cannot be started: {error}")]
    Start {
        /// The participant, or the server.
        name: String,
        /// The system's reason.
        error: io::Error,
    },
    /// The server did not say that it listens.
    #[error("the server does not start. Try `visavis serve --dev`, which says why")]
    NoServer,
    /// A relay could not be started.
    #[error("the relay of {name} cannot be started: {error}")]
    Relay {
        /// The participant.
        name: String,
        /// The system's reason.
        error: io::Error,
    },
    /// A signal could not be sent.
    #[error("{name} cannot be sent {signal}: {error}. Playing in real time needs the command kill")]
    Signal {
        /// The participant, or the server.
        name: String,
        /// Its name without SIG.
        signal: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// The folder for tokens and for the server's state, or a file in it.
    #[error("no file can be written to the folder for temporary ones: {0}")]
    Folder(#[from] io::Error),
    /// The server's address or a user id is not valid.
    #[error("{0}")]
    Client(#[from] AdminClientError),
    /// No token could be made.
    #[error("no token for {0} can be made")]
    Token(String),
}

/// Plays it with processes of `program`, which is this one, and returns what happened to each participant, in their order.
pub(crate) async fn play_live(scenario: &Scenario, program: &Path) -> Result<Vec<Played>, LiveError> {
    if let Some(what) = only_on_stage(scenario) {
        return Err(LiveError::NeedsStage(what));
    }
    let mut live = Live::start(scenario, program).await?;
    for (at, act) in acts(scenario) {
        live.wait_for_entries(at).await;
        live.wait_until(at).await;
        match act {
            Act::Join(who) => live.join(who).await?,
            Act::Do(step) => live.perform(step).await?,
            Act::End(step) => live.end(step).await?,
        }
    }
    live.wait_until(scenario.lasts).await;
    let until = Instant::now() + GRACE;
    while !judge(scenario, &live.played()).is_met() && Instant::now() < until {
        sleep(LOOK).await;
    }
    let played = live.played();
    live.finish().await;
    Ok(played)
}

/// What of it cannot be played in real time.
fn only_on_stage(scenario: &Scenario) -> Option<String> {
    let person = scenario.people.iter().find(|person| person.fault != DeviceFault::None);
    let step = scenario.steps.iter().find(|step| {
        use StepWord as Do;
        matches!(step.what, Do::Move | Do::Sleep | Do::TurnOff | Do::TurnOn | Do::Unplug | Do::Plug)
    });
    let of_person = person.map(|person| format!("the `devices` of {}", person.name));
    of_person.or_else(|| step.map(|step| format!("the step {} at {:?}", step.what.word(), step.at)))
}

/// A participant who has joined.
struct Participant {
    process: Process,
    relay: Relay,
    joins: Duration,
    /// The process is stopped.
    is_stopped: bool,
}

/// The server, its participants, and how late everything is.
struct Live<'a> {
    scenario: &'a Scenario,
    program: &'a Path,
    /// Tokens, and what the server remembers across a restart.
    folder: TempDir,
    room: RoomName,
    ports: ServerPorts,
    admin: AdminClient,
    /// `None` while it is down.
    server: Option<Process>,
    /// In the order of the scenario; `None` before they join.
    people: Vec<Option<Participant>>,
    /// The beginning of the scenario, with all that was waited since.
    start: Instant,
    start_unix_ms: f64,
}

impl<'a> Live<'a> {
    async fn start(scenario: &'a Scenario, program: &'a Path) -> Result<Self, LiveError> {
        let folder = tempfile::tempdir()?;
        let (server, ports) = serve(program, folder.path(), ServerPorts { tcp: 0, udp: 0 }).await?;
        let admin = AdminClient::new(&format!("ws://127.0.0.1:{}", ports.tcp), ApiKey::dev())?;
        Ok(Self {
            scenario,
            program,
            folder,
            room: ROOM.parse().map_err(|_| LiveError::NoServer)?,
            ports,
            admin,
            server: Some(server),
            people: scenario.people.iter().map(|_| None).collect(),
            start: Instant::now(),
            start_unix_ms: unix_ms(),
        })
    }

    async fn wait_until(&self, at: Duration) {
        sleep_until(self.start + at).await;
    }

    /// Waits until everybody is in the room who would be on the stage. The time that this takes does not count.
    async fn wait_for_entries(&mut self, at: Duration) {
        self.wait_until(at).await;
        let began = Instant::now();
        while self.server.is_some() && began.elapsed() < PATIENCE && self.is_somebody_entering(at) {
            sleep(LOOK).await;
        }
        self.start += began.elapsed();
    }

    fn is_somebody_entering(&mut self, at: Duration) -> bool {
        self.people.iter_mut().flatten().any(|person| {
            let is_due = person.joins + IN_BY <= at && !person.is_stopped && person.relay.is_open();
            let is_done = person.process.has("EnterRoom") || person.process.has("ExitRoom");
            is_due && !is_done && person.process.is_running()
        })
    }

    async fn join(&mut self, who: usize) -> Result<(), LiveError> {
        let plan = &self.scenario.people[who];
        let failed = |error| LiveError::Relay { name: plan.name.clone(), error };
        let relay = Relay::start(self.ports, plan.way).await.map_err(failed)?;
        let token = self.token(who, plan)?;
        let process = Process::start(self.program, &plan.name, &bot(plan, &relay.url(), &token))?.0;
        self.people[who] = Some(Participant { process, relay, joins: plan.joins, is_stopped: false });
        Ok(())
    }

    /// A file with a token, whose user is that of the scenario. The folder is for its owner alone.
    fn token(&self, who: usize, plan: &PersonPlan) -> Result<PathBuf, LiveError> {
        let no_token = || LiveError::Token(plan.name.clone());
        let user: UserId = plan.user.parse().map_err(|_| no_token())?;
        let claims = JoinClaims {
            room: self.room.clone(),
            name: user.to_string(),
            user,
            metadata: String::new(),
            attributes: Vec::new(),
            room_admin: false,
            own_metadata: false,
            valid_for: JOIN_VALIDITY,
        };
        let token = ApiKey::dev().join_token(&claims).map_err(|_| no_token())?;
        let path = self.folder.path().join(format!("{who}.jwt"));
        std::fs::write(&path, token.expose())?;
        Ok(path)
    }

    async fn perform(&mut self, step: &Step) -> Result<(), LiveError> {
        match step.what {
            StepWord::Dismiss => {
                told(self.admin.dismiss(&self.room).await);
                return Ok(());
            }
            StepWord::StopServer | StepWord::KillServer => return self.end_server(step.what).await,
            _ => {}
        }
        let Some(plan) = step.who else { return Ok(()) };
        // Of somebody who has not joined there is nothing to do.
        let Some(person) = &mut self.people[plan] else { return Ok(()) };
        match step.what {
            StepWord::Leave => person.process.signal("TERM").await?,
            StepWord::Cut => person.relay.set(Condition::Cut),
            StepWord::Silence => person.relay.set(Condition::Silent),
            StepWord::Restore => person.relay.set(Condition::Open),
            StepWord::Stop => person.stop(true).await?,
            StepWord::Continue => person.stop(false).await?,
            StepWord::Kill => person.process.kill().await,
            StepWord::PowerOff => {
                person.relay.set(Condition::Silent);
                person.process.kill().await;
            }
            StepWord::Kick | StepWord::Mute => self.moderate(step, plan).await,
            _ => {}
        }
        Ok(())
    }

    /// Ends what has lasted for its time.
    async fn end(&mut self, step: &Step) -> Result<(), LiveError> {
        if matches!(step.what, StepWord::StopServer | StepWord::KillServer) && self.server.is_none() {
            self.server = Some(serve(self.program, self.folder.path(), self.ports).await?.0);
        }
        let Some(person) = step.who.and_then(|who| self.people[who].as_mut()) else { return Ok(()) };
        match step.what {
            StepWord::Cut | StepWord::Silence => person.relay.set(Condition::Open),
            StepWord::Stop => person.stop(false).await?,
            _ => {}
        }
        Ok(())
    }

    /// A host removes a participant, or mutes a device.
    async fn moderate(&self, step: &Step, who: usize) {
        let Ok(user) = self.scenario.people[who].user.parse::<UserId>() else { return };
        if step.what == StepWord::Kick {
            return told(self.admin.remove(&self.room, &user).await);
        }
        let source = i32::from(step.device.source());
        let people = self.admin.participants(&self.room).await.unwrap_or_default();
        let tracks = people.into_iter().filter(|one| one.identity == user.as_str()).flat_map(|one| one.tracks);
        for track in tracks.filter(|track| track.source == source) {
            told(self.admin.mute(&self.room, &user, &track.sid.as_str().into()).await);
        }
    }

    async fn end_server(&mut self, how: StepWord) -> Result<(), LiveError> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        if how == StepWord::StopServer {
            server.signal("TERM").await?;
            timeout(PATIENCE, server.ended()).await.ok();
        }
        server.kill().await;
        Ok(())
    }

    /// What happened so far, with times since the beginning.
    fn played(&self) -> Vec<Played> {
        let people = self.scenario.people.iter().zip(&self.people);
        let played = people.map(|(plan, person)| {
            let events = person.as_ref().map(|person| person.process.events()).unwrap_or_default();
            let lines = events.into_iter().map(|event| self.line(event)).collect();
            Played { name: plan.name.clone(), lines }
        });
        played.collect()
    }

    /// A line of an event file with `at_ms` in place of the time.
    fn line(&self, mut event: Value) -> Value {
        let at = event["unix_ms"].as_f64().unwrap_or_default() - self.start_unix_ms;
        if let Some(fields) = event.as_object_mut() {
            fields.retain(|field, _| !matches!(field.as_str(), "unix_ms" | "session" | "user" | "pid"));
        }
        event["at_ms"] = json!(at.max(0.0) as u64);
        event
    }

    /// Ends all processes.
    async fn finish(self) {
        for mut person in self.people.into_iter().flatten() {
            person.process.kill().await;
        }
        if let Some(mut server) = self.server {
            server.kill().await;
        }
    }
}

impl Participant {
    /// Stops the process, or lets it go on.
    async fn stop(&mut self, stops: bool) -> Result<(), LiveError> {
        self.is_stopped = stops;
        self.process.signal(if stops { "STOP" } else { "CONT" }).await
    }
}

/// Starts a server, and waits until it listens. Ports of 0 are chosen.
async fn serve(program: &Path, folder: &Path, ports: ServerPorts) -> Result<(Process, ServerPorts), LiveError> {
    let state = folder.join("state").display().to_string();
    let (listen, udp) = (format!("127.0.0.1:{}", ports.tcp), ports.udp.to_string());
    let arguments = ["serve", "--dev", "--listen", &listen, "--udp", &udp, "--tcp", "off", "--state", &state];
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let (server, ready) = Process::start(program, "the server", &arguments)?;
    let line = timeout(PATIENCE, ready).await.ok().and_then(Result::ok).ok_or(LiveError::NoServer)?;
    Ok((server, listening_at(&line).ok_or(LiveError::NoServer)?))
}

/// The ports of "Listening on ws://127.0.0.1:7880, media on UDP 7882".
fn listening_at(line: &str) -> Option<ServerPorts> {
    let (address, media) = line.split_once("ws://")?.1.split_once(", media on UDP ")?;
    let tcp = address.rsplit_once(':')?.1.parse().ok()?;
    let udp = media.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some(ServerPorts { tcp, udp })
}

/// The arguments of a participant.
fn bot(plan: &PersonPlan, url: &str, token: &Path) -> Vec<String> {
    let device = |kind, on: &str| if plan.devices.contains(&kind) { on.to_owned() } else { "none".to_owned() };
    let (camera, microphone) =
        (device(DeviceKind::Camera, "test-picture:160x90@5"), device(DeviceKind::Microphone, "test-tone"));
    let token = token.display().to_string();
    let arguments = ["bot", "--server", url, "--room", ROOM, "--token", &token, "--events", "-"];
    let devices = ["--camera", &camera, "--microphone", &microphone];
    arguments.into_iter().chain(devices).map(str::to_owned).collect()
}

/// Notes that a host's request failed: of somebody who is gone there is nothing to do.
fn told(answer: Result<(), AdminClientError>) {
    if let Err(error) = answer {
        tracing::info!(%error, "a host's request failed");
    }
}
