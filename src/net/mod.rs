//! The addresses of this computer, for the media of servers and participants.

mod addresses;
mod watch;

pub(crate) use addresses::{
    LocalAddress, Reach, address_towards, interface_addresses, local_addresses, outward_addresses,
};
pub(crate) use watch::{AddressWatch, NetworkEvents};
