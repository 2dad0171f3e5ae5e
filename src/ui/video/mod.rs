//! The video of the tiles: the newest frame of each slot, converted from I420 by the graphics card, or by the CPU where
//! the window runs without wgpu.

mod cpu;
mod gpu;
mod painted;

use crate::base::{FrameSlot, TrackRef, TrackSid, VideoFrame, VideoView};
use crate::ui::zoom::Zoom;
use cpu::CpuRenderer;
use egui::{Color32, Context, CornerRadius, Rect, Ui, Vec2, ViewportId, vec2};
use gpu::GpuRenderer;
use painted::Painted;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Identifies a video that the window shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum VideoKey {
    /// Our camera's preview.
    Own,
    /// What we share.
    OwnScreen,
    /// A small picture of what can be shared, by its id.
    ShareOption(String),
    /// A remote track.
    Track(TrackRef),
}

/// How much of a video may be cut off, so that it fills its tile. One that would lose more is shown whole, with bars at
/// its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crop {
    /// Nothing: a screen, whose edges may hold content.
    Nothing,
    /// A fifth of it: a large tile.
    Little,
    /// Less than a half of it: a tile of a grid. A 16:9 video fills a square tile and a square video one of 16:9; an
    /// upright video is whole.
    Some,
}

impl Crop {
    /// The part of the video that must stay visible, from 0 to 1.
    const fn least_visible(self) -> f32 {
        match self {
            Self::Nothing => 1.0,
            Self::Little => 0.8,
            Self::Some => 0.55,
        }
    }
}

/// How a video is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct VideoLook {
    /// Whether left and right are exchanged.
    pub(super) mirror: bool,
    /// How much of it may be cut off.
    pub(super) crop: Crop,
    /// The colour of the bars beside a video that is shown whole.
    pub(super) bars: Color32,
    pub(super) radius: CornerRadius,
    /// Brightness, from 0 to 1: 1, or less while paused.
    pub(super) light: f32,
    /// The part of it that is seen.
    pub(super) zoom: Zoom,
}

/// A track whose first frame was painted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FirstFrame {
    pub(super) track: TrackRef,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The videos that are shown, and their renderer.
pub(super) struct Videos {
    tiles: HashMap<VideoKey, ShownVideo>,
    renderer: Renderer,
    next_id: u64,
}

/// A frame for the renderer.
struct PreparedFrame {
    /// The video's id with the renderer.
    id: u64,
    /// The frame's number in its slot, from 1.
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
    painted: Arc<Painted>,
    /// The frame that was shown last, and its number.
    shown: Option<(u64, Arc<VideoFrame>)>,
    /// The number of the last frame that [`Videos::newly_painted`] returned.
    told: u64,
    size: [u32; 2],
    /// The size in physical pixels that shows it best: that of its tile, or more while it is magnified.
    tile: [u32; 2],
    /// The number of the last frame of before an "off"; the first frame is the one after it. The window may have slept
    /// through the "off" itself.
    before: u64,
    /// Whether [`Videos::first_frames`] has returned the first frame.
    reported: bool,
    /// Whether the repaint that reports the first frame was requested.
    asked: bool,
    shown_in_this_frame: bool,
}

impl Videos {
    /// Uses the graphics card if the window runs with wgpu.
    pub(super) fn new(render_state: Option<&egui_wgpu::RenderState>) -> Self {
        let renderer = match render_state {
            Some(state) => Renderer::Gpu(GpuRenderer::new(state)),
            None => Renderer::Cpu(CpuRenderer::default()),
        };
        Self { tiles: HashMap::new(), renderer, next_id: 0 }
    }

