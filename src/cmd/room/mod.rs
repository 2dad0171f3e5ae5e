//! `visavis room`: administration of rooms for operators and scripts, over HTTP.

mod credentials;
mod door;
mod make;
mod show;
#[cfg(any(feature = "server", feature = "bot"))]
mod watch;

use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomName, UserId};
use anyhow::Context;
use credentials::Credentials;
use serde_json::{Value, json};
use show::{person_json, room_json, since, table, tracks};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  export LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret
  visavis room list
  visavis room remove-user design-review mina
  visavis room dismiss num/123 --yes
  visavis room --profile office users design-review

Profiles, in profiles.toml of the configuration folder (~/.config/visavis on Linux, or VISAVIS_CONFIG_DIR), which nobody
but you should be able to read; everything in one may be left out:
  [office]
  server = \"wss://calls.example.com\"
  api_key = \"office\"
  api_secret = \"at least 32 characters\"
  sdk_app_id = 1400000001                 # for user-sig
  sdk_secret_key = \"an SDKSecretKey\"";

/// Exit code of wrong usage, as in clap.
const USAGE: u8 = 2;

/// Looks at rooms, removes people from them, ends them
///
/// The key comes from a profile, or from LIVEKIT_API_KEY and LIVEKIT_API_SECRET. A numeric room is written num/123.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RoomArgs {
    /// The server: ws://, wss://, http:// or https:// [default: the profile's, LIVEKIT_URL, ws://127.0.0.1:7880]
    // An id of its own: the window's argument of the same name takes LIVEKIT_URL, which would override the profile here.
    #[arg(id = "room-server", long = "server", global = true, value_name = "URL")]
    pub(super) server: Option<String>,
    /// Take server and credentials from this profile; what it leaves out comes from the environment
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// What to do
    #[command(subcommand)]
    pub(super) action: RoomAction,
}

/// An action on rooms.
#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum RoomAction {
    /// Lists the rooms of the server
    #[command(after_help = "Example:\n  visavis room list --json")]
    List,
    /// Lists who is in a room
    #[command(after_help = "Example:\n  visavis room users design-review")]
    Users {
        /// The room
        room: RoomName,
    },
    /// Prints a line for each change in a room until Ctrl+C: who comes and goes, which tracks they send and mute
    #[cfg(any(feature = "server", feature = "bot"))]
    #[command(after_help = "Example:\n  visavis room watch design-review --json")]
    Watch(watch::WatchArgs),
    /// Removes people from a room; they need a new token to come back
    #[command(after_help = "Example:\n  visavis room remove-user design-review mina tom --yes")]
    RemoveUser {
        /// The room
        room: RoomName,
        /// The user ids, as `visavis room users` prints them
        #[arg(required = true, value_name = "USER")]
        users: Vec<UserId>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Ends a room for everybody in it
    #[command(after_help = "Example:\n  visavis room dismiss design-review --yes")]
    Dismiss {
        /// The room
        room: RoomName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Locks a room: nobody new comes in, except hosts
    #[command(
        after_help = "Examples:\n  visavis room lock design-review\n  visavis room lock design-review --waiting-room\n  visavis room lock design-review --off"
    )]
    Lock(door::LockArgs),
    /// Lets people in who wait before a room
    #[command(after_help = "Example:\n  visavis room admit design-review mina")]
    Admit {
        /// The room
        room: RoomName,
        /// The user ids; everybody who waits, without any
        #[arg(value_name = "USER")]
        users: Vec<UserId>,
    },
    /// Prints an access token with which somebody can join a room
    #[command(after_help = "Example:\n  visavis room token design-review --user mina --name 'Mina Park' > mina.jwt")]
    Token(make::TokenArgs),
    /// Prints a link with which people come in, also where the server gives no tokens away
    ///
    /// It leads to the --server: name it as those reach it whom you invite.
    #[cfg(feature = "server")]
    #[command(after_help = "Example:\n  visavis room link design-review --server wss://calls.example.com --minutes 60")]
    Link(make::LinkArgs),
    /// Prints a UserSig, with which clients that were made for TRTC enter
    ///
    /// The application comes from the profile, or from VISAVIS_SDK_APP_ID and VISAVIS_SDK_SECRET_KEY.
    #[cfg(feature = "server")]
    #[command(after_help = "Example:\n  visavis room user-sig mina --minutes 60")]
    UserSig(make::UserSigArgs),
}

