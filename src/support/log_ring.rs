//! The last lines of the program's own log, in memory. They are redacted when they are read, with the names that are known
//! by then.

use super::redact::Redactor;
use crate::base::cut;
use crate::clock::unix_ms;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

/// Lines that are kept; the oldest is dropped.
const LINES: usize = 200;
/// Bytes of a line.
const LINE_BYTES: usize = 500;
/// How long the lock is waited for after a panic, which may have happened under it.
const AFTER_PANIC: Duration = Duration::from_millis(50);

static OF_PROCESS: LogRing = LogRing::new();

/// The ring.
pub(crate) struct LogRing {
    lines: Mutex<VecDeque<LogLine>>,
}

struct LogLine {
    unix_ms: f64,
    level: &'static str,
    target: String,
    text: String,
    /// How often a line like it came right after it.
    repeated: u64,
}

impl LogRing {
    const fn new() -> Self {
        Self { lines: Mutex::new(VecDeque::new()) }
    }

    /// The ring of this process.
    pub(crate) fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// Appends a line. A long text is cut.
    pub(crate) fn push(&self, level: &'static str, target: &str, text: &str) {
        let line = LogLine {
            unix_ms: unix_ms(),
            level,
            target: target.to_owned(),
            text: cut(text, LINE_BYTES).to_owned(),
            repeated: 0,
        };
        let mut lines = self.lines.lock();
        // A line that repeats does not push the others out.
        if let Some(last) =
            lines.back_mut().filter(|last| last.target == line.target && is_alike(&last.text, &line.text))
        {
            last.repeated += 1;
            return;
        }
        if lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines from `since` (Unix ms) on without what is private, oldest first: `unix_ms`, `level`, `target`, `text`.
    pub(crate) fn lines(&self, since: f64, redactor: &Redactor) -> Vec<Value> {
        let lines = self.lines.lock();
        let wanted = lines.iter().filter(|line| line.unix_ms >= since);
        wanted.map(|line| line.json(redactor.text(&line.text))).collect()
    }

    /// The newest `most` lines after a panic; none if the panic came while the log or the redactor was at work.
    pub(super) fn after_panic(&self, most: usize, redactor: &Redactor) -> Vec<Value> {
        let Some(lines) = self.lines.try_lock_for(AFTER_PANIC) else { return Vec::new() };
        let newest = lines.iter().skip(lines.len().saturating_sub(most));
        newest.filter_map(|line| Some(line.json(redactor.text_after_panic(&line.text)?))).collect()
    }
}

impl LogLine {
    fn json(&self, text: String) -> Value {
        let text = match self.repeated {
            0 => text,
            repeated => format!("{text} ({repeated} more like it)"),
        };
        json!({ "unix_ms": self.unix_ms.round(), "level": self.level, "target": self.target, "text": text })
    }
}

/// Whether two lines differ in numbers alone.
fn is_alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::Hidden;

    #[test]
    fn the_newest_lines_are_kept_without_names_that_are_known_later() {
        let (ring, redactor) = (LogRing::new(), Redactor::of_installation(None));
        for n in 0..3 * LINES {
            let target = if n % 2 == 0 { "visavis::call" } else { "visavis::rtc" };
            ring.push("WARN", target, &format!("line {n} of Mina {}", "x".repeat(2 * LINE_BYTES)));
        }
        redactor.learn(Hidden::User, "Mina");
        let lines = ring.lines(0.0, &redactor);
        assert_eq!(lines.len(), LINES);
        let text = lines[0]["text"].as_str().expect("a text");
        assert!(text.starts_with(&format!("line {} of user-", 2 * LINES)), "{text}");
        assert!(ring.lines(unix_ms() + 60_000.0, &redactor).is_empty());
        let tail = ring.after_panic(3, &redactor);
        assert_eq!(tail.last(), lines.last());
        assert_eq!(tail.len(), 3);
        (0..1000).for_each(|n| ring.push("WARN", "visavis::audio", &format!("{n} samples are lost")));
        let lines = ring.lines(0.0, &redactor);
        assert_eq!(lines.last().expect("a line")["text"], "0 samples are lost (999 more like it)");
        assert_eq!(lines[LINES - 2], tail[2], "a line that repeats takes one place");
        let held = ring.lines.lock();
        assert!(ring.after_panic(3, &redactor).is_empty(), "a panic under the lock ends no report");
        drop(held);
    }
}
