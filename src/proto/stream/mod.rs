//! Datagrams on a TCP connection: how they are framed, and which of them wait when the connection is slow.

mod framing;
mod queue;

pub(crate) use framing::{FrameReader, Framing};
pub(crate) use queue::{Class, Queued, SendQueue};
