// Draws a tile: converts a frame's three planes (BT.601, limited range) to RGB, cropped or fitted, mirrored, dimmed, with
// round corners.

struct Tile {
    // Corner and size on the target, in pixels.
    corner: vec2f,
    size: vec2f,
    // Size of the target in pixels.
    screen: vec2f,
    // Corner radius in pixels.
    radius: f32,
    // Brightness, from 0 to 1.
    light: f32,
    // uv = offset + scale * place; a mirrored tile has a negative scale.
    offset: vec2f,
    scale: vec2f,
    // 1 if the target converts linear values to sRGB itself.
    linear_target: f32,
    opacity: f32,
    padding: vec2f,
}

@group(0) @binding(0) var<uniform> tile: Tile;
@group(0) @binding(1) var plane_sampler: sampler;
@group(0) @binding(2) var plane_y: texture_2d<f32>;
@group(0) @binding(3) var plane_u: texture_2d<f32>;
@group(0) @binding(4) var plane_v: texture_2d<f32>;

struct Corner {
    @builtin(position) position: vec4f,
    // 0 to 1 over the tile.
    @location(0) place: vec2f,
}

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Corner {
    let place = vec2f(f32(index & 1u), f32(index >> 1u));
    let at = (tile.corner + place * tile.size) / tile.screen;
    return Corner(vec4f(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0), place);
}

// Distance to the rounded rectangle in pixels, negative inside.
fn distance_to_edge(place: vec2f) -> f32 {
    let from_middle = abs(place - 0.5) * tile.size - (0.5 * tile.size - tile.radius);
    return length(max(from_middle, vec2f(0.0))) + min(max(from_middle.x, from_middle.y), 0.0) - tile.radius;
}

fn linear_from_srgb(rgb: vec3f) -> vec3f {
    let low = rgb / 12.92;
    let high = pow((rgb + 0.055) / 1.055, vec3f(2.4));
    return select(high, low, rgb < vec3f(0.04045));
}

@fragment
fn fragment(in: Corner) -> @location(0) vec4f {
    let uv = tile.offset + tile.scale * in.place;
    let y = 1.164383 * (textureSample(plane_y, plane_sampler, uv).r - 16.0 / 255.0);
    let u = textureSample(plane_u, plane_sampler, uv).r - 128.0 / 255.0;
    let v = textureSample(plane_v, plane_sampler, uv).r - 128.0 / 255.0;
    var rgb = vec3f(y + 1.596027 * v, y - 0.391762 * u - 0.812968 * v, y + 2.017232 * u);
    rgb = clamp(rgb, vec3f(0.0), vec3f(1.0)) * tile.light;
    // Beside a video that is shown whole, the bars that were painted before show.
    let inside = all(uv >= vec2f(0.0)) && all(uv <= vec2f(1.0));
    let cover = select(0.0, clamp(0.5 - distance_to_edge(in.place), 0.0, 1.0) * tile.opacity, inside);
    if tile.linear_target > 0.5 {
        rgb = linear_from_srgb(rgb);
    }
    return vec4f(rgb * cover, cover);
}
