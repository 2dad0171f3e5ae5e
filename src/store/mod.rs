//! Files of this user: settings, profiles, the receipts of the last exits, what they saved; and the socket of the running window.

mod atomic_file;
mod downloads;
mod exits;
mod paths;
mod profile;
mod settings;
mod single_instance;

pub(crate) use atomic_file::{Readers, write_atomically, write_durably};
pub(crate) use downloads::save_download;
pub(crate) use exits::{last_exits, note_exit};
pub(crate) use paths::Paths;
pub(crate) use profile::{Profile, toml_mistake};
pub(crate) use settings::{RecentRoom, SelfView, Settings, Theme};
pub(crate) use single_instance::{SingleInstance, forward_link};
