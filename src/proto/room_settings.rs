//! What hosts set for a whole room, in the room's metadata: JSON with the object `visavis`. Whatever else the metadata hold
//! stays as it is. LiveKit's `UpdateRoomMetadata` writes them, and every participant gets them.

use crate::base::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const KEY: &str = "visavis";

/// What hosts set for a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomSettings {
    /// Who is shown large to everybody.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name", deserialize_with = "user")]
    pub spotlight: Option<UserId>,
    /// Whether microphones are muted when people enter.
    #[serde(skip_serializing_if = "is_false")]
    pub muted_on_entry: bool,
    /// Whether nobody new is let in.
    #[serde(skip_serializing_if = "is_false")]
    pub locked: bool,
    /// Whether newcomers wait until a host lets them in.
    #[serde(skip_serializing_if = "is_false")]
    pub waiting_room: bool,
}

/// The metadata of the room belong to another program, in another form than a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metadata of this room belong to another program")]
pub struct ForeignMetadata;

impl RoomSettings {
    /// The settings in a room's metadata; the default where there are none.
    pub fn read(metadata: &str) -> Self {
        let found = serde_json::from_str::<Map<String, Value>>(metadata).ok().and_then(|mut all| all.remove(KEY));
        found.and_then(|settings| serde_json::from_value(settings).ok()).unwrap_or_default()
    }

    /// Metadata with these settings in place of those before. They are never empty: a server takes that for no change.
    ///
    /// # Errors
    /// The metadata are no JSON object.
    pub fn write(&self, metadata: &str) -> Result<String, ForeignMetadata> {
        let mut all: Map<String, Value> = match metadata.trim() {
            "" => Map::new(),
            text => serde_json::from_str(text).map_err(|_| ForeignMetadata)?,
        };
        all.insert(KEY.to_owned(), serde_json::to_value(self).map_err(|_| ForeignMetadata)?);
        Ok(Value::Object(all).to_string())
    }

    /// Whether newcomers do not come in by themselves.
    pub const fn is_closed(&self) -> bool {
        self.locked || self.waiting_room
    }
}

fn name<S: serde::Serializer>(user: &Option<UserId>, serializer: S) -> Result<S::Ok, S::Error> {
    user.as_ref().map(UserId::as_str).serialize(serializer)
}

/// A name that cannot be one is none.
fn user<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|name| name.parse().ok()))
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_were_written_and_others_stay() {
        let settings =
            RoomSettings { spotlight: "mina".parse().ok(), muted_on_entry: true, locked: true, waiting_room: true };
        let metadata = settings.write(r#"{"topic":"tea","visavis":{"locked":false}}"#).expect("an object");
        assert_eq!(RoomSettings::read(&metadata), settings);
        assert!(metadata.contains(r#""topic":"tea""#), "{metadata}");
        let none = RoomSettings::default().write(&metadata).expect("an object");
        assert_eq!(RoomSettings::read(&none), RoomSettings::default());
        assert_eq!(RoomSettings::default().write("").as_deref(), Ok(r#"{"visavis":{}}"#));
    }

    #[test]
    fn what_others_write_is_no_setting_and_is_not_replaced() {
        for other in ["tea", "[1]", "{\"visavis\":7}", "", "{\"visavis\":{\"locked\":\"yes\"}}"] {
            assert_eq!(RoomSettings::read(other), RoomSettings::default(), "{other}");
        }
        assert_eq!(RoomSettings::read(r#"{"visavis":{"spotlight":""}}"#).spotlight, None);
        assert_eq!(RoomSettings::default().write("tea"), Err(ForeignMetadata));
    }
}
