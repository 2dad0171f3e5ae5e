//! Settings, profiles, paths, the receipts of the last exits, and the door at which a running window takes links.

mod door;
mod exits;
mod paths;
mod profile;
mod settings;

pub use door::{Door, hand_over};
pub use exits::{last_exits, note_exit};
pub use paths::Paths;
pub use profile::{Profile, ProfileError, toml_mistake};
pub use settings::{Loaded, NotShown, RecentRoom, Settings, StoreError, Theme};
