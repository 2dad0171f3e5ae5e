//! The real program in real calls: processes, sockets, windows on a virtual display, a sound server, strangers' software.
//! `scripts/setup --tests` installs what these tests use; none is skipped where something is missing, it fails and says
//! what. Each test runs alone and keeps its logs and screenshots in `artifacts/`.

mod api_description;
mod bad_input;
mod bench;
mod documents;
mod engine;
mod exits;
mod hosting;
mod kit;
mod kit_works;
mod leaving;
mod links;
mod lossy_link;
mod profiles;
mod sources;
mod strangers;
mod switching;
mod tencent;
mod tls;
mod two_bots;
mod two_windows;
mod updates;
