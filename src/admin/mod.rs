//! The HTTP client of the admin APIs: what `visavis room …` and scripts ask a server to do with its rooms.

mod credentials;
mod room_service;

#[cfg(feature = "server")]
pub(crate) use credentials::{ApplicationKeys, application_from_environment};
pub(crate) use credentials::{CredentialsError, key_from_environment};
pub(crate) use room_service::{AdminClient, AdminClientError};
