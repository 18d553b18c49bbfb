//! Time series: the last two hours in steps of ten seconds, the last day in steps of a minute.

use std::collections::VecDeque;

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Short steps: their length in nanoseconds, and how many are kept. 10 s, for two hours.
pub(crate) const FINE: (u64, usize) = (10 * SECOND, 720);
/// Long steps: their length in nanoseconds, and how many are kept. A minute, for a day.
const COARSE: (u64, usize) = (60 * SECOND, 1_440);

/// How many periods without any observation are kept.
const MAX_HOLES: usize = 100;

/// Windows up to this many minutes are shown in short steps.
const FINE_MINUTES: u64 = 120;

/// The period of a time series in an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// Length of a step, in nanoseconds.
    pub step_ns: u64,
    /// Number of the first step, counted from the UNIX epoch.
    pub first: u64,
    /// How many steps there are.
    pub steps: usize,
    /// When nothing at all was observed.
    holes: &'a Holes,
}

impl<'a> Window<'a> {
    /// The last minutes, up to the last complete step.
    pub fn new(minutes: u64, now_ns: u64, holes: &'a Holes) -> Self {
        let (step_ns, limit) = if minutes <= FINE_MINUTES { FINE } else { COARSE };
        let steps = usize::try_from(minutes.saturating_mul(60 * SECOND) / step_ns).unwrap_or(limit).clamp(1, limit);
        Self { step_ns, first: (now_ns / step_ns).saturating_sub(steps as u64), steps, holes }
    }

    /// The start, in nanoseconds since the UNIX epoch.
    pub fn start_ns(&self) -> u64 {
        self.first.saturating_mul(self.step_ns)
    }

    /// Length of a step, in seconds.
    pub fn step_seconds(&self) -> u64 {
        self.step_ns / SECOND
    }

    /// Whether nothing was observed during a step.
    pub fn is_hole(&self, step: u64) -> bool {
        let (from_ns, until_ns) =
            (step.saturating_mul(self.step_ns), step.saturating_add(1).saturating_mul(self.step_ns));
        self.holes.0.iter().any(|hole| hole.from_ns <= from_ns && until_ns <= hole.until_ns)
    }

    /// One unknown value (NaN) for each step.
    pub fn unknown(&self) -> Vec<f64> {
        vec![f64::NAN; self.steps]
    }
}

/// The periods in which nothing at all was observed, because nothing observed: they are not quiet, but unknown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holes(VecDeque<Hole>);

/// A period in which nothing was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    /// Time of the last event before it, in nanoseconds since the UNIX epoch.
    pub from_ns: u64,
    /// Time of the first event after it.
    pub until_ns: u64,
}

impl Holes {
    /// Notes a period, and forgets those before the series.
    pub fn note(&mut self, hole: Hole) {
        let (step_ns, steps) = COARSE;
        self.0.retain(|old| hole.until_ns.saturating_sub(old.until_ns) <= step_ns * steps as u64);
        if self.0.len() >= MAX_HOLES {
            self.0.pop_front();
        }
        self.0.push_back(hole);
    }
}

/// Values of the last steps.
#[derive(Clone, Debug)]
struct Ring {
    step_ns: u64,
    limit: usize,
    /// Number of the last step.
    last: u64,
    values: VecDeque<f64>,
}

impl Ring {
    fn new((step_ns, limit): (u64, usize)) -> Self {
        Self { step_ns, limit, last: 0, values: VecDeque::new() }
    }

    /// The value of the step at a time. Steps since the last one get `empty`. `None` if the time is too long ago.
    #[inline]
    fn at(&mut self, time_ns: u64, empty: f64) -> Option<&mut f64> {
        let step = time_ns / self.step_ns;
        if step > self.last || self.values.is_empty() {
            self.advance(step, empty);
        }
        let back = usize::try_from(self.last - step).ok()?;
        let index = self.values.len().checked_sub(back + 1)?;
        self.values.get_mut(index)
    }

    fn advance(&mut self, step: u64, empty: f64) {
        let steps = if self.values.is_empty() { 1 } else { step - self.last };
        if steps >= self.limit as u64 {
            self.values.clear();
        }
        for _ in 0..steps.min(self.limit as u64) {
            if self.values.len() >= self.limit {
                self.values.pop_front();
            }
            self.values.push_back(empty);
        }
        self.last = step;
    }

    fn get(&self, step: u64) -> Option<f64> {
        let back = usize::try_from(self.last.checked_sub(step)?).ok()?;
        self.values.get(self.values.len().checked_sub(back + 1)?).copied()
    }
}

/// A value over time.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    fine: Ring,
    coarse: Ring,
    empty: f64,
}

impl Series {
    /// A series of sums: steps without additions are 0.
    pub fn sum() -> Self {
        Self { fine: Ring::new(FINE), coarse: Ring::new(COARSE), empty: 0.0 }
    }

    /// A series of set values: steps without one are unknown.
    pub fn gauge() -> Self {
        Self { empty: f64::NAN, ..Self::sum() }
    }

    /// Adds to the value of the step at a time.
    #[inline]
    pub fn add(&mut self, time_ns: u64, value: f64) {
        self.change(time_ns, |now| now + value);
    }

