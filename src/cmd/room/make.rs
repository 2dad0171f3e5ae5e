//! Access tokens, links and UserSigs. They are signed here with the operator's keys, without asking a server.

use super::credentials::Credentials;
use super::print_line;
use crate::base::{RoomName, UserId, display_name};
#[cfg(feature = "server")]
use crate::clock::unix_s;
#[cfg(feature = "server")]
use crate::proto::invitation::{Invitation, Role};
#[cfg(feature = "server")]
use crate::proto::link;
use crate::proto::token::{JOIN_VALIDITY, JoinClaims};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// The content of a token.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cmd) struct TokenArgs {
    /// The room
    pub(super) room: RoomName,
    /// The user id
    #[arg(long, value_name = "USER")]
    pub(super) user: UserId,
    /// The name that the others see [default: the user id]
    #[arg(long, value_name = "NAME", value_parser = display_name)]
    pub(super) name: Option<String>,
    /// The token's owner may remove others
    #[arg(long)]
    pub(super) host: bool,
    /// How many minutes it is good for, a year at most
    #[arg(long, value_name = "MINUTES", default_value_t = JOIN_VALIDITY.as_secs() / 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=366 * 24 * 60))]
    pub(super) minutes: u64,
}

/// The content of a link.
#[cfg(feature = "server")]
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cmd) struct LinkArgs {
    /// The room
    pub(super) room: RoomName,
    /// The user of the link may remove others and end the call for everyone
    #[arg(long)]
    pub(super) host: bool,
    /// How many minutes it is good for, a year at most [default: for ever]
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=366 * 24 * 60))]
    pub(super) minutes: Option<u64>,
}

/// The content of a UserSig.
#[cfg(feature = "server")]
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cmd) struct UserSigArgs {
    /// The user id: 1 to 32 letters, digits, - and _
    #[arg(value_name = "USER", value_parser = trtc_user)]
    pub(super) user: UserId,
    /// How many minutes it is good for, a year at most [default: a day]
    #[arg(long, value_name = "MINUTES", default_value_t = 24 * 60, hide_default_value = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=366 * 24 * 60))]
    pub(super) minutes: u64,
}

pub(super) fn token(args: TokenArgs, credentials: &Credentials, as_json: bool) -> anyhow::Result<ExitCode> {
    let server = &credentials.server;
    let token = credentials.key()?.join_token(&JoinClaims {
        name: args.name.unwrap_or_else(|| args.user.to_string()),
        room: args.room,
        user: args.user,
        metadata: String::new(),
        attributes: Vec::new(),
        room_admin: args.host,
        own_metadata: false,
        valid_for: Duration::from_secs(args.minutes * 60),
    })?;
    let token = token.expose();
    print_line(&if as_json {
        json!({ "server_url": server, "participant_token": token }).to_string()
    } else {
        token.clone()
    })
}

#[cfg(feature = "server")]
pub(super) fn link(args: &LinkArgs, credentials: &Credentials, as_json: bool) -> anyhow::Result<ExitCode> {
    let server = &credentials.server;
    let role = if args.host { Role::Host } else { Role::Guest };
    let until = args.minutes.map(|minutes| unix_s() + i64::try_from(minutes * 60).unwrap_or(i64::MAX));
    let invitation = Invitation { role, until }.sign(&args.room, &credentials.key()?)?;
    let link = link::link(server, &args.room, Some(&invitation));
    print_line(&if as_json {
        json!({
            "link": link,
            "app_link": link::app_link(server, &args.room, Some(&invitation)),
            "room": args.room.as_str(),
            "role": role.to_string(),
            "expires_unix_s": until,
        })
        .to_string()
    } else {
        link
    })
}

#[cfg(feature = "server")]
pub(super) fn user_sig(args: &UserSigArgs, credentials: &Credentials, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = credentials.user_sig_key()?;
    let (now, valid_for) = (unix_s(), Duration::from_secs(args.minutes * 60));
    let made = key.make(&args.user, valid_for, now)?;
    let user_sig = made.expose();
    print_line(&if as_json {
        json!({
            "sdk_app_id": key.sdk_app_id,
            "user_id": args.user.as_str(),
            "user_sig": user_sig,
            "expires_unix_s": now + i64::try_from(args.minutes * 60).unwrap_or(i64::MAX),
        })
        .to_string()
    } else {
        user_sig.clone()
    })
}

/// TRTC allows fewer characters in user ids than we do, and its clients refuse others.
#[cfg(feature = "server")]
fn trtc_user(text: &str) -> Result<UserId, String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if plain && (1..=32).contains(&text.len()) {
        text.parse().map_err(|e: crate::base::IdError| e.to_string())
    } else {
        Err("TRTC's user ids are 1 to 32 letters, digits, - and _.".into())
    }
}

#[cfg(test)]
#[cfg(feature = "server")]
mod tests {
    use super::*;

    #[test]
    fn a_user_sig_is_for_a_user_that_trtc_can_name() {
        assert!(trtc_user("mina_park-1").is_ok() && trtc_user(&"a".repeat(32)).is_ok());
        for wrong in ["", "mina park", "é", &"a".repeat(33)] {
            assert!(trtc_user(wrong).is_err(), "{wrong}");
        }
    }
}
