//! The four actions and their parameters: parsing and validation.

use super::error::{ApiError, Parameter};
use super::signature::SignedCall;
use crate::base::{RoomId, UserId};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// The only version of the API.
pub const VERSION: &str = "2019-07-22";
/// Largest number of users in one call.
const MAX_USERS: usize = 10;
/// Longest user id, in bytes.
const USER_BYTES: usize = 32;

/// An action of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiAction {
    /// Removes users from a numeric room.
    RemoveUser,
    /// Removes users from a string room.
    RemoveUserByStrRoomId,
    /// Ends a numeric room for everybody.
    DismissRoom,
    /// Ends a string room for everybody.
    DismissRoomByStrRoomId,
}

impl ApiAction {
    /// All actions.
    pub(crate) const ALL: [Self; 4] =
        [Self::RemoveUser, Self::RemoveUserByStrRoomId, Self::DismissRoom, Self::DismissRoomByStrRoomId];

    /// Its name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RemoveUser => "RemoveUser",
            Self::RemoveUserByStrRoomId => "RemoveUserByStrRoomId",
            Self::DismissRoom => "DismissRoom",
            Self::DismissRoomByStrRoomId => "DismissRoomByStrRoomId",
        }
    }

    const fn is_numeric(self) -> bool {
        matches!(self, Self::RemoveUser | Self::DismissRoom)
    }

    const fn is_removal(self) -> bool {
        matches!(self, Self::RemoveUser | Self::RemoveUserByStrRoomId)
    }
}

impl fmt::Display for ApiAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The operation that a call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomOperation {
    /// Removes one to ten users.
    Remove(Vec<UserId>),
    /// Removes everybody and ends the room.
    Dismiss,
}

/// The validated parameters of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRequest {
    /// The application. The caller compares it with the server's.
    pub sdk_app_id: u32,
    /// The room.
    pub room: RoomId,
    /// The operation on it.
    pub operation: RoomOperation,
}

impl SignedCall {
    /// The action, if this version of the API has one of this name.
    pub fn action(&self) -> Result<ApiAction, ApiError> {
        if self.version != VERSION {
            return Err(ApiError::Version);
        }
        ApiAction::ALL.into_iter().find(|action| action.name() == self.action).ok_or(ApiError::Action)
    }

    /// The parameters of the call. `body` is the body of the HTTP request.
    ///
    /// Numbers have to be JSON numbers and texts JSON strings; in queries and forms, a number is its digits. Unknown
    /// parameters are refused. User ids are 1 to 32 bytes long; their characters are not checked, because our other
    /// clients allow more characters than TRTC does.
    pub fn request(&self, body: &[u8]) -> Result<RoomRequest, ApiError> {
        let action = self.action()?;
        let mut parameters = match &self.pairs {
            Some(pairs) => Parameters::Texts(Texts::new(pairs)),
            None => Parameters::Json(serde_json::from_slice(body).map_err(|_| ApiError::Body)?),
        };
        let sdk_app_id = parameters.number(Parameter::SdkAppId)?;
        let room = if action.is_numeric() { parameters.numeric_room()? } else { parameters.text_room()? };
        let operation =
            if action.is_removal() { RoomOperation::Remove(parameters.users()?) } else { RoomOperation::Dismiss };
        parameters.refuse_unknown()?;
        Ok(RoomRequest { sdk_app_id, room, operation })
    }
}

/// The parameters that are still to be read. Reading one removes it.
enum Parameters {
    Json(Map<String, Value>),
    Texts(Texts),
}

/// Parameters of a query or form; lists are `Name.0`, `Name.1`, ….
struct Texts {
    single: BTreeMap<String, String>,
    /// `UserIds` by index.
    users: BTreeMap<u32, String>,
}

impl Texts {
    fn new(pairs: &[(String, String)]) -> Self {
        let mut texts = Self { single: BTreeMap::new(), users: BTreeMap::new() };
        for (name, value) in pairs {
            let index = name.strip_prefix(Parameter::UserIds.name()).and_then(|rest| rest.strip_prefix('.'));
            match index.and_then(|index| index.parse().ok()) {
                Some(index) => texts.users.insert(index, value.clone()),
                None => texts.single.insert(name.clone(), value.clone()),
            };
        }
        texts
    }
}

impl Parameters {
    /// A JSON null counts as missing.
    fn json(map: &mut Map<String, Value>, parameter: Parameter) -> Result<Value, ApiError> {
        map.remove(parameter.name()).filter(|value| !value.is_null()).ok_or(ApiError::Missing(parameter))
    }