    /// Sets the value of the step at a time.
    pub fn set(&mut self, time_ns: u64, value: f64) {
        self.change(time_ns, |_| value);
    }

    /// Sets the value of the step at a time, unless it is larger already.
    pub fn raise(&mut self, time_ns: u64, value: f64) {
        self.change(time_ns, |now| now.max(value));
    }

    #[inline]
    fn change(&mut self, time_ns: u64, change: impl Fn(f64) -> f64) {
        for ring in [&mut self.fine, &mut self.coarse] {
            if let Some(value) = ring.at(time_ns, self.empty) {
                *value = change(*value);
            }
        }
    }

    fn ring(&self, window: &Window) -> &Ring {
        if window.step_ns == FINE.0 { &self.fine } else { &self.coarse }
    }

    /// Combines the values of a window with those in `into`. Unknown values change nothing.
    fn join(&self, window: &Window, into: &mut [f64], join: impl Fn(f64, f64) -> f64) {
        let ring = self.ring(window);
        for (step, into) in (window.first..).zip(into) {
            let value = ring.get(step).unwrap_or(f64::NAN);
            if !value.is_nan() && !window.is_hole(step) {
                *into = if into.is_nan() { value } else { join(*into, value) };
            }
        }
    }

    /// Adds the values to those in `into`. Steps without a value are 0 within `coverage`.
    pub fn add_to(&self, window: &Window, coverage: Coverage, into: &mut [f64]) {
        coverage.zero(window, into);
        self.join(window, into, |a, b| a + b);
    }

    /// Replaces values in `into` by larger ones of this series.
    pub fn max_to(&self, window: &Window, into: &mut [f64]) {
        self.join(window, into, f64::max);
    }
}

/// The period in which something was observed, in nanoseconds since the UNIX epoch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coverage {
    /// Time of the first observation.
    pub from_ns: u64,
    /// Time of the last observation; 0 if there is none.
    pub until_ns: u64,
}

impl Coverage {
    /// Records an observation.
    #[inline]
    pub fn note(&mut self, time_ns: u64) {
        if self.until_ns == 0 {
            self.from_ns = time_ns;
        }
        self.until_ns = self.until_ns.max(time_ns);
    }

    /// Whether there is an observation.
    pub fn any(self) -> bool {
        self.until_ns > 0
    }

    /// The same, extended by some nanoseconds after the last observation.
    pub fn lasting(self, ns: u64) -> Self {
        Self { until_ns: if self.any() { self.until_ns.saturating_add(ns) } else { 0 }, ..self }
    }

    /// Sets unknown values within this period to 0.
    pub fn zero(self, window: &Window, into: &mut [f64]) {
        if !self.any() {
            return;
        }
        let (from, until) = (self.from_ns / window.step_ns, self.until_ns / window.step_ns);
        for (step, into) in (window.first..).zip(into) {
            if into.is_nan() && (from..=until).contains(&step) && !window.is_hole(step) {
                *into = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_filled_forgotten_and_joined() {
        let minute = 60 * SECOND;
        let (mut sum, mut gauge) = (Series::sum(), Series::gauge());
        let start = 1_000_000 * minute;
        sum.add(start, 1.0);
        sum.add(start + 35 * SECOND, 2.0);
        sum.add(start + 5 * SECOND, 4.0); // late
        gauge.set(start + 12 * SECOND, 7.0);
        let mut holes = Holes::default();
        let window = Window::new(1, start + minute, &holes);
        assert_eq!((window.start_ns(), window.steps), (start, 6));
        let mut values = window.unknown();
        sum.add_to(&window, Coverage { from_ns: start, until_ns: start + 45 * SECOND }, &mut values);
        assert_eq!(format!("{values:?}"), "[5.0, 0.0, 0.0, 2.0, 0.0, NaN]");
        gauge.max_to(&window, &mut values);
        assert_eq!(values.get(1), Some(&7.0));
        let day = Window::new(1_440, start + minute, &holes);
        let mut values = day.unknown();
        sum.add_to(&day, Coverage::default(), &mut values);
        assert_eq!((values.len(), values.last()), (1_440, Some(&7.0)));
        // A jump of a year costs no more than a jump of a day.
        sum.add(start + 525_600 * minute, 1.0);
        assert!(sum.fine.values.len() <= FINE.1 && sum.coarse.values.len() <= COARSE.1);
        sum.add(start, 1.0); // too long ago
        let window = Window::new(10_000, start, &holes);
        assert_eq!(window.steps, 1_440);
        holes.note(Hole { from_ns: start + 8 * SECOND, until_ns: start + 31 * SECOND });
        let mut quiet = Series::sum();
        quiet.add(start, 1.0);
        quiet.add(start + 40 * SECOND, 1.0);
        let window = Window::new(1, start + minute, &holes);
        let mut values = window.unknown();
        quiet.add_to(&window, Coverage { from_ns: start, until_ns: start + 45 * SECOND }, &mut values);
        assert_eq!(format!("{values:?}"), "[1.0, NaN, NaN, 0.0, 1.0, NaN]");
    }
}
