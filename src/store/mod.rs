//! Settings, profiles, paths, and the door at which a running window takes links.

mod door;
mod paths;
mod profile;
mod settings;

pub use door::{Door, hand_over};
pub use paths::Paths;
pub use profile::{Profile, ProfileError, toml_mistake};
pub use settings::{Loaded, RecentRoom, Settings, StoreError, Theme};
