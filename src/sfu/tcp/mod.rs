//! ICE over TCP (RFC 6544), for clients whose network lets no UDP through.
//!
//! One port serves all workers. The [`Acceptor`]'s thread accepts connections and reads the first datagram of each: a STUN
//! check that names its peer connection. Then the connection is handed to the worker that has it, in whose [`Streams`] it
//! stays.

mod acceptor;
mod receive;
mod streams;

pub(super) use acceptor::{Acceptor, NewStream, Ufrags, WorkerTcp};
pub(super) use streams::Streams;
