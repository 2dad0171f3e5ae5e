//! The screens and windows of the X server, with small pictures of them.

use super::grab::{Area, Grabber};
use super::target::REDRAW;
use super::{connect, grab::Pixels};
use crate::base::{ScreenSource, ScreenSourceKind, ScreenSources, SharingSupport, VideoFrame};
use crate::codec::{Scaler, color};
use crate::devices::DeviceError;
use crate::devices::thread::Stop;
use crate::devices::ticker::Ticker;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, MapState, Window};
use x11rb::rust_connection::RustConnection;

/// What the ids of screens and windows begin with.
pub(super) const MONITOR: &str = "x11-screen:";
pub(super) const WINDOW: &str = "x11-window:";
/// Windows in the list at most.
const WINDOWS: usize = 100;
/// Characters of a title at most.
const TITLE: usize = 200;
/// Time from one look at what can be shared to the next.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);
/// Quality of the small pictures, 1 to 100.
const JPEG_QUALITY: u8 = 75;

/// A screen of the server.
pub(super) struct MonitorInfo {
    pub(super) name: String,
    pub(super) is_primary: bool,
    pub(super) area: Area,
}

/// Whether screens can be shared in this session.
pub(in crate::devices::screen) fn support() -> SharingSupport {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_wayland = std::env::var("XDG_SESSION_TYPE").is_ok_and(|kind| kind == "wayland");
    match (is_set("WAYLAND_DISPLAY") || is_wayland, is_set("DISPLAY")) {
        // Through XWayland only the windows of X programs could be seen, and the screen would be black.
        (true, _) => SharingSupport::Wayland,
        (false, false) => SharingSupport::NoDisplay,
        (false, true) => SharingSupport::Yes,
    }
}

/// The screens, then the windows from the top down.
pub(in crate::devices::screen) fn list() -> ScreenSources {
    let support = support();
    if support != SharingSupport::Yes {
        return ScreenSources { support, sources: Vec::new() };
    }
    let sources = connect(None).and_then(|(conn, root)| list_all(&conn, root, None));
    found(sources)
}

/// Passes them to `tell` with pictures that are at most so many pixels wide, again and again until it is asked to stop.
pub(in crate::devices::screen) fn watch(
    width: u16,
    stop: &Stop,
    mut tell: impl FnMut(&ScreenSources) -> io::Result<()>,
) -> io::Result<()> {
    let support = support();
    let opened = connect(None).and_then(|(conn, root)| Ok((Thumbnails::new(&conn, root, width)?, conn, root)));
    let (mut thumbnails, conn, root) = match opened {
        Ok(opened) if support == SharingSupport::Yes => opened,
        Ok(_) => return tell(&ScreenSources { support, sources: Vec::new() }).map(|()| stop.wait()),
        Err(error) => return tell(&found(Err(error))).map(|()| stop.wait()),
    };
    let mut ticker = Ticker::new(WATCH_INTERVAL);
    while ticker.tick(stop) {
        tell(&found(list_all(&conn, root, Some(&mut thumbnails))))?;
    }
    Ok(())
}

fn found(sources: Result<Vec<ScreenSource>, DeviceError>) -> ScreenSources {
    match sources {
        Ok(sources) => ScreenSources { support: SharingSupport::Yes, sources },
        Err(error) => {
            tracing::warn!(%error, "screens cannot be listed");
            ScreenSources { support: SharingSupport::NoDisplay, sources: Vec::new() }
        }
    }
}

pub(super) fn list_all(
    conn: &RustConnection,
    root: Window,
    mut thumbnails: Option<&mut Thumbnails>,
) -> Result<Vec<ScreenSource>, DeviceError> {
    let mut sources = Vec::new();
    for monitor in monitors(conn, root)? {
        let Area { width, height, .. } = monitor.area;
        sources.push(ScreenSource {
            id: format!("{MONITOR}{}", monitor.name),
            label: monitor.name,
            kind: ScreenSourceKind::Screen,
            width: width.into(),
            height: height.into(),
            thumbnail: thumbnails.as_mut().and_then(|t| t.of_area(conn, monitor.area)),
        });
    }
    for window in windows(conn, root)? {
        // A window that is closed meanwhile is left out.
        let Ok(geometry) = conn.get_geometry(window)?.reply() else { continue };
        sources.push(ScreenSource {
            id: format!("{WINDOW}{window:#x}"),
            label: title(conn, window),
            kind: ScreenSourceKind::Window,
            width: geometry.width.into(),
            height: geometry.height.into(),
            thumbnail: thumbnails.as_mut().and_then(|t| t.of_window(conn, window)),
        });
    }
    Ok(sources)
}

/// The screens, left to right.
pub(super) fn monitors(conn: &RustConnection, root: Window) -> Result<Vec<MonitorInfo>, ReplyError> {
    let reply = conn.randr_get_monitors(root, true)?.reply()?;
    let mut monitors = Vec::new();
    for m in reply.monitors.into_iter().filter(|m| m.width > 0 && m.height > 0) {
        let name = conn.get_atom_name(m.name)?.reply()?.name;
        let area = Area { drawable: root, x: m.x, y: m.y, width: m.width, height: m.height };
        monitors.push(MonitorInfo { name: String::from_utf8_lossy(&name).into_owned(), is_primary: m.primary, area });
    }
    monitors.sort_by_key(|m| (m.area.x, m.area.y));
    Ok(monitors)
}

