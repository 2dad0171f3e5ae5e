//! Codecs and pixels: Opus, VP8, resampling, colour, scaling. No clock, no thread.
