//! Settings and paths.

mod paths;
mod settings;

pub use paths::Paths;
pub use settings::{Loaded, Settings, StoreError, Theme};
