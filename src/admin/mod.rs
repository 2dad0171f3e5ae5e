//! The HTTP client of the admin API, for `visavis room …`, the host's window and the LiveKit engine.

mod client;
mod credentials;

pub(crate) use client::{AdminClient, AdminClientError};
pub(crate) use credentials::key_from_environment;
#[cfg(feature = "server")]
pub(crate) use credentials::{ApplicationKeys, application_from_environment, turn_secret_from_environment};
