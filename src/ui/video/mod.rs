//! The video of the tiles: the newest frame of each slot, drawn by the graphics card from its three planes, or converted on
//! the CPU where the window runs without wgpu.

mod cpu;
mod gpu;
mod painted;

use crate::base::{FrameSlot, TrackRef, VideoFrame};
use cpu::CpuRenderer;
use egui::{Context, CornerRadius, Rect, Ui, Vec2, ViewportId, vec2};
use gpu::GpuRenderer;
use painted::Painted;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Names a video that the window shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum VideoKey {
    /// Ours.
    Own,
    /// Somebody else's.
    Track(TrackRef),
}

/// How a picture is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct VideoLook {
    /// Left and right exchanged.
    pub(super) mirror: bool,
    /// Cropped from the centre to fill the tile; otherwise fitted into it.
    pub(super) cover: bool,
    /// Corners.
    pub(super) radius: CornerRadius,
    /// What it is multiplied with: 1, or less for a paused picture.
    pub(super) light: f32,
}

/// The first picture of a track that was really painted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FirstFrame {
    pub(super) track: TrackRef,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// All pictures that are shown, with what the renderer keeps for them.
pub(super) struct Videos {
    tiles: HashMap<VideoKey, ShownVideo>,
    renderer: Renderer,
    next_id: u64,
}

/// A frame to be drawn.
struct PreparedFrame {
    id: u64,
    number: u64,
    frame: Arc<VideoFrame>,
    painted: Arc<Painted>,
}

enum Renderer {
    Gpu(GpuRenderer),
    Cpu(CpuRenderer),
}

struct ShownVideo {
    id: u64,
    slot: FrameSlot,
    /// The newest picture that was painted.
    painted: Arc<Painted>,
    /// The picture that was shown last, and its number.
    shown: Option<(u64, Arc<VideoFrame>)>,
    /// The newest number of which somebody was told that it was painted.
    told: u64,
    size: [u32; 2],
    /// Whether the first picture was reported.
    reported: bool,
    /// Whether the frame after the first was asked for.
    asked: bool,
    shown_in_this_frame: bool,
}

impl Videos {
    /// Draws with the graphics card when `render_state` is there.
    pub(super) fn new(render_state: Option<&egui_wgpu::RenderState>) -> Self {
        let renderer = match render_state {
            Some(state) => Renderer::Gpu(GpuRenderer::new(state)),
            None => Renderer::Cpu(CpuRenderer::default()),
        };
        Self { tiles: HashMap::new(), renderer, next_id: 0 }
    }

    /// Shows the newest picture of `slot` in `rect`; `false` when there is none yet.
    pub(super) fn show(&mut self, ui: &Ui, rect: Rect, key: &VideoKey, slot: &FrameSlot, look: &VideoLook) -> bool {
        let tile = self.tile(ui.ctx(), key, slot);
        let Some((number, frame)) = slot.latest() else { return false };
        tile.size = [frame.width(), frame.height()];
        if !tile.reported && !tile.asked {
            // "Shown" is said after this frame, so there must be a next one.
            tile.asked = true;
            ui.ctx().request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
        }
        let (id, painted) = (tile.id, tile.painted.clone());
        let uv = uv(&frame, rect.size(), look);
        tile.shown = Some((number, frame.clone()));
        let prepared = PreparedFrame { id, number, frame, painted };
        match &mut self.renderer {
            Renderer::Gpu(gpu) => gpu.show(ui, rect, prepared, uv, look),
            Renderer::Cpu(cpu) => cpu.show(ui, rect, prepared, uv, look),
        }
        true
    }

    fn tile(&mut self, ctx: &Context, key: &VideoKey, slot: &FrameSlot) -> &mut ShownVideo {
        let known = self.tiles.get(key).is_some_and(|tile| tile.slot.is_same(slot));
        if !known && let Some(old) = self.tiles.remove(key) {
            self.renderer.free(old.id);
        }
        let next_id = &mut self.next_id;
        let tile = self.tiles.entry(key.clone()).or_insert_with(|| {
            slot.set_waker(waker(ctx, key));
            *next_id += 1;
            ShownVideo {
                id: *next_id,
                slot: slot.clone(),
                painted: Arc::default(),
                shown: None,
                told: 0,
                size: [0, 0],
                reported: *key == VideoKey::Own,
                asked: false,
                shown_in_this_frame: true,
            }
        });
        tile.shown_in_this_frame = true;
        tile
    }

