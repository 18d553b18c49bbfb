//! A number has changed more quickly than usual.

use std::collections::VecDeque;

use event::pb::alerts::Severity;
use model::bounded::push;
use model::{Context, Observer, Peers};

use super::counts::Counts;
use super::watch::{Level, What};
use super::watched::{Kept, Watched};
use super::{YEAR_MINUTES, lasting};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::statistics::{LEVELS, Limits, Saved, Series, Value};
use crate::subject::Subject;

/// Values that are remembered, one each ten minutes: those of a day.
const MAX_VALUES: usize = 144;

parameters! {
    /// False alarms a year, of all watched levels of a node together.
    false_alarms: 1.0, "1/year", 0.001..=1e6, "With ten nodes, less than one a month. Limits are made of it: see alerts.md.";
    /// How many times as much as before it must be, or how many times less.
    times: 2.0, "", 1.05..=1e6, "The number of inbound peers halves when a crawler leaves, which is worth knowing.";
}

/// Finds numbers that change quickly.
pub(crate) struct LevelChanged {
    me: Me,
    parameters: Parameters,
    limits: Limits,
    warm_up_ns: u64,
    pub(super) levels: Vec<Watched<Level, Changes>>,
}

/// How much a level changes in ten minutes, and what it was.
#[derive(Debug)]
pub(super) struct Changes {
    series: Series,
    /// When, and what it was.
    values: VecDeque<(u64, f64)>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { series: Series::new(&LEVELS), values: VecDeque::new() }
    }
}

impl Kept for Changes {
    fn saved(&self) -> Saved {
        self.series.saved()
    }

    fn is_known(&self) -> bool {
        self.series.is_known()
    }

    fn restored(saved: Saved) -> Self {
        Self { series: Series::restored(&LEVELS, &saved), ..Self::default() }
    }
}

impl Detector for LevelChanged {
    const ROW: Row = Row {
        name: "level_changed",
        family: "statistical",
        severity: Severity::Info,
        title: "a number changes more quickly than usual",
        sees: "By how much a number changes in ten minutes, compared with what it usually does: one jump, or a slide that lasts \
               (CUSUM). What is watched, and how, is in alerts.md.",
        misses: "What changes over many hours. In the first eight hours, and in the six hours after a start, nothing: \
                 peers come back slowly.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 21_600 },
        parameters: Parameters::ALL,
        related: &[
            "level_changed",
            "mempool_jump",
            "orphan_flood",
            "inbound_drop",
            "outbound_drop",
            "as_drop",
            "reorg",
        ],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let levels: Vec<_> = values
            .watched()
            .iter()
            .filter_map(|watch| match watch.what {
                What::Level(level) => Some(Watched::new(level, watch.name.clone())),
                _ => None,
            })
            .collect();
        let limits = Limits::new(YEAR_MINUTES / 10.0 * levels.len() as f64 / parameters.false_alarms);
        Self { me, parameters, limits, warm_up_ns: values.warm_up_ns(), levels }
    }
}

/// All is handed to it by its family, each ten minutes.
impl Observer<Sink, Details> for LevelChanged {}

impl LevelChanged {
    /// Ten minutes are over.
    pub fn look(&mut self, counts: &Counts, peers: &Peers<Details>, context: &mut Context<Sink>) {
        let Self { me, parameters, limits, warm_up_ns, levels } = self;
        let now_ns = context.time_ns;
        for Watched { what, name, series } in levels {
            let Some(level) = counts.level(*what, peers, context) else { continue };
            let Changes { series, values } = &mut **series.get_or_insert_default();
            let before = values.back().copied();
            push(values, (now_ns, level), MAX_VALUES);
            // What it was longer ago says nothing of the last ten minutes.
            let Some((at_ns, before)) = before else { continue };
            if now_ns.saturating_sub(at_ns) > LEVELS.interval_ns {
                continue;
            }
            let subject = Subject::Series(name.clone());
            let value = Value {
                at_ns: now_ns,
                value: level.ln_1p() - before.ln_1p(),
                counts: context.sink.since_start_ns(now_ns) >= *warm_up_ns,
                is_open: context.is_open(*me, &subject),
            };
            let Some(turn) = series.take(&value, limits) else { continue };
            let begin = values.iter().rev().find(|(at_ns, _)| *at_ns <= turn.since_ns).or(values.front());
            let was = begin.map_or(before, |(_, value)| *value);
            let off = (level.ln_1p() - was.ln_1p()).abs();
            let score = turn.sum.min(off / parameters.times.ln());
            let (times, unit) = (parameters.times, what.unit());
            context.report(*me, score, || {
                let threshold = if level > was { (was + 1.0) * times - 1.0 } else { (was + 1.0) / times - 1.0 };
                let sentence = "{subject}: {now}, where there were {before} {lasting} ago.";
                Finding::new(subject, sentence)
                    .compared("now", level, unit, threshold.max(0.0))
                    .number("before", was, unit)
                    .number("lasting", lasting(&turn, now_ns), "minutes")
                    .since(turn.since_ns)
            });
        }
    }

    /// The node was restarted.
    pub fn restarted(&mut self, at_ns: u64) {
        for changes in self.levels.iter_mut().filter_map(|watched| watched.series.as_mut()) {
            changes.series.restarted(at_ns);
            changes.values.clear();
        }
    }
}
