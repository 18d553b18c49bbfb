//! What is usual of a series, and how much it varies. What is far away counts as less far, so that an attack cannot lead it away.

use std::collections::VecDeque;

use super::habit::Habit;
use super::hours::Hours;
use super::median;

/// So many standard deviations are one median absolute deviation of normal data.
const NORMAL: f64 = 0.6745;
/// How far a value counts at most where it is learned, in standard deviations.
const CLIP: f64 = 3.0;
/// After so many values the spread is measured again.
const MEASURED: u32 = 30;
/// Values of a block.
const BLOCK: f64 = 30.0;

/// What is usual of a series.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    habit: &'static Habit,
    /// The level of values, and of what they are above what is usual at the hour.
    plain: Level,
    above: Level,
    pub hours: Hours,
    offs: VecDeque<f32>,
    spread: f64,
    measured: u32,
    pub blocks: Blocks,
}

/// An exponentially weighted mean. The first values count alike.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    mean: f64,
    values: f64,
}

impl Level {
    fn learn(&mut self, value: f64, memory: f64) {
        self.values += 1.0;
        self.mean += (value - self.mean) / self.values.min(memory);
    }
}

/// How much sums of values vary: values that follow each other add up. It is measured by blocks of values (batch means).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// The variance of sums of many values, in relation to that of independent ones of the spread that is measured.
    pub variance: f64,
    sum: f64,
    values: f64,
}

impl Blocks {
    /// As long as little is known, values are taken to follow each other.
    pub fn new(variance: f64) -> Self {
        let variance = if variance.is_finite() && variance > 0.0 { variance } else { 4.0 };
        Self { variance, sum: 0.0, values: 0.0 }
    }

    fn learn(&mut self, z: f64, memory: f64) {
        self.sum += z;
        self.values += 1.0;
        if self.values >= BLOCK {
            self.variance += (self.sum * self.sum / self.values - self.variance) * BLOCK / memory;
            (self.sum, self.values) = (0.0, 0.0);
        }
    }

    fn begin_anew(&mut self) {
        (self.sum, self.values) = (0.0, 0.0);
    }

    pub fn factor(&self) -> f64 {
        self.variance.max(1.0).sqrt()
    }
}

impl Baseline {
    pub fn new(habit: &'static Habit) -> Self {
        let (plain, above, hours, offs) = Default::default();
        Self { habit, plain, above, hours, offs, spread: 0.0, measured: 0, blocks: Blocks::new(0.0) }
    }

    /// What was saved: the level has to be found again.
    pub fn restored(habit: &'static Habit, hours: Hours, spread: f64, blocks: Blocks) -> Self {
        let spread = if spread.is_finite() { spread } else { 0.0 };
        Self { hours, spread, blocks, ..Self::new(habit) }
    }

    /// The spread, for the next start.
    pub fn spread(&self) -> f64 {
        self.spread
    }

    fn least(&self) -> usize {
        self.habit.window / 3
    }

    /// What is usual at the hour, if that counts yet.
    fn hour(&self, now_ns: u64) -> Option<f64> {
        self.hours.usual(now_ns).filter(|_| self.above.values * 12.0 >= self.habit.window as f64)
    }

    /// The usual value; none as long as too little is known.
    pub fn usual(&self, now_ns: u64) -> Option<f64> {
        if self.spread <= 0.0 {
            return None;
        }
        match self.hour(now_ns) {
            Some(hour) => Some(hour + self.above.mean),
            None => (self.plain.values * 12.0 >= self.habit.window as f64).then_some(self.plain.mean),
        }
    }

    /// How far a value is from the usual one, in standard deviations.
    pub fn z(&self, value: f64, usual: f64) -> f64 {
        let Habit { most, floor, .. } = self.habit;
        ((value - usual) / self.spread.max(floor(usual))).clamp(-most, *most)
    }

    /// Learns a value.
    pub fn learn(&mut self, now_ns: u64, value: f64) {
        let memory = self.habit.window as f64 * 4.0;
        let usual = self.usual(now_ns);
        let deviation = self.spread.max((self.habit.floor)(usual.unwrap_or(value)));
        let is_known = self.spread > 0.0;
        let clipped = |value: f64, mean: f64| {
            if is_known { value.clamp(mean - CLIP * deviation, mean + CLIP * deviation) } else { value }
        };
        if let Some(usual) = usual {
            self.blocks.learn(clipped(value - usual, 0.0) / deviation, memory);
        }
        let mut off = value - self.plain.mean;
        if let Some(by_hour) = self.habit.by_hour {
            if let Some(hour) = self.hours.usual(now_ns) {
                if self.hour(now_ns).is_some() {
                    off = value - hour - self.above.mean;
                }
                let above = value - hour;
                // A day after it began anew, it changes slowly.
                let memory = if self.above.values >= by_hour { by_hour } else { self.habit.memory };
                let mean = self.above.mean;
                let above = if self.above.values >= 1.0 { clipped(above, mean) } else { above };
                self.above.learn(above, memory);
            }
            self.hours.learn(now_ns, value);
        }
        if self.plain.values >= 1.0 {
            model::bounded::push(&mut self.offs, off as f32, self.habit.window);
            self.measured += 1;
        }
        let plain = if self.plain.values >= 1.0 { clipped(value, self.plain.mean) } else { value };
        self.plain.learn(plain, self.habit.memory);
        if self.measured >= MEASURED && self.offs.len() >= self.least() {
            self.measured = 0;
            let offs = || self.offs.iter().map(|off| f64::from(*off));
            let middle = median(offs());
            let deviation = median(offs().map(|off| (off - middle).abs())) / NORMAL;
            self.spread = deviation.max(f64::MIN_POSITIVE);
        }
    }

    /// The level is another one, and has to be found again.
    pub fn begin_anew(&mut self) {
        (self.plain, self.above) = Default::default();
        self.blocks.begin_anew();
    }
}
