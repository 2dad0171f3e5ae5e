//! The cursor, which is not among the pixels of a screen and does not count as a change of it.

use super::grab::{PIXEL, Pixels};
use super::target::Target;
use x11rb::errors::ReplyError;
use x11rb::protocol::xfixes::{ConnectionExt as _, GetCursorImageReply};
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

/// The cursor as it was looked at last.
#[derive(Default)]
pub(super) struct Cursor {
    /// Its picture, with alpha that the colours are multiplied with; `None` until it is read.
    shape: Option<GetCursorImageReply>,
    /// Where its hot spot is within the target; `None` while it is elsewhere.
    at: Option<(i32, i32)>,
}

impl Cursor {
    /// The cursor has another shape.
    pub(super) fn forget_shape(&mut self) {
        self.shape = None;
    }

    /// Looks where the cursor is. Returns whether the picture of the target changes by it.
    pub(super) fn look(&mut self, conn: &RustConnection, root: u32, target: &Target) -> Result<bool, ReplyError> {
        let pointer = conn.query_pointer(root)?.reply()?;
        let at = target.place(i32::from(pointer.root_x), i32::from(pointer.root_y));
        let is_new = self.shape.is_none() && at.is_some();
        if is_new {
            self.shape = Some(conn.xfixes_get_cursor_image()?.reply()?);
        }
        let moved = std::mem::replace(&mut self.at, at) != at;
        Ok(moved || is_new)
    }

    /// Draws it where it is.
    pub(super) fn draw(&self, pixels: &mut Pixels) {
        let (Some(shape), Some((x, y))) = (&self.shape, self.at) else { return };
        let (left, top) = (x - i32::from(shape.xhot), y - i32::from(shape.yhot));
        for (row, line) in shape.cursor_image.chunks(usize::from(shape.width).max(1)).enumerate() {
            let Ok(y) = usize::try_from(top + row as i32) else { continue };
            if y >= usize::from(pixels.height) {
                break;
            }
            for (column, argb) in line.iter().enumerate() {
                let Ok(x) = usize::try_from(left + column as i32) else { continue };
                if x >= usize::from(pixels.width) {
                    break;
                }
                let at = (y * usize::from(pixels.width) + x) * PIXEL;
                blend(&mut pixels.data[at..at + 3], *argb);
            }
        }
    }
}

/// Puts a pixel whose colours are multiplied with its alpha over another.
fn blend(below: &mut [u8], argb: u32) {
    let [blue, green, red, alpha] = argb.to_le_bytes();
    for (below, above) in below.iter_mut().zip([blue, green, red]) {
        let shines_through = u16::from(*below) * u16::from(255 - alpha) / 255;
        *below = (u16::from(above) + shines_through).min(255) as u8;
    }
}
