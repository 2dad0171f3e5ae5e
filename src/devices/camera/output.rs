//! The output of the thread of a camera or a screen: its video frames and its failure.

use super::frames::FrameSink;
use crate::base::DeviceKind;
use crate::devices::{DeviceError, DeviceFailure, FailureSink};

/// Takes the frames of a camera or a screen, and its failure.
#[derive(Clone)]
pub(in crate::devices) struct VideoOutput {
    pub(in crate::devices) kind: DeviceKind,
    pub(in crate::devices) id: String,
    pub(in crate::devices) sink: FrameSink,
    pub(in crate::devices) failures: FailureSink,
}

impl VideoOutput {
    /// Reports that the device failed while it was in use.
    pub(in crate::devices) fn failed(&self, error: DeviceError) {
        tracing::warn!(kind = ?self.kind, id = self.id, %error, "the device failed");
        (self.failures)(DeviceFailure { kind: self.kind, id: self.id.clone(), error });
    }
}
