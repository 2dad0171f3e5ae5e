//! The floor plan as data. `ARCHITECTURE.md` draws it, and `map.rs` holds the two together.

/// Each folder of `src/`, and each file beside them, with its floor. A folder imports only lower floors.
pub(crate) const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("proto", 1),
    ("testcard", 1),
    // The wall clock, above the folders that do without it.
    ("clock", 2),
    ("codec", 2),
    // Connections to servers: proxies, TLS, HTTP requests.
    ("http", 2),
    ("hub", 2),
    // The addresses of this computer.
    ("net", 2),
    ("session", 2),
    ("admin", 3),
    ("desktop", 3),
    ("devices", 3),
    ("rtc", 3),
    ("sfu", 3),
    ("signal", 3),
    ("stage", 3),
    ("audio", 3),
    ("store", 3),
    ("updates", 3),
    ("call", 4),
    // Tests of `signal` and `rtc` together.
    ("livekit_tests", 4),
    ("server", 4),
    ("support", 4),
    ("bot", 5),
    ("doctor", 5),
    ("scenario", 5),
    ("ui", 5),
    ("cmd", 6),
];

/// Folders without clock, socket, thread and file: time is an argument, and all effects are return values.
pub(crate) const PURE: &[&str] = &["base", "proto", "testcard", "codec", "hub", "session", "stage"];

/// Names that pure folders must not use outside their tests.
pub(crate) const IMPURE: &[&str] = &[
    "Instant",
    "SystemTime",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "thread",
    "tokio",
];

/// Crates that have a home, and where it is: no other folder names them, nor do its tests.
pub(crate) const CRATES: &[(&str, &[&str])] = &[
    ("anyhow", &["cmd/"]),
    ("axum", &["server/"]),
    ("clap_complete", &["cmd/"]),
    ("clap_mangen", &["cmd/"]),
    ("cpal", &["devices/"]),
    ("eframe", &["ui/", "cmd/window", "cmd/bench/empty"]),
    ("egui", &["ui/", "cmd/window", "cmd/bench/empty"]),
    ("egui_extras", &["ui/"]),
    ("egui_plot", &["ui/"]),
    ("egui_wgpu", &["ui/"]),
    ("global_hotkey", &["desktop/"]),
    ("jsonwebtoken", &["proto/token/"]),
    ("livekit_net", &["signal/"]),
    ("livekit_signaling", &["signal/"]),
    ("nokhwa", &["devices/"]),
    ("openh264", &["codec/"]),
    ("opus", &["codec/"]),
    ("pulseaudio", &["devices/"]),
    ("sonora", &["audio/"]),
    ("str0m", &["sfu/"]),
    ("symphonia", &["devices/"]),
    ("vpx_sys", &["codec/"]),
    ("webrtc", &["rtc/"]),
    ("winit", &["cmd/window"]),
    ("x11rb", &["desktop/", "devices/"]),
    ("yuv", &["codec/"]),
    ("zbus", &["desktop/"]),
];

/// The same for crates that tests of any folder may use, to look at a folder from outside.
pub(crate) const CRATES_OUTSIDE_TESTS: &[(&str, &[&str])] = &[
    ("ab_glyph", &["testcard/"]),
    ("async_trait", &["rtc/", "signal/"]),
    ("base64", &["http/", "proto/"]),
    ("clap", &["cmd/"]),
    ("crc", &["testcard/"]),
    ("directories", &["cmd/", "store/"]),
    ("fast_image_resize", &["codec/"]),
    ("flate2", &["proto/"]),
    ("fontdb", &["ui/"]),
    ("hex", &["proto/"]),
    ("hmac", &["proto/", "support/"]),
    ("hound", &["devices/"]),
    ("httpdate", &["signal/"]),
    ("humantime", &["cmd/", "scenario/"]),
    ("http_body_util", &["http/"]),
    ("hyper", &["http/", "server/"]),
    ("hyper_util", &["http/", "server/"]),
    ("if_addrs", &["net/"]),
    ("image", &["bot/", "codec/", "devices/", "ui/"]),
    ("jiff", &["proto/", "support/", "ui/"]),
    ("mio", &["sfu/"]),
    ("nix", &["sfu/"]),
    ("prometheus_client", &["server/"]),
    ("quinn_udp", &["sfu/"]),
    // For tests alone: a client that is not ours.
    ("reqwest", &["livekit_tests/"]),
    ("rubato", &["codec/"]),
    ("rustls_native_certs", &["http/"]),
    ("sha1", &["proto/"]),
    ("sha2", &["proto/", "support/"]),
    ("socket2", &["http/", "sfu/"]),
    ("tokio_rustls", &["http/", "server/"]),
    ("tokio_tungstenite", &["server/tests/", "signal/"]),
    ("toml", &["scenario/", "server/", "store/"]),
    ("tower_http", &["server/"]),
    ("tracing_subscriber", &["cmd/"]),
    ("ttf_parser", &["ui/"]),
    ("unicode_bidi", &["ui/"]),
    ("unicode_bidi_mirroring", &["ui/"]),
    ("unicode_segmentation", &["ui/"]),
    ("uuid", &["server/"]),
    ("v4l", &["devices/"]),
    ("webpki", &["http/"]),
    ("windows_sys", &["cmd/", "desktop/", "devices/"]),
    ("x11_dl", &["cmd/"]),
    ("y4m", &["devices/"]),
    ("zune_jpeg", &["codec/"]),
];

/// Folders that may start tasks. The others are called, and return.
pub(crate) const SPAWNERS: &[&str] = &["bot", "call", "cmd", "devices", "rtc", "scenario", "server", "sfu", "signal"];

/// The floor of a folder.
pub(crate) fn level(folder: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, level)| *level)
}
