//! A rate has changed.

use event::pb::alerts::Severity;
use model::{Context, Observer};

use super::counts::Counts;
use super::watch::{Rate, What};
use super::watched::{Kept, Watched};
use super::{YEAR_MINUTES, lasting};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::settings::Values;
use crate::sink::Sink;
use crate::statistics::{Limits, RATES, Saved, Series, Turn, Value};
use crate::subject::Subject;

parameters! {
    /// False alarms a year, of all watched rates of a node together.
    false_alarms: 2.0, "1/year", 0.001..=1e6, "With ten nodes, about one in two weeks. Limits are made of it: see alerts.md.";
    /// How many times as much as usual it must be, or how many times less.
    times: 1.75, "", 1.05..=1e6, "Less is rarely worth knowing, however certain it is.";
}

/// Finds rates that are not as usual.
pub(crate) struct RateChanged {
    me: Me,
    parameters: Parameters,
    limits: Limits,
    warm_up_ns: u64,
    pub(super) rates: Vec<Watched<Rate>>,
}

impl Detector for RateChanged {
    const ROW: Row = Row {
        name: "rate_changed",
        family: "statistical",
        severity: Severity::Info,
        title: "a rate is not as usual",
        sees: "How much there is of something in each minute, compared with what is usual: the mean of the last two hours, and after \
               three weeks that of the hour of the week. Nine minutes of which most are far from that, or a smaller shift that \
               lasts (CUSUM). What is watched, and how, is in alerts.md.",
        misses: "What grows over days. In the first two hours, and in the hour after a start, nothing. Five times as much is found \
                 after five minutes, twice as much after up to two hours, where minutes differ as usual. Whether it is \
                 an attack.",
        timing: Timing { after: 0, hold: 900, warm_up: 3_600 },
        parameters: Parameters::ALL,
        related: &[
            "rate_changed",
            "level_changed",
            "share_changed",
            "inbound_flood",
            "subnet_flood",
            "address_flood",
            "unique_addresses",
            "header_spam",
            "rejections",
            "orphan_flood",
            "replacement_cycling",
            "ping_spam",
            "getdata_loop",
            "inv_backlog",
            "reorg",
            "subnet_spy",
            "as_spy",
        ],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let rates: Vec<_> = values
            .watched()
            .iter()
            .filter_map(|watch| match watch.what {
                What::Rate(rate) => Some(Watched::new(rate, watch.name.clone())),
                _ => None,
            })
            .collect();
        let limits = Limits::new(YEAR_MINUTES * rates.len() as f64 / parameters.false_alarms);
        Self { me, parameters, limits, warm_up_ns: values.warm_up_ns(), rates }
    }
}

/// All is handed to it by its family, each minute.
impl Observer<Sink, Details> for RateChanged {}

impl Kept for Series {
    fn saved(&self) -> Saved {
        Series::saved(self)
    }

    fn is_known(&self) -> bool {
        Series::is_known(self)
    }

    fn restored(saved: Saved) -> Self {
        Series::restored(&RATES, &saved)
    }
}

impl RateChanged {
    /// A minute is over.
    pub fn minute(&mut self, counts: &Counts, context: &mut Context<Sink>) {
        let Self { me, parameters, limits, warm_up_ns, rates } = self;
        for Watched { what, name, series } in rates {
            let Some(count) = counts.rate(*what, context) else { continue };
            let subject = Subject::Series(name.clone());
            let value = Value {
                at_ns: context.time_ns,
                value: count.ln_1p(),
                counts: context.sink.since_start_ns(context.time_ns) >= *warm_up_ns,
                is_open: context.is_open(*me, &subject),
            };
            let series = series.get_or_insert_with(|| Box::new(Series::new(&RATES)));
            let Some(turn) = series.take(&value, limits) else { continue };
            let unit = if *what == Rate::AnnouncementsPerTransaction { "" } else { "1/min" };
            report(*me, subject, &turn, parameters.times, unit, context);
        }
    }

    /// The node was restarted.
    pub fn restarted(&mut self, at_ns: u64) {
        self.rates.iter_mut().filter_map(|watched| watched.series.as_mut()).for_each(|series| series.restarted(at_ns));
    }
}

fn report(me: Me, subject: Subject, turn: &Turn, times: f64, unit: &str, context: &mut Context<Sink>) {
    let off = turn.now - turn.usual;
    let score = turn.sum.min(off.abs() / times.ln());
    let (now, usual) = (turn.now.exp_m1().max(0.0), turn.usual.exp_m1().max(0.0));
    let now_ns = context.time_ns;
    context.report(me, if turn.is_usual { 2.0 } else { score }, || {
        let sentence = match turn.is_usual {
            true => "{subject}: {now} for {lasting}, where {usual} were usual. From now on this is the usual.",
            false => "{subject}: {now} for {lasting}, where {usual} were usual.",
        };
        // As above: one is added to both before they are compared.
        let threshold = if off > 0.0 { (usual + 1.0) * times - 1.0 } else { (usual + 1.0) / times - 1.0 };
        Finding::new(subject, sentence)
            .compared("now", now, unit, threshold.max(0.0))
            .number("usual", usual, unit)
            .number("lasting", lasting(turn, now_ns), "minutes")
            .since(turn.since_ns)
    });
}
