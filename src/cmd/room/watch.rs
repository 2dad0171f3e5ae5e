//! `visavis room watch`: a line for each change in a room, until a signal ends it.

use super::show::track_words;
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomName, visible};
use crate::clock::unix_ms;
use crate::cmd::signals::Signals;
use anyhow::Context;
use livekit_protocol as lk;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// The shortest time between two looks: each is a request to the server.
const SHORTEST: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, clap::Args)]
pub(in crate::cmd) struct WatchArgs {
    /// The room
    room: RoomName,
    /// The time between two looks, 0.5s at least
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    every: Duration,
    /// End after this time [default: at Ctrl+C]
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
}

/// Something that has changed in the room since the last look.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    /// It is open.
    Opened,
    /// It is not, or not any more.
    Closed,
    /// A participant is there: already at the first look, or since.
    Joined {
        person: Who,
        already: bool,
    },
    Left {
        person: Who,
    },
    /// A track is there.
    Published {
        person: Who,
        track: Track,
    },
    Unpublished {
        person: Who,
        track: Track,
    },
    Muted {
        person: Who,
        track: Track,
    },
    Unmuted {
        person: Who,
        track: Track,
    },
    /// The server did not answer, and why; the next look may succeed.
    Unreachable {
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Who {
    user: String,
    name: String,
    /// `PA_…`: the stay.
    session: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Track {
    sid: String,
    source: String,
    codec: String,
    width: u32,
    height: u32,
}

/// Watches until the first signal, which ends it in good order.
pub(super) async fn run(args: WatchArgs, client: AdminClient, as_json: bool) -> anyhow::Result<ExitCode> {
    let every = args.every.max(SHORTEST);
    let signal = Signals::with_hangup().context("Signals cannot be caught")?.first();
    let over = async {
        match args.time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(signal, over);
    let mut seen = Seen::default();
    let mut looks = tokio::time::interval(every);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let people = tokio::select! {
            () = &mut signal => return Ok(ExitCode::SUCCESS),
            () = &mut over => return Ok(ExitCode::SUCCESS),
            people = async {
                looks.tick().await;
                look(&client, &args.room).await
            } => people,
        };
        let found = match people {
            Ok(people) => Ok(people),
            // What the next look cannot mend.
            Err(
                e @ (AdminClientError::Denied(_) | AdminClientError::NotARoomServer(_) | AdminClientError::Mint(_)),
            ) => {
                return Err(e.into());
            }
            Err(error) => Err(error.to_string()),
        };
        for change in seen.take(found) {
            let line = if as_json { change.json(&args.room).to_string() } else { change.words(&args.room) };
            writeln!(std::io::stdout(), "{line}").context("The standard output is closed")?;
        }
    }
}

/// The participants of a room; `None` if it is not open. Servers answer the same for a room without people and for none.
async fn look(client: &AdminClient, room: &RoomName) -> Result<Option<Vec<lk::ParticipantInfo>>, AdminClientError> {
    match client.participants(room).await {
        Ok(people) if people.is_empty() => {
            let rooms = client.rooms().await?;
            Ok(rooms.iter().any(|open| open.name == room.as_str()).then_some(people))
        }
        Ok(people) => Ok(Some(people)),
        Err(AdminClientError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the last look found.
#[derive(Debug, Default)]
struct Seen {
    /// The participants; `None` while the room is not open.
    people: Option<Vec<lk::ParticipantInfo>>,
    /// Whether there was a look that the server answered.
    looked: bool,
    unreachable: bool,
}

impl Seen {
    /// Takes what a look found (`None`: no such room), or why there is no answer; returns what has changed.
    fn take(&mut self, found: Result<Option<Vec<lk::ParticipantInfo>>, String>) -> Vec<Change> {
        let people = match found {
            Ok(people) => people,
            Err(_) if self.unreachable => return Vec::new(),
            Err(why) => {
                self.unreachable = true;
                return vec![Change::Unreachable { why }];
            }
        };
        let first = !std::mem::replace(&mut self.looked, true);
        self.unreachable = false;
        let before = std::mem::replace(&mut self.people, people);
        let mut changes = Vec::new();
        match (&before, &self.people) {
            (None, Some(_)) => changes.push(Change::Opened),
            (None, None) if first => changes.push(Change::Closed),
            _ => {}
        }
        let now = self.people.as_deref().unwrap_or_default();
        compare(before.as_deref().unwrap_or_default(), now, first, &mut changes);
        if before.is_some() && self.people.is_none() {
            changes.push(Change::Closed);
        }
        changes
    }
}

/// Adds what differs between two lists of participants. One who came back is another stay.
fn compare(before: &[lk::ParticipantInfo], now: &[lk::ParticipantInfo], already: bool, changes: &mut Vec<Change>) {
    for old in before.iter().filter(|old| now.iter().all(|p| p.sid != old.sid)) {
        changes.push(Change::Left { person: who(old) });
    }
    for person in now {
        let old = before.iter().find(|old| old.sid == person.sid);
        let who = who(person);
        if old.is_none() {
            changes.push(Change::Joined { person: who.clone(), already });
        }
        let tracks = old.map_or(&[][..], |old| &old.tracks);
        for gone in tracks.iter().filter(|gone| person.tracks.iter().all(|t| t.sid != gone.sid)) {
            changes.push(Change::Unpublished { person: who.clone(), track: track(gone) });
        }
        for new in &person.tracks {
            let old = tracks.iter().find(|old| old.sid == new.sid);
            if old.is_none() {
                changes.push(Change::Published { person: who.clone(), track: track(new) });
            }
            match (old.is_some_and(|old| old.muted), new.muted) {
                (false, true) => changes.push(Change::Muted { person: who.clone(), track: track(new) }),
                (true, false) => changes.push(Change::Unmuted { person: who.clone(), track: track(new) }),
                _ => {}
            }
        }
    }
}

fn who(person: &lk::ParticipantInfo) -> Who {
    Who { user: person.identity.clone(), name: person.name.clone(), session: person.sid.clone() }
}

fn track(track: &lk::TrackInfo) -> Track {
    Track {
        sid: track.sid.clone(),
        source: track.source().as_str_name().to_ascii_lowercase(),
        codec: track.mime_type.clone(),
        width: track.width,
        height: track.height,
    }
}

impl Change {
    /// The word for programs.
    const fn event(&self) -> &'static str {
        match self {
            Self::Opened => "room_opened",
            Self::Closed => "room_closed",
            Self::Joined { already: true, .. } => "present",
            Self::Joined { .. } => "joined",
            Self::Left { .. } => "left",
            Self::Published { .. } => "published",
            Self::Unpublished { .. } => "unpublished",
            Self::Muted { .. } => "muted",
            Self::Unmuted { .. } => "unmuted",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    fn json(&self, room: &RoomName) -> Value {
        let mut line = json!({ "unix_ms": unix_ms(), "room": room.as_str(), "event": self.event() });
        if let Some(Who { user, name, session }) = self.person() {
            (line["user"], line["name"], line["session"]) = (json!(user), json!(name), json!(session));
        }
        if let Some(Track { sid, source, codec, width, height }) = self.track() {
            (line["track"], line["source"], line["codec"]) = (json!(sid), json!(source), json!(codec));
            (line["width"], line["height"]) = (json!(width), json!(height));
        }
        if let Self::Unreachable { why } = self {
            line["message"] = json!(why);
        }
        line
    }

    /// A line for people, without control characters of strangers.
    fn words(&self, room: &RoomName) -> String {
        let name = |person: &Who| match person.name.as_str() {
            "" => person.user.clone(),
            name => format!("{} ({name})", person.user),
        };
        let of = |track: &Track| track_words(&track.source, &track.codec, (track.width, track.height));
        visible(&match self {
            Self::Opened => format!("{} is open", room.shown()),
            Self::Closed => format!("{} is not open", room.shown()),
            Self::Joined { person, already: true } => format!("{} is in the room", name(person)),
            Self::Joined { person, .. } => format!("{} came in", name(person)),
            Self::Left { person } => format!("{} left", name(person)),
            Self::Published { person, track } => format!("{} sends {}", person.user, of(track)),
            Self::Unpublished { person, track } => format!("{} ended {}", person.user, of(track)),
            Self::Muted { person, track } => format!("{} muted {}", person.user, of(track)),
            Self::Unmuted { person, track } => format!("{} unmuted {}", person.user, of(track)),
            Self::Unreachable { why } => format!("No answer, looking again: {why}"),
        })
    }

    const fn person(&self) -> Option<&Who> {
        match self {
            Self::Joined { person, .. }
            | Self::Left { person }
            | Self::Published { person, .. }
            | Self::Unpublished { person, .. }
            | Self::Muted { person, .. }
            | Self::Unmuted { person, .. } => Some(person),
            Self::Opened | Self::Closed | Self::Unreachable { .. } => None,
        }
    }

    const fn track(&self) -> Option<&Track> {
        match self {
            Self::Published { track, .. }
            | Self::Unpublished { track, .. }
            | Self::Muted { track, .. }
            | Self::Unmuted { track, .. } => Some(track),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(muted: bool) -> lk::TrackInfo {
        let source = lk::TrackSource::Camera.into();
        let (sid, mime_type) = ("TR_1".to_owned(), "video/VP8".to_owned());
        lk::TrackInfo { sid, source, mime_type, muted, width: 1280, height: 720, ..Default::default() }
    }

    fn person(sid: &str, user: &str, tracks: Vec<lk::TrackInfo>) -> lk::ParticipantInfo {
        lk::ParticipantInfo { sid: sid.into(), identity: user.into(), tracks, ..Default::default() }
    }

    fn told(changes: &[Change]) -> Vec<String> {
        changes.iter().map(|change| change.words(&"tea".parse().expect("a room"))).collect()
    }

    #[test]
    fn each_change_is_told_once() {
        let mut seen = Seen::default();
        let mut take = |people: Option<Vec<lk::ParticipantInfo>>| told(&seen.take(Ok(people)));
        assert_eq!(take(None), ["tea is not open"]);
        assert_eq!(take(None), Vec::<String>::new());
        let mina = |muted| person("PA_1", "mina", vec![camera(muted)]);
        assert_eq!(take(Some(vec![mina(false)])), ["tea is open", "mina came in", "mina sends camera (VP8, 1280x720)"]);
        assert_eq!(take(Some(vec![mina(true)])), ["mina muted camera (VP8, 1280x720)"]);
        assert_eq!(take(Some(vec![mina(false)])), ["mina unmuted camera (VP8, 1280x720)"]);
        assert_eq!(take(Some(vec![person("PA_1", "mina", vec![])])), ["mina ended camera (VP8, 1280x720)"]);
        assert_eq!(take(Some(vec![person("PA_2", "mina", vec![])])), ["mina left", "mina came in"], "another stay");
        assert_eq!(take(None), ["mina left", "tea is not open"]);
    }

    #[test]
    fn who_is_there_at_first_is_told_apart_and_strangers_write_no_control_characters() {
        let mut seen = Seen::default();
        let mut stranger = person("PA_1", "tom", vec![]);
        stranger.name = "Tom\u{1b}[2J".into();
        let changes = seen.take(Ok(Some(vec![stranger])));
        assert_eq!(told(&changes), ["tea is open", "tom (Tom[2J) is in the room"]);
        let line = changes[1].json(&"tea".parse().expect("a room"));
        assert_eq!(
            (&line["event"], &line["user"], &line["session"]),
            (&"present".into(), &"tom".into(), &"PA_1".into())
        );
    }

    #[test]
    fn a_server_that_is_away_is_told_once_and_nobody_has_left_meanwhile() {
        let mut seen = Seen::default();
        let here = || Ok(Some(vec![person("PA_1", "mina", vec![])]));
        seen.take(here());
        assert_eq!(told(&seen.take(Err("gone".into()))), ["No answer, looking again: gone"]);
        assert!(seen.take(Err("gone".into())).is_empty());
        assert!(seen.take(here()).is_empty());
    }
}
