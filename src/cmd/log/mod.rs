//! The log on standard error. A warning or an error that repeats is written at once, then once a minute with a count.
//! Our own lines are also kept in memory, for support.

mod format;

pub(super) use format::LogFormat;

use crate::support::LogRing;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Lines that are alike within this time are counted instead of written.
const INTERVAL: Duration = Duration::from_secs(60);
/// Kinds of lines that are known at most. The oldest is forgotten first.
const KINDS: usize = 64;
/// Bytes of a line that are compared and repeated at most.
const LINE_BYTES: usize = 500;

/// What is logged unless RUST_LOG or `--log-level` says otherwise: warnings, and the audit log.
const DEFAULT_LEVEL: &str = "warn,audit=info";
/// Libraries that warn in ordinary calls: of short RTCP packets, of payload types that they do not use, of padding, of many
/// pairs of addresses.
const NOISY: &str = "webrtc=error,rtc=error,str0m=error,is=error,livekit_signaling=error,symphonia=error";

/// Starts to log, until the program ends. Dropping the guard writes the counts that are still due.
pub(super) fn start(level: Option<&str>, format: LogFormat) -> LogGuard {
    let filter = match level {
        Some(level) => EnvFilter::new(filter(level)),
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter(DEFAULT_LEVEL))),
    };
    let writer =
        LogWriter { started: Instant::now(), repeats: Arc::new(Mutex::new(Repeats { format, ..Repeats::default() })) };
    let guard = LogGuard(writer.clone());
    let log = tracing_subscriber::fmt::layer().with_writer(writer);
    // Files, pipes and the journal get plain text. On a terminal, the crate respects NO_COLOR.
    let log = if io::stderr().is_terminal() { log } else { log.with_ansi(false) };
    let registry = tracing_subscriber::registry().with(RingLayer.with_filter(kept()));
    match format {
        LogFormat::Text => registry.with(log.with_filter(filter)).init(),
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_current_span(false).with_span_list(false);
            registry.with(log.with_filter(filter)).init();
        }
    }
    guard
}

/// What is kept in memory: what we say of ourselves, and errors of libraries.
fn kept() -> Targets {
    let targets = Targets::new().with_default(LevelFilter::ERROR);
    targets.with_target("visavis", LevelFilter::INFO).with_target("audit", LevelFilter::OFF)
}

/// Keeps lines in the ring of this process.
struct RingLayer;

impl<S: Subscriber> Layer<S> for RingLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = LineVisitor::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let target = line.target.as_deref().unwrap_or(metadata.target());
        LogRing::of_process().push(metadata.level().as_str(), target, line.text.trim_start());
    }
}

/// Writes the fields of an event into one line.
#[derive(Default)]
struct LineVisitor {
    text: String,
    /// That of a library that logs by other means.
    target: Option<String>,
}

/// Fields whose texts are names: in quotes, so that a pseudonym stands for them.
const NAMES: &[&str] = &["device", "id", "label", "name", "page", "region", "room", "server", "url", "user"];

impl Visit for LineVisitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log.target" => self.target = Some(value.to_owned()),
            name if NAMES.contains(&name) => self.text.push_str(&format!(" {name}=“{value}”")),
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.text = format!("{value:?}{}", self.text),
            // The receipt is in the journal already.
            "receipt" => {}
            name if name.starts_with("log.") => {}
            name => self.text.push_str(&format!(" {name}={value:?}")),
        }
    }
}

/// The filter of a level; a filter stays as it is. From `debug` on, nothing is left out.
fn filter(level: &str) -> String {
    match level.to_ascii_lowercase().as_str() {
        "error" | "warn" | "info" | DEFAULT_LEVEL => format!("{level},{NOISY}"),
        _ => level.to_owned(),
    }
}

/// Writes the last counts when it is dropped.
pub(super) struct LogGuard(LogWriter);

impl Drop for LogGuard {
    fn drop(&mut self) {
        let due = self.0.repeats.lock().take_all(self.0.started.elapsed());
        write_lines(&due);
    }
}

#[derive(Clone)]
struct LogWriter {
    started: Instant,
    repeats: Arc<Mutex<Repeats>>,
}

/// Writes the line of one event.
struct LineWriter<'a> {
    log: &'a LogWriter,
    /// Whether repetitions are counted: of warnings and errors. Each entry of the audit log is a record of its own.
    counts: bool,
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter { log: self, counts: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> LineWriter<'a> {
        LineWriter { log: self, counts: *meta.level() <= Level::WARN && meta.target() != "audit" }
    }
}

impl Write for LineWriter<'_> {
    /// Takes a whole line: `tracing-subscriber` writes each event at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let lines = self.log.repeats.lock().take(&text, self.log.started.elapsed(), self.counts);
        write_lines(&lines);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A closed standard error is no reason to end.
