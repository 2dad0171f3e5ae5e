//! The last exits with their receipts, one event a line, for whoever has to find out later what happened.

use super::Paths;
use super::settings::{MAX_BYTES, read, write};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};

/// So many exits are kept.
const KEPT: usize = 100;
/// So many more may come before the oldest are taken out.
const MORE: usize = 50;

/// Adds the line of an `ExitRoom` event. The newest 100 to 150 exits are kept, in a file for its owner alone.
pub(crate) fn note_exit(paths: &Paths, line: &str) -> io::Result<()> {
    let file = paths.exits();
    fs::create_dir_all(paths.config())?;
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // In one piece, so that the lines of two windows do not mix.
    options.open(&file)?.write_all(format!("{line}\n").as_bytes())?;
    let lines = match last_exits(paths) {
        Ok(lines) if lines.len() <= KEPT + MORE && fs::metadata(&file)?.len() <= MAX_BYTES / 2 => return Ok(()),
        Ok(lines) => lines,
        // What cannot be read is of no use to anybody: it begins anew.
        Err(_) => vec![line.to_owned()],
    };
    let mut text = lines[lines.len().saturating_sub(KEPT)..].join("\n");
    text.push('\n');
    let beside = file.with_extension("jsonl.new");
    write(&beside, &text)?;
    fs::rename(&beside, &file)
}

/// The lines of the last exits, the oldest first; none when there was none yet.
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
        assert!((KEPT..=KEPT + MORE).contains(&lines.len()), "{}", lines.len());
        assert_eq!(lines.last().map(String::as_str), Some("{\"n\": 399}"));
        assert_eq!(lines[0], format!("{{\"n\": {}}}", 400 - lines.len()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(paths.exits()).expect("it").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_no_text_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::in_folder(folder.path());
        fs::write(paths.exits(), [0xff; 64]).expect("garbage");
        note_exit(&paths, "{}").expect("noted");
        assert_eq!(last_exits(&paths).expect("read"), ["{}"]);
    }
}
