//! Rooms and participants as JSON and as tables.

use crate::base::visible;
use crate::clock;
use crate::proto::standing;
use livekit_protocol as lk;
use serde_json::{Value, json};

pub(super) fn room_json(room: &lk::Room) -> Value {
    json!({
        "room": room.name,
        "sid": room.sid,
        "participants": room.num_participants,
        "publishers": room.num_publishers,
        "max_participants": room.max_participants,
        "created_unix_ms": room.creation_time_ms,
    })
}

pub(super) fn person_json(person: &lk::ParticipantInfo) -> Value {
    json!({
        "user": person.identity,
        "name": person.name,
        "sid": person.sid,
        "state": person.state().as_str_name().to_ascii_lowercase(),
        "joined_unix_ms": person.joined_at_ms,
        "host": standing::is_host(&person.attributes),
        "waiting": standing::is_waiting(&person.attributes),
        "tracks": person.tracks.iter().map(track_json).collect::<Vec<_>>(),
    })
}

fn track_json(track: &lk::TrackInfo) -> Value {
    let source = track.source().as_str_name().to_ascii_lowercase();
    json!({ "sid": track.sid, "source": source, "codec": track.mime_type, "muted": track.muted })
}

pub(super) fn tracks(person: &lk::ParticipantInfo) -> Vec<String> {
    let word = |track: &lk::TrackInfo| {
        let source = track.source().as_str_name().to_ascii_lowercase().replace('_', " ");
        if track.muted { format!("{source} (muted)") } else { source }
    };
    match standing::is_waiting(&person.attributes) {
        true => vec!["waits to be let in".to_owned()],
        false => person.tracks.iter().map(word).collect(),
    }
}

/// A track in words: "camera (VP8, 1280x720)". `source` and `codec` are LiveKit's words.
pub(super) fn track_words(source: &str, codec: &str, (width, height): (u32, u32)) -> String {
    let codec = codec.rsplit('/').next().unwrap_or(codec);
    let size = if width > 0 { format!(", {width}x{height}") } else { String::new() };
    format!("{} ({codec}{size})", source.replace('_', " "))
}

/// The time since `unix_ms` in its largest unit; `-` if it is unknown.
pub(super) fn since(unix_ms: i64) -> String {
    let seconds = (clock::unix_ms() as i64 - unix_ms).max(0) / 1000;
    match seconds {
        s if unix_ms == 0 || s < 0 => "-".into(),
        s if s < 60 => format!("{s} s"),
        s if s < 3600 => format!("{} min", s / 60),
        s if s < 48 * 3600 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86400),
    }
}

/// Left-aligned columns, each as wide as its longest cell. Names of strangers are printed without control characters.
pub(super) fn table(head: [&str; 3], rows: Vec<[String; 3]>, empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let rows: Vec<[String; 3]> = rows.iter().map(|row| row.each_ref().map(|cell| visible(cell))).collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).chain([head[i].len()]).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let line = |cells: [&str; 3]| {
        let [a, b, c] = cells;
        format!("{a:first$}  {b:second$}  {c}").trim_end().to_owned()
    };
    let body = rows.iter().map(|r| line([r[0].as_str(), r[1].as_str(), r[2].as_str()]));
    std::iter::once(line(head)).chain(body).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_longest_cells() {
        let rows = vec![["a".into(), "1".into(), String::new()], ["longer-name".into(), "10".into(), "x".into()]];
        let text = table(["ROOM", "PEOPLE", "OPEN"], rows, "none");
        assert_eq!(text, "ROOM         PEOPLE  OPEN\na            1\nlonger-name  10      x");
        let rows = vec![["a\u{1b}[2J\u{202e}".into(), String::new(), String::new()]];
        assert_eq!(table(["U", "V", "W"], rows, "none"), "U     V  W\na[2J");
        assert_eq!(table(["A", "B", "C"], vec![], "none"), "none");
    }
}
