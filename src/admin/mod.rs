//! The HTTP client of the admin APIs: what `visavis room …` and scripts ask a server to do with its rooms.

mod credentials;
mod room_service;

#[cfg(feature = "server")]
pub use credentials::{ApplicationKeys, application_from_environment};
pub use credentials::{CredentialsError, key_from_environment};
pub use room_service::{AdminClient, AdminClientError};
