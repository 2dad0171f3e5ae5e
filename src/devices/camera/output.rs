//! The output of a camera's thread: its video frames and its failure.

use super::frames::FrameSink;
use crate::base::DeviceKind;
use crate::devices::{DeviceError, DeviceFailure, FailureSink};

/// Takes a camera's frames and its failure.
#[derive(Clone)]
pub(super) struct CameraOutput {
    pub(super) id: String,
    pub(super) sink: FrameSink,
    pub(super) failures: FailureSink,
}

impl CameraOutput {
    /// Reports that the camera failed while it was in use.
    pub(super) fn failed(&self, error: DeviceError) {
        tracing::warn!(camera = self.id, %error, "the camera failed");
        (self.failures)(DeviceFailure { kind: DeviceKind::Camera, id: self.id.clone(), error });
    }
}
