//! The async driver round [`crate::session`]: commands in, snapshots and events out.

pub mod view;