    fn number(&mut self, parameter: Parameter) -> Result<u32, ApiError> {
        let number = match self {
            Self::Json(map) => Self::json(map, parameter)?.as_u64().and_then(|n| u32::try_from(n).ok()),
            Self::Texts(texts) => {
                let text = texts.single.remove(parameter.name()).ok_or(ApiError::Missing(parameter))?;
                text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
            }
        };
        number.ok_or(ApiError::Invalid(parameter, "a number from 0 to 4294967295 belongs there"))
    }

    fn numeric_room(&mut self) -> Result<RoomId, ApiError> {
        let wrong = ApiError::Invalid(Parameter::RoomId, "it is a number from 1 to 4294967294");
        match self.number(Parameter::RoomId) {
            Ok(0 | u32::MAX) | Err(ApiError::Invalid(..)) => Err(wrong),
            Ok(number) => Ok(RoomId::Number(number)),
            Err(other) => Err(other),
        }
    }

    fn text_room(&mut self) -> Result<RoomId, ApiError> {
        let wrong = |why| ApiError::Invalid(Parameter::RoomId, why);
        let text = match self {
            Self::Json(map) => match Self::json(map, Parameter::RoomId)? {
                Value::String(text) => text,
                _ => return Err(wrong("this action takes text; for numbers there is another one")),
            },
            Self::Texts(texts) => {
                let text = texts.single.remove(Parameter::RoomId.name());
                text.ok_or(ApiError::Missing(Parameter::RoomId))?
            }
        };
        match text.parse() {
            // The wire names of LiveKit write numbers as `num/7`; here the slash makes the text invalid.
            Ok(room @ RoomId::Text(_)) => Ok(room),
            _ => Err(wrong("it is 1 to 64 bytes of letters, digits, space and !#$%&()+-:;<=.>?@[]^_{}|~,")),
        }
    }

    fn users(&mut self) -> Result<Vec<UserId>, ApiError> {
        let wrong = |why| ApiError::Invalid(Parameter::UserIds, why);
        let texts: Vec<String> = match self {
            Self::Json(map) => {
                let list = Self::json(map, Parameter::UserIds)?;
                serde_json::from_value(list).map_err(|_| wrong("it is a list of texts"))?
            }
            Self::Texts(texts) => std::mem::take(&mut texts.users).into_values().collect(),
        };
        if texts.is_empty() && matches!(self, Self::Texts(_)) {
            return Err(ApiError::Missing(Parameter::UserIds));
        }
        if texts.is_empty() || texts.len() > MAX_USERS {
            return Err(wrong("1 to 10 users are possible in one call"));
        }
        let user = |text: String| {
            let short = text.len() <= USER_BYTES;
            short.then(|| text.parse().ok()).flatten().ok_or(wrong("a user id has 1 to 32 bytes"))
        };
        texts.into_iter().map(user).collect()
    }

