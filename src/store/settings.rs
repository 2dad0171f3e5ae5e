//! The settings of a user, in a TOML file that is readable by its owner alone. Tokens are not stored; the invitations of
//! recent rooms are, so that the user can enter them again.

use super::Paths;
use super::atomic_file::{Readers, resolved, write_atomically};
use crate::base::Secret;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that a file may have; a larger one is not ours and is not read.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// The keys that a support bundle contains: no names, rooms, servers or invitations.
const SHAREABLE: &[&str] = &[
    "camera",
    "microphone",
    "speaker",
    "join_with_camera",
    "join_with_microphone",
    "mirror",
    "self_view",
    "only_with_camera",
    "reduce_noise",
    "talk_key",
    "notifications",
    "notification_text",
    "join_sounds",
    "theme",
    "text_size",
    "reduce_motion",
    "show_receipt",
    "ask_before_leaving",
    "check_for_updates",
];

/// The colours of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Theme {
    /// Those of the system.
    #[default]
    System,
    /// Always dark.
    Dark,
    /// Always light.
    Light,
}

/// Where our own picture is during a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SelfView {
    /// Among the tiles of the others; beside one other person in a corner.
    #[default]
    Tile,
    /// In a corner over the tiles.
    Corner,
    /// Nowhere; the others see it nevertheless.
    Hidden,
}

/// Most recent rooms that are kept; older ones are dropped.
const RECENT: usize = 6;

/// A room that was left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecentRoom {
    /// Its name.
    pub(crate) room: String,
    /// The server's address.
    pub(crate) server: String,
    /// The invitation of the link by which it was entered.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "Secret::write_out")]
    pub(crate) invitation: Option<Secret<String>>,
    /// When it was left, in Unix seconds.
    pub(crate) left_at: i64,
    /// The number in `onExitRoom(reason)`.
    pub(crate) reason: u16,
    /// Whether the receipt confirms every step.
    pub(crate) confirmed: bool,
}

/// The settings. A key that the file lacks has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// The name that the others see.
    pub(crate) name: String,
    /// The server that was joined last, as it was typed.
    pub(crate) server: String,
    /// The room that was joined last, as it was typed.
    pub(crate) room: String,
    /// Camera id; `None` is the system's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) camera: Option<String>,
    /// Microphone id; `None` is the system's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) microphone: Option<String>,
    /// Speaker id; `None` is the system's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) speaker: Option<String>,
    /// Whether to join with the camera on.
    pub(crate) join_with_camera: bool,
    /// Whether to join with the microphone on.
    pub(crate) join_with_microphone: bool,
    /// Whether our own video is mirrored.
    pub(crate) mirror: bool,
    /// Where our own picture is during a call.
    pub(crate) self_view: SelfView,
    /// Whether people without a camera have no tile.
    pub(crate) only_with_camera: bool,
    /// Whether noise suppression is on for our own audio.
    pub(crate) reduce_noise: bool,
    /// The key for push to talk while other programs have the keyboard, such as `F9`; `None` is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) talk_key: Option<String>,
    /// Whether the system's notifications tell of a call whose window is not seen.
    pub(crate) notifications: bool,
    /// Whether they show what was written, beside who wrote.
    pub(crate) notification_text: bool,
    /// Whether a sound tells when somebody comes or goes.
    pub(crate) join_sounds: bool,
    /// The colours of the window.
    pub(crate) theme: Theme,
    /// Size of texts and controls in percent, 90 to 150.
    pub(crate) text_size: u16,
    /// Whether animations are skipped.
    pub(crate) reduce_motion: bool,
    /// Whether the exit receipt is shown after a call.
    pub(crate) show_receipt: bool,
    /// Whether Leave and closing the window ask first.
    pub(crate) ask_before_leaving: bool,
    /// Whether to look for newer versions; `None`, until the user was asked, counts as no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) check_for_updates: Option<bool>,
    /// A feed of releases in place of the project's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release_feed: Option<String>,
    /// The newer version whose notice the user has closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed_release: Option<String>,
    /// Rooms that were left, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) recent: Vec<RecentRoom>,
    /// Keys that this version does not know; they are written back.
    #[serde(flatten)]
    other: toml::Table,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            server: String::new(),
            room: String::new(),
            camera: None,
            microphone: None,
            speaker: None,
            join_with_camera: true,
            join_with_microphone: true,
            mirror: true,
            self_view: SelfView::Tile,
            only_with_camera: false,
            reduce_noise: true,
            talk_key: None,
            notifications: true,
            notification_text: false,
            join_sounds: true,
            theme: Theme::System,
            text_size: 100,
            reduce_motion: false,
            show_receipt: true,
            ask_before_leaving: false,
            check_for_updates: None,
            release_feed: None,
            closed_release: None,
            recent: Vec::new(),
            other: toml::Table::new(),
        }
    }
}

