//! The hub on a stage of its own.