    fn refuse_unknown(self) -> Result<(), ApiError> {
        let left = match self {
            Self::Json(map) => map.into_iter().map(|(name, _)| name).next(),
            Self::Texts(Texts { single, users }) => {
                let users = users.into_keys().next().map(|_| Parameter::UserIds.name().to_owned());
                single.into_keys().next().or(users)
            }
        };
        left.map_or(Ok(()), |name| Err(ApiError::unknown(&name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(action: &str, body: &Value) -> &'static str {
        SignedCall::unsigned(action).request(body.to_string().as_bytes()).map_or_else(|e| e.code(), |_| "")
    }

    #[test]
    fn each_action_takes_its_own_kind_of_room() {
        let (number, text) = (json!({"SdkAppId": 1, "RoomId": 123}), json!({"SdkAppId": 1, "RoomId": "123"}));
        let read = |action: &str, body: &Value| SignedCall::unsigned(action).request(body.to_string().as_bytes());
        assert_eq!(read("DismissRoom", &number).expect("a request").room, RoomId::Number(123));
        assert_eq!(read("DismissRoomByStrRoomId", &text).expect("a request").room, RoomId::Text("123".into()));
        assert_eq!(code("DismissRoom", &text), "InvalidParameter.RoomId");
        assert_eq!(code("DismissRoomByStrRoomId", &number), "InvalidParameter.RoomId");
    }

    #[test]
    fn rooms_have_the_bounds_of_trtc() {
        for (room, expected) in [
            (json!(1), ""),
            (json!(4_294_967_294u32), ""),
            (json!(0), "InvalidParameter.RoomId"),
            (json!(4_294_967_295u32), "InvalidParameter.RoomId"),
            (json!(4_294_967_296u64), "InvalidParameter.RoomId"),
            (json!(-1), "InvalidParameter.RoomId"),
            (json!(1.5), "InvalidParameter.RoomId"),
            (json!([1]), "InvalidParameter.RoomId"),
            (json!(null), "MissingParameter.RoomId"),
        ] {
            assert_eq!(code("DismissRoom", &json!({"SdkAppId": 1, "RoomId": room})), expected, "{room}");
        }
        for (room, expected) in [
            ("a".repeat(64), ""),
            ("a b!#$%&()+-:;<=.>?@[]^_{}|~,".into(), ""),
            ("a".repeat(65), "InvalidParameter.RoomId"),
            (String::new(), "InvalidParameter.RoomId"),
            ("num/7".into(), "InvalidParameter.RoomId"),
            ("a\"b".into(), "InvalidParameter.RoomId"),
            ("é".into(), "InvalidParameter.RoomId"),
        ] {
            assert_eq!(code("DismissRoomByStrRoomId", &json!({"SdkAppId": 1, "RoomId": room})), expected, "{room}");
        }
    }

    #[test]
    fn one_to_ten_users_of_at_most_32_bytes() {
        let remove = |users: Value| code("RemoveUser", &json!({"SdkAppId": 1, "RoomId": 7, "UserIds": users}));
        let users = |n: usize| json!((0..n).map(|i| format!("u{i}")).collect::<Vec<_>>());
        assert_eq!((remove(users(1)), remove(users(10))), ("", ""));
        assert_eq!(remove(json!(["a".repeat(32), "someone@example.com"])), "");
        for wrong in [users(0), users(11), json!(["a".repeat(33)]), json!([""]), json!([7]), json!("mina")] {
            assert_eq!(remove(wrong.clone()), "InvalidParameter.UserIds", "{wrong}");
        }
        assert_eq!(remove(Value::Null), "MissingParameter.UserIds");
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (action, body, expected) in [
            ("DismissRoom", json!({"RoomId": 1}), "MissingParameter.SdkAppId"),
            ("DismissRoom", json!({"SdkAppId": 1}), "MissingParameter.RoomId"),
            ("RemoveUser", json!({"SdkAppId": 1, "RoomId": 1}), "MissingParameter.UserIds"),
            ("DismissRoom", json!({"SdkAppId": "1", "RoomId": 1}), "InvalidParameter.SdkAppId"),
            // A replayed removal cannot end the room.
            ("DismissRoom", json!({"SdkAppId": 1, "RoomId": 1, "UserIds": ["a"]}), "UnknownParameter"),
            ("DismissRoom", json!([]), "InvalidParameter"),
            ("DescribeRoom", json!({}), "InvalidAction"),
        ] {
            assert_eq!(code(action, &body), expected, "{action} {body}");
        }
        let old = SignedCall { version: "2017-03-12".into(), ..SignedCall::unsigned("DismissRoom") };
        assert_eq!(old.request(b"{}"), Err(ApiError::Version));
        assert_eq!(SignedCall::unsigned("DismissRoom").request(b"{"), Err(ApiError::Body));
    }

    #[test]
    fn a_query_says_the_same_in_text() {
        let read = |action: &str, pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            SignedCall { pairs: Some(pairs), ..SignedCall::unsigned(action) }.request(b"")
        };
        let both = [("SdkAppId", "1"), ("RoomId", "12"), ("UserIds.1", "tom"), ("UserIds.0", "mina")];
        let users = RoomOperation::Remove(vec!["mina".parse().expect("a user"), "tom".parse().expect("a user")]);
        let numeric = RoomRequest { sdk_app_id: 1, room: RoomId::Number(12), operation: users };
        assert_eq!(read("RemoveUser", &both), Ok(numeric.clone()));
        let text = RoomRequest { room: RoomId::Text("12".into()), ..numeric };
        assert_eq!(read("RemoveUserByStrRoomId", &both), Ok(text));
        for (pairs, expected) in [
            (&both[..2], "MissingParameter.UserIds"),
            (&[("SdkAppId", "1"), ("RoomId", "+1"), ("UserIds.0", "a")][..], "InvalidParameter.RoomId"),
            (&[("SdkAppId", "1"), ("RoomId", "1"), ("UserIds.0", "a"), ("UserIds.x", "a")][..], "UnknownParameter"),
        ] {
            assert_eq!(read("RemoveUser", pairs).expect_err("a refusal").code(), expected, "{pairs:?}");
        }
        assert_eq!(read("DismissRoom", &both).expect_err("a refusal").code(), "UnknownParameter");
    }
}
