//! Settings, paths, and the door at which a running window takes links.

mod door;
mod paths;
mod settings;

pub use door::{Door, hand_over};
pub use paths::Paths;
pub use settings::{Loaded, RecentRoom, Settings, StoreError, Theme};
