//! How series of a kind behave.

use model::bounds::SECOND;

/// How series of a kind behave.
#[derive(Debug)]
pub(crate) struct Habit {
    /// How long a value is, nanoseconds.
    pub interval_ns: u64,
    /// Values of which the spread is measured; a third of them are needed.
    pub window: usize,
    /// About how many values the level is the mean of.
    pub memory: f64,
    /// The same where it is known what is usual at the hour of the week; none if that does not matter.
    pub by_hour: Option<f64>,
    /// How far a value counts at most where shifts are looked for, in standard deviations.
    pub most: f64,
    /// The median of so many values in a row counts, too: a single one may be anything.
    pub in_a_row: usize,
    /// After so many values in a shift, that is the usual.
    pub patience: u32,
    /// The least standard deviation, by the usual value: what hardly varied would else find any change infinitely unusual.
    pub floor: fn(f64) -> f64,
}

/// How much there is of something each minute, by `ln(1 + count)`: rates are heavy-tailed, and follow day and week.
pub(crate) static RATES: Habit = Habit {
    interval_ns: 60 * SECOND,
    window: 360,
    memory: 120.0,
    by_hour: Some(1_440.0),
    most: 10.0,
    in_a_row: 9,
    patience: 1_440,
    // A count that is random varies by its square root (Poisson).
    floor: |usual| (-usual / 2.0).exp().max(0.05),
};

/// How much a number changes within ten minutes, by `ln(1 + number)`.
pub(crate) static LEVELS: Habit = Habit {
    interval_ns: 600 * SECOND,
    window: 144,
    memory: 144.0,
    by_hour: None,
    most: 100.0,
    in_a_row: 1,
    patience: 144,
    floor: |_| 0.05,
};

/// How far shares are from the usual ones (Jensen-Shannon distance), each ten minutes.
pub(crate) static SHARES: Habit = Habit {
    interval_ns: 600 * SECOND,
    window: 144,
    memory: 144.0,
    by_hour: None,
    most: 10.0,
    in_a_row: 1,
    patience: 144,
    floor: |_| 0.01,
};
