//! Captures of a real X server (Xvfb), with windows that the tests make.

use super::sources::{list_all, support};
use super::*;
use crate::base::{ScreenSourceKind, SharingSupport};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, PropMode, StackMode,
    WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

/// An X server of 800x600 pixels without a window manager.
struct Display {
    server: Child,
    name: String,
    conn: RustConnection,
    root: u32,
}

impl Drop for Display {
    fn drop(&mut self) {
        self.server.kill().and_then(|()| self.server.wait()).ok();
    }
}

/// Luma of the colours that are used.
const RED: (u32, u8) = (0xFF_0000, 81);
const GREEN: (u32, u8) = (0x00_FF00, 145);
const BLUE: (u32, u8) = (0x00_00FF, 41);

impl Display {
    fn start() -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"]);
        let mut server =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Xvfb: run scripts/setup --tests");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("its output")).read_line(&mut number).expect("its number");
        let name = format!(":{}", number.trim());
        let (conn, root) = connect(Some(&name)).expect("a connection");
        Self { server, name, conn, root }
    }

    /// A window of one colour, which the server itself draws anew where it was covered.
    fn window(&self, at: (i16, i16), size: (u16, u16), colour: u32) -> u32 {
        let id = self.conn.generate_id().expect("an id");
        let look = CreateWindowAux::new().background_pixel(colour).override_redirect(1);
        let kind = WindowClass::INPUT_OUTPUT;
        self.conn
            .create_window(0, id, self.root, at.0, at.1, size.0, size.1, 0, kind, 0, &look)
            .expect("sent")
            .check()
            .expect("a window");
        self.conn.map_window(id).expect("sent").check().expect("mapped");
        id
    }

    fn capture(&self, source: &str) -> Capture {
        Capture::open(Some(&self.name), source).expect("a capture")
    }

    fn capture_window(&self, id: u32) -> Capture {
        self.capture(&format!("x11-window:{id:#x}"))
    }

    /// Puts the cursor into the lower right corner, where no window is.
    fn park_cursor(&self) {
        self.conn.warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, 799, 599).expect("sent").check().expect("moved");
    }

    fn sync(&self) {
        self.conn.sync().expect("in step");
    }
}

