//! Echo cancellation, noise suppression and gain control for the microphone, by sonora (WebRTC's audio processing).

use super::BLOCK;
use sonora::config::{
    AdaptiveDigital, Config, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression, Pipeline,
    TransparentModeType,
};
use sonora::{AudioProcessing, StreamConfig};

/// 48 kHz, mono.
const FORMAT: StreamConfig = StreamConfig::new(48_000, 1);

/// The processing chain of one microphone and speaker, 10 ms at a time.
///
/// It is kept when either device changes: the echo canceller tracks the speaker's delay by itself and survives a pause on
/// either side. A new one would attenuate the microphone until it knows whether there is an echo.
pub(super) struct AudioProcessor {
    chain: AudioProcessing,
}

impl AudioProcessor {
    /// `reduce_noise`: suppress noise, such as fans, keys and traffic.
    pub(super) fn new(reduce_noise: bool) -> Self {
        let config = Config {
            pipeline: Pipeline {
                maximum_internal_processing_rate: sonora::config::MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            high_pass_filter: Some(HighPassFilter::default()),
            // Headphones have no echo, so the microphone must not be attenuated while others speak. The HMM detects this
            // in a moment where the default detector takes six seconds, and lets no more echo pass.
            echo_canceller: Some(EchoCanceller {
                transparent_mode: TransparentModeType::Hmm,
                ..EchoCanceller::default()
            }),
            noise_suppression: reduce_noise.then(NoiseSuppression::default),
            gain_controller2: Some(GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let chain = AudioProcessing::builder().config(config).capture_config(FORMAT).render_config(FORMAT).build();
        Self { chain }
    }

    /// Takes a block that goes to the speaker, before the microphone can record it.
    pub(super) fn process_render(&mut self, block: &[f32; BLOCK]) {
        let mut unused = [0.0; BLOCK];
        if let Err(error) = self.chain.process_render_f32(&[block], &mut [&mut unused]) {
            tracing::warn!(?error, "the echo canceller refused a block of the speaker");
        }
    }

    /// Processes a block of the microphone. `delay_ms` is the time from [`Self::process_render`] to the speaker and from
    /// the microphone to here; the echo canceller starts its search there.
    pub(super) fn process_capture(&mut self, block: &mut [f32; BLOCK], delay_ms: u32) {
        if self.chain.set_stream_delay_ms(delay_ms.min(500) as i32).is_err() {
            tracing::debug!(delay_ms, "the echo canceller clamped the delay");
        }
        let recorded = *block;
        if let Err(error) = self.chain.process_capture_f32(&[&recorded], &mut [block]) {
            tracing::warn!(?error, "the processing refused a block of the microphone");
            *block = recorded;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{Noise, TestVoice};

    fn dbfs(samples: &[f32]) -> f32 {
        10.0 * (2.0 * samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).max(1e-9).log10()
    }

    #[test]
    fn the_echo_of_the_speaker_is_cancelled() {
        let mut processor = AudioProcessor::new(true);
        let mut far = TestVoice::new(8, -12.0);
        let mut delayed = std::collections::VecDeque::from(vec![0.0; BLOCK * 6 + 77]);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for i in 0..1200 {
            let mut block = [0.0; BLOCK];
            far.fill(&mut block);
            processor.process_render(&block);
            delayed.extend(block);
            let mut heard: [f32; BLOCK] = std::array::from_fn(|_| delayed.pop_front().unwrap_or(0.0) * 0.3);
            early.extend_from_slice(&heard);
            processor.process_capture(&mut heard, 60);
            if i >= 800 {
                late.extend_from_slice(&heard);
            }
        }
        let (before, after) = (dbfs(&early[800 * BLOCK..]), dbfs(&late));
        assert!(after < before - 15.0, "{before} dBFS of echo became {after}");
    }

    #[test]
    fn a_near_voice_is_kept() {
        let mut processor = AudioProcessor::new(true);
        let mut near = TestVoice::new(9, -20.0);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for _ in 0..600 {
            let mut block = [0.0; BLOCK];
            near.fill(&mut block);
            before.extend_from_slice(&block);
            processor.process_render(&[0.0; BLOCK]);
            processor.process_capture(&mut block, 60);
            after.extend_from_slice(&block);
        }
        assert!(dbfs(&after) > dbfs(&before) - 6.0, "{} became {}", dbfs(&before), dbfs(&after));
        assert!(after.iter().all(|s| s.abs() <= 1.0));
    }

    #[test]
    fn noise_is_suppressed_only_on_request() {
        let left = |reduce_noise| {
            let mut processor = AudioProcessor::new(reduce_noise);
            let mut noise = Noise::new(1);
            let mut after = Vec::new();
            for i in 0..600 {
                let mut block = [0.0; BLOCK];
                noise.fill(&mut block, 0.01);
                processor.process_render(&[0.0; BLOCK]);
                processor.process_capture(&mut block, 60);
                if i >= 300 {
                    after.extend_from_slice(&block);
                }
            }
            dbfs(&after)
        };
        let (with, without) = (left(true), left(false));
        assert!(with < without - 5.0, "{with} dBFS of noise with, {without} without");
    }
}
