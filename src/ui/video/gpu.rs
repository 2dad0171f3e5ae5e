//! Video with wgpu: the three planes of a new frame are uploaded, and a shader converts them.

use super::{PreparedFrame, VideoLook};
use crate::base::VideoFrame;
use egui::{PaintCallbackInfo, Rect, Ui};
use egui_wgpu::wgpu::{self, util::DeviceExt as _};
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};
use std::collections::HashMap;

/// Size of the shader's `Tile`, in floats.
const UNIFORM: usize = 16;

/// The window's handle to the renderer, which keeps the textures.
pub(super) struct GpuRenderer {
    state: egui_wgpu::RenderState,
    largest: u32,
}

/// The pipeline, and the textures of each video.
struct Resources {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    linear_target: bool,
    tiles: HashMap<u64, FrameTextures>,
}

struct FrameTextures {
    size: [u32; 2],
    number: u64,
    planes: [wgpu::Texture; 3],
    uniform: wgpu::Buffer,
    group: wgpu::BindGroup,
}

/// A tile to be drawn in one frame of the window.
struct Draw {
    prepared: PreparedFrame,
    rect: Rect,
    uv: Rect,
    look: VideoLook,
    opacity: f32,
}

impl GpuRenderer {
    /// Makes the pipeline.
    pub(super) fn new(state: &egui_wgpu::RenderState) -> Self {
        let resources = Resources::new(&state.device, state.target_format);
        state.renderer.write().callback_resources.insert(resources);
        Self { state: state.clone(), largest: state.device.limits().max_texture_dimension_2d }
    }

    /// Shows the part `uv` of the frame in `rect`.
    pub(super) fn show(&self, ui: &Ui, rect: Rect, prepared: PreparedFrame, uv: Rect, look: &VideoLook) {
        let (width, height) = (prepared.frame.width(), prepared.frame.height());
        if width.max(height) > self.largest {
            tracing::warn!(width, height, largest = self.largest, "a video frame is too large for the graphics card");
            return;
        }
        let draw = Draw { prepared, rect, uv, look: *look, opacity: ui.opacity() };
        ui.painter().add(egui_wgpu::Callback::new_paint_callback(rect, draw));
    }

    /// Frees the textures of `id`.
    pub(super) fn free(&self, id: u64) {
        if let Some(resources) = self.state.renderer.write().callback_resources.get_mut::<Resources>() {
            resources.tiles.remove(&id);
        }
    }
}

impl CallbackTrait for Draw {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(resources) = resources.get_mut::<Resources>() {
            resources.upload(device, queue, &self.prepared);
            let uniform = self.uniform(screen, resources.linear_target);
            if let Some(tile) = resources.tiles.get(&self.prepared.id) {
                queue.write_buffer(&tile.uniform, 0, &uniform);
            }
        }
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(resources) = resources.get::<Resources>() else { return };
        let Some(tile) = resources.tiles.get(&self.prepared.id) else { return };
        // egui's viewport is the tile, cut off at the window's edge; the shader places the tile by itself.
        let [width, height] = info.screen_size_px;
        pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
        pass.set_pipeline(&resources.pipeline);
        pass.set_bind_group(0, &tile.group, &[]);
        pass.draw(0..4, 0..1);
        self.prepared.painted.mark(self.prepared.number);
    }
}

impl Draw {
    fn uniform(&self, screen: &ScreenDescriptor, linear_target: bool) -> Vec<u8> {
        let scale = screen.pixels_per_point;
        let [width, height] = screen.size_in_pixels;
        let (min, max) = ((self.rect.min * scale).round(), (self.rect.max * scale).round());
        let values: [f32; UNIFORM] = [
            min.x,
            min.y,
            max.x - min.x,
            max.y - min.y,
            width as f32,
            height as f32,
            f32::from(self.look.radius.nw) * scale,
            self.look.light,
            self.uv.min.x,
            self.uv.min.y,
            self.uv.max.x - self.uv.min.x,
            self.uv.max.y - self.uv.min.y,
            f32::from(u8::from(linear_target)),
            self.opacity,
            0.0,
            0.0,
        ];
        values.iter().flat_map(|v| v.to_ne_bytes()).collect()
    }
}

impl Resources {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let shader = device.create_shader_module(wgpu::include_wgsl!("planes.wgsl"));
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("video"),
            entries: &layout_entries(),
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("video"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("video"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("vertex"),
                buffers: &[],
                compilation_options: wgpu::PipelineCompilationOptions::default(),
            },
            primitive: wgpu::PrimitiveState {
                topology: wgpu::PrimitiveTopology::TriangleStrip,
                ..wgpu::PrimitiveState::default()
            },
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("fragment"),
                targets: &[Some(wgpu::ColorTargetState {
                    format: target,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
                compilation_options: wgpu::PipelineCompilationOptions::default(),
            }),
            multiview_mask: None,
            cache: None,
        });
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("video"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        Self { pipeline, layout, sampler, linear_target: target.is_srgb(), tiles: HashMap::new() }
    }

    /// Uploads the frame's planes, unless they are there already.
    fn upload(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, prepared: &PreparedFrame) {
        let size = [prepared.frame.width(), prepared.frame.height()];
        let known = self.tiles.get(&prepared.id).map(|tile| (tile.size, tile.number));
        if known == Some((size, prepared.number)) {
            return;
        }
        if known.is_none_or(|(old, _)| old != size) {
            let tile = FrameTextures::new(device, &self.layout, &self.sampler, &prepared.frame);
            self.tiles.insert(prepared.id, tile);
        }
        let Some(tile) = self.tiles.get_mut(&prepared.id) else { return };
        tile.number = prepared.number;
        for (i, texture) in tile.planes.iter().enumerate() {
            let plane = prepared.frame.plane(i);
            let (_, height) = prepared.frame.plane_size(i);
            let layout = wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(plane.stride as u32),
                rows_per_image: Some(height as u32),
            };
            queue.write_texture(texture.as_image_copy(), &plane.data, layout, texture.size());
        }
    }
}

impl FrameTextures {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout, sampler: &wgpu::Sampler, frame: &VideoFrame) -> Self {
        let planes = [0, 1, 2].map(|i| {
            let (width, height) = frame.plane_size(i);
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some("video plane"),
                size: wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::R8Unorm,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        });
        let uniform = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("video tile"),
            contents: &[0; UNIFORM * 4],
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        });
        let views = planes.each_ref().map(|p| p.create_view(&wgpu::TextureViewDescriptor::default()));
        let texture = |i: usize| wgpu::BindingResource::TextureView(&views[i]);
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("video tile"),
            layout,
            entries: &[
                entry(0, uniform.as_entire_binding()),
                entry(1, wgpu::BindingResource::Sampler(sampler)),
                entry(2, texture(0)),
                entry(3, texture(1)),
                entry(4, texture(2)),
            ],
        });
        Self { size: [frame.width(), frame.height()], number: 0, planes, uniform, group }
    }
}

fn layout_entries() -> [wgpu::BindGroupLayoutEntry; 5] {
    let entry = |binding, visibility, ty| wgpu::BindGroupLayoutEntry { binding, visibility, ty, count: None };
    let plane = wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: true },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    };
    let uniform = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
    [
        entry(0, wgpu::ShaderStages::VERTEX_FRAGMENT, uniform),
        entry(1, wgpu::ShaderStages::FRAGMENT, sampler),
        entry(2, wgpu::ShaderStages::FRAGMENT, plane),
        entry(3, wgpu::ShaderStages::FRAGMENT, plane),
        entry(4, wgpu::ShaderStages::FRAGMENT, plane),
    ]
}
