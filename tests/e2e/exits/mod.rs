//! The fault matrix of the exit: one test of the real program for each way in which a call can end.
//!
//! The operating system answers the checks ([`scene`]): at ExitRoom no camera, microphone, speaker or socket is open, ExitRoom
//! comes once and within its time limit, and the others are told the right reason.

mod again;
mod browser;
mod devices;
mod entering;
mod link;
mod others;
mod panics;
mod scene;
mod window;
