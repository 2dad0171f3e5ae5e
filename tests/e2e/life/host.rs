//! The host: uses LiveKit's admin API from the server's side.

use crate::kit::{Namespaces, Side, namespaces};
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde_json::{Value, json};
use std::process::Command;

pub(super) const ROOM: &str = "life";
pub(super) const URL: &str = "ws://10.1.1.1:7880";
pub(super) const LISTEN: &str = "10.1.1.1:7880";
const KEY: &str = "lifekey";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The key pair of server and participants.
pub(super) const KEYS: [(&str, &str); 2] = [("LIVEKIT_API_KEY", KEY), ("LIVEKIT_API_SECRET", SECRET)];

/// An operator of the server.
pub(super) struct Host {
    token: String,
}

impl Host {
    pub(super) fn new() -> Self {
        assert!(URL.contains(namespaces::SERVER));
        let grants = VideoGrants { room_admin: true, room_list: true, room: ROOM.into(), ..Default::default() };
        let token = AccessToken::with_api_key(KEY, SECRET).with_identity("host").with_grants(grants);
        Self { token: token.with_ttl(std::time::Duration::from_secs(86_400)).to_jwt().expect("a token") }
    }

    /// The participants.
    pub(super) fn members(&self, namespaces: &Namespaces) -> Vec<Value> {
        let answer = self.call(namespaces, "ListParticipants", &json!({ "room": ROOM })).expect("an answer");
        answer["participants"].as_array().cloned().unwrap_or_default()
    }

    /// Lets somebody publish only these sources. Returns whether they are there.
    pub(super) fn rights(&self, namespaces: &Namespaces, user: &str, sources: &[&str]) -> bool {
        let permission = json!({
            "canSubscribe": true, "canPublish": !sources.is_empty(), "canPublishData": true,
            "canPublishSources": sources,
        });
        let request = json!({ "room": ROOM, "identity": user, "permission": permission });
        self.call(namespaces, "UpdateParticipant", &request).is_some()
    }

    /// Mutes a track of somebody. Returns whether there was one that sent.
    pub(super) fn mute(&self, namespaces: &Namespaces, user: &str, source: &str) -> bool {
        let members = self.members(namespaces);
        let member = members.iter().find(|m| m["identity"] == user);
        let tracks = member.and_then(|m| m["tracks"].as_array());
        let track = tracks.and_then(|t| t.iter().find(|t| t["source"] == source && t["muted"] != true));
        track.is_some_and(|track| {
            let request = json!({ "room": ROOM, "identity": user, "trackSid": track["sid"], "muted": true });
            self.call(namespaces, "MutePublishedTrack", &request).is_some()
        })
    }

    /// Removes somebody. Returns whether they are there.
    pub(super) fn remove(&self, namespaces: &Namespaces, user: &str) -> bool {
        self.call(namespaces, "RemoveParticipant", &json!({ "room": ROOM, "identity": user })).is_some()
    }

    /// Ends the call for everyone. Returns whether there was one.
    pub(super) fn dismiss(&self, namespaces: &Namespaces) -> bool {
        self.call(namespaces, "DeleteRoom", &json!({ "room": ROOM })).is_some()
    }

    /// One call of RoomService; `None` if it is refused.
    fn call(&self, namespaces: &Namespaces, method: &str, request: &Value) -> Option<Value> {
        let url = format!("http://{LISTEN}/twirp/livekit.RoomService/{method}");
        let bearer = format!("Authorization: Bearer {}", self.token);
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--max-time", "10", "--header", "Content-Type: application/json"]);
        command.args(["--header", &bearer, "--data", &request.to_string(), &url]);
        let output = namespaces.inside(Side::Server, &command).output().expect("nsenter and curl run");
        output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
    }
}