fn write_lines(lines: &[String]) {
    let mut stderr = io::stderr().lock();
    for line in lines {
        if stderr.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

/// Which lines were written, and how often each has come since.
#[derive(Debug, Default)]
struct Repeats {
    format: LogFormat,
    /// Oldest first.
    kinds: VecDeque<Kind>,
    /// The time of the last line, as it was written.
    stamp: String,
}

/// Lines that differ in time and numbers only.
#[derive(Debug)]
struct Kind {
    key: String,
    /// The first one without its time.
    text: String,
    since: Duration,
    count: u64,
}

impl Repeats {
    /// Takes a line and returns the lines to write: counts that are due, and the line itself unless it is a repetition.
    fn take(&mut self, line: &str, now: Duration, counts: bool) -> Vec<String> {
        let (stamp, text) = self.format.split(line);
        stamp.clone_into(&mut self.stamp);
        let mut lines = self.due(now);
        if counts {
            let key = key(text);
            if let Some(known) = self.kinds.iter_mut().find(|kind| kind.key == key) {
                known.count += 1;
                return lines;
            }
            if self.kinds.len() >= KINDS {
                let oldest = self.kinds.pop_front();
                lines.extend(oldest.and_then(|kind| kind.summary(self.format, &self.stamp, now)));
            }
            let text = self.format.shortened(text.trim_end());
            self.kinds.push_back(Kind { key, text, since: now, count: 0 });
        }
        lines.push(line.to_owned());
        lines
    }

    /// The counts whose interval has ended. Kinds that did not come again in it are forgotten.
    fn due(&mut self, now: Duration) -> Vec<String> {
        let (format, stamp, mut lines) = (self.format, &self.stamp, Vec::new());
        self.kinds.retain_mut(|kind| {
            if now.saturating_sub(kind.since) < INTERVAL {
                return true;
            }
            let summary = kind.summary(format, stamp, now);
            (kind.since, kind.count) = (now, 0);
            let repeats = summary.is_some();
            lines.extend(summary);
            repeats
        });
        lines
    }

    /// All counts that were not written.
    fn take_all(&mut self, now: Duration) -> Vec<String> {
        let (format, stamp) = (self.format, &self.stamp);
        self.kinds.drain(..).filter_map(|kind| kind.summary(format, stamp, now)).collect()
    }
}

impl Kind {
    fn summary(&self, format: LogFormat, stamp: &str, now: Duration) -> Option<String> {
        let seconds = now.saturating_sub(self.since).as_secs();
        (self.count > 0).then(|| format.counted(stamp, &self.text, self.count, seconds))
    }
}

/// A line without its numbers: addresses, ports and counts differ from one repetition to the next.
fn key(text: &str) -> String {
    let mut key = String::new();
    for c in cut(text.trim_end()).chars() {
        match c {
            '0'..='9' if key.ends_with('0') => {}
            '0'..='9' => key.push('0'),
            _ => key.push(c),
        }
    }
    key
}

fn cut(text: &str) -> &str {
    let end = (0..=LINE_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = " WARN rtc: no route to 10.0.0.7:5000\n";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn line(second: u64, text: &str) -> String {
        format!("12:00:{second:02} {text}")
    }

    #[test]
    fn what_repeats_is_written_once_and_then_once_a_minute_with_a_count() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.take(&line(0, TEXT), at(0), true), [line(0, TEXT)], "at once");
        for second in 1..60 {
            let other = format!(" WARN rtc: no route to 10.0.1.{second}:{}\n", 5000 + second);
            assert_eq!(repeats.take(&line(second, &other), at(second), true), Vec::<String>::new());
        }
        assert_eq!(repeats.take(&line(1, " WARN rtc: other\n"), at(1), true).len(), 1, "another line is written");
        let counted = "12:00:00  WARN rtc: no route to 10.0.0.7:5000 (59 more like it within 60 s)\n";
        assert_eq!(repeats.take(&line(0, TEXT), at(60), true), [counted]);
        assert_eq!(repeats.take("12:00:09  INFO later\n", at(119), false), ["12:00:09  INFO later\n"]);
        let due = repeats.take("12:00:09  INFO later\n", at(121), false);
        assert!(due.len() == 2 && due[0].contains("(1 more like it within 61 s)"), "{due:?}");
        repeats.take("12:00:09  INFO later\n", at(200), false);
        assert_eq!(repeats.take(&line(0, TEXT), at(201), true), [line(0, TEXT)], "it is news again");
    }

    #[test]
    fn libraries_that_always_warn_are_left_out_unless_everything_is_wanted() {
        assert!(
            filter("info").ends_with("livekit_signaling=error,symphonia=error")
                && filter(DEFAULT_LEVEL).contains("rtc=error")
        );
        assert_eq!((filter("debug"), filter("warn,rtc=info")), ("debug".to_owned(), "warn,rtc=info".to_owned()));
        for level in ["error", "INFO", DEFAULT_LEVEL, "trace"] {
            assert!(EnvFilter::try_new(filter(level)).is_ok(), "{level}");
        }
    }

    #[test]
    fn lines_that_are_not_counted_are_all_written() {
        let mut repeats = Repeats::default();
        for _ in 0..3 {
            assert_eq!(repeats.take("12:00:00  INFO audit: remove\n", at(0), false).len(), 1);
        }
    }

    #[test]
    fn counts_that_are_due_are_written_at_the_end() {
        let mut repeats = Repeats::default();
        (0..5).for_each(|second| drop(repeats.take(&line(second, TEXT), at(second), true)));
        let last = repeats.take_all(at(9));
        assert_eq!(last, ["12:00:04  WARN rtc: no route to 10.0.0.7:5000 (4 more like it within 9 s)\n"]);
        assert_eq!(repeats.take_all(at(9)), Vec::<String>::new());
    }

    #[test]
    fn memory_is_bounded_whatever_is_logged() {
        let mut repeats = Repeats::default();
        for n in 0..10_000u32 {
            let word: String = n.to_string().chars().map(|c| char::from(c as u8 + 49)).collect();
            repeats.take(&line(0, &format!(" WARN é{word} {}\n", "é".repeat(2000))), at(0), true);
        }
        assert!(repeats.kinds.len() <= KINDS);
        assert!(repeats.kinds.iter().all(|kind| kind.key.len() <= LINE_BYTES && kind.text.len() <= LINE_BYTES));
        repeats.take("", at(1), true);
        repeats.take("x", at(1), true);
    }
}
