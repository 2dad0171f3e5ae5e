//! The door of a room: lock it, let newcomers wait, let them in.

use super::{no_room, print_line};
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomName, UserId};
use crate::proto::room_settings::RoomSettings;
use serde_json::json;
use std::io::Write;
use std::process::ExitCode;

/// Arguments of `lock`.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cmd) struct LockArgs {
    /// The room
    pub(super) room: RoomName,
    /// Let newcomers wait until a host lets them in, instead of refusing them
    #[arg(long, conflicts_with = "off")]
    pub(super) waiting_room: bool,
    /// Open the room: no lock and no waiting room
    #[arg(long)]
    pub(super) off: bool,
}

/// Locks a room, or opens it.
pub(super) async fn lock(client: &AdminClient, args: &LockArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let LockArgs { room, waiting_room, off } = args;
    let metadata = client.metadata(room).await.map_err(|e| no_room(room, e))?;
    let mut settings = RoomSettings::read(&metadata);
    (settings.locked, settings.waiting_room) = (!off && !waiting_room, *waiting_room);
    client.set_metadata(room, settings.write(&metadata)?).await.map_err(|e| no_room(room, e))?;
    let shown = room.shown();
    print_line(&if as_json {
        let RoomSettings { locked, waiting_room, .. } = settings;
        json!({ "room": room.as_str(), "locked": locked, "waiting_room": waiting_room }).to_string()
    } else if *off {
        format!("{shown} is open.")
    } else if *waiting_room {
        format!("Newcomers wait before {shown}. Let them in with `visavis room admit {shown}`.")
    } else {
        format!("{shown} is locked.")
    })
}

/// Lets those in who wait before a room: these users, or all.
pub(super) async fn admit(
    client: &AdminClient,
    room: &RoomName,
    users: &[UserId],
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let waiting = client.waiting(room).await.map_err(|e| no_room(room, e))?;
    let all: Vec<UserId> = waiting.into_iter().map(|(user, _)| user).collect();
    let wanted = if users.is_empty() { &all[..] } else { users };
    let (mut results, mut failed) = (Vec::new(), false);
    for user in wanted {
        let error = match all.contains(user) {
            false => Some(format!("{user} does not wait before {}.", room.shown())),
            true => client.admit(room, user).await.err().map(|e| match e {
                AdminClientError::NotFound(_) => format!("{user} has gone."),
                other => format!("{user} was not let in. {other}"),
            }),
        };
        match &error {
            None if !as_json => drop(print_line(&format!("{user} was let in."))?),
            Some(e) => writeln!(std::io::stderr(), "{e}")?,
            None => {}
        }
        failed |= error.is_some();
        results.push(json!({ "user": user.as_str(), "admitted": error.is_none(), "error": error }));
    }
    if as_json {
        print_line(&json!(results).to_string())?;
    } else if wanted.is_empty() {
        print_line(&format!("Nobody waits before {}.", room.shown()))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
