//! The microphone's meter: its level, its segments, and a word about it.

use crate::ui::tokens::meter;

/// The level that is shown: it rises quickly and falls slowly.
#[derive(Debug)]
pub(super) struct Meter {
    /// In dBFS.
    pub(super) level: f32,
    /// When the level was last above [`meter::SILENT_DB`], in seconds of the window's clock.
    silent_since: f64,
    /// When it was followed last.
    last: f64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { level: meter::FLOOR_DB, silent_since: 0.0, last: 0.0 }
    }
}

impl Meter {
    /// Moves towards `target` (in dBFS) for the time since the last call.
    pub(super) fn follow(&mut self, target: f32, now: f64) {
        let seconds = (now - self.last).clamp(0.0, 1.0) as f32;
        self.last = now;
        let target = target.clamp(meter::FLOOR_DB, 0.0);
        let constant = if target > self.level { meter::ATTACK } else { meter::RELEASE };
        self.level += (target - self.level) * (1.0 - (-seconds / constant).exp());
        if (self.level - target).abs() < 0.2 {
            self.level = target;
        }
        if self.level > meter::SILENT_DB {
            self.silent_since = now;
        }
    }

    /// Whether it has not reached `target` yet.
    pub(super) fn is_moving(&self, target: f32) -> bool {
        self.level != target.clamp(meter::FLOOR_DB, 0.0)
    }

    /// A word about the level.
    pub(super) fn words(&self, now: f64) -> &'static str {
        if self.level > meter::LOUD_DB {
            "Too loud"
        } else if now - self.silent_since >= meter::SILENT_AFTER {
            "We cannot hear you"
        } else {
            "You sound good"
        }
    }

    /// How many of its segments are lit.
    pub(super) fn lit(&self) -> usize {
        let part = (self.level - meter::FLOOR_DB) / -meter::FLOOR_DB;
        (part * meter::SEGMENTS as f32).round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_rises_quickly_and_falls_slowly() {
        let mut meter = Meter::default();
        meter.follow(-12.0, 0.1);
        assert!(meter.level > -13.0 && meter.lit() == 14, "{meter:?}");
        meter.follow(-90.0, 0.2);
        assert!(meter.level > -30.0, "{meter:?}");
        assert_eq!(meter.words(0.2), "You sound good");
        for tick in 3..60 {
            meter.follow(-90.0, f64::from(tick) * 0.1);
        }
        assert_eq!((meter.words(6.0), meter.lit(), meter.is_moving(-90.0)), ("We cannot hear you", 0, false));
    }
}
