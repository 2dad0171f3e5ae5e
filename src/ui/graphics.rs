//! The graphics adapters that can draw the window, for the check of a set-up.

use crate::base::GraphicsAdapter;
use egui_wgpu::wgpu::{
    Adapter, Backends, DeviceType, Instance, InstanceDescriptor, PowerPreference, RequestAdapterOptions,
};
use futures_util::FutureExt;

/// The adapter that wgpu would take for the window, and then the others. Blocks: drivers are loaded.
pub(crate) fn graphics_adapters() -> Vec<GraphicsAdapter> {
    let instance = Instance::new(InstanceDescriptor::new_without_display_handle_from_env());
    let options = RequestAdapterOptions { power_preference: PowerPreference::HighPerformance, ..Default::default() };
    // Away from the web these futures are ready at once.
    let first = instance.request_adapter(&options).now_or_never().and_then(Result::ok);
    let all = instance.enumerate_adapters(Backends::all()).now_or_never().unwrap_or_default();
    let mut found: Vec<GraphicsAdapter> = Vec::new();
    for adapter in first.iter().chain(&all).map(in_words) {
        if !found.contains(&adapter) {
            found.push(adapter);
        }
    }
    found
}

fn in_words(adapter: &Adapter) -> GraphicsAdapter {
    let info = adapter.get_info();
    GraphicsAdapter {
        name: info.name,
        backend: info.backend.to_string().to_lowercase(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        software: info.device_type == DeviceType::Cpu,
    }
}