    /// Shows the newest frame of `slot` in `rect`; `false` while there is none.
    pub(super) fn show(&mut self, ui: &Ui, rect: Rect, key: &VideoKey, slot: &FrameSlot, look: &VideoLook) -> bool {
        let visible = ui.clip_rect().intersects(rect);
        let tile = self.tile(ui.ctx(), key, slot);
        tile.tile = if visible { pixels(rect.size() * look.zoom.times, ui.ctx()) } else { [0, 0] };
        let Some((number, frame)) = slot.latest() else { return false };
        tile.size = [frame.width(), frame.height()];
        let before = slot.cleared();
        if tile.before != before {
            (tile.before, tile.asked) = (before, false);
            tile.reported = !matches!(key, VideoKey::Track(_));
        }
        if !tile.reported && !tile.asked {
            // The window's next frame reports that this one was painted.
            tile.asked = true;
            ui.ctx().request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
        }
        let (id, painted) = (tile.id, tile.painted.clone());
        let uv = look.zoom.part_or_all(uv(&frame, rect.size(), look));
        if has_bars(uv) {
            ui.painter().rect_filled(rect, look.radius, look.bars);
        }
        tile.shown = Some((number, frame.clone()));
        let prepared = PreparedFrame { id, number, frame, painted };
        match &mut self.renderer {
            Renderer::Gpu(gpu) => gpu.show(ui, rect, prepared, uv, look),
            Renderer::Cpu(cpu) => cpu.show(ui, rect, prepared, uv, look),
        }
        true
    }

    /// The tracks of others that this frame shows, with the size of their tiles in physical pixels.
    pub(super) fn watched(&self) -> BTreeMap<TrackSid, VideoView> {
        let watched = self.tiles.iter().filter_map(|(key, tile)| {
            let VideoKey::Track(track) = key else { return None };
            let [width, height] = tile.tile;
            let is_shown = tile.shown_in_this_frame && width > 0 && height > 0;
            is_shown.then(|| (track.sid.clone(), VideoView { width, height, fps: 0 }))
        });
        watched.collect()
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
                before: slot.cleared(),
                size: [0, 0],
                tile: [0, 0],
                reported: !matches!(key, VideoKey::Track(_)),
                asked: false,
                shown_in_this_frame: true,
            }
        });
        tile.shown_in_this_frame = true;
        tile
    }

    /// Tracks whose first frame, or first after an "off", has been painted since the last call.
    pub(super) fn first_frames(&mut self) -> Vec<FirstFrame> {
        let mut first = Vec::new();
        for (key, tile) in &mut self.tiles {
            let VideoKey::Track(track) = key else { continue };
            if !tile.reported && tile.painted.number() > tile.before {
                tile.reported = true;
                let [width, height] = tile.size;
                first.push(FirstFrame { track: track.clone(), width, height });
            }
        }
        first
    }

    /// Frames of others that were painted for the first time since the last call, with the Unix time of that in ms.
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

    /// Frees the videos that this frame did not show.
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

/// Requests a repaint when a video frame arrives; for our own after 25 ms, to paint it along with the others'.
fn waker(ctx: &Context, key: &VideoKey) -> Arc<dyn Fn() + Send + Sync> {
    let ctx = ctx.clone();
    let delay = Duration::from_millis(if matches!(key, VideoKey::Track(_)) { 1 } else { 25 });
    Arc::new(move || ctx.request_repaint_after_for(delay, ViewportId::ROOT))
}

/// What a tile of `size` shows of a picture that is shown whole, in texture coordinates.
pub(super) fn whole(frame: &VideoFrame, size: Vec2) -> Rect {
    let look = VideoLook { crop: Crop::Nothing, ..VideoLook::plain(Color32::BLACK) };
    uv(frame, size, &look)
}

impl VideoLook {
    /// All of a picture with bars of this colour.
    pub(super) fn plain(bars: Color32) -> Self {
        let (crop, radius) = (Crop::Nothing, CornerRadius::ZERO);
        Self { mirror: false, crop, bars, radius, light: 1.0, zoom: Zoom::default() }
    }
}

/// A size in physical pixels.
fn pixels(size: Vec2, ctx: &Context) -> [u32; 2] {
    let size = size * ctx.pixels_per_point();
    [size.x, size.y].map(|side| side.round().max(0.0) as u32)
}