/// The windows of other programs that the window manager manages and that can be seen, from the top down.
fn windows(conn: &RustConnection, root: Window) -> Result<Vec<Window>, ReplyError> {
    let mut ids = property(conn, root, "_NET_CLIENT_LIST_STACKING", AtomEnum::WINDOW)?;
    if ids.is_empty() {
        ids = property(conn, root, "_NET_CLIENT_LIST", AtomEnum::WINDOW)?;
    }
    let ours = std::os::unix::process::parent_id();
    let mut windows = Vec::new();
    for id in ids.into_iter().rev().take(WINDOWS) {
        let is_ours = property(conn, id, "_NET_WM_PID", AtomEnum::CARDINAL).is_ok_and(|pid| pid == [ours]);
        let attributes = conn.get_window_attributes(id)?.reply();
        if !is_ours && attributes.is_ok_and(|a| a.map_state == MapState::VIEWABLE) {
            windows.push(id);
        }
    }
    Ok(windows)
}

/// A property of 32-bit numbers; empty if there is none.
fn property(conn: &RustConnection, window: Window, name: &str, kind: AtomEnum) -> Result<Vec<u32>, ReplyError> {
    let atom = conn.intern_atom(true, name.as_bytes())?.reply()?.atom;
    let reply = conn.get_property(false, window, atom, kind, 0, 4096)?.reply()?;
    Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
}

/// The title of a window; its class, or its number, if it has none.
pub(super) fn title(conn: &RustConnection, window: Window) -> String {
    let text = |name: &str| -> Option<String> {
        let atom = conn.intern_atom(true, name.as_bytes()).ok()?.reply().ok()?.atom;
        let reply = conn.get_property(false, window, atom, AtomEnum::ANY, 0, 1024).ok()?.reply().ok()?;
        // WM_CLASS has two names, each with a zero at its end: the second is the class.
        let parts: Vec<&[u8]> = reply.value.split(|&b| b == 0).filter(|part| !part.is_empty()).collect();
        let last = parts.last()?;
        let text: String = String::from_utf8_lossy(last).chars().filter(|c| !c.is_control()).take(TITLE).collect();
        (!text.trim().is_empty()).then_some(text)
    };
    let named = ["_NET_WM_NAME", "WM_NAME", "WM_CLASS"].into_iter().find_map(text);
    named.unwrap_or_else(|| format!("Window {window:#x}"))
}

/// Makes small pictures.
pub(super) struct Thumbnails {
    grabber: Grabber,
    scaler: Scaler,
    width: u16,
    /// The windows that have pixels of their own, and since when.
    redirected: BTreeMap<Window, Instant>,
}

impl Thumbnails {
    fn new(conn: &RustConnection, root: Window, width: u16) -> Result<Self, DeviceError> {
        let grabber = Grabber::new(conn, root)?;
        Ok(Self { grabber, scaler: Scaler::new(), width: width.max(16), redirected: BTreeMap::new() })
    }

    /// A window's own pixels, once it has drawn them. It keeps them until this process ends.
    fn of_window(&mut self, conn: &RustConnection, window: Window) -> Option<Vec<u8>> {
        let since = match self.redirected.get(&window) {
            Some(since) => *since,
            None => {
                conn.composite_redirect_window(window, Redirect::AUTOMATIC).ok()?.check().ok()?;
                *self.redirected.entry(window).or_insert_with(Instant::now)
            }
        };
        if since.elapsed() < REDRAW {
            return None;
        }
        let pixmap = conn.generate_id().ok()?;
        conn.composite_name_window_pixmap(window, pixmap).ok()?.check().ok()?;
        let geometry = conn.get_geometry(pixmap).ok()?.reply().ok();
        let picture = geometry
            .and_then(|g| self.of_area(conn, Area { drawable: pixmap, x: 0, y: 0, width: g.width, height: g.height }));
        conn.free_pixmap(pixmap).ok();
        picture
    }

    fn of_area(&mut self, conn: &RustConnection, area: Area) -> Option<Vec<u8>> {
        let pixels: Pixels = self.grabber.read(conn, area).ok()?;
        let frame = pixels.to_frame(0).ok()?;
        let scale = (f64::from(self.width) / f64::from(area.width)).min(1.0);
        let side = |v: u16| ((f64::from(v) * scale).round() as u32).max(2);
        let small = self.scaler.scale(&frame, side(area.width), side(area.height)).ok()?;
        jpeg(&small)
    }
}

fn jpeg(frame: &VideoFrame) -> Option<Vec<u8>> {
    let mut rgba = Vec::new();
    color::to_rgba(frame, &mut rgba).ok()?;
    let rgb: Vec<u8> = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    encoder.encode(&rgb, frame.width(), frame.height(), ExtendedColorType::Rgb8).ok()?;
    Some(bytes)
}
