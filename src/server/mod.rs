//! The async driver round [`crate::hub`]: listener, sockets, tokens, admin APIs.
