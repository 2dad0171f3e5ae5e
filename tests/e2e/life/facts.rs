//! Differences between what was said and what is, and when they count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What was found, with the time since the beginning; acts and faults stand between as notes.
pub(super) struct Findings {
    began: Instant,
    found: u32,
    notes: Vec<String>,
}

impl Default for Findings {
    fn default() -> Self {
        Self { began: Instant::now(), found: 0, notes: Vec::new() }
    }
}

impl Findings {
    /// Notes what happened.
    pub(super) fn note(&mut self, text: String) {
        let line = format!("{:7.1} s  {text}", self.began.elapsed().as_secs_f64());
        println!("{line}");
        self.notes.push(line);
    }

    /// Notes what must not be.
    pub(super) fn found(&mut self, text: &str) {
        self.found += 1;
        self.note(format!("FOUND: {text}"));
    }

    /// Fails if something was found.
    pub(super) fn assert_none(&self) {
        assert_eq!(self.found, 0, "{}", self.notes.join("\n"));
    }
}

/// Differences that last, by what differs.
#[derive(Default)]
pub(super) struct Differences(BTreeMap<String, (Instant, bool)>);

impl Differences {
    /// Forgets them all, because something is under way.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes whether there is a difference now. It is a finding when it has lasted for `limit`.
    pub(super) fn check(&mut self, what: &str, differs: bool, limit: Duration, findings: &mut Findings, detail: &str) {
        if !differs {
            self.0.remove(what);
            return;
        }
        let (since, is_told) = self.0.entry(what.to_owned()).or_insert((Instant::now(), false));
        if since.elapsed() >= limit && !*is_told {
            *is_told = true;
            findings.found(&format!("{what} for {limit:?}: {detail}"));
        }
    }
}
