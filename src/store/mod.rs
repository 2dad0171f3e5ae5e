//! Settings, profiles, paths, the receipts of the last exits, and the door at which a running window takes links.

mod door;
mod exits;
mod paths;
mod profile;
mod settings;

pub(crate) use door::{Door, hand_over};
pub(crate) use exits::{last_exits, note_exit};
pub(crate) use paths::Paths;
pub(crate) use profile::{Profile, ProfileError, toml_mistake};
pub(crate) use settings::{Loaded, NotShown, RecentRoom, Settings, StoreError, Theme};
