//! Headless participants.
