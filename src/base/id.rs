//! Ids of rooms, users and sessions, validated where they enter the program.

use super::name::{shortened, visible};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Characters that TRTC allows in a string room id: letters, digits, space and these 26 signs.
const ROOM_SIGNS: &str = "!#$%&()+-:;<=.>?@[]^_{}|~,";
/// Longest string room id of TRTC, in bytes.
const ROOM_BYTES: usize = 64;
/// Longest name of a LiveKit room, in bytes (livekit-server's `max_room_name_length`).
const ROOM_NAME_BYTES: usize = 256;
/// How a room is shown whose name has nothing that can be shown.
const UNNAMED_ROOM: &str = "Unnamed room";
/// Longest user id, in bytes. TRTC allows 32; other LiveKit clients bring longer ones.
const USER_BYTES: usize = 256;
/// Longest display name, in characters.
const NAME_CHARS: usize = 64;

/// Why a name was refused. The message is for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// An empty room name.
    #[error("The room has no name. Write one, for example \"design-review\".")]
    RoomEmpty,
    /// A string room id over 64 bytes, or a LiveKit room name over 256.
    #[error("The room name is {bytes} bytes long. At most {most} are possible.")]
    RoomTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The limit in bytes.
        most: usize,
    },
    /// A character outside TRTC's set.
    #[error(
        "The room name holds {character:?}, which is not possible on this server. Use letters, digits, space and !#$%&()+-:;<=.>?@[]^_{{}}|~,"
    )]
    RoomCharacter {
        /// The first such character.
        character: char,
    },
    /// `num/N` without N from 1 to 4294967294.
    #[error("On this server a numeric room is written num/N with N from 1 to 4294967294.")]
    RoomNumber,
    /// An empty display name.
    #[error("Write the name the others will see.")]
    NameEmpty,
    /// A display name over 64 characters.
    #[error("The name is {chars} characters long. At most 64 are possible.")]
    NameTooLong {
        /// Its length in characters.
        chars: usize,
    },
    /// A user id that is empty, longer than 256 bytes, or holds a control character.
    #[error("The user id is not usable: it needs 1 to 256 bytes and no control characters.")]
    User,
}

/// The name of a room on the wire, as LiveKit allows it: 1 to 256 bytes of any UTF-8.
///
/// It has no `Display`: [`RoomName::as_str`] is for servers, [`RoomName::shown`] for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(String);

impl RoomName {
    /// The name as the server knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name on one line without characters that are invisible or disturb others, 65 characters at most. Never empty.
    pub fn shown(&self) -> String {
        let shown = visible(&self.0);
        if shown.is_empty() { UNNAMED_ROOM.to_owned() } else { shortened(shown) }
    }
}

impl FromStr for RoomName {
    type Err = IdError;

    fn from_str(s: &str) -> Result<Self, IdError> {
        match s.len() {
            0 => Err(IdError::RoomEmpty),
            bytes if bytes > ROOM_NAME_BYTES => Err(IdError::RoomTooLong { bytes, most: ROOM_NAME_BYTES }),
            _ => Ok(Self(s.to_owned())),
        }
    }
}

/// A room as TRTC names it, and the only rooms that this project's server makes. TRTC has two namespaces: the number 123
/// and the string "123" are different rooms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoomId {
    /// TRTC's `roomId`, 1 to 4294967294; written `num/123`.
    Number(u32),
    /// TRTC's `strRoomId`, 1 to 64 bytes from its 89 characters.
    Text(String),
}

impl RoomId {
    /// The room's name in LiveKit's single namespace; [`RoomId::from_str`] parses it.
    pub fn wire_name(&self) -> RoomName {
        RoomName(match self {
            Self::Number(n) => format!("num/{n}"),
            Self::Text(s) => s.clone(),
        })
    }
}

impl FromStr for RoomId {
    type Err = IdError;

