//! Invitations: the part of a link that admits its bearer to one room of a server without open tokens.
//!
//! Format: `KEY.ROLE.UNTIL.MAC`, that is the id of the key pair that signed it, `guest` or `host`, the end of its validity
//! in Unix seconds (0: no end), and 16 bytes of HMAC-SHA256 in base64url. It is short because people send it to each
//! other. It names no user: its bearer chooses a name. Time is an argument.

use super::mac;
use super::token::{ApiKey, ApiKeys};
use crate::base::{RoomName, Secret};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use std::fmt;
use std::str::FromStr;

/// Length of the truncated MAC in bytes: 128 bits cannot be guessed.
const MAC_BYTES: usize = 16;

/// The rights of a participant in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Sends and receives media.
    #[default]
    Guest,
    /// May also remove others and end the call for everyone.
    Host,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guest => "guest",
            Self::Host => "host",
        })
    }
}

impl FromStr for Role {
    type Err = InvitationError;

    fn from_str(text: &str) -> Result<Self, InvitationError> {
        match text {
            "guest" => Ok(Self::Guest),
            "host" => Ok(Self::Host),
            _ => Err(InvitationError::Malformed),
        }
    }
}

/// Why an invitation was refused. The sentences are for people and never repeat the invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not an invitation, or one that was cut off.
    #[error("This link is not whole. Ask for it again.")]
    Malformed,
    /// Signed with a key that the server does not know, for another room, or changed afterwards.
    #[error("This link does not open this room. Ask for a new one.")]
    Signature,
    /// Its validity is over.
    #[error("This link has ended. Ask for a new one.")]
    Expired,
}

/// The content of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The rights that it gives.
    pub role: Role,
    /// The end of its validity in Unix seconds; `None` for an invitation without an end.
    pub until: Option<i64>,
}

impl Invitation {
    /// Signs it for one room.
    pub fn sign(&self, room: &RoomName, key: &ApiKey) -> Result<Secret<String>, InvitationError> {
        let head = format!("{}.{}.{}", key.id, self.role, self.until.unwrap_or(0));
        let made = mac::sha256(key.secret.expose().as_bytes(), &signed(&head, room));
        let made = made.map_err(|_| InvitationError::Signature)?;
        let start = made.get(..MAC_BYTES).ok_or(InvitationError::Signature)?;
        Ok(Secret::new(format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(start))))
    }

    /// Checks format, signature, room and time. `now` is in Unix seconds.
    pub fn verify(text: &str, room: &RoomName, keys: &ApiKeys, now: i64) -> Result<Self, InvitationError> {
        let malformed = InvitationError::Malformed;
        let (head, made) = text.rsplit_once('.').ok_or(malformed)?;
        let mut parts = head.rsplitn(3, '.');
        let (Some(until), Some(role), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed);
        };
        let until: i64 = until.parse().map_err(|_| malformed)?;
        let role = role.parse()?;
        let made = BASE64_URL_SAFE_NO_PAD.decode(made).map_err(|_| malformed)?;
        let key = keys.find(id).ok_or(InvitationError::Signature)?;
        let is_right = mac::is_start_of_sha256(key.secret.expose().as_bytes(), &signed(head, room), &made);
        if made.len() != MAC_BYTES || !is_right {
            return Err(InvitationError::Signature);
        }
        let until = Some(until).filter(|until| *until != 0);
        if until.is_some_and(|until| until <= now) {
            return Err(InvitationError::Expired);
        }
        Ok(Self { role, until })
    }
}

/// The text under the MAC. Its first line separates it from other texts that the same key signs.
fn signed(head: &str, room: &RoomName) -> String {
    format!("visavis-invitation\n{head}\n{}", room.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_586_184;

    fn room(name: &str) -> RoomName {
        name.parse().expect("a room")
    }

    fn keys() -> ApiKeys {
        ApiKeys::new(vec![ApiKey::new("an.odd.key", "one").expect("a key"), ApiKey::dev()])
    }

    fn made(role: Role, until: Option<i64>, key: &ApiKey) -> String {
        Invitation { role, until }.sign(&room("tea"), key).expect("an invitation").expose().clone()
    }

    #[test]
    fn an_invitation_is_valid_for_its_room_and_time() {
        for key in [ApiKey::new("an.odd.key", "one").expect("a key"), ApiKey::dev()] {
            let invitation = Invitation { role: Role::Host, until: Some(NOW + 60) };
            let text = invitation.sign(&room("tea"), &key).expect("an invitation");
            let verify = |name: &str, now| Invitation::verify(text.expose(), &room(name), &keys(), now);
            assert_eq!(verify("tea", NOW), Ok(invitation));
            assert_eq!(verify("tea", NOW + 60), Err(InvitationError::Expired));
            assert_eq!(verify("coffee", NOW), Err(InvitationError::Signature));
        }
        let for_ever = Invitation { role: Role::Guest, until: None };
        let text = for_ever.sign(&room("num/7"), &ApiKey::dev()).expect("an invitation");
        assert_eq!(Invitation::verify(text.expose(), &room("num/7"), &keys(), i64::MAX), Ok(for_ever));
        assert_eq!(Invitation::verify(text.expose(), &room("7"), &keys(), NOW), Err(InvitationError::Signature));
        assert!(text.expose().len() < 50, "{}", text.expose());
    }

    #[cfg(feature = "client")]
    #[test]
    fn its_bearer_can_read_when_it_ends() {
        use crate::proto::link::invitation_end;
        assert_eq!(
            invitation_end(&made(Role::Host, Some(NOW), &ApiKey::new("an.odd.key", "one").expect("a key"))),
            Some(NOW)
        );
        assert_eq!(invitation_end(&made(Role::Guest, None, &ApiKey::dev())), None, "no end");
    }

    #[test]
    fn a_changed_invitation_is_refused() {
        let text = made(Role::Guest, Some(NOW + 60), &ApiKey::dev());
        for changed in [
            text.replace(".guest.", ".host."),
            text.replace(&(NOW + 60).to_string(), &(NOW + 61).to_string()),
            text.replace(&(NOW + 60).to_string(), "0"),
            text.replace("devkey.", "an.odd.key."),
            text.replace("devkey.", "stranger."),
            made(Role::Guest, None, &ApiKey::new("devkey", "guess").expect("a key")),
            text[..text.len() - 2].to_owned(),
            format!("{}.", text.rsplit_once('.').expect("a dot").0),
        ] {
            let error = Invitation::verify(&changed, &room("tea"), &keys(), NOW).expect_err(&changed);
            assert_eq!(error, InvitationError::Signature, "{changed}");
        }
        for none in ["", "....", "devkey", "devkey.guest.0", "devkey.king.0.AAAA", "devkey.guest.x.AAAA", "a.guest.0.é"]
        {
            let error = Invitation::verify(none, &room("tea"), &keys(), NOW).expect_err(none);
            assert_eq!(error, InvitationError::Malformed, "{none}");
        }
    }
}