/// Why settings could not be saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The file cannot be written.
    #[error("the settings cannot be saved in {}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The settings have no TOML form.
    #[error("the settings cannot be written as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
}

/// Why there are no settings for a support bundle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShareableError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file is not TOML.
    #[error("the file is no TOML")]
    Malformed,
}

/// The result of loading.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoadedSettings {
    /// The settings; the defaults when there is no readable file.
    pub(crate) settings: Settings,
    /// A sentence for the user when the file was broken and was renamed.
    pub(crate) note: Option<String>,
}

impl Settings {
    /// Reads the settings. A file that cannot be parsed is renamed to `settings.toml.broken`, so that saving the defaults
    /// does not overwrite it.
    pub(crate) fn load(paths: &Paths) -> LoadedSettings {
        let path = paths.settings();
        let wrong = match read(&path) {
            Ok(None) => return LoadedSettings { settings: Self::default(), note: None },
            Ok(Some(text)) => match toml::from_str::<Self>(&text) {
                Ok(settings) => return LoadedSettings { settings: settings.within_bounds(), note: None },
                Err(e) => e.message().to_owned(),
            },
            Err(e) => e.to_string(),
        };
        // Of a link, the file behind it: the link stays for the file that is written next.
        let file = resolved(&path).unwrap_or(path);
        let aside = file.with_extension("toml.broken");
        let kept = match fs::rename(&file, &aside) {
            Ok(()) => format!("The old file is kept as {}.", aside.display()),
            Err(e) => format!("The old file could not be put aside: {e}."),
        };
        let note = format!("The settings could not be read ({wrong}), so they are the defaults again. {kept}");
        tracing::warn!("{note}");
        LoadedSettings { settings: Self::default(), note: Some(note) }
    }

    /// The settings as they are in the file, which is not changed; `None` where it cannot be read.
    pub(crate) fn peek(paths: &Paths) -> Option<Self> {
        toml::from_str(&read(&paths.settings()).ok()??).ok()
    }

    /// The part of the file that a support bundle contains. The file is not changed.
    pub(crate) fn shareable(paths: &Paths) -> Result<toml::Table, ShareableError> {
        let text = read(&paths.settings())?.unwrap_or_default();
        // The parser's message is dropped: it quotes the line.
        let table = text.parse::<toml::Table>().map_err(|_| ShareableError::Malformed)?;
        Ok(table.into_iter().filter(|(key, _)| SHAREABLE.contains(&key.as_str())).collect())
    }

    /// Saves the settings. On an error the old file stays as it is.
    pub(crate) fn save(&self, paths: &Paths) -> Result<(), StoreError> {
        let text = toml::to_string_pretty(self)?;
        let path = paths.settings();
        fs::create_dir_all(paths.config())
            .and_then(|()| write_atomically(&path, text.as_bytes(), Readers::Owner))
            .map_err(|error| StoreError::File { path, error })
    }

    /// Clamps numbers that were written by hand.
    fn within_bounds(mut self) -> Self {
        self.text_size = self.text_size.clamp(90, 150);
        self.recent.truncate(RECENT);
        self
    }

    /// Puts a room in front of the recent ones, and removes an older entry of the same room.
    pub(crate) fn remember(&mut self, room: RecentRoom) {
        self.recent.retain(|r| (&r.room, &r.server) != (&room.room, &room.server));
        self.recent.insert(0, room);
        self.recent.truncate(RECENT);
    }
}

