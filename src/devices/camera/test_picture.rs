//! What the pictures of synthetic cameras say about their user.

use parking_lot::Mutex;
use std::sync::Arc;

/// The user id that the test picture carries; empty until the user has one. All clones are one.
#[derive(Clone, Default)]
pub(crate) struct TestPictureIdentity {
    user: Arc<Mutex<(String, u32)>>,
    voice: Option<Voice>,
}

/// Returns how loud the user speaks, in dBFS.
pub(crate) type Voice = Arc<dyn Fn() -> f32 + Send + Sync>;

impl TestPictureIdentity {
    /// That of a user whose voice moves the mouth of a portrait.
    pub(crate) fn with_voice(voice: Voice) -> Self {
        Self { voice: Some(voice), ..Self::default() }
    }

    /// How loud the user speaks, in dBFS; `None` if nobody knows.
    pub(super) fn voice(&self) -> Option<f32> {
        self.voice.as_ref().map(|voice| voice())
    }

    /// Sets the user id from the next frame on.
    pub(crate) fn set(&self, user: &str) {
        let mut own = self.user.lock();
        *own = (user.into(), own.1 + 1);
    }

    /// The user id and the number of times it was set.
    pub(in crate::devices) fn get(&self) -> (String, u32) {
        self.user.lock().clone()
    }

    /// The number of times that the user id was set.
    pub(in crate::devices) fn version(&self) -> u32 {
        self.user.lock().1
    }
}
