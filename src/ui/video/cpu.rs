//! Video without wgpu: each new frame is converted to RGBA and becomes an egui texture.

use super::{PreparedFrame, VideoLook};
use crate::base::VideoFrame;
use crate::codec;
use egui::epaint::RectShape;
use egui::{Color32, ColorImage, CornerRadius, Rect, TextureHandle, TextureOptions, Ui};
use std::collections::HashMap;
use std::sync::Arc;

/// One texture for each video, with the number of its frame.
#[derive(Default)]
pub(super) struct CpuRenderer {
    tiles: HashMap<u64, (u64, TextureHandle)>,
}

impl CpuRenderer {
    /// Shows the part `uv` of the frame in `rect`; converts it first if it is new.
    pub(super) fn show(&mut self, ui: &Ui, rect: Rect, prepared: PreparedFrame, uv: Rect, look: &VideoLook) {
        let PreparedFrame { id, number, frame, painted } = prepared;
        self.draw(ui, rect, (id, number, &frame), uv, look);
        // Shapes are painted in order: when this callback runs, the frame has been painted.
        let mark = move |_: egui::PaintCallbackInfo, _: &eframe::egui_glow::Painter| painted.mark(number);
        let callback = Arc::new(eframe::egui_glow::CallbackFn::new(mark));
        ui.painter().add(egui::PaintCallback { rect, callback });
    }

    fn draw(&mut self, ui: &Ui, rect: Rect, (id, number, frame): (u64, u64, &VideoFrame), uv: Rect, look: &VideoLook) {
        let texture = match self.tiles.get_mut(&id) {
            Some((shown, texture)) => {
                if *shown != number {
                    *shown = number;
                    texture.set(convert(frame), TextureOptions::LINEAR);
                }
                texture.id()
            }
            None => {
                let texture = ui.ctx().load_texture(format!("video {id}"), convert(frame), TextureOptions::LINEAR);
                let handle = texture.id();
                self.tiles.insert(id, (number, texture));
                handle
            }
        };
        let light = (255.0 * look.light) as u8;
        let tint = Color32::from_gray(light);
        if !super::has_bars(uv) {
            ui.painter().add(RectShape::filled(rect, look.radius, tint).with_texture(texture, uv));
            return;
        }
        // A video that is shown whole covers only a part of the tile; its corners are square where they are not the tile's.
        let part = egui::vec2(rect.width() / uv.width().abs(), rect.height() / uv.height());
        let inner = Rect::from_center_size(rect.center(), part);
        let sides = if look.mirror { (1.0, 0.0) } else { (0.0, 1.0) };
        let whole = Rect { min: egui::pos2(sides.0, 0.0), max: egui::pos2(sides.1, 1.0) };
        ui.painter().add(RectShape::filled(inner, CornerRadius::ZERO, tint).with_texture(texture, whole));
    }

    /// Frees the texture of `id`.
    pub(super) fn free(&mut self, id: u64) {
        self.tiles.remove(&id);
    }
}

/// I420 to RGBA. A frame that the converter refuses comes out black.
fn convert(frame: &VideoFrame) -> ColorImage {
    let mut rgba = Vec::new();
    if let Err(error) = codec::color::to_rgba(frame, &mut rgba) {
        tracing::warn!(%error, width = frame.width(), height = frame.height(), "a frame cannot be converted");
    }
    ColorImage::from_rgba_unmultiplied([frame.width() as usize, frame.height() as usize], &rgba)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i420_becomes_the_right_colours() {
        for (yuv, rgb) in
            [([235, 128, 128], [255, 255, 255]), ([16, 128, 128], [0, 0, 0]), ([81, 90, 240], [254, 0, 0])]
        {
            let frame = VideoFrame::filled(5, 3, yuv, 0).expect("frame");
            let image = convert(&frame);
            assert_eq!(image.size, [5, 3]);
            for (got, want) in image.pixels[7].to_array().into_iter().zip(rgb) {
                assert!(got.abs_diff(want) <= 3, "{yuv:?} became {:?}", image.pixels[7]);
            }
        }
    }
}
