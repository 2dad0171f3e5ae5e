//! The HTTP client of the admin APIs: what `visavis room …` and scripts ask a server to do with its rooms.

mod credentials;
mod room_service;

pub use credentials::{CredentialsError, key_from_environment};
pub use room_service::{AdminClient, AdminClientError};
