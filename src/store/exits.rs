//! The receipts of the last exits: one `ExitRoom` event a line, for support.

use super::Paths;
use super::atomic_file::{Readers, write_atomically};
use super::settings::{MAX_BYTES, read};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};

/// Exits that remain when the file is shortened.
const KEPT: usize = 100;
/// Exits beyond [`KEPT`] that the file may hold before it is shortened.
const SURPLUS: usize = 50;

/// Appends the line of an `ExitRoom` event. The file holds the newest 100 to 150 exits and is readable by its owner
/// alone.
pub(crate) fn note_exit(paths: &Paths, line: &str) -> io::Result<()> {
    let file = paths.exits();
    fs::create_dir_all(paths.config())?;
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // One write, so that the lines of two windows do not mix.
    options.open(&file)?.write_all(format!("{line}\n").as_bytes())?;
    let lines = match last_exits(paths) {
        Ok(lines) if lines.len() <= KEPT + SURPLUS && fs::metadata(&file)?.len() <= MAX_BYTES / 2 => return Ok(()),
        Ok(lines) => lines,
        // A file that is not text, or too large, starts over with this line.
        Err(_) => vec![line.to_owned()],
    };
    let mut text = lines[lines.len().saturating_sub(KEPT)..].join("\n");
    text.push('\n');
    write_atomically(&file, text.as_bytes(), Readers::Owner)
}

/// The lines of the last exits, oldest first; empty when there is no file.
pub(crate) fn last_exits(paths: &Paths) -> io::Result<Vec<String>> {
    Ok(read(&paths.exits())?.unwrap_or_default().lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_exits_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::in_folder(folder.path().join("visavis"));
        assert_eq!(last_exits(&paths).expect("none yet"), Vec::<String>::new());
        for n in 0..400 {
            note_exit(&paths, &format!("{{\"n\": {n}}}")).expect("noted");
        }
        let lines = last_exits(&paths).expect("read");
        assert!((KEPT..=KEPT + SURPLUS).contains(&lines.len()), "{}", lines.len());
        assert_eq!(lines.last().map(String::as_str), Some("{\"n\": 399}"));
        assert_eq!(lines[0], format!("{{\"n\": {}}}", 400 - lines.len()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(paths.exits()).expect("the file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_not_text_starts_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::in_folder(folder.path());
        fs::write(paths.exits(), [0xff; 64]).expect("garbage");
        note_exit(&paths, "{}").expect("noted");
        assert_eq!(last_exits(&paths).expect("read"), ["{}"]);
    }
}