/// The next frame, within five seconds.
fn next(capture: &mut Capture) -> VideoFrame {
    let began = Instant::now();
    loop {
        if let Some(frame) = capture.look().expect("captures") {
            return frame;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "no frame");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes frames until one fits.
fn until(capture: &mut Capture, what: &str, fits: impl Fn(&VideoFrame) -> bool) -> VideoFrame {
    let began = Instant::now();
    loop {
        let frame = next(capture);
        if fits(&frame) {
            return frame;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "no frame {what}");
    }
}

/// No frame comes in a third of a second.
fn stands_still(capture: &mut Capture) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        assert!(capture.look().expect("captures").is_none(), "a frame of what has not changed");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn luma(frame: &VideoFrame, x: usize, y: usize) -> u8 {
    frame.plane(0).data[y * frame.plane(0).stride + x]
}

/// Whether all of a frame has one luma.
fn is_all(frame: &VideoFrame, expected: u8) -> bool {
    let (w, h) = frame.plane_size(0);
    (0..h).all(|y| (0..w).all(|x| luma(frame, x, y).abs_diff(expected) <= 2))
}

#[test]
fn a_screen_gives_a_frame_for_each_change_and_none_while_it_stands_still() {
    let display = Display::start();
    display.park_cursor();
    let mut capture = display.capture("default");
    let first = next(&mut capture);
    assert_eq!((first.width(), first.height()), (800, 600));
    stands_still(&mut capture);
    display.window((100, 100), (200, 100), GREEN.0);
    let shown = until(&mut capture, "with the window", |f| luma(f, 150, 150).abs_diff(GREEN.1) <= 2);
    assert!(luma(&shown, 50, 50) < 20, "black beside it");
    stands_still(&mut capture);
    // The cursor is no damage, and is drawn.
    display.conn.warp_pointer(x11rb::NONE, display.root, 0, 0, 0, 0, 200, 150).expect("sent").check().expect("moved");
    let around = |f: &VideoFrame| (185..216).any(|x| (135..166).any(|y| luma(f, x, y).abs_diff(GREEN.1) > 40));
    until(&mut capture, "with the cursor", around);
}

#[test]
fn a_covered_window_shows_its_own_pixels_before_and_after_it_is_covered() {
    let display = Display::start();
    display.park_cursor();
    let window = display.window((100, 100), (200, 100), RED.0);
    let cover = display.window((50, 50), (200, 100), BLUE.0);
    display.sync();
    let mut capture = display.capture_window(window);
    let frame = next(&mut capture);
    assert_eq!((frame.width(), frame.height()), (200, 100));
    assert!(is_all(&frame, RED.1), "it was covered when the capture began");
    // Partly outside the screen, and covered while it is captured.
    let moved = ConfigureWindowAux::new().x(-50).y(-20);
    display.conn.configure_window(window, &moved).expect("sent").check().expect("moved");
    let above = ConfigureWindowAux::new().x(0).y(0).stack_mode(StackMode::ABOVE);
    display.conn.configure_window(cover, &above).expect("sent").check().expect("moved");
    let paint = ChangeWindowAttributesAux::new().background_pixel(GREEN.0);
    display.conn.change_window_attributes(window, &paint).expect("sent").check().expect("changed");
    display.conn.clear_area(false, window, 0, 0, 0, 0).expect("sent").check().expect("drawn");
    until(&mut capture, "in green", |f| is_all(f, GREEN.1));
}

#[test]
fn a_window_is_followed_as_it_is_resized_minimised_and_closed() {
    let display = Display::start();
    display.park_cursor();
    let window = display.window((100, 100), (200, 100), RED.0);
    display.sync();
    let mut capture = display.capture_window(window);
    assert!(is_all(&next(&mut capture), RED.1));
    let larger = ConfigureWindowAux::new().width(321).height(141);
    display.conn.configure_window(window, &larger).expect("sent").check().expect("resized");
    let frame = until(&mut capture, "of the new size", |f| (f.width(), f.height()) == (321, 141));
    assert!(is_all(&frame, RED.1));
    // As minimised: the last frame stays, and another window in its place is not shown.
    display.conn.unmap_window(window).expect("sent").check().expect("hidden");
    display.window((100, 100), (321, 141), BLUE.0);
    display.sync();
    stands_still(&mut capture);
    display.conn.map_window(window).expect("sent").check().expect("shown");
    assert!(is_all(&next(&mut capture), RED.1));
    display.conn.destroy_window(window).expect("sent").check().expect("closed");
    display.sync();
    let began = Instant::now();
    let error = loop {
        match capture.look() {
            Ok(_) => assert!(began.elapsed() < Duration::from_secs(5), "its end is not noticed"),
            Err(error) => break error,
        }
    };
    assert_eq!(error, DeviceError::Unplugged("the shared window was closed".into()));
    let again = Capture::open(Some(&display.name), &format!("x11-window:{window:#x}"));
    assert!(matches!(again.err(), Some(DeviceError::NotFound(_))));
}

#[test]
fn screens_and_managed_windows_are_listed() {
    let display = Display::start();
    let (first, second) = (display.window((0, 0), (200, 100), RED.0), display.window((9, 9), (50, 60), BLUE.0));
    let hidden = display.window((9, 9), (50, 60), BLUE.0);
    display.conn.unmap_window(hidden).expect("sent").check().expect("hidden");
    let atom =
        |name: &str| display.conn.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("an atom").atom;
    let (list, title, text) = (atom("_NET_CLIENT_LIST_STACKING"), atom("_NET_WM_NAME"), atom("UTF8_STRING"));
    let set = |window, property, kind: u32, value: &[u8]| {
        display
            .conn
            .change_property8(PropMode::REPLACE, window, property, kind, value)
            .expect("sent")
            .check()
            .expect("set");
    };
    set(first, title, text, "Naïve notes — draft".as_bytes());
    set(second, AtomEnum::WM_CLASS.into(), AtomEnum::STRING.into(), b"xterm\0XTerm\0");
    let ids = [first, hidden, second];
    let kind = AtomEnum::WINDOW;
    display
        .conn
        .change_property32(PropMode::REPLACE, display.root, list, kind, &ids)
        .expect("sent")
        .check()
        .expect("set");
    let found = list_all(&display.conn, display.root, None).expect("a list");
    let seen: Vec<_> = found.iter().map(|s| (s.kind, s.label.as_str(), s.width, s.height)).collect();
    let screen = (ScreenSourceKind::Screen, found[0].label.as_str(), 800, 600);
    let windows =
        [(ScreenSourceKind::Window, "XTerm", 50, 60), (ScreenSourceKind::Window, "Naïve notes — draft", 200, 100)];
    assert_eq!(seen, [&[screen], &windows[..]].concat(), "from the top down, without what is hidden");
    let mut capture = display.capture(&found[0].id);
    assert_eq!(next(&mut capture).width(), 800);
    let unknown = Capture::open(Some(&display.name), "x11-screen:NOPE-1");
    assert!(matches!(unknown.err(), Some(DeviceError::NotFound(_))));
}

#[test]
fn a_large_screen_is_made_smaller_and_nothing_is_enlarged() {
    assert_eq!(within((3840, 2160)), (2560, 1440));
    assert_eq!(within((1920, 1080)), (1920, 1080));
    assert_eq!(within((2160, 3840)), (810, 1440));
    assert_eq!(within((0, 0)), (1, 1));
    assert!(matches!(support(), SharingSupport::Yes | SharingSupport::NoDisplay | SharingSupport::Wayland));
}
