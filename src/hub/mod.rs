//! All the rooms of a server. Pure: a goodbye, a kick, a lost link and an offer are inputs like any other.

mod io;

pub use io::*;
