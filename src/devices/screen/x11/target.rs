//! What is captured: a screen of the root window, or one window with pixels of its own.

use super::grab::Area;
use super::sources::{self, MONITOR, WINDOW, monitors};
use crate::devices::DeviceError;
use std::time::{Duration, Instant};
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, MapState, Pixmap};
use x11rb::rust_connection::RustConnection;

/// Time for a program to draw a window anew that has just got pixels of its own: what was covered before shows pixels of
/// other windows until then.
pub(super) const REDRAW: Duration = Duration::from_millis(250);

/// What is captured.
pub(super) enum Target {
    Monitor(Monitor),
    Window(Window),
}

/// A screen: a part of the root window.
pub(super) struct Monitor {
    root: u32,
    name: String,
    area: Area,
}

/// A window.
pub(super) struct Window {
    id: u32,
    title: String,
    /// Its place on the root window.
    origin: (i32, i32),
    size: (u16, u16),
    is_mapped: bool,
    /// Its pixels, named anew after each change of its size.
    pixmap: Option<Pixmap>,
    /// Its pixels are complete from then on.
    ready: Instant,
}

/// What an event means for the target.
pub(super) enum TargetChange {
    None,
    /// It looks different.
    Changed,
    /// It does not exist any more, for this reason.
    Gone(&'static str),
}

impl Target {
    /// The screen or window that an id names.
    pub(super) fn find(conn: &RustConnection, root: u32, source: &str) -> Result<Self, DeviceError> {
        let not_found = || DeviceError::NotFound(source.to_owned());
        if let Some(id) = source.strip_prefix(WINDOW) {
            let id = id.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok()).ok_or_else(not_found)?;
            return Window::open(conn, root, id).map_err(|_| not_found()).map(Self::Window);
        }
        let monitors = monitors(conn, root)?;
        let found = match source.strip_prefix(MONITOR) {
            Some(name) => monitors.into_iter().find(|m| m.name == name),
            None if source == "default" => monitors.into_iter().max_by_key(|m| m.is_primary),
            None => None,
        };
        let monitor = found.ok_or_else(not_found)?;
        Ok(Self::Monitor(Monitor { root, name: monitor.name, area: monitor.area }))
    }

    /// The window whose changes are its changes.
    pub(super) const fn window(&self) -> u32 {
        match self {
            Self::Monitor(monitor) => monitor.root,
            Self::Window(window) => window.id,
        }
    }

    /// Its name for people.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Monitor(monitor) => &monitor.name,
            Self::Window(window) => &window.title,
        }
    }

    /// Its size in pixels.
    pub(super) const fn size(&self) -> (u16, u16) {
        match self {
            Self::Monitor(monitor) => (monitor.area.width, monitor.area.height),
            Self::Window(window) => window.size,
        }
    }

    /// Whether its pixels are its own.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Monitor(_) => true,
            Self::Window(window) => window.is_mapped && window.ready <= Instant::now(),
        }
    }

    /// Where a point of the root window is within it; `None` if it is outside.
    pub(super) fn place(&self, x: i32, y: i32) -> Option<(i32, i32)> {
        let (left, top) = match self {
            Self::Monitor(monitor) => (monitor.area.x.into(), monitor.area.y.into()),
            Self::Window(window) => window.origin,
        };
        let (width, height) = self.size();
        let (x, y) = (x - left, y - top);
        let is_inside = (0..i32::from(width)).contains(&x) && (0..i32::from(height)).contains(&y);
        is_inside.then_some((x, y))
    }

    /// Where its pixels are; `None` while it has none.
    pub(super) fn area(&mut self, conn: &RustConnection) -> Result<Option<Area>, DeviceError> {
        match self {
            Self::Monitor(monitor) => Ok(Some(monitor.area)),
            Self::Window(window) => window.area(conn),
        }
    }

    /// Its pixels could not be read: they are looked for anew.
    pub(super) fn renew(&mut self) {
        if let Self::Window(window) = self {
            window.ready = window.ready.max(Instant::now() + Duration::from_millis(50));
            window.pixmap = None;
        }
    }

    /// Takes an event of the server.
    pub(super) fn take(
        &mut self,
        conn: &RustConnection,
        root: u32,
        event: &Event,
    ) -> Result<TargetChange, DeviceError> {
        match (self, event) {
            (Self::Monitor(monitor), Event::RandrScreenChangeNotify(_) | Event::RandrNotify(_)) => {
                match monitors(conn, root)?.into_iter().find(|m| m.name == monitor.name) {
                    Some(now) => {
                        monitor.area = now.area;
                        Ok(TargetChange::Changed)
                    }
                    None => Ok(TargetChange::Gone("the shared screen was unplugged or turned off")),
                }
            }
            (Self::Window(window), event) => Ok(window.take(conn, root, event)?),
            _ => Ok(TargetChange::None),
        }
    }
}

