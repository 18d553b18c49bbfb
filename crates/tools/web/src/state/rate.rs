//! Rates over the last seconds, and quantiles of the last values.

use std::collections::VecDeque;

pub(crate) use model::Rate;

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
    fn samples_are_the_last_ones() {
        let mut samples = Samples::default();
        assert_eq!(samples.quantiles([0.5]), [None]);
        (0..1_000).for_each(|value| samples.add(f64::from(value), 101));
        assert_eq!(samples.quantiles([0.0, 0.5, 0.99]), [Some(899.0), Some(949.0), Some(998.0)]);
        assert_eq!((samples.count, samples.last()), (1_000, Some(999.0)));
    }
}
