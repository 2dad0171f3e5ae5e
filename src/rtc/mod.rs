//! The client's peer connections: the only folder that names webrtc-rs.
