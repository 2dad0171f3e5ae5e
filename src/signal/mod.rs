//! The client's signalling connection.
