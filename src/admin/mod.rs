//! The HTTP client of the room server's admin APIs.
