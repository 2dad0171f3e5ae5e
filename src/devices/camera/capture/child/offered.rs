//! Sizes and frame intervals that a driver offers, as single values or as ranges.

/// Sizes that a camera offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfferedSizes {
    /// One size.
    One(u32, u32),
    /// All from the least to the greatest in steps, for width and height.
    Range {
        /// Least, greatest and step of the width.
        width: [u32; 3],
        /// The same of the height.
        height: [u32; 3],
    },
}

impl OfferedSizes {
    /// The offered size that is nearest to `width` x `height`; in a range the next that is not smaller.
    pub(super) fn nearest(self, width: u32, height: u32) -> (u32, u32) {
        let fit = |[least, greatest, step]: [u32; 3], wanted: u32| {
            let (greatest, step) = (greatest.max(least), step.max(1));
            let above = wanted.clamp(least, greatest) - least;
            // The greatest may lie between two steps.
            let up = above.checked_next_multiple_of(step).filter(|up| *up <= greatest - least);
            least + up.unwrap_or(above / step * step)
        };
        match self {
            Self::One(w, h) => (w, h),
            Self::Range { width: w, height: h } => (fit(w, width), fit(h, height)),
        }
    }
}

/// Frame intervals that a camera offers, as fractions of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfferedIntervals {
    /// One interval.
    One(Fraction),
    /// All from the shortest to the longest, or those of them that fit its steps.
    Range(Fraction, Fraction),
}

/// Numerator and denominator.
pub(super) type Fraction = (u32, u32);

impl OfferedIntervals {
    /// The offered rate that is nearest to `fps`, in whole frames a second: 30000/1001 is 30. 0 for nonsense.
    pub(super) fn nearest(self, fps: u32) -> u32 {
        let rate = |(numerator, denominator): Fraction| match numerator {
            0 => 0,
            _ => (u64::from(denominator) + u64::from(numerator) / 2).div_euclid(numerator.into()).min(1000) as u32,
        };
        match self {
            Self::One(interval) => rate(interval),
            Self::Range(shortest, longest) => {
                // An interval of 0 is a driver's word for "as fast as you like".
                let highest = if shortest.0 == 0 { fps.max(rate(longest)) } else { rate(shortest) };
                fps.clamp(rate(longest).min(highest), highest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_within_a_range_is_not_smaller_than_what_is_wanted() {
        let sizes = OfferedSizes::Range { width: [160, 1920, 16], height: [120, 1080, 8] };
        assert_eq!(sizes.nearest(1280, 720), (1280, 720));
        assert_eq!(sizes.nearest(1279, 713), (1280, 720));
        assert_eq!(sizes.nearest(100, 90), (160, 120));
        assert_eq!(sizes.nearest(3840, 2160), (1920, 1080));
        assert_eq!(OfferedSizes::One(640, 480).nearest(1280, 720), (640, 480));
        // The greatest lies between two steps; a step of nothing; a range upside down.
        let odd = OfferedSizes::Range { width: [2, 1001, 500], height: [1, 9, 0] };
        assert_eq!(odd.nearest(900, 5), (502, 5));
        let wild = OfferedSizes::Range { width: [640, 320, 2], height: [0, u32::MAX, 16] };
        assert_eq!(wild.nearest(500, 7), (640, 16));
        assert_eq!(wild.nearest(u32::MAX, u32::MAX), (640, u32::MAX - 15));
    }

    #[test]
    fn a_rate_within_a_range_is_the_one_that_is_wanted() {
        let range = OfferedIntervals::Range((1, 60), (1, 5));
        assert_eq!([1, 15, 60, 90].map(|fps| range.nearest(fps)), [5, 15, 60, 60]);
        assert_eq!(OfferedIntervals::One((1, 25)).nearest(30), 25);
        assert_eq!(OfferedIntervals::One((1001, 30_000)).nearest(30), 30, "29.97 are not too slow");
        assert_eq!(OfferedIntervals::One((333_333, 10_000_000)).nearest(30), 30);
        assert_eq!(OfferedIntervals::One((0, 1)).nearest(30), 0);
        assert_eq!(OfferedIntervals::Range((0, 1), (1, 1)).nearest(30), 30, "from nothing on");
        assert_eq!(OfferedIntervals::Range((u32::MAX, 1), (1, u32::MAX)).nearest(30), 0, "upside down");
    }
}
