//! The addresses of this computer, for the media of servers and participants.

mod addresses;
mod watch;

pub(crate) use addresses::{LocalAddress, Reach, local_addresses, outward_addresses};
pub(crate) use watch::AddressWatch;
