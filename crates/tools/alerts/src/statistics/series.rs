//! A rate, a level or a share over time: what is usual, and whether it has shifted.

use std::collections::{BTreeMap, VecDeque};

use prost::Message;

use super::baseline::{Baseline, Blocks};
use super::cusum::{Cusum, Limits, Shift};
use super::habit::Habit;
use super::hours::Hours;
use super::median;

/// After so long without a value, or after a start of the node, nothing of before counts.
const FORGETS_NS: u64 = 6 * 3_600 * model::bounds::SECOND;
/// A clock that is set back by so much begins anew.
const BACK_NS: u64 = 8 * FORGETS_NS;
/// An alert is over when the last values are off by less than this part of what the shift was.
const OVER: f64 = 0.3;
/// The version of [`Saved`]: one with another number means something else.
const VERSION: u32 = 1;

/// A series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    habit: &'static Habit,
    pub baseline: Baseline,
    cusum: Cusum,
    /// How far the last values were from the usual.
    last: VecDeque<f64>,
    /// Values in a row that were not learned.
    frozen: u32,
    last_ns: u64,
    /// What was usual before the node was restarted, and until when that is usual, too.
    before: Option<(f64, u64)>,
}

/// A value of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    /// When it ended, nanoseconds since the UNIX epoch.
    pub at_ns: u64,
    /// What it is, as it is compared.
    pub value: f64,
    /// Shifts are looked for: it is not the time after a start.
    pub counts: bool,
    /// An alert is open about the series: it is not to be learned.
    pub is_open: bool,
}

/// A shift of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Turn {
    /// The sum of what is unusual in relation to the threshold: from 1 on it is no chance.
    pub sum: f64,
    /// When it began, nanoseconds since the UNIX epoch.
    pub since_ns: u64,
    /// What would be usual now.
    pub usual: f64,
    /// What it has been on average since it began.
    pub now: f64,
    /// It has lasted for so long that it is the usual from now on.
    pub is_usual: bool,
}

/// What is known of a series, for the next start.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Saved {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(uint64, tag = "2")]
    last_ns: u64,
    #[prost(double, tag = "3")]
    spread: f64,
    #[prost(double, tag = "4")]
    variance: f64,
    #[prost(float, repeated, tag = "5")]
    hours: Vec<f32>,
    /// Of shares: what parts there usually are.
    #[prost(btree_map = "string, double", tag = "6")]
    pub parts: BTreeMap<String, f64>,
}

impl Series {
    /// One of which nothing is known.
    pub fn new(habit: &'static Habit) -> Self {
        Self {
            habit,
            baseline: Baseline::new(habit),
            cusum: Cusum::default(),
            last: VecDeque::new(),
            frozen: 0,
            last_ns: 0,
            before: None,
        }
    }

    /// Takes a value. Returns the shift in which the series is; none if all is as usual, or not known yet.
    pub fn take(&mut self, value: &Value, limits: &Limits) -> Option<Turn> {
        let Value { at_ns, value, counts, is_open } = *value;
        // What was learned before the process ended may come again, from archives.
        if !value.is_finite() || at_ns <= self.last_ns && self.last_ns - at_ns < BACK_NS {
            return None;
        }
        if at_ns.abs_diff(self.last_ns) > FORGETS_NS {
            self.begin_anew();
        }
        self.last_ns = at_ns;
        let usual = self.baseline.usual(at_ns);
        // Peers come back within hours: what is between the usual of now and that of before is usual.
        let before = self.before.filter(|(_, until_ns)| at_ns < *until_ns).map(|(before, _)| before);
        let usual = usual.map(|usual| before.map_or(usual, |before| value.clamp(usual.min(before), usual.max(before))));
        match usual {
            Some(usual) if counts => {
                let z = self.baseline.z(value, usual);
                model::bounded::push(&mut self.last, value - usual, self.habit.in_a_row);
                let from_ns = at_ns.saturating_sub(self.habit.interval_ns);
                self.cusum.add(from_ns, z / self.baseline.blocks.factor(), value - usual, limits.sum);
            }
            _ => self.forget(),
        }
        let last = self.last_in_a_row();
        if is_open && last.zip(self.cusum.shift()).is_some_and(|(last, shift)| last / shift.off < OVER) {
            self.cusum.clear();
        }
        let turn = self.cusum.shift().zip(usual).map(|(shift, usual)| Turn {
            sum: (shift.sum / limits.sum).max(self.sharp(last, &shift, usual) / limits.value).min(2.0),
            since_ns: shift.since_ns,
            usual,
            now: usual + shift.off,
            is_usual: false,
        });
        // What may become an alert is not learned either.
        let is_frozen = is_open || turn.is_some_and(|turn| turn.sum > 0.5);
        self.frozen = if is_frozen { self.frozen + 1 } else { 0 };
        if self.frozen > self.habit.patience {
            self.begin_anew();
            self.baseline.learn(at_ns, value);
            return turn.map(|turn| Turn { is_usual: true, ..turn });
        }
        if !is_frozen {
            self.baseline.learn(at_ns, value);
        }
        turn
    }

    /// How far the last values were from the usual, by their median; none as long as there are too few.
    fn last_in_a_row(&self) -> Option<f64> {
        (self.last.len() >= self.habit.in_a_row).then(|| median(self.last.iter().copied()))
    }

    /// The same in the direction of a shift, in standard deviations.
    fn sharp(&self, last: Option<f64>, shift: &Shift, usual: f64) -> f64 {
        last.map_or(0.0, |last| self.baseline.z(usual + last, usual) * shift.off.signum())
    }

    fn forget(&mut self) {
        self.cusum.clear();
        self.last.clear();
    }

    /// Whether it is known what is usual.
    pub fn is_known(&self) -> bool {
        self.baseline.usual(self.last_ns).is_some()
    }

    /// The node was restarted.
    pub fn restarted(&mut self, at_ns: u64) {
        let before = self.before.filter(|(_, until_ns)| at_ns < *until_ns).map(|(before, _)| before);
        let before = before.or_else(|| self.baseline.usual(self.last_ns));
        self.before = before.map(|before| (before, at_ns.saturating_add(FORGETS_NS)));
        self.begin_anew();
    }

    /// The level is another one.
    fn begin_anew(&mut self) {
        self.baseline.begin_anew();
        self.forget();
        self.frozen = 0;
    }

    /// What is known of it, for the next start.
    pub fn saved(&self) -> Saved {
        let Baseline { hours, blocks, .. } = &self.baseline;
        Saved {
            version: VERSION,
            last_ns: self.last_ns,
            spread: self.baseline.spread(),
            variance: blocks.variance,
            hours: hours.saved(),
            parts: BTreeMap::new(),
        }
    }

    /// What was saved; one of which nothing is known if that was by another version.
    pub fn restored(habit: &'static Habit, saved: &Saved) -> Self {
        if saved.version != VERSION {
            return Self::new(habit);
        }
        let blocks = Blocks::new(saved.variance);
        let baseline = Baseline::restored(habit, Hours::restored(&saved.hours), saved.spread, blocks);
        Self { baseline, last_ns: saved.last_ns, ..Self::new(habit) }
    }
}
