//! What something is composed of has changed.

use std::collections::BTreeMap;

use event::message_types;
use event::names::NETWORKS;
use event::pb::alerts::{Severity, TextKind};
use model::{Context, Observer};

use super::counts::Counts;
use super::watch::{Share, What};
use super::watched::{Kept, Watched};
use super::{YEAR_MINUTES, lasting};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::statistics::{Limits, SHARES, Saved, Series, Value, distance};
use crate::subject::Subject;

/// Different parts that are counted; others count as one.
const MAX_PARTS: usize = 128;
/// The name of all others.
const OTHERS: &str = "other";
/// Bytes of the name of a part.
const MAX_NAME: usize = 64;
/// About how many values the usual shares are the mean of: those of half a day.
const MEMORY: f64 = 72.0;
/// What is a smaller part than this is forgotten.
const LEAST_PART: f64 = 1e-5;

parameters! {
    /// False alarms a year, of all watched shares of a node together.
    false_alarms: 1.0, "1/year", 0.001..=1e6, "With ten nodes, less than one a month. Limits are made of it: see alerts.md.";
    /// How much further than usual the shares must be from the usual ones (Jensen-Shannon distance).
    distance: 0.1, "", 0.001..=1.0, "A part that grows from one in a hundred to ten has 0.18, from ten to thirty 0.22.";
    /// How many there must be of what is composed.
    least: 200.0, "", 10.0..=1e9, "Shares of fewer differ by chance.";
}

/// Finds shares that are not as usual.
pub(crate) struct ShareChanged {
    me: Me,
    parameters: Parameters,
    limits: Limits,
    warm_up_ns: u64,
    pub(super) shares: Vec<Watched<Share, Parts>>,
}

/// Parts, and what they usually are.
#[derive(Debug)]
pub(super) struct Parts {
    /// How far shares are from the usual ones.
    series: Series,
    now: BTreeMap<String, f64>,
    usual: BTreeMap<String, f64>,
    /// Values that the usual shares are the mean of.
    values: f64,
}

impl Default for Parts {
    fn default() -> Self {
        Self { series: Series::new(&SHARES), now: BTreeMap::new(), usual: BTreeMap::new(), values: 0.0 }
    }
}

impl Kept for Parts {
    fn saved(&self) -> Saved {
        let mut saved = self.series.saved();
        saved.parts = self.usual.clone();
        saved
    }

    fn is_known(&self) -> bool {
        self.series.is_known()
    }

    fn restored(mut saved: Saved) -> Self {
        let usual = std::mem::take(&mut saved.parts);
        let usual: BTreeMap<_, _> = usual.into_iter().filter(|(_, share)| *share > 0.0 && *share <= 1.0).collect();
        let values = if usual.is_empty() { 0.0 } else { MEMORY };
        Self { series: Series::restored(&SHARES, &saved), usual, values, ..Self::default() }
    }
}

impl Parts {
    fn add(&mut self, part: &str, amount: f64) {
        let part = model::text::head(part, MAX_NAME);
        let part = if self.now.len() < MAX_PARTS || self.now.contains_key(part) { part } else { OTHERS };
        *self.now.entry(part.to_owned()).or_default() += amount;
    }

    /// How far the shares are from the usual ones, without what chance adds where there are few.
    fn distance(&self, all: f64) -> Option<f64> {
        let squared = distance(&self.now, &self.usual)?.powi(2);
        let others = self.now.keys().filter(|part| !self.usual.contains_key(*part)).count();
        let kinds = (self.usual.len() + others) as f64;
        let chance = (kinds - 1.0) / (8.0 * all * std::f64::consts::LN_2);
        Some((squared - chance).max(0.0).sqrt())
    }

    /// The part that has changed most: its share now, and the usual one.
    fn most(&self, all: f64) -> Option<(String, f64, f64)> {
        let of = |part: &String| {
            let share = |parts: &BTreeMap<String, f64>| parts.get(part).copied().unwrap_or_default();
            (part.clone(), share(&self.now) / all, share(&self.usual))
        };
        let parts = self.now.keys().chain(self.usual.keys()).map(of);
        parts.max_by(|(_, now, usual), (_, other, was)| (now - usual).abs().total_cmp(&(other - was).abs()))
    }

    fn learn(&mut self, all: f64) {
        self.values += 1.0;
        let weight = 1.0 / self.values.min(MEMORY);
        self.usual.values_mut().for_each(|share| *share *= 1.0 - weight);
        for (part, amount) in &self.now {
            *self.usual.entry(part.clone()).or_default() += weight * amount / all;
        }
        self.usual.retain(|_, share| *share > LEAST_PART);
    }
}

