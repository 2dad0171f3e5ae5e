//! The server's peers and forwarding: the only folder that names str0m.
