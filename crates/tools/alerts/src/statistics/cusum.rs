//! A shift that lasts: sums of what is more, and of what is less, than usual (Page 1954).

use std::f64::consts::TAU;

/// Half of the shift that is looked for, in standard deviations.
const SLACK: f64 = 0.5;
/// What discrete sums overshoot (Siegmund 1985).
const OVERSHOOT: f64 = 1.166;

/// Traffic is neither normal nor independent: sums are allowed to be so much higher. The least with which simulated years of lively
/// traffic have no more false alarms than stated.
const MARGIN: f64 = 1.4;

/// When a series has shifted: limits at which there are so many values until a false alarm, on average, where values are normal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of sums, in standard deviations (Siegmund's approximation).
    pub sum: f64,
    /// Of the median of several values in a row, in standard deviations.
    pub value: f64,
}

impl Limits {
    /// For so many values until a false alarm of either kind, and in either direction.
    pub fn new(values: f64) -> Self {
        // Two kinds, two directions.
        let run = 4.0 * values;
        let sum = solve(|sum| {
            let b = 2.0 * SLACK * (sum + OVERSHOOT);
            (b.exp() - b - 1.0) / (2.0 * SLACK * SLACK) >= run
        });
        // The tail of the normal distribution (Mills).
        let value = solve(|z| z * TAU.sqrt() * (z * z / 2.0).exp() >= run);
        Self { sum: sum * MARGIN, value }
    }
}

/// The least number from 1 on for which something holds.
fn solve(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (1.0, 60.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

/// A sum of what is more than usual, and one of what is less.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cusum {
    more: Side,
    less: Side,
}

#[derive(Clone, Copy, Debug, Default)]
struct Side {
    sum: f64,
    since_ns: u64,
    off: f64,
    values: f64,
}

/// A shift: since when, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    /// The sum, in standard deviations.
    pub sum: f64,
    /// When the sum was 0 for the last time, which is when the shift began (nanoseconds since the UNIX epoch).
    pub since_ns: u64,
    /// How far values have been from the usual since then, on average. More is positive.
    pub off: f64,
}

impl Side {
    /// Adds a value that is so much more than usual: in standard deviations, and as it is.
    fn add(&mut self, from_ns: u64, z: f64, off: f64, most: f64) {
        if self.sum <= 0.0 {
            *self = Self { sum: 0.0, since_ns: from_ns, off: 0.0, values: 0.0 };
        }
        self.sum = (self.sum + z - SLACK).clamp(0.0, most);
        self.off += off;
        self.values += 1.0;
    }

    fn shift(&self) -> Option<Shift> {
        let Self { sum, since_ns, off, values } = *self;
        (sum > 0.0).then(|| Shift { sum, since_ns, off: off / values })
    }
}

impl Cusum {
    /// Adds a value of the time from `from_ns` on: how far it is from the usual, in standard deviations and as it is. An end is noticed in
    /// as long as it takes to notice a beginning, however large that was.
    pub fn add(&mut self, from_ns: u64, z: f64, off: f64, threshold: f64) {
        if z.is_finite() {
            self.more.add(from_ns, z, off, 2.0 * threshold);
            self.less.add(from_ns, -z, off, 2.0 * threshold);
        }
    }

    /// The larger one of both shifts; none if all is as usual.
    pub fn shift(&self) -> Option<Shift> {
        [&self.more, &self.less].into_iter().filter_map(Side::shift).max_by(|one, other| one.sum.total_cmp(&other.sum))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_those_of_the_books() {
        // Montgomery, Introduction to Statistical Quality Control: in both directions 168 at h 4 and 465 at h 5.
        for (run, expected) in [(168.0, 4.0), (465.0, 5.0)] {
            let found = Limits::new(run / 2.0);
            assert!((found.sum / MARGIN - expected).abs() < 0.05, "{found:?}");
        }
        // The normal distribution: 6 standard deviations are exceeded once in 1.013e9 values.
        let found = Limits::new(1.013e9 / 4.0);
        assert!((found.value - 6.0).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn a_shift_is_found_with_its_beginning_and_its_end_too() {
        let mut cusum = Cusum::default();
        let mut minute = 0;
        let mut add = |cusum: &mut Cusum, z: f64| {
            cusum.add(minute, z, z / 10.0, 8.0);
            minute += 1;
        };
        (0..1_000).for_each(|index| add(&mut cusum, if index % 2 == 0 { 1.0 } else { -1.0 }));
        assert!(cusum.shift().is_none_or(|shift| shift.sum < 1.0));
        (0..5).for_each(|_| add(&mut cusum, -3.0));
        let shift = cusum.shift().unwrap();
        assert!((shift.sum - 12.5).abs() < 0.6 && (999..=1_000).contains(&shift.since_ns), "{shift:?}");
        assert!((-0.31..-0.2).contains(&shift.off), "{shift:?}");
        (0..10_000).for_each(|_| add(&mut cusum, 100.0));
        (0..40).for_each(|_| add(&mut cusum, 0.0));
        assert_eq!(cusum.shift(), None);
        add(&mut cusum, f64::NAN);
        assert_eq!(cusum.shift(), None);
    }
}
