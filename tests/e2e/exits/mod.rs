//! The fault matrix of the exit: every way in which a call can end, on the real program, one test each.
//!
//! What is claimed is asked of the operating system ([`scene`]): when ExitRoom comes, no camera, microphone, speaker or
//! socket is open any more, it comes once and within its ceiling, and the others are told the truth.

mod again;
mod browser;
mod devices;
mod entering;
mod link;
mod others;
mod panics;
mod scene;
mod window;
