//! What makes a microphone bearable: echo cancelling, noise suppression and gain, by sonora (WebRTC's audio processing).

use super::BLOCK;
use sonora::config::{
    AdaptiveDigital, Config, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression, Pipeline,
    TransparentModeType,
};
use sonora::{AudioProcessing, StreamConfig};

/// 48 kHz, mono.
const FORMAT: StreamConfig = StreamConfig::new(48_000, 1);

/// The chain for one microphone and the speaker beside it, 10 ms at a time.
///
/// Either may be changed while it runs. The echo canceller follows the speaker's delay by itself, and gets over a pause
/// on either side; begun anew, it would not yet know whether there is an echo, and hold the microphone down until it
/// does.
pub(super) struct AudioProcessor {
    chain: AudioProcessing,
}

impl AudioProcessor {
    /// `reduce_noise`: fans, keys and traffic are taken out too.
    pub(super) fn new(reduce_noise: bool) -> Self {
        let config = Config {
            pipeline: Pipeline {
                maximum_internal_processing_rate: sonora::config::MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            high_pass_filter: Some(HighPassFilter::default()),
            // Who wears headphones has no echo, and must not be silenced for it while the others speak. This way of
            // noticing needs a moment where the usual one needs six seconds, and lets no more echo through.
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

    /// Takes what goes to the speaker, before the microphone can hear it.
    pub(super) fn on_speaker(&mut self, block: &[f32; BLOCK]) {
        let mut unused = [0.0; BLOCK];
        if let Err(e) = self.chain.process_render_f32(&[block], &mut [&mut unused]) {
            tracing::warn!("the echo canceller refused a block of the speaker: {e:?}");
        }
    }

    /// Cleans what the microphone heard. `delay_ms`: from [`Self::on_speaker`] to the speaker, and from the microphone to
    /// here; the echo canceller starts its search there.
    pub(super) fn on_microphone(&mut self, block: &mut [f32; BLOCK], delay_ms: u32) {
        if self.chain.set_stream_delay_ms(delay_ms.min(500) as i32).is_err() {
            tracing::debug!("the echo canceller takes {delay_ms} ms for another delay");
        }
        let heard = *block;
        if let Err(e) = self.chain.process_capture_f32(&[&heard], &mut [block]) {
            tracing::warn!("the microphone's processing refused a block: {e:?}");
            *block = heard;
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
    fn the_echo_of_the_speaker_fades() {
        let mut processing = AudioProcessor::new(true);
        let mut far = TestVoice::new(8, -12.0);
        let mut delayed = std::collections::VecDeque::from(vec![0.0; BLOCK * 6 + 77]);
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for i in 0..1200 {
            let mut block = [0.0; BLOCK];
            far.fill(&mut block);
            processing.on_speaker(&block);
            delayed.extend(block);
            let mut heard: [f32; BLOCK] = std::array::from_fn(|_| delayed.pop_front().unwrap_or(0.0) * 0.3);
            early.extend_from_slice(&heard);
            processing.on_microphone(&mut heard, 60);
            if i >= 800 {
                late.extend_from_slice(&heard);
            }
        }
        let (before, after) = (dbfs(&early[800 * BLOCK..]), dbfs(&late));
        assert!(after < before - 15.0, "{before} dBFS of echo became {after}");
    }

    #[test]
    fn a_near_voice_is_kept() {
        let mut processing = AudioProcessor::new(true);
        let mut near = TestVoice::new(9, -20.0);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for _ in 0..600 {
            let mut block = [0.0; BLOCK];
            near.fill(&mut block);
            before.extend_from_slice(&block);
            processing.on_speaker(&[0.0; BLOCK]);
            processing.on_microphone(&mut block, 60);
            after.extend_from_slice(&block);
        }
        assert!(dbfs(&after) > dbfs(&before) - 6.0, "{} became {}", dbfs(&before), dbfs(&after));
        assert!(after.iter().all(|s| s.abs() <= 1.0));
    }

    #[test]
    fn noise_is_reduced_only_where_that_is_wanted() {
        let left = |reduce_noise| {
            let mut processing = AudioProcessor::new(reduce_noise);
            let mut noise = Noise::new(1);
            let mut after = Vec::new();
            for i in 0..600 {
                let mut block = [0.0; BLOCK];
                noise.fill(&mut block, 0.01);
                processing.on_speaker(&[0.0; BLOCK]);
                processing.on_microphone(&mut block, 60);
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
