//! Which sound system this computer has.

/// The system that microphones and speakers are opened by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SoundSystem {
    /// PulseAudio, or PipeWire in its place (Linux): the name and the version that it tells.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Server(String),
    /// Linux without a sound server, but with sound cards.
    Alsa,
    /// That of Windows or macOS, by its name.
    Native(String),
    /// None: there is neither a sound server nor a sound card that we may use.
    None,
}

impl SoundSystem {
    /// Looks; `None` in a build without real devices. Blocks until the sound server answers, 300 ms for each question.
    pub(crate) fn find() -> Option<Self> {
        #[cfg(feature = "window")]
        return Some(super::card::sound_system());
        #[cfg(not(feature = "window"))]
        None
    }
}