impl Detector for ShareChanged {
    const ROW: Row = Row {
        name: "share_changed",
        family: "statistical",
        severity: Severity::Info,
        title: "something is composed differently than usual",
        sees: "The shares of parts within ten minutes or more, such as the user agents of peers that connect, and how far they are \
               from the mean of the last half day (Jensen-Shannon distance), compared with how far they usually are. What is \
               watched, and how, is in alerts.md.",
        misses: "What changes over a day. In the first eight hours, and in the hour after a start, nothing. Of many small parts, one \
                 that becomes somewhat larger.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 3_600 },
        parameters: Parameters::ALL,
        related: &[
            "share_changed",
            "rate_changed",
            "inbound_flood",
            "subnet_flood",
            "address_flood",
            "unique_addresses",
            "future_addresses",
            "header_spam",
            "ping_spam",
            "subnet_spy",
            "as_spy",
        ],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let shares: Vec<_> = values
            .watched()
            .iter()
            .filter_map(|watch| match watch.what {
                What::Share(share) => Some(Watched::new(share, watch.name.clone())),
                _ => None,
            })
            .collect();
        let limits = Limits::new(YEAR_MINUTES / 10.0 * shares.len() as f64 / parameters.false_alarms);
        Self { me, parameters, limits, warm_up_ns: values.warm_up_ns(), shares }
    }
}

/// All is handed to it by its family.
impl Observer<Sink, Details> for ShareChanged {}

impl ShareChanged {
    /// Adds something to the parts of what is composed, if that is watched.
    pub fn add(&mut self, share: Share, part: &str) {
        if let Some(watched) = self.shares.iter_mut().find(|watched| watched.what == share) {
            watched.series.get_or_insert_default().add(part, 1.0);
        }
    }

    /// A minute is over: adds what was counted.
    pub fn minute(&mut self, counts: &Counts) {
        for watched in &mut self.shares {
            let mut add = |name: &str, count: f64| {
                if count > 0.0 {
                    watched.series.get_or_insert_default().add(name, count);
                }
            };
            let types = || message_types::ALL.iter().map(|known| known.name).chain([OTHERS]);
            match watched.what {
                Share::TypesReceived => types().zip(counts.received).for_each(|(name, count)| add(name, count)),
                Share::TypesSent => types().zip(counts.sent).for_each(|(name, count)| add(name, count)),
                Share::AddressAges => counts.ages().for_each(|(name, count)| add(name, count)),
                Share::UserAgents | Share::Networks => {}
            }
        }
    }

    /// Ten minutes are over.
    pub fn look(&mut self, context: &mut Context<Sink>) {
        let Self { me, parameters, limits, warm_up_ns, shares } = self;
        let now_ns = context.time_ns;
        for Watched { what, name, series } in shares {
            let Some(parts) = series.as_mut() else { continue };
            let all: f64 = parts.now.values().sum();
            if all < parameters.least {
                continue;
            }
            let subject = Subject::Series(name.clone());
            let is_open = context.is_open(*me, &subject);
            let counts = context.sink.since_start_ns(now_ns) >= *warm_up_ns;
            let turn = parts.distance(all).and_then(|value| {
                let value = Value { at_ns: now_ns, value, counts, is_open };
                parts.series.take(&value, limits)
            });
            // Shares that are nearer to the usual than usual are no news.
            let turn = turn.filter(|turn| turn.now > turn.usual);
            if let Some(turn) = &turn
                && let Some((part, share, usual)) = parts.most(all)
            {
                let score = turn.sum.min((turn.now - turn.usual) / parameters.distance);
                let kind = if *what == Share::UserAgents { TextKind::UserAgent } else { TextKind::Word };
                let threshold = turn.usual + parameters.distance;
                context.report(*me, if turn.is_usual { 2.0 } else { score }, || {
                    let sentence = match turn.is_usual {
                        true => "{subject}: {part} is {now}, where {usual} was usual. From now on this is the usual.",
                        false => "{subject}: {part} is {now}, where {usual} was usual, for {lasting}.",
                    };
                    Finding::new(subject, sentence)
                        .text("part", kind, &part)
                        .number("now", share, "share")
                        .number("usual", usual, "share")
                        .number("all", all, "")
                        .compared("distance", turn.now, "", threshold)
                        .number("lasting", lasting(turn, now_ns), "minutes")
                        .since(turn.since_ns)
                });
            }
            match turn {
                Some(turn) if turn.is_usual => parts.values = 0.0,
                Some(turn) if turn.sum > 0.5 || is_open => {
                    parts.now.clear();
                    continue;
                }
                _ => {}
            }
            parts.learn(all);
            parts.now.clear();
        }
    }

    /// What was counted is not whole.
    pub fn forget(&mut self) {
        self.shares.iter_mut().filter_map(|watched| watched.series.as_mut()).for_each(|parts| parts.now.clear());
    }
}

/// The part that a network is, by its name.
pub(super) fn network(name: &str) -> &str {
    if NETWORKS.contains(&name) { name } else { OTHERS }
}
