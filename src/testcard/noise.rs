//! Repeatable noise for tests.

/// A linear congruential generator (Numerical Recipes' constants): the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Noise(u32);

impl Noise {
    pub(crate) const fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next number, 24 bits: the low bits of such a generator have short periods and are left out.
    fn next_u24(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    /// A number from 0 up to but not including `n`, at most 2^24.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.next_u24() % n
    }

    /// The top 8 bits of the next number.
    pub(crate) fn byte(&mut self) -> u8 {
        (self.next_u24() >> 16) as u8
    }

    /// A sample of white noise within ±`amplitude`.
    pub(crate) fn sample(&mut self, amplitude: f32) -> f32 {
        (self.next_u24() as f32 / 8_388_608.0 - 1.0) * amplitude
    }

    /// White noise within ±`amplitude`.
    pub(crate) fn fill(&mut self, samples: &mut [f32], amplitude: f32) {
        samples.fill_with(|| self.sample(amplitude));
    }
}
