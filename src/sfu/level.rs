//! The loudness of an audio track, from the audio level extension of its packets (RFC 6464).

/// Changes of the level below this are not reported.
const STEP: f32 = 0.02;
/// A constant level is reported each 5 intervals: a track without a report for 2 s counts as silent.
const REPEAT: u32 = 5;

/// Averages the levels of a track's packets over intervals of about 100 ms.
#[derive(Debug, Default)]
pub(crate) struct RtpLevelMeter {
    sum: f32,
    packets: u32,
    active: bool,
    /// The last report.
    reported: (f32, bool),
    /// Intervals since then.
    intervals: u32,
}

impl RtpLevelMeter {
    /// Adds a packet of `decibels` (0 loudest, -127 silence), with or without the voice flag.
    pub(crate) fn add(&mut self, decibels: i8, voice: bool) {
        self.sum += 10f32.powf(f32::from(decibels.clamp(-127, 0)) / 20.0);
        self.packets += 1;
        self.active |= voice;
    }

    /// Ends an interval. Its mean level (0.0 to 1.0) and voice flag, if they are to be reported. An interval without packets
    /// is silence.
    pub(crate) fn take(&mut self) -> Option<(f32, bool)> {
        let level = if self.packets == 0 { 0.0 } else { self.sum / self.packets as f32 };
        let level = if level < 0.000_1 { 0.0 } else { level };
        let now = (level, self.active);
        (self.sum, self.packets, self.active) = (0.0, 0, false);
        let (before, was_active) = self.reported;
        self.intervals += 1;
        let changed = (now.0 - before).abs() >= STEP || now.1 != was_active || (now.0 == 0.0) != (before == 0.0);
        let again = now.0 > 0.0 && self.intervals >= REPEAT;
        (changed || again).then(|| {
            (self.reported, self.intervals) = (now, 0);
            now
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_reported_and_no_packets_are_silence() {
        let mut m = RtpLevelMeter::default();
        assert_eq!(m.take(), None);
        m.add(-20, true);
        m.add(-20, false);
        let (level, active) = m.take().expect("a report");
        assert!((level - 0.1).abs() < 0.001 && active);
        m.add(-20, true);
        assert_eq!(m.take(), None, "no change");
        assert_eq!(m.take(), Some((0.0, false)));
        assert_eq!(m.take(), None);
        m.add(-127, false);
        assert_eq!(m.take(), None, "-127 is silence");
        let constant = (0..20).filter(|_| {
            m.add(-20, true);
            m.take().is_some()
        });
        assert_eq!(constant.count(), 4, "a constant level is repeated");
    }
}
