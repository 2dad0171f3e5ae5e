//! One participant's life in a room, from enter to exit. Pure: time is an argument.
