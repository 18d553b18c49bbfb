//! What is usual, and how far a value is from that: pure functions and small states, without a clock of their own.
//!
//! A [`Window`] has the median of the last values, which values that an attack adds do not move far. A [`Series`] learns what is usual of
//! a rate, a level or a share, by the hour of the week after three weeks, and finds shifts that last.

mod baseline;
mod cusum;
mod divergence;
mod habit;
mod hours;
mod series;
#[cfg(test)]
mod simulated;

use std::collections::VecDeque;

pub(crate) use cusum::Limits;
pub(crate) use divergence::distance;
pub(crate) use habit::{LEVELS, RATES, SHARES};
pub(crate) use series::{Saved, Series, Turn, Value};

/// The median; 0 of nothing. Values that are no numbers are left out.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let (before, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    match before.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if values.len().is_multiple_of(2) => f64::midpoint(lower, upper),
        _ => upper,
    }
}

/// The last values of a series.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    values: VecDeque<f64>,
    size: usize,
    frozen: usize,
    most_frozen: usize,
}

impl Window {
    /// An empty one for `size` values. It learns again after `most_frozen` values that were not learned.
    pub fn new(size: usize, most_frozen: usize) -> Self {
        Self { values: VecDeque::new(), size: size.max(1), frozen: 0, most_frozen }
    }

    /// Learns a value, unless `freeze`: an alert about it is open.
    pub fn learn(&mut self, value: f64, freeze: bool) {
        self.frozen = if freeze { self.frozen.saturating_add(1) } else { 0 };
        if value.is_finite() && (!freeze || self.frozen > self.most_frozen) {
            model::bounded::push(&mut self.values, value, self.size);
        }
    }

    /// The median at present; none before the window is a third full.
    pub fn usual(&self) -> Option<f64> {
        (self.values.len() * 3 >= self.size).then(|| median(self.values.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn medians() {
        for (values, expected) in
            [(&[][..], 0.0), (&[3.0], 3.0), (&[1.0, 4.0], 2.5), (&[5.0, 1.0, 9.0], 5.0), (&[1.0, f64::NAN, 2.0], 1.5)]
        {
            assert_eq!(median(values.iter().copied()), expected, "{values:?}");
        }
    }

    #[test]
    fn an_attack_is_not_learned_until_it_is_the_usual() {
        let mut window = Window::new(30, 100);
        for count in 0..40 {
            assert_eq!(window.usual(), (count >= 10).then_some(3.0), "{count}");
            window.learn(3.0, false);
        }
        for _ in 0..100 {
            window.learn(9.0, true);
            assert_eq!(window.usual(), Some(3.0), "frozen");
        }
        (0..40).for_each(|_| window.learn(9.0, true));
        assert_eq!(window.usual(), Some(9.0), "after so long it is the usual");
        window.learn(f64::NAN, false);
        assert_eq!(window.values.len(), 30);
        assert_eq!(window.usual(), Some(9.0));
    }

    proptest! {
        #[test]
        fn outliers_do_not_move_the_median_far(values in prop::collection::vec(0.0f64..1.0, 31..60)) {
            prop_assert!(median(values.iter().copied().chain([1e9; 10])) < 1.0);
        }
    }
}
