//! The HTTP client of the admin APIs: what `visavis room …` and scripts ask a server to do with its rooms.

mod client;
mod credentials;

pub(crate) use client::{AdminClient, AdminClientError};
pub(crate) use credentials::key_from_environment;
#[cfg(feature = "server")]
pub(crate) use credentials::{ApplicationKeys, application_from_environment};
