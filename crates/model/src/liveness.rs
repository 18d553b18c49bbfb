//! Whether a node is there, and whether what reads it is: from what its extractors report, and from their silence.
//!
//! Each extractor publishes a status every second, and at once when it finds the node in another state. So three things are distinguished:
//! a node whose process has ended, one that is there and does not answer, and one of which nothing comes any more, because its
//! machine, its extractors or the way from there are gone. Silence is measured by the clock of whoever reads, from one tick to another,
//! since clocks of other machines may be off by more than the silence that counts.

use event::pb::observer::Status;
use event::pb::observer::node_state::State;
use event::{Kind, Source as Interface};
use smol_str::SmolStr;

use crate::Change;
use crate::bounds::{MAX_SOURCES, MAX_STATUS_INTERVAL_NS, MAX_TEXT, QUIET_NS, STATUS_INTERVAL_NS, STATUSES_MISSED};
use crate::text::cut;

/// What a node is doing, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeState {
    /// Nothing comes from any of its extractors, or none of them can see it.
    #[default]
    Unknown,
    /// Its process has ended, or nothing listens where it did.
    Down,
    /// It is there and does not answer.
    Hanging,
    /// It starts.
    Starting,
    /// It is there.
    Up,
}

impl NodeState {
    /// All states, the worst first.
    pub const ALL: [Self; 5] = [Self::Down, Self::Unknown, Self::Hanging, Self::Starting, Self::Up];

    /// Its name in the API and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Down => "down",
            Self::Hanging => "hanging",
            Self::Starting => "starting",
            Self::Up => "up",
        }
    }

    /// What the node does can be seen: it is there, and answers or will do so in a moment.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Up | Self::Starting)
    }
}

/// What an extractor is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceState {
    /// It reads the node.
    #[default]
    Up,
    /// It runs, and cannot read the node.
    Down,
    /// It has ended, and said so.
    Ended,
    /// Nothing comes from it: it, its machine, or the way from there is gone.
    Silent,
}

impl SourceState {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Ended => "ended",
            Self::Silent => "silent",
        }
    }
}

/// A state, since when, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition<S> {
    /// The state.
    pub state: S,
    /// Since when, nanoseconds since the UNIX epoch; 0 if nothing was ever seen.
    pub since_ns: u64,
    /// Why, for people; none if there is nothing to say, or nothing that the public may read.
    pub reason: Option<SmolStr>,
}

impl<S: Copy + PartialEq> Condition<S> {
    fn new(state: S, since_ns: u64, reason: Option<SmolStr>) -> Self {
        Self { state, since_ns: since_ns.max(1), reason }
    }

    /// Takes another condition, unless it is the same state: then only the reason. Returns the state before, if it was another one.
    fn take(&mut self, next: Self) -> Option<S> {
        if self.state == next.state && self.since_ns != 0 {
            self.reason = next.reason;
            return None;
        }
        let before = std::mem::replace(self, next).state;
        Some(before)
    }
}

/// An extractor of a node.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// What it is doing.
    pub condition: Condition<SourceState>,
    /// Its run; 0 if it counts none.
    pub run: u64,
    /// Time of its last status, by its own clock, nanoseconds since the UNIX epoch; 0 if it publishes none.
    pub status_ns: u64,
    /// Time of its last event, likewise; of P2P messages, not of each.
    event_ns: u64,
    /// So long after a status the next one is expected.
    interval_ns: u64,
    /// Its last status said that its run ended. Another run may follow at once.
    ended: bool,
    /// No other run followed until the last tick.
    over: bool,
    /// What it reports of the node.
    node: Option<Condition<State>>,
    /// Something came since the last tick.
    heard: bool,
    /// The last tick before which something came, by the reader's clock.
    heard_ns: u64,
    silent: bool,
}

impl Source {
    /// What it says of the node counts: it has not ended, and something comes from it.
    fn is_live(&self) -> bool {
        !self.over && !self.silent
    }

    /// Without anything from it for so long, it is gone.
    fn patience_ns(&self) -> u64 {
        if self.status_ns == 0 { QUIET_NS } else { self.interval_ns.saturating_mul(STATUSES_MISSED) }
    }

    fn last_ns(&self) -> u64 {
        self.status_ns.max(self.event_ns)
    }

    /// What it is doing, by what is known now.
    fn now(&self) -> Condition<SourceState> {
        let reason = self.node.as_ref().and_then(|node| node.reason.clone());
        if self.over {
            return Condition::new(SourceState::Ended, self.status_ns, reason);
        }
        if self.silent {
            return Condition::new(SourceState::Silent, self.last_ns(), None);
        }
        match &self.node {
            Some(node) if !matches!(node.state, State::Up | State::Starting) => {
                Condition::new(SourceState::Down, node.since_ns, reason)
            }
            Some(node) => Condition::new(SourceState::Up, node.since_ns, None),
            None => Condition::new(SourceState::Up, self.last_ns(), None),
        }
    }
}

