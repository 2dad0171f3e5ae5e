//! The real program in real calls: processes, sockets, windows on a virtual display, a sound server, and clients of others.
//! `scripts/setup --tests` installs what these tests need. If something is missing, a test fails and names it; none is
//! skipped. Logs and screenshots are in `artifacts/`.

mod api_description;
mod back_ends;
mod bad_input;
mod bench;
mod chat;
mod cluster;
mod codecs;
mod covered;
mod doctor;
mod documents;
mod door;
mod engine;
mod exits;
mod hands;
mod hosting;
mod interop;
mod kit;
mod kit_works;
mod leaving;
mod life;
mod links;
mod lossy_link;
mod moving;
mod networks;
mod outages;
mod plugging;
mod profiles;
mod proxies;
mod reverse_proxies;
mod rights;
mod scenarios;
mod screen;
mod sources;
mod support;
mod switching;
mod tencent;
mod tls;
mod two_bots;
mod two_windows;
mod updates;
mod watching;
mod wayland;
mod workspace;