/// Runs one action. Without a terminal to confirm on, it is wrong usage.
pub(super) async fn run(args: RoomArgs) -> anyhow::Result<ExitCode> {
    let credentials = Credentials::find(args.server, args.profile.as_deref())?;
    let client = || AdminClient::new(&credentials.server, credentials.key()?).map_err(anyhow::Error::from);
    match args.action {
        RoomAction::List => list(&client()?, args.json).await,
        RoomAction::Users { room } => users(&client()?, &room, args.json).await,
        #[cfg(any(feature = "server", feature = "bot"))]
        RoomAction::Watch(watch) => watch::run(watch, client()?, args.json).await,
        RoomAction::RemoveUser { room, users, yes } => {
            let client = client()?;
            let names: Vec<_> = users.iter().map(UserId::as_str).collect();
            match confirm(yes, &format!("Remove {} from {}?", names.join(", "), room.shown()))? {
                Confirmation::Yes => remove(&client, &room, &users, args.json).await,
                Confirmation::No => Ok(ExitCode::FAILURE),
                Confirmation::NoTerminal => Ok(ExitCode::from(USAGE)),
            }
        }
        RoomAction::Dismiss { room, yes } => {
            let client = client()?;
            match confirm(yes, &format!("End {} for everybody in it?", room.shown()))? {
                Confirmation::Yes => dismiss(&client, &room, args.json).await,
                Confirmation::No => Ok(ExitCode::FAILURE),
                Confirmation::NoTerminal => Ok(ExitCode::from(USAGE)),
            }
        }
        RoomAction::Lock(lock) => door::lock(&client()?, &lock, args.json).await,
        RoomAction::Admit { room, users } => door::admit(&client()?, &room, &users, args.json).await,
        RoomAction::Token(token) => make::token(token, &credentials, args.json),
        #[cfg(feature = "server")]
        RoomAction::Link(link) => make::link(&link, &credentials, args.json),
        #[cfg(feature = "server")]
        RoomAction::UserSig(user_sig) => make::user_sig(&user_sig, &credentials, args.json),
    }
}

async fn list(client: &AdminClient, as_json: bool) -> anyhow::Result<ExitCode> {
    let rooms = client.rooms().await?;
    if as_json {
        let rooms: Vec<Value> = rooms.iter().map(room_json).collect();
        return print_line(&json!(rooms).to_string());
    }
    let rows = rooms.iter().map(|r| [r.name.clone(), r.num_participants.to_string(), since(r.creation_time_ms)]);
    print_line(&table(["ROOM", "PEOPLE", "OPEN FOR"], rows.collect(), "There is no room."))
}

async fn users(client: &AdminClient, room: &RoomName, as_json: bool) -> anyhow::Result<ExitCode> {
    let people = client.participants(room).await.map_err(|e| no_room(room, e))?;
    if as_json {
        let people: Vec<Value> = people.iter().map(person_json).collect();
        return print_line(&json!(people).to_string());
    }
    let rows = people.iter().map(|p| [p.identity.clone(), p.name.clone(), tracks(p).join(", ")]);
    print_line(&table(["USER", "NAME", "SENDS"], rows.collect(), "Nobody is in the room."))
}

async fn remove(client: &AdminClient, room: &RoomName, users: &[UserId], as_json: bool) -> anyhow::Result<ExitCode> {
    let mut results = Vec::new();
    let mut failed = false;
    let shown = room.shown();
    for user in users {
        let error = client.remove(room, user).await.err().map(|e| match e {
            AdminClientError::NotFound(_) => format!("Nobody with the user id {user} is in the room {shown}."),
            other => format!("{user} was not removed from {shown}. {other}"),
        });
        match &error {
            None if !as_json => drop(print_line(&format!("{user} was removed from {shown}."))?),
            Some(e) => writeln!(std::io::stderr(), "{e}")?,
            None => {}
        }
        failed |= error.is_some();
        results.push(json!({ "user": user.as_str(), "removed": error.is_none(), "error": error }));
    }
    if as_json {
        print_line(&json!(results).to_string())?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn dismiss(client: &AdminClient, room: &RoomName, as_json: bool) -> anyhow::Result<ExitCode> {
    client.dismiss(room).await.map_err(|e| no_room(room, e))?;
    print_line(&if as_json {
        json!({ "room": room.as_str() }).to_string()
    } else {
        format!("{} was ended for everybody.", room.shown())
    })
}

/// Names the room in the error NotFound.
fn no_room(room: &RoomName, error: AdminClientError) -> anyhow::Error {
    match error {
        AdminClientError::NotFound(_) => anyhow::anyhow!("There is no room {} on the server.", room.shown()),
        other => other.into(),
    }
}

fn print_line(line: &str) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout(), "{line}").context("The standard output is closed")?;
    Ok(ExitCode::SUCCESS)
}

enum Confirmation {
    Yes,
    No,
    /// There is no terminal to ask on.
    NoTerminal,
}

fn confirm(yes: bool, question: &str) -> anyhow::Result<Confirmation> {
    if yes {
        return Ok(Confirmation::Yes);
    }
    if !std::io::stdin().is_terminal() {
        writeln!(std::io::stderr(), "{question} Nobody is there to answer: say --yes.")?;
        return Ok(Confirmation::NoTerminal);
    }
    write!(std::io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    Ok(if yes { Confirmation::Yes } else { Confirmation::No })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: RoomArgs,
    }

    fn parse(words: &str) -> Result<RoomAction, String> {
        let words = std::iter::once("room").chain(words.split_whitespace());
        Line::try_parse_from(words).map(|l| l.args.action).map_err(|e| e.to_string())
    }

    #[test]
    fn rooms_and_users_are_validated_by_the_parser() {
        assert!(
            matches!(parse("remove-user num/7 mina tom"), Ok(RoomAction::RemoveUser { users, .. }) if users.len() == 2)
        );
        assert!(parse("remove-user r").expect_err("a refusal").contains("<USER>"));
        // A LiveKit server has rooms of any name.
        assert!(matches!(parse("users a/b"), Ok(RoomAction::Users { room }) if room.as_str() == "a/b"));
        let long = parse(&format!("users {}", "x".repeat(257))).expect_err("a refusal");
        assert!(long.contains("257 bytes"), "{long}");
    }
}