/// Whether a node and its sources are there.
#[derive(Debug, Default)]
pub struct Liveness {
    node: Condition<NodeState>,
    /// By name, sorted.
    sources: Vec<(SmolStr, Source)>,
    /// A P2P message came since the last tick.
    traced: bool,
}

/// The extractor that reports events of a kind, by its name. None for events about extractors.
pub fn source_of(kind: Kind) -> Option<&'static str> {
    match (kind, kind.source()?) {
        (Kind::NodeProcess, _) => Some("process"),
        // Whether others can be reached does not show that the node is there.
        (_, Interface::Observer | Interface::Connectivity | Interface::Alerts | Interface::Chain) => None,
        (_, source) => Some(source.name()),
    }
}

impl Liveness {
    /// What the node is doing.
    pub fn node(&self) -> &Condition<NodeState> {
        &self.node
    }

    /// The extractors from which anything ever came, by name, sorted.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(name, source)| (name.as_str(), source))
    }

    /// An extractor by its name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        let place = self.sources.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.sources.get(place).map(|(_, source)| source)
    }

    /// Whether an extractor reads the node.
    pub fn is_up(&self, name: &str) -> bool {
        self.source(name).is_some_and(|source| source.condition.state == SourceState::Up)
    }

    /// A P2P message came. There are many: the first one after a tick counts.
    #[inline]
    pub(crate) fn message(&mut self, run: u64, time_ns: u64, changes: &mut Vec<Change>) {
        if !self.traced {
            self.traced = true;
            self.event(Kind::Message, run, time_ns, changes);
        }
    }

    /// An event came that is no P2P message.
    pub(crate) fn event(&mut self, kind: Kind, run: u64, time_ns: u64, changes: &mut Vec<Change>) {
        let Some(name) = source_of(kind) else { return };
        if self.heard(name, run, time_ns) {
            self.judge(changes);
        }
    }

    /// An extractor reported its status.
    pub(crate) fn status(&mut self, status: &Status, run: u64, time_ns: u64, changes: &mut Vec<Change>) {
        let Some(source) = self.of(&cut(&status.extractor, 32)) else { return };
        if source.run != run {
            // The end of the run before may come after the beginning of the new one.
            if status.ended && source.run != 0 {
                return;
            }
            *source = Source { run, condition: std::mem::take(&mut source.condition), ..Source::default() };
        }
        source.status_ns = time_ns;
        source.ended = status.ended;
        source.heard = true;
        source.silent = false;
        let interval_ns = status.interval_ms.map_or(STATUS_INTERVAL_NS, |ms| u64::from(ms) * 1_000_000);
        source.interval_ns = interval_ns.clamp(1, MAX_STATUS_INTERVAL_NS);
        source.node = status.node.as_ref().map(|node| {
            let reason = node.reason.as_ref().map(|reason| cut(reason, MAX_TEXT));
            Condition::new(node.state(), node.since_ns.min(time_ns), reason)
        });
        self.judge(changes);
    }

    /// Lets time pass. `now_ns` is the time of the reader's clock.
    pub(crate) fn tick(&mut self, now_ns: u64, changes: &mut Vec<Change>) {
        self.traced = false;
        for (_, source) in &mut self.sources {
            if std::mem::take(&mut source.heard) || source.heard_ns == 0 {
                source.heard_ns = now_ns;
                source.silent = false;
            } else if now_ns > source.heard_ns.saturating_add(source.patience_ns()) {
                source.silent = true;
            }
            source.over = source.ended;
        }
        self.judge(changes);
    }

    /// Notes that an event of an extractor came. Returns whether that is news: it was not known, or silent.
    fn heard(&mut self, name: &str, run: u64, time_ns: u64) -> bool {
        let Some(source) = self.of(name) else { return false };
        let is_new = source.last_ns() == 0;
        if source.status_ns == 0 {
            source.run = run;
        }
        // What is left of a run that has ended, or of the one before, does not revive it.
        if source.run != run || source.ended {
            return false;
        }
        source.event_ns = source.event_ns.max(time_ns);
        source.heard = true;
        std::mem::take(&mut source.silent) || is_new
    }

    fn of(&mut self, name: &str) -> Option<&mut Source> {
        let place = match self.sources.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(place) => place,
            Err(_) if self.sources.len() >= MAX_SOURCES => return None,
            Err(place) => {
                self.sources.insert(place, (name.into(), Source::default()));
                place
            }
        };
        self.sources.get_mut(place).map(|(_, source)| source)
    }

    /// Derives all conditions anew, and says which have changed.
    fn judge(&mut self, changes: &mut Vec<Change>) {
        for (name, source) in &mut self.sources {
            let is_new = source.condition.since_ns == 0;
            let next = source.now();
            if let Some(from) = source.condition.take(next) {
                let from = (!is_new).then_some(from);
                changes.push(Change::SourceState { source: name.clone(), from, to: source.condition.state });
            }
        }
        if let Some(next) = verdict(&self.sources) {
            let is_new = self.node.since_ns == 0;
            if let Some(from) = self.node.take(next) {
                let from = (!is_new).then_some(from);
                changes.push(Change::NodeState { from, to: self.node.state });
            }
        }
    }
}

