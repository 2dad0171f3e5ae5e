//! What helps support: the journal of the last calls, a ring of log lines, crash reports, and the bundle of all of it.
//!
//! All of it is private by construction. People, rooms, servers, addresses and devices are pseudonyms
//! ([`pseudonym`]), free text passes [`Redactor::text`], and chat texts, tokens, links and keys are never taken. Nothing
//! here is sent anywhere. `docs/support.md` documents the formats.

mod bundle;
mod call_files;
mod crash;
mod device_words;
mod entry;
mod journal;
mod journal_file;
mod log_ring;
mod patterns;
mod pseudonym;
mod redact;
mod summary;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use bundle::{Bundle, read_bundle};
pub(crate) use crash::{CrashReports, close_crash_note, has_new_crash};
pub(crate) use journal::{Journal, JournalProgram};
pub(crate) use log_ring::LogRing;
pub(crate) use redact::{Hidden, Redactor};
pub(crate) use summary::{bundle_json, bundle_text};