    fn from_str(s: &str) -> Result<Self, IdError> {
        if let Some(digits) = s.strip_prefix("num/") {
            let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
            let number = digits.parse::<u32>().ok().filter(|n| plain && *n != u32::MAX);
            return number.map(Self::Number).ok_or(IdError::RoomNumber);
        }
        if s.trim().is_empty() {
            return Err(IdError::RoomEmpty);
        }
        if s.len() > ROOM_BYTES {
            return Err(IdError::RoomTooLong { bytes: s.len(), most: ROOM_BYTES });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == ' ' || ROOM_SIGNS.contains(c);
        match s.chars().find(|c| !allowed(*c)) {
            Some(character) => Err(IdError::RoomCharacter { character }),
            None => Ok(Self::Text(s.to_owned())),
        }
    }
}

/// A user's id: LiveKit's identity, TRTC's userId. The display name is separate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

impl UserId {
    /// The id of a participant as a server names it, whatever it is. Ids of our own are parsed instead.
    pub fn of_participant(identity: &str) -> Self {
        Self(identity.to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserId {
    type Err = IdError;

    fn from_str(s: &str) -> Result<Self, IdError> {
        let usable = !s.trim().is_empty() && s.len() <= USER_BYTES && !s.chars().any(char::is_control);
        if usable { Ok(Self(s.to_owned())) } else { Err(IdError::User) }
    }
}

/// Validates a display name: 1 to 64 characters, without those that [`visible`] removes.
pub(crate) fn display_name(s: &str) -> Result<String, IdError> {
    let name = visible(s);
    match name.chars().count() {
        0 => Err(IdError::NameEmpty),
        chars if chars > NAME_CHARS => Err(IdError::NameTooLong { chars }),
        _ => Ok(name),
    }
}

/// Counts the sessions (enter to exit) of one process, so that late events of an older one are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId(pub(crate) u64);

/// A track's id at the server: LiveKit's `TR_…`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackSid(Arc<str>);

impl TrackSid {
    /// The id as the server writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl serde::Serialize for TrackSid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl From<&str> for TrackSid {
    fn from(sid: &str) -> Self {
        Self(sid.into())
    }
}

impl fmt::Display for TrackSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_namespaces_stay_apart() {
        assert_eq!("num/123".parse(), Ok(RoomId::Number(123)));
        assert_eq!("123".parse(), Ok(RoomId::Text("123".into())));
        assert_eq!(RoomId::Number(123).wire_name().as_str(), "num/123");
        for bad in ["num/0", "num/4294967295", "num/", "num/-1", "num/01", "num/1x", "num/+1"] {
            assert_eq!(bad.parse::<RoomId>(), Err(IdError::RoomNumber), "{bad}");
        }
        assert_eq!("num/4294967294".parse(), Ok(RoomId::Number(4_294_967_294)));
    }

    #[test]
    fn string_rooms_hold_64_bytes_of_89_characters() {
        assert!("a".repeat(64).parse::<RoomId>().is_ok());
        assert_eq!("a".repeat(65).parse::<RoomId>(), Err(IdError::RoomTooLong { bytes: 65, most: 64 }));
        assert_eq!("a/b".parse::<RoomId>(), Err(IdError::RoomCharacter { character: '/' }));
        assert_eq!("é".parse::<RoomId>(), Err(IdError::RoomCharacter { character: 'é' }));
        assert_eq!(" ".parse::<RoomId>(), Err(IdError::RoomEmpty));
        let all = (0u8..128).map(char::from).filter(|c| c.to_string().parse::<RoomId>().is_ok() || *c == ' ');
        assert_eq!(all.count(), 89);
    }

    #[test]
    fn a_room_of_a_livekit_server_has_any_name_and_is_shown_safely() {
        for name in ["a/b", "Über uns", "日本語🎉", "num/0", " lead", "a\nb", &"x".repeat(256)] {
            assert_eq!(name.parse::<RoomName>().as_ref().map(RoomName::as_str), Ok(name));
        }
        assert_eq!("".parse::<RoomName>(), Err(IdError::RoomEmpty));
        assert_eq!("ü".repeat(129).parse::<RoomName>(), Err(IdError::RoomTooLong { bytes: 258, most: 256 }));
        let shown = |name: &str| name.parse::<RoomName>().expect("a room").shown();
        assert_eq!(shown("tea\u{202e}gpj.\u{1b}[31m\n"), "teagpj.[31m");
        assert_eq!((shown("\u{200b} "), shown(&"x".repeat(256)).chars().count()), ("Unnamed room".to_owned(), 65));
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(display_name("  Mina Park\n"), Ok("Mina Park".into()));
        assert_eq!(display_name("\t "), Err(IdError::NameEmpty));
        assert_eq!(display_name(&"x".repeat(1000)), Err(IdError::NameTooLong { chars: 1000 }));
        assert!("".parse::<UserId>().is_err());
    }
}
