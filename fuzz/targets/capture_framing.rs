//! The messages of a capture process.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../src/base/mod.rs"]
mod base;
#[path = "../../src/devices/error.rs"]
mod error;
#[path = "../../src/devices/camera/frames.rs"]
mod frames;
#[path = "../../src/devices/camera/capture/framing.rs"]
mod framing;

/// The items that these files import from their folder.
mod devices {
    pub(crate) use crate::error::DeviceError;
    pub(crate) mod camera {
        pub(crate) use crate::frames;
    }
}

use framing::Message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pipe: &[u8]| {
    let mut pipe = pipe;
    while let Ok(message) = Message::read(&mut pipe) {
        if let Message::Frame(frame) = message {
            for i in 0..3 {
                let (width, height) = frame.plane_size(i);
                assert_eq!(frame.plane(i).data.len(), width * height, "plane {i}");
            }
        }
    }
});
