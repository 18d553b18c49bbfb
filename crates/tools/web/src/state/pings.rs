//! How long pings take: ours tell how far behind the node is, those of its peers how far away they are.

use std::collections::VecDeque;

use super::peer::push;
use super::rate::quantile_of;
use super::series::{SECOND, Series};

/// Pings of our own that are kept.
const MAX_OWN: usize = 200;
/// Pings of one step of time that are looked at.
const MAX_OF_STEP: usize = 4_096;
/// A step, as series have them.
const STEP_NS: u64 = 10 * SECOND;

/// Two quantiles over time.
#[derive(Debug)]
pub(crate) struct Quantiles {
    step: u64,
    values: Vec<f32>,
    high: f64,
    pub median: Series,
    pub top: Series,
}

impl Quantiles {
    /// The median, and another quantile.
    pub fn new(high: f64) -> Self {
        Self { step: 0, values: Vec::new(), high, median: Series::gauge(), top: Series::gauge() }
    }

    /// Takes note of a value.
    pub fn add(&mut self, time_ns: u64, value: f64) {
        let step = time_ns / STEP_NS;
        if step > self.step {
            self.values.clear();
            self.step = step;
        }
        if self.values.len() < MAX_OF_STEP {
            self.values.push(value as f32);
        }
        // Few enough at first to be worth a look each time; later ones count when the next step begins, at the latest.
        if self.values.len() <= 64 || self.values.len().is_multiple_of(64) {
            self.settle(time_ns);
        }
    }

    fn settle(&mut self, time_ns: u64) {
        self.values.sort_unstable_by(f32::total_cmp);
        if let (Some(median), Some(top)) = (quantile_of(&self.values, 0.5), quantile_of(&self.values, self.high)) {
            self.median.set(time_ns, median);
            self.top.set(time_ns, top);
        }
    }
}

/// Pings of one node.
#[derive(Debug)]
pub(crate) struct Pings {
    /// Ours: time, seconds.
    pub own: VecDeque<(u64, f64)>,
    pub own_series: Quantiles,
    pub peers: Quantiles,
}

impl Default for Pings {
    fn default() -> Self {
        Self { own: VecDeque::new(), own_series: Quantiles::new(1.0), peers: Quantiles::new(0.99) }
    }
}

impl Pings {
    /// Our own ping took so long.
    pub fn own(&mut self, time_ns: u64, seconds: f64) {
        push(&mut self.own, (time_ns, seconds), MAX_OWN);
        self.own_series.add(time_ns, seconds);
    }
}
