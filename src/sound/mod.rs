//! Sound: jitter buffer, echo cancelling, mixing, levels.