/// The text of a file; `None` when there is no file.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    let length = match fs::metadata(path) {
        Ok(facts) => facts.len(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    if length > MAX_BYTES {
        return Err(io::Error::other("it is far too large"));
    }
    fs::read_to_string(path).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().expect("folder");
        let paths = Paths::in_folder(folder.path().join("deep/visavis"));
        (folder, paths)
    }

    fn files(paths: &Paths) -> Vec<String> {
        let entries = fs::read_dir(paths.config()).expect("folder");
        let mut names: Vec<_> = entries.map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_support_bundle_contains_nothing_private() {
        let (_folder, paths) = folder();
        assert_eq!(Settings::shareable(&paths).expect("an empty table"), toml::Table::new());
        fs::create_dir_all(paths.config()).expect("folder");
        let text = "name = \"Mina\"\nserver = \"wss://secret.example\"\nroom = \"plans\"\nmirror = false\n\
                    unheard_of = \"x\"\n[[recent]]\nroom = \"plans\"\ninvitation = \"key\"\n";
        fs::write(paths.settings(), text).expect("settings");
        assert_eq!(Settings::shareable(&paths).expect("a table").to_string(), "mirror = false\n");
        fs::write(paths.settings(), "name = \"Mina").expect("broken settings");
        assert_eq!(Settings::shareable(&paths).expect_err("broken").to_string(), "the file is no TOML");
    }

    #[test]
    fn settings_come_back_as_they_were_saved() {
        let (_folder, paths) = folder();
        assert_eq!(Settings::load(&paths), LoadedSettings { settings: Settings::default(), note: None });
        let settings = Settings {
            name: "Mina \"M\" Müller\n".into(),
            room: "num/123".into(),
            camera: Some("test-picture:640x360@15".into()),
            theme: Theme::Light,
            mirror: false,
            ..Settings::default()
        };
        settings.save(&paths).expect("saved");
        settings.save(&paths).expect("saved again");
        assert_eq!(Settings::load(&paths).settings, settings);
        assert_eq!(files(&paths), ["settings.toml"]);
    }

    #[test]
    fn keys_of_a_newer_version_are_kept() {
        let (_folder, paths) = folder();
        fs::create_dir_all(paths.config()).expect("folder");
        fs::write(paths.settings(), "name = \"Mina\"\nhologram = 3\ntext_size = 9000\n[future]\na = 1\n")
            .expect("file");
        let LoadedSettings { mut settings, note } = Settings::load(&paths);
        assert_eq!((note, settings.name.as_str(), settings.text_size), (None, "Mina", 150));
        settings.name = "Jo".into();
        settings.save(&paths).expect("saved");
        let text = fs::read_to_string(paths.settings()).expect("file");
        assert!(text.contains("hologram = 3") && text.contains("[future]") && text.contains("\"Jo\""), "{text}");
    }

    #[test]
    fn a_broken_file_is_put_aside_with_a_note() {
        for broken in ["name = [", "name = 5", "\u{0}\u{1}"] {
            let (_folder, paths) = folder();
            fs::create_dir_all(paths.config()).expect("folder");
            fs::write(paths.settings(), broken).expect("file");
            let loaded = Settings::load(&paths);
            assert_eq!(loaded.settings, Settings::default());
            assert!(loaded.note.expect("a note").contains("settings.toml.broken"));
            assert_eq!(files(&paths), ["settings.toml.broken"]);
            assert_eq!(fs::read_to_string(paths.config().join("settings.toml.broken")).expect("kept"), broken);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_broken_settings_stays_a_link() {
        let (folder, paths) = folder();
        fs::create_dir_all(paths.config()).expect("folder");
        let kept = folder.path().join("dotfile.toml");
        fs::write(&kept, "name = [").expect("file");
        std::os::unix::fs::symlink(&kept, paths.settings()).expect("link");
        assert!(Settings::load(&paths).note.expect("a note").contains("dotfile.toml.broken"));
        let settings = Settings { name: "Mina".into(), ..Settings::default() };
        settings.save(&paths).expect("saved");
        assert!(fs::symlink_metadata(paths.settings()).expect("link").is_symlink());
        assert!(fs::read_to_string(&kept).expect("file").contains("Mina"));
        assert_eq!(Settings::load(&paths).settings, settings);
    }

    #[test]
    fn settings_that_cannot_be_saved_say_where() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("file");
        let error = Settings::default().save(&Paths::in_folder(&file)).expect_err("no folder");
        assert!(error.to_string().contains("settings.toml"), "{error}");
    }

    #[test]
    fn the_last_rooms_are_remembered_once_each() {
        let (_folder, paths) = folder();
        let mut settings = Settings::default();
        let room = |n: i64| RecentRoom {
            room: format!("room {}", n % 8),
            server: "wss://meet.example".into(),
            invitation: (n == 5).then(|| Secret::new("devkey.guest.0.abc".into())),
            left_at: 1_763_908_327 + n,
            reason: 2,
            confirmed: n % 2 == 0,
        };
        for n in [0, 1, 2, 3, 4, 5, 6, 7, 10] {
            settings.remember(room(n));
        }
        let names: Vec<&str> = settings.recent.iter().map(|r| r.room.as_str()).collect();
        assert_eq!(names, ["room 2", "room 7", "room 6", "room 5", "room 4", "room 3"]);
        settings.save(&paths).expect("saved");
        assert_eq!(Settings::load(&paths).settings, settings);
        let kept = settings.recent.iter().find_map(|r| r.invitation.as_ref()).expect("the invitation of room 5");
        assert_eq!(kept.expose(), "devkey.guest.0.abc");
        assert!(!format!("{settings:?}").contains("devkey"), "not in a log");
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&fs::metadata(paths.settings()).expect("file").permissions());
            assert_eq!(mode & 0o077, 0, "others can read it: {mode:o}");
        }
    }
}