impl Window {
    fn open(conn: &RustConnection, root: u32, id: u32) -> Result<Self, ReplyError> {
        let events = EventMask::STRUCTURE_NOTIFY;
        conn.change_window_attributes(id, &ChangeWindowAttributesAux::new().event_mask(events))?.check()?;
        // The server unmaps and maps the window for this, so the program draws all of it anew.
        conn.composite_redirect_window(id, Redirect::AUTOMATIC)?.check()?;
        let geometry = conn.get_geometry(id)?.reply()?;
        let attributes = conn.get_window_attributes(id)?.reply()?;
        let mut window = Self {
            id,
            title: sources::title(conn, id),
            origin: (0, 0),
            size: (geometry.width, geometry.height),
            is_mapped: attributes.map_state == MapState::VIEWABLE,
            pixmap: None,
            ready: Instant::now() + REDRAW,
        };
        window.locate(conn, root)?;
        Ok(window)
    }

    fn locate(&mut self, conn: &RustConnection, root: u32) -> Result<(), ReplyError> {
        let at = conn.translate_coordinates(self.id, root, 0, 0)?.reply()?;
        self.origin = (at.dst_x.into(), at.dst_y.into());
        Ok(())
    }

    fn area(&mut self, conn: &RustConnection) -> Result<Option<Area>, DeviceError> {
        if !self.is_mapped {
            return Ok(None);
        }
        let drawable = match self.pixmap {
            Some(pixmap) => pixmap,
            None => {
                let pixmap = conn.generate_id()?;
                if conn.composite_name_window_pixmap(self.id, pixmap)?.check().is_err() {
                    // It was hidden a moment ago.
                    return Ok(None);
                }
                // The size that belongs to these pixels: an event about a newer one may be on its way.
                if let Ok(geometry) = conn.get_geometry(pixmap)?.reply() {
                    self.size = (geometry.width, geometry.height);
                }
                *self.pixmap.insert(pixmap)
            }
        };
        let (width, height) = self.size;
        Ok(Some(Area { drawable, x: 0, y: 0, width, height }))
    }

    fn release_pixmap(&mut self, conn: &RustConnection) -> Result<(), ReplyError> {
        if let Some(pixmap) = self.pixmap.take() {
            conn.free_pixmap(pixmap)?;
        }
        Ok(())
    }

    fn take(&mut self, conn: &RustConnection, root: u32, event: &Event) -> Result<TargetChange, ReplyError> {
        match event {
            Event::ConfigureNotify(e) if e.window == self.id => {
                // A window that is destroyed at this moment tells so next.
                self.locate(conn, root).ok();
                let size = (e.width, e.height);
                if size == self.size {
                    return Ok(TargetChange::None);
                }
                self.size = size;
                self.release_pixmap(conn)?;
                Ok(TargetChange::Changed)
            }
            Event::UnmapNotify(e) if e.window == self.id => {
                self.is_mapped = false;
                self.release_pixmap(conn)?;
                Ok(TargetChange::None)
            }
            Event::MapNotify(e) if e.window == self.id => {
                self.is_mapped = true;
                self.ready = Instant::now() + REDRAW;
                self.locate(conn, root).ok();
                self.release_pixmap(conn)?;
                Ok(TargetChange::Changed)
            }
            Event::ReparentNotify(e) if e.window == self.id => {
                self.locate(conn, root).ok();
                self.release_pixmap(conn)?;
                Ok(TargetChange::Changed)
            }
            Event::DestroyNotify(e) if e.window == self.id => Ok(TargetChange::Gone("the shared window was closed")),
            _ => Ok(TargetChange::None),
        }
    }
}