/// What a source reports of the node.
struct Report<'a> {
    source: &'a str,
    node: &'a Condition<State>,
}

/// What the node is doing, by what its sources report. None if there are none.
fn verdict(sources: &[(SmolStr, Source)]) -> Option<Condition<NodeState>> {
    let live: Vec<&(SmolStr, Source)> = sources.iter().filter(|(_, source)| source.is_live()).collect();
    if live.is_empty() {
        return gone_with_its_sources(sources);
    }
    let reports: Vec<Report> =
        live.iter().filter_map(|(name, source)| Some(Report { source: name, node: source.node.as_ref()? })).collect();
    // Messages wait while the node is busy with a block, say, as long as it answers calls.
    let answers = reports.iter().any(|report| report.source == Interface::Rpc.name() && report.node.state == State::Up);
    let reports: Vec<Report> =
        reports.into_iter().filter(|report| !(answers && report.is_busy_with_messages())).collect();
    let first_of = |states: &[State]| {
        let found = reports.iter().filter(|report| states.contains(&report.node.state));
        found.min_by_key(|report| report.node.since_ns)
    };
    let is = |state, report: &Report| Condition::new(state, report.node.since_ns, report.node.reason.clone());
    // A source that has not noticed yet that the node is back, or gone, must not hide one that has.
    let newest = reports.iter().filter(|report| report.shows_the_process()).max_by_key(|report| report.node.since_ns);
    if let Some(report) = newest.filter(|report| report.node.state == State::Gone) {
        return Some(is(NodeState::Down, report));
    }
    if let Some(report) = first_of(&[State::Hanging]) {
        let seen = reports.iter().any(Report::shows_the_process);
        return Some(match silent(sources) {
            // Its machine may be gone, with the extractors that run there.
            Some(since_ns) if !seen => Condition::new(NodeState::Unknown, since_ns, report.node.reason.clone()),
            _ => is(NodeState::Hanging, report),
        });
    }
    if let Some(report) = first_of(&[State::Starting]) {
        return Some(is(NodeState::Starting, report));
    }
    if let Some(report) = newest {
        return Some(Condition::new(NodeState::Up, report.node.since_ns, None));
    }
    if let Some(report) = first_of(&[State::Denied]) {
        return Some(Condition::new(NodeState::Up, report.node.since_ns, None));
    }
    if let Some(report) = first_of(&[State::Unreachable]) {
        return Some(match silent(sources) {
            Some(since_ns) => Condition::new(NodeState::Unknown, since_ns, report.node.reason.clone()),
            None => is(NodeState::Down, report),
        });
    }
    // Only sources that do not see the process: a log that is written, extractors that report nothing of the node.
    let speaks = |(_, source): &&&(SmolStr, Source)| match &source.node {
        Some(node) => node.state == State::Up,
        None => source.event_ns > 0,
    };
    if let Some((_, source)) = live.iter().find(speaks) {
        return Some(Condition::new(NodeState::Up, source.last_ns(), None));
    }
    let report = first_of(&[State::Unreadable]);
    let since_ns = report.map(|report| report.node.since_ns);
    let since_ns = since_ns.or_else(|| live.iter().map(|(_, source)| source.last_ns()).min())?;
    Some(Condition::new(NodeState::Unknown, since_ns, report.and_then(|report| report.node.reason.clone())))
}

impl Report<'_> {
    /// Its messages wait: a P2P connection shows no more than that.
    fn is_busy_with_messages(&self) -> bool {
        self.source == Interface::P2p.name() && self.node.state == State::Hanging
    }

    /// It shows whether the node's process is there. A log that can be read does not.
    fn shows_the_process(&self) -> bool {
        match self.node.state {
            State::Gone => true,
            State::Up => self.source != Interface::Log.name(),
            _ => false,
        }
    }
}

/// Nothing comes from any source.
fn gone_with_its_sources(sources: &[(SmolStr, Source)]) -> Option<Condition<NodeState>> {
    let since_ns = sources.iter().map(|(_, source)| source.last_ns()).max()?;
    let ended = sources.iter().all(|(_, source)| source.over);
    let reason = if ended { "its extractors have ended" } else { "nothing comes from its extractors" };
    Some(Condition::new(NodeState::Unknown, since_ns, Some(reason.into())))
}

/// Since when sources have been silent, if any is.
fn silent(sources: &[(SmolStr, Source)]) -> Option<u64> {
    let silent = sources.iter().filter(|(_, source)| source.silent && !source.over);
    silent.map(|(_, source)| source.last_ns()).max()
}
