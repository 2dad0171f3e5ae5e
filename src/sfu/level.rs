//! Loudness of a track, from the level that its sender writes beside each packet (RFC 6464).

/// A change by less than this is not told.
const STEP: f32 = 0.02;
/// An even sound is told again after so many spans: what is not heard of for 2 s counts as silent.
const AGAIN: u32 = 5;

/// Gathers the levels of packets until they are asked for.
#[derive(Debug, Default)]
pub(crate) struct RtpLevelMeter {
    sum: f32,
    packets: u32,
    active: bool,
    told: (f32, bool),
    spans: u32,
}

impl RtpLevelMeter {
    /// A packet of `decibels` (0 loudest, -127 silence), with or without the voice flag.
    pub(crate) fn add(&mut self, decibels: i8, voice: bool) {
        self.sum += 10f32.powf(f32::from(decibels.clamp(-127, 0)) / 20.0);
        self.packets += 1;
        self.active |= voice;
    }

    /// Ends a span of about 100 ms: the mean level from 0.0 to 1.0 and the voice flag, if they are news. A span without
    /// packets is silence.
    pub(crate) fn take(&mut self) -> Option<(f32, bool)> {
        let level = if self.packets == 0 { 0.0 } else { self.sum / self.packets as f32 };
        let level = if level < 0.000_1 { 0.0 } else { level };
        let now = (level, self.active);
        (self.sum, self.packets, self.active) = (0.0, 0, false);
        let (before, was_active) = self.told;
        self.spans += 1;
        let changed = (now.0 - before).abs() >= STEP || now.1 != was_active || (now.0 == 0.0) != (before == 0.0);
        let again = now.0 > 0.0 && self.spans >= AGAIN;
        (changed || again).then(|| {
            (self.told, self.spans) = (now, 0);
            now
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_is_told_and_no_packets_are_silence() {
        let mut m = RtpLevelMeter::default();
        assert_eq!(m.take(), None);
        m.add(-20, true);
        m.add(-20, false);
        let (level, active) = m.take().unwrap();
        assert!((level - 0.1).abs() < 0.001 && active);
        m.add(-20, true);
        assert_eq!(m.take(), None, "nothing new");
        assert_eq!(m.take(), Some((0.0, false)));
        assert_eq!(m.take(), None);
        m.add(-127, false);
        assert_eq!(m.take(), None, "-127 is silence");
        let even = (0..20).filter(|_| {
            m.add(-20, true);
            m.take().is_some()
        });
        assert_eq!(even.count(), 4, "an even sound is told now and then");
    }
}
