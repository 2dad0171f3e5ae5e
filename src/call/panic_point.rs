//! Breaks the program on purpose, so that tests and developers can see what becomes of a call when a part of it
//! panics. There is nothing of it in a release build.

/// Panics, once, when the file that the environment's `VISAVIS_PANIC_FILE` names holds `place`; the file is removed.
/// The places are `decoder`, `encoder`, `sound` and `window`.
#[cfg(debug_assertions)]
pub(crate) fn panic_point(place: &str) {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| std::env::var_os("VISAVIS_PANIC_FILE").map(PathBuf::from)) else { return };
    if std::fs::read_to_string(file).is_ok_and(|text| text.trim() == place) && std::fs::remove_file(file).is_ok() {
        panic!("the {place} was told to break down");
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn panic_point(_place: &str) {}
