//! Reads pixels of the X server: into memory that is shared with it, or through the connection where that is not possible.

use super::target::Target;
use crate::devices::DeviceError;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::pread;
use std::os::fd::OwnedFd;
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, ImageFormat, ImageOrder};
use x11rb::rust_connection::RustConnection;

/// All planes of a pixel.
const ALL_PLANES: u32 = !0;
/// Bytes of a pixel.
pub(super) const PIXEL: usize = 4;

/// The pixels of a screen or a window: B, G, R and a byte that is ignored, without padding.
pub(super) struct Pixels {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) data: Vec<u8>,
}

/// A part of a drawable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) drawable: Drawable,
    pub(super) x: i16,
    pub(super) y: i16,
    pub(super) width: u16,
    pub(super) height: u16,
}

/// Memory that is shared with the server.
struct Shared {
    segment: shm::Seg,
    /// The same memory, which is read as a file: no pointer into memory that another program writes.
    file: OwnedFd,
    bytes: usize,
}

/// Reads pixels.
pub(super) struct Grabber {
    shared: Option<Shared>,
    /// Whether the server can share memory with us.
    can_share: bool,
}

impl Grabber {
    /// Fails if the server has other pixels than B, G, R and a byte more.
    pub(super) fn new(conn: &RustConnection, root: u32) -> Result<Self, DeviceError> {
        let setup = conn.setup();
        let screen = setup.roots.iter().find(|s| s.root == root);
        let visual = screen.and_then(|s| {
            let visuals = s.allowed_depths.iter().flat_map(|d| &d.visuals);
            visuals.clone().find(|v| v.visual_id == s.root_visual)
        });
        let is_bgr = visual.is_some_and(|v| (v.red_mask, v.green_mask, v.blue_mask) == (0xFF_0000, 0xFF00, 0xFF));
        let depth = screen.map_or(0, |s| s.root_depth);
        let has_32_bits = setup.pixmap_formats.iter().any(|f| f.depth == depth && f.bits_per_pixel == 32);
        if !is_bgr || !has_32_bits || setup.image_byte_order != ImageOrder::LSB_FIRST {
            let sentence = format!("This display has {depth} bits a pixel; sharing needs 24. Change its colour depth.");
            return Err(DeviceError::Unreadable(sentence));
        }
        // Version 1.2 shares memory by a file descriptor, which no display of another computer can.
        let version = conn.shm_query_version().ok().and_then(|cookie| cookie.reply().ok());
        let can_share = version.is_some_and(|v| (v.major_version, v.minor_version) >= (1, 2));
        Ok(Self { shared: None, can_share })
    }

    /// The pixels of the target; `None` while it has none, because it is minimised or its size is changing.
    pub(super) fn grab(&mut self, conn: &RustConnection, target: &mut Target) -> Result<Option<Pixels>, DeviceError> {
        let Some(area) = target.area(conn)? else { return Ok(None) };
        match self.read(conn, area) {
            Ok(pixels) => Ok(Some(pixels)),
            // The window was hidden or got another size a moment ago; its event follows.
            Err(GrabError::Reply(ReplyError::X11Error(error))) => {
                tracing::debug!(?error, ?area, "no pixels now");
                target.renew();
                Ok(None)
            }
            Err(GrabError::Reply(error)) => Err(error.into()),
            Err(GrabError::Memory(error)) => Err(DeviceError::Other(format!("no memory for the screen: {error}"))),
        }
    }

    /// The pixels of a part of a drawable.
    pub(super) fn read(&mut self, conn: &RustConnection, area: Area) -> Result<Pixels, GrabError> {
        let Area { drawable, x, y, width, height } = area;
        let bytes = usize::from(width) * usize::from(height) * PIXEL;
        let format = u8::from(ImageFormat::Z_PIXMAP);
        let data = match self.memory(conn, bytes)? {
            Some(shared) => {
                let segment = shared.segment;
                conn.shm_get_image(drawable, x, y, width, height, ALL_PLANES, format, segment, 0)
                    .map_err(ReplyError::from)?
                    .reply()?;
                read_all(&shared.file, bytes)?
            }
            None => {
                let cookie = conn.get_image(ImageFormat::Z_PIXMAP, drawable, x, y, width, height, ALL_PLANES);
                let mut data = cookie.map_err(ReplyError::from)?.reply()?.data;
                data.resize(bytes, 0);
                data
            }
        };
        Ok(Pixels { width, height, data })
    }

    /// Memory of at least so many bytes; `None` if the server cannot share it.
    fn memory(&mut self, conn: &RustConnection, bytes: usize) -> Result<Option<&Shared>, GrabError> {
        if !self.can_share {
            return Ok(None);
        }
        if self.shared.as_ref().is_none_or(|shared| shared.bytes < bytes) {
            if let Some(small) = self.shared.take() {
                conn.shm_detach(small.segment).map_err(ReplyError::from)?;
            }
            let file = memfd_create("visavis-screen", MemfdFlags::CLOEXEC)?;
            ftruncate(&file, bytes as u64)?;
            let segment = conn.generate_id().map_err(|_| GrabError::Memory(rustix::io::Errno::NOSPC))?;
            let theirs = rustix::io::dup(&file)?;
            let attached = conn.shm_attach_fd(segment, theirs, false).map_err(ReplyError::from)?.check();
            if let Err(error) = attached {
                tracing::debug!(%error, "the X server does not share memory with us");
                self.can_share = false;
                return Ok(None);
            }
            self.shared = Some(Shared { segment, file, bytes });
        }
        Ok(self.shared.as_ref())
    }
}

/// Why no pixels were read.
#[derive(Debug, thiserror::Error)]
pub(super) enum GrabError {
    #[error(transparent)]
    Reply(#[from] ReplyError),
    #[error(transparent)]
    Memory(#[from] rustix::io::Errno),
}

fn read_all(file: &OwnedFd, bytes: usize) -> Result<Vec<u8>, rustix::io::Errno> {
    let mut data = vec![0; bytes];
    let mut done = 0;
    while done < bytes {
        match pread(file, &mut data[done..], done as u64)? {
            0 => return Err(rustix::io::Errno::IO),
            n => done += n,
        }
    }
    Ok(data)
}
