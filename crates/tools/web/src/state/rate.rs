//! Rates over the last seconds, and quantiles of the last values.

use std::collections::VecDeque;

use super::series::SECOND;

/// The number of seconds that rates are averaged over.
const SECONDS: usize = 10;

/// A rate per second, averaged over the last ten seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    second: u64,
    slots: [u32; SECONDS + 1],
}

impl Rate {
    /// Adds a count at a time.
    #[inline]
    pub fn add(&mut self, time_ns: u64, count: u64) {
        let second = time_ns / SECOND;
        if second > self.second {
            let steps = (second - self.second).min(self.slots.len() as u64);
            for step in 0..steps {
                if let Some(slot) = self.slots.get_mut(slot_of(second - step)) {
                    *slot = 0;
                }
            }
            self.second = second;
        } else if self.second - second > SECONDS as u64 {
            return;
        }
        if let Some(slot) = self.slots.get_mut(slot_of(second)) {
            *slot = slot.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        }
    }

    /// The average count per second over the last ten complete seconds.
    pub fn per_second(&self, now_ns: u64) -> f64 {
        let now = now_ns / SECOND;
        let kept = self.second.saturating_sub(SECONDS as u64)..=self.second;
        let seconds = now.saturating_sub(SECONDS as u64)..now;
        let counts =
            seconds.filter(|second| kept.contains(second)).filter_map(|second| self.slots.get(slot_of(second)));
        counts.map(|count| u64::from(*count)).sum::<u64>() as f64 / SECONDS as f64
    }
}

fn slot_of(second: u64) -> usize {
    (second % (SECONDS as u64 + 1)) as usize
}

/// The last values of a quantity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    values: VecDeque<f32>,
    /// Total number of values, including those that are no longer kept.
    pub count: u64,
}

impl Samples {
    /// Adds a value. At most `limit` values are kept.
    pub fn add(&mut self, value: f64, limit: usize) {
        if self.values.len() >= limit {
            self.values.pop_front();
        }
        self.values.push_back(value as f32);
        self.count += 1;
    }

    /// Adds the values of another one.
    pub fn extend(&mut self, other: &Self) {
        self.values.extend(&other.values);
        self.count += other.count;
    }

    /// The last value.
    pub fn last(&self) -> Option<f64> {
        self.values.back().map(|value| rounded(*value))
    }

    /// Quantiles of the values that are kept.
    pub fn quantiles<const N: usize>(&self, quantiles: [f64; N]) -> [Option<f64>; N] {
        let mut sorted: Vec<f32> = self.values.iter().copied().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        quantiles.map(|quantile| quantile_of(&sorted, quantile))
    }
}

/// A quantile of values in ascending order: the value at the nearest rank.
pub(crate) fn quantile_of(sorted: &[f32], quantile: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * quantile).round() as usize).map(|value| rounded(*value))
}

/// Rounds to the digits that are significant in an `f32`.
pub(crate) fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let mut rate = Rate::default();
        for second in 100..200 {
            rate.add(second * SECOND, 5);
            rate.add(second.saturating_sub(3) * SECOND, 1);
            rate.add(second.saturating_sub(50) * SECOND, 1_000); // too late to count
        }
        assert_eq!(rate.per_second(200 * SECOND), (5 * 10 + 7) as f64 / 10.0);
        assert_eq!(rate.per_second(205 * SECOND), (5 * 5 + 2) as f64 / 10.0);
        assert_eq!(rate.per_second(300 * SECOND), 0.0);
        rate.add(u64::MAX, u64::MAX);
        assert_eq!(rate.per_second(200 * SECOND), 0.0);
    }

    #[test]
    fn samples_are_the_last_ones() {
        let mut samples = Samples::default();
        assert_eq!(samples.quantiles([0.5]), [None]);
        (0..1_000).for_each(|value| samples.add(f64::from(value), 101));
        assert_eq!(samples.quantiles([0.0, 0.5, 0.99]), [Some(899.0), Some(949.0), Some(998.0)]);
        assert_eq!((samples.count, samples.last()), (1_000, Some(999.0)));
    }
}
