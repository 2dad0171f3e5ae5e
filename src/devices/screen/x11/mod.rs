//! Screens and windows of an X server: changes by DAMAGE, pixels by MIT-SHM, the cursor by XFIXES, windows that are covered
//! by Composite, screens by RandR.
//!
//! A window is redirected, so that its pixels are its own even where it is covered or off the screen. A window that is
//! minimised gives no new frame: the last one stays. One that is closed ends the capture, because the server uses ids
//! again.

mod cursor;
mod grab;
mod sources;
mod target;
#[cfg(test)]
mod tests;

pub(super) use sources::{list, support, watch};

use super::LARGEST;
use crate::base::VideoFrame;
use crate::clock::unix_us;
use crate::codec::Scaler;
use crate::codec::pixels::{PixelFormat, RawPicture, YuvEncoding};
use crate::devices::DeviceError;
use crate::devices::camera::CameraFormat;
use crate::devices::camera::capture::{CaptureEnd, FrameWriter};
use crate::devices::ticker::Ticker;
use cursor::Cursor;
use grab::{Grabber, Pixels};
use target::{Target, TargetChange};
use x11rb::connection::Connection;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::composite::ConnectionExt as _;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::randr::{ConnectionExt as _, NotifyMask};
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask};
use x11rb::protocol::{Event, damage};
use x11rb::rust_connection::RustConnection;

/// Captures until it is asked to stop.
pub(super) fn capture(source: &str, output: &mut FrameWriter) -> Result<(), CaptureEnd> {
    let mut capture = Capture::open(None, source)?;
    let (width, height) = within(capture.target.size());
    output.opened(capture.target.label(), CameraFormat { width, height, fps: LARGEST.fps })?;
    let mut ticker = Ticker::new(LARGEST.interval());
    while ticker.tick(output.stop()) {
        if let Some(frame) = capture.look()? {
            output.frame(&frame)?;
        }
    }
    Ok(())
}

/// A connection to the X server `display`, or to that of the environment, with the versions of its extensions agreed on;
/// and the root window.
fn connect(display: Option<&str>) -> Result<(RustConnection, u32), DeviceError> {
    let (conn, screen) = RustConnection::connect(display).map_err(|e| no_display(&e))?;
    let root = conn.setup().roots[screen].root;
    agree(&conn).map_err(|e| DeviceError::Unreadable(format!("The X server lacks what sharing needs: {e}.")))?;
    Ok((conn, root))
}

fn agree(conn: &RustConnection) -> Result<(), ReplyError> {
    conn.composite_query_version(0, 4)?.reply()?;
    conn.damage_query_version(1, 1)?.reply()?;
    conn.xfixes_query_version(5, 0)?.reply()?;
    conn.randr_query_version(1, 5)?.reply()?;
    Ok(())
}

fn no_display(error: &ConnectError) -> DeviceError {
    DeviceError::NotFound(format!("the X server cannot be reached: {error}"))
}

fn lost(error: impl std::fmt::Display) -> DeviceError {
    DeviceError::Other(format!("the X server: {error}"))
}

impl From<ConnectionError> for DeviceError {
    fn from(error: ConnectionError) -> Self {
        lost(error)
    }
}

impl From<ReplyError> for DeviceError {
    fn from(error: ReplyError) -> Self {
        lost(error)
    }
}

impl From<ReplyOrIdError> for DeviceError {
    fn from(error: ReplyOrIdError) -> Self {
        lost(error)
    }
}

/// The size in which a screen is sent: not larger than [`LARGEST`].
fn within((width, height): (u16, u16)) -> (u32, u32) {
    let (w, h) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let scale = (f64::from(LARGEST.width) / w).min(f64::from(LARGEST.height) / h).min(1.0);
    let side = |v: f64| ((v * scale).round() as u32).max(1);
    (side(w), side(h))
}

/// The capture of one screen or window.
struct Capture {
    conn: RustConnection,
    root: u32,
    target: Target,
    damage: damage::Damage,
    grabber: Grabber,
    cursor: Cursor,
    scaler: Scaler,
    /// Whether something may have changed since the last frame.
    changed: bool,
}

impl Capture {
    fn open(display: Option<&str>, source: &str) -> Result<Self, DeviceError> {
        let (conn, root) = connect(display)?;
        conn.randr_select_input(root, NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE)?;
        conn.xfixes_select_cursor_input(root, CursorNotifyMask::DISPLAY_CURSOR)?;
        let target = Target::find(&conn, root, source)?;
        let damage = conn.generate_id()?;
        conn.damage_create(damage, target.window(), ReportLevel::NON_EMPTY)?.check()?;
        let grabber = Grabber::new(&conn, root)?;
        let cursor = Cursor::default();
        Ok(Self { conn, root, target, damage, grabber, cursor, scaler: Scaler::new(), changed: true })
    }

    /// The next frame, if something has changed.
    fn look(&mut self) -> Result<Option<VideoFrame>, DeviceError> {
        while let Some(event) = self.conn.poll_for_event()? {
            self.take(&event)?;
        }
        self.changed |= self.cursor.look(&self.conn, self.root, &self.target)?;
        if !self.changed || !self.target.is_ready() {
            return Ok(None);
        }
        // Before the pixels are read: what changes meanwhile is damage again.
        self.conn.damage_subtract(self.damage, x11rb::NONE, x11rb::NONE)?;
        let Some(mut pixels) = self.grabber.grab(&self.conn, &mut self.target)? else { return Ok(None) };
        self.changed = false;
        self.cursor.draw(&mut pixels);
        self.frame(&pixels).map(Some)
    }

    fn take(&mut self, event: &Event) -> Result<(), DeviceError> {
        match event {
            Event::DamageNotify(_) => self.changed = true,
            Event::XfixesCursorNotify(_) => self.cursor.forget_shape(),
            event => match self.target.take(&self.conn, self.root, event)? {
                TargetChange::None => {}
                TargetChange::Changed => self.changed = true,
                TargetChange::Gone(why) => return Err(DeviceError::Unplugged(why.into())),
            },
        }
        Ok(())
    }

    fn frame(&mut self, pixels: &Pixels) -> Result<VideoFrame, DeviceError> {
        let frame = pixels.to_frame(unix_us())?;
        let (width, height) = within((pixels.width, pixels.height));
        self.scaler.scale(&frame, width, height).map_err(|e| DeviceError::Other(e.to_string()))
    }
}

impl Pixels {
    /// The pixels as a frame of their own size.
    fn to_frame(&self, timestamp_us: u64) -> Result<VideoFrame, DeviceError> {
        let picture = RawPicture {
            data: &self.data,
            width: self.width.into(),
            height: self.height.into(),
            stride: 0,
            format: PixelFormat::Bgrx,
            encoding: YuvEncoding::default(),
        };
        picture.to_frame(timestamp_us).map_err(|e| DeviceError::Other(e.to_string()))
    }
}
