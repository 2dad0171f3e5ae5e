//! How a line of the log is written: as text for people, or as a JSON object for programs that collect logs.

use super::{LINE_BYTES, cut};
use serde_json::{Map, Value};

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cmd) enum LogFormat {
    /// A line of words for each message.
    #[default]
    Text,
    /// A line with a JSON object for each message: `timestamp`, `level`, `target`, `message`, and its fields by their names
    /// (`room`, `user`, `session`, …).
    Json,
}

/// The beginning of a line of JSON, up to the time.
const STAMP: &str = "{\"timestamp\":\"";

impl LogFormat {
    /// The time of a line, and the rest of it.
    pub(super) fn split(self, line: &str) -> (&str, &str) {
        match self {
            Self::Text => line.split_once(' ').unwrap_or_default(),
            Self::Json => line.strip_prefix(STAMP).and_then(|rest| rest.split_once("\",")).unwrap_or(("", line)),
        }
    }

    /// The rest of a line, short enough to be remembered.
    pub(super) fn shortened(self, text: &str) -> String {
        match self {
            Self::Json if text.len() > LINE_BYTES => {
                let whole = serde_json::from_str::<Map<String, Value>>(&format!("{{{text}")).unwrap_or_default();
                let mut short = Map::new();
                for name in ["level", "message", "target"] {
                    let value = whole.get(name).and_then(Value::as_str).unwrap_or_default();
                    short.insert(name.to_owned(), cut(value).into());
                }
                Value::Object(short).to_string().split_off(1)
            }
            Self::Text | Self::Json => cut(text).to_owned(),
        }
    }

    /// The line that says that `count` more lines like `text` have come within `seconds`.
    pub(super) fn counted(self, stamp: &str, text: &str, count: u64, seconds: u64) -> String {
        match self {
            Self::Text => format!("{stamp} {text} ({count} more like it within {seconds} s)\n"),
            Self::Json => format!("{STAMP}{stamp}\",\"repeated\":{count},\"within_s\":{seconds},{text}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Repeats;
    use super::*;
    use std::time::Duration;

    fn warning(message: &str) -> String {
        let fields = "\"level\":\"WARN\",\"message\":";
        format!(
            "{STAMP}2026-11-30T12:00:00Z\",{fields}{},\"room\":\"tea\",\"target\":\"rtc\"}}\n",
            Value::from(message)
        )
    }

    #[test]
    fn repeated_lines_of_json_are_counted_in_a_line_of_json() {
        let mut repeats = Repeats { format: LogFormat::Json, ..Repeats::default() };
        for (message, written) in
            [("no route to 10.0.0.7", 1), ("no route to 10.0.0.8", 0), ("no route to 10.0.0.9", 0)]
        {
            assert_eq!(repeats.take(&warning(message), Duration::ZERO, true).len(), written, "{message}");
        }
        let lines = repeats.take_all(Duration::from_secs(9));
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let read: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!((&read["repeated"], &read["within_s"], &read["room"]), (&2.into(), &9.into(), &"tea".into()));
        assert_eq!(
            (&read["timestamp"], &read["message"]),
            (&"2026-11-30T12:00:00Z".into(), &"no route to 10.0.0.7".into())
        );
    }

    #[test]
    fn a_long_line_of_json_stays_json_when_it_is_shortened() {
        let mut repeats = Repeats { format: LogFormat::Json, ..Repeats::default() };
        let long = warning(&"é\"".repeat(3000));
        (0..2).for_each(|_| drop(repeats.take(&long, Duration::ZERO, true)));
        let lines = repeats.take_all(Duration::from_secs(1));
        assert!(lines[0].len() < 2000, "{} bytes", lines[0].len());
        let read: Value = serde_json::from_str(&lines[0]).expect("JSON");
        assert_eq!((&read["level"], &read["target"], &read["repeated"]), (&"WARN".into(), &"rtc".into(), &1.into()));
    }
}