    /// Tracks whose first frame has been painted since the last call.
    pub(super) fn first_frames(&mut self) -> Vec<FirstFrame> {
        let mut first = Vec::new();
        for (key, tile) in &mut self.tiles {
            let VideoKey::Track(track) = key else { continue };
            if !tile.reported && tile.painted.number() > 0 {
                tile.reported = true;
                let [width, height] = tile.size;
                first.push(FirstFrame { track: track.clone(), width, height });
            }
        }
        first
    }

    /// Other people's pictures that the last frame has painted for the first time, each with its Unix time in ms.
    pub(super) fn newly_painted(&mut self) -> Vec<(TrackRef, Arc<VideoFrame>, f64)> {
        let newly = self.tiles.iter_mut().filter_map(|(key, tile)| {
            let VideoKey::Track(track) = key else { return None };
            let (number, frame) = tile.shown.as_ref()?;
            let at = tile.painted.at(*number)?;
            let new = std::mem::replace(&mut tile.told, *number) != *number;
            new.then(|| (track.clone(), frame.clone(), at))
        });
        newly.collect()
    }

    /// Forgets what was not shown in this frame.
    pub(super) fn end_frame(&mut self) {
        let renderer = &mut self.renderer;
        self.tiles.retain(|_, tile| {
            let keep = std::mem::take(&mut tile.shown_in_this_frame);
            if !keep {
                renderer.free(tile.id);
            }
            keep
        });
    }
}

impl Renderer {
    fn free(&mut self, id: u64) {
        match self {
            Self::Gpu(gpu) => gpu.free(id),
            Self::Cpu(cpu) => cpu.free(id),
        }
    }
}

/// Asks for one repaint when a picture arrives. Our own may wait a little: it is mostly painted along with the others'.
fn waker(ctx: &Context, key: &VideoKey) -> Arc<dyn Fn() + Send + Sync> {
    let ctx = ctx.clone();
    let delay = Duration::from_millis(if *key == VideoKey::Own { 25 } else { 1 });
    Arc::new(move || ctx.request_repaint_after_for(delay, ViewportId::ROOT))
}

/// Which part of the picture a tile of `size` shows, in 0..1; left and right are exchanged for a mirrored one. A fitted
/// picture's part is larger than the picture.
fn uv(frame: &VideoFrame, size: Vec2, look: &VideoLook) -> Rect {
    let picture = frame.width() as f32 / frame.height() as f32;
    let tile = size.x / size.y.max(1.0);
    let part = if (tile > picture) == look.cover { vec2(1.0, picture / tile) } else { vec2(tile / picture, 1.0) };
    let mut uv = Rect::from_center_size(egui::pos2(0.5, 0.5), part);
    if look.mirror {
        std::mem::swap(&mut uv.min.x, &mut uv.max.x);
    }
    uv
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    fn part(picture: (u32, u32), tile: (f32, f32), cover: bool, mirror: bool) -> Rect {
        let frame = VideoFrame::filled(picture.0, picture.1, [16, 128, 128], 0).expect("frame");
        uv(&frame, vec2(tile.0, tile.1), &VideoLook { mirror, cover, radius: CornerRadius::ZERO, light: 1.0 })
    }

    #[test]
    fn pictures_fill_or_fit_their_tile() {
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        assert_eq!(part((1280, 720), (320.0, 180.0), true, false), whole);
        let square = part((200, 100), (50.0, 50.0), true, false);
        assert_eq!((square.left(), square.right(), square.top()), (0.25, 0.75, 0.0));
        let fitted = part((200, 100), (50.0, 50.0), false, false);
        assert_eq!((fitted.left(), fitted.top(), fitted.bottom()), (0.0, -0.5, 1.5));
        let mirrored = part((200, 100), (50.0, 50.0), true, true);
        assert_eq!((mirrored.min.x, mirrored.max.x), (0.75, 0.25));
    }
}
