//! Settings, profiles, paths, the receipts of the last exits, and the door at which a running window takes links.

mod exits;
mod paths;
mod profile;
mod settings;
mod single_instance;

pub(crate) use exits::{last_exits, note_exit};
pub(crate) use paths::Paths;
pub(crate) use profile::{Profile, toml_mistake};
pub(crate) use settings::{RecentRoom, Settings, Theme};
pub(crate) use single_instance::{SingleInstance, forward_link};