/// The part of the video frame that a tile of `size` shows, in texture coordinates. A mirrored one has left and right
/// exchanged; one that is shown whole reaches beyond 0..1.
fn uv(frame: &VideoFrame, size: Vec2, look: &VideoLook) -> Rect {
    let video = frame.width() as f32 / frame.height() as f32;
    let tile = size.x / size.y.max(1.0);
    let visible = (video / tile).min(tile / video);
    let fill = visible >= look.crop.least_visible();
    let part = if (tile > video) == fill { vec2(1.0, video / tile) } else { vec2(tile / video, 1.0) };
    let mut uv = Rect::from_center_size(egui::pos2(0.5, 0.5), part);
    if look.mirror {
        std::mem::swap(&mut uv.min.x, &mut uv.max.x);
    }
    uv
}

/// Whether a part of the tile stays free beside the video.
fn has_bars(uv: Rect) -> bool {
    uv.width().abs() > 1.0 || uv.height() > 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    fn part(video: (u32, u32), tile: (f32, f32), crop: Crop, mirror: bool) -> Rect {
        let frame = VideoFrame::filled(video.0, video.1, [16, 128, 128], 0).expect("frame");
        let (bars, radius) = (Color32::BLACK, CornerRadius::ZERO);
        uv(&frame, vec2(tile.0, tile.1), &VideoLook { mirror, crop, radius, ..VideoLook::plain(bars) })
    }

    #[test]
    fn video_fills_or_fits_its_tile() {
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        assert_eq!(part((1280, 720), (320.0, 180.0), Crop::Some, false), whole);
        assert!(!has_bars(whole));
        let cut = part((160, 100), (50.0, 50.0), Crop::Some, false);
        assert_eq!((cut.left(), cut.right(), cut.top()), (0.1875, 0.8125, 0.0));
        let fitted = part((200, 100), (50.0, 50.0), Crop::Nothing, false);
        assert_eq!((fitted.left(), fitted.top(), fitted.bottom()), (0.0, -0.5, 1.5));
        assert!(has_bars(fitted));
        let mirrored = part((160, 100), (50.0, 50.0), Crop::Some, true);
        assert_eq!((mirrored.min.x, mirrored.max.x), (0.8125, 0.1875));
    }

    #[test]
    fn a_video_of_another_shape_is_whole() {
        let (wide, square, large) = ((320.0, 180.0), (200.0, 200.0), (1248.0, 640.0));
        for (video, tile, crop, whole) in [
            // An upright picture everywhere, a mirrored one too.
            ((360, 640), wide, Crop::Some, true),
            ((480, 640), wide, Crop::Some, true),
            ((360, 640), large, Crop::Little, true),
            ((360, 640), square, Crop::Little, true),
            // Usual cameras fill a tile of a grid, and a large one of about their shape.
            ((640, 480), wide, Crop::Some, false),
            ((640, 640), wide, Crop::Some, false),
            ((1280, 720), square, Crop::Some, false),
            ((1280, 720), large, Crop::Little, false),
            ((640, 480), large, Crop::Little, true),
            ((1280, 720), square, Crop::Little, true),
            // Very wide ones.
            ((1280, 360), wide, Crop::Some, true),
            ((2560, 1080), wide, Crop::Some, false),
            ((2560, 1080), (400.0, 300.0), Crop::Little, true),
            // A screen always.
            ((1920, 1080), large, Crop::Nothing, true),
            ((1080, 1920), wide, Crop::Nothing, true),
        ] {
            for mirror in [false, true] {
                let shown = part(video, tile, crop, mirror);
                assert_eq!(has_bars(shown), whole, "{video:?} in {tile:?} with {crop:?}");
                // Whole or not, it is not stretched: tile and part of the video have one shape.
                let seen = shown.width().abs() * video.0 as f32 / (shown.height() * video.1 as f32);
                assert!((seen / (tile.0 / tile.1) - 1.0).abs() < 0.001, "{video:?} in {tile:?}: {seen}");
            }
        }
    }
}
