//! Panics on demand, so that tests and developers see what a panic does to a call. Empty in a release build.

/// Panics once when the file that `VISAVIS_PANIC_FILE` names contains `place`, and removes the file. The places are
/// `decoder`, `encoder`, `audio` and `window`.
#[cfg(debug_assertions)]
pub(crate) fn panic_point(place: &str) {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| std::env::var_os("VISAVIS_PANIC_FILE").map(PathBuf::from)) else { return };
    if std::fs::read_to_string(file).is_ok_and(|text| text.trim() == place) && std::fs::remove_file(file).is_ok() {
        panic!("VISAVIS_PANIC_FILE asks the {place} to panic");
    }
}

/// Does nothing.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn panic_point(_place: &str) {}
