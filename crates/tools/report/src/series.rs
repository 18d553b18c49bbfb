//! How much happened when: counts by time, of what belongs to an incident and of the rest.

use event::message::{Message, Payload};
use event::pb::log_extractor::LogLevel;
use event::{Body, Kind, Record, Source};

/// Steps of a time line at most.
const MAX_STEPS: u64 = 120;
/// Lengths of a step that people can read, in seconds.
const STEPS_S: [u64; 12] = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800];
const SECOND_NS: u64 = 1_000_000_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Opened,
    Closed,
    Messages,
    Bytes,
    Addresses,
    Announced,
    Transactions,
    Blocks,
    Removed,
    Rejected,
    Logged,
    Warned,
    Events,
}

impl Measure {
    pub const ALL: [Self; 13] = [
        Self::Opened,
        Self::Closed,
        Self::Messages,
        Self::Bytes,
        Self::Addresses,
        Self::Announced,
        Self::Transactions,
        Self::Blocks,
        Self::Removed,
        Self::Rejected,
        Self::Logged,
        Self::Warned,
        Self::Events,
    ];

    /// What it is, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Opened => "Connections opened",
            Self::Closed => "Connections closed",
            Self::Messages => "Messages received",
            Self::Bytes => "Bytes received in messages",
            Self::Addresses => "Addresses received in gossip",
            Self::Announced => "Transactions and blocks announced to the node",
            Self::Transactions => "Transactions received",
            Self::Blocks => "Blocks, compact blocks and headers received",
            Self::Removed => "Transactions removed from the mempool",
            Self::Rejected => "Transactions refused",
            Self::Logged => "Entries of debug.log",
            Self::Warned => "Warnings and errors in debug.log",
            Self::Events => "Events of all kinds",
        }
    }

    /// What is shown of an incident with alerts of a family.
    pub fn of_family(family: &str) -> &'static [Self] {
        match family {
            "addresses" => &[Self::Addresses, Self::Messages, Self::Opened],
            "spies" => &[Self::Opened, Self::Closed, Self::Announced],
            "connections" => &[Self::Opened, Self::Closed, Self::Messages],
            "protocol" => &[Self::Messages, Self::Bytes],
            "blocks" => &[Self::Blocks, Self::Bytes],
            "mempool" => &[Self::Transactions, Self::Removed, Self::Rejected],
            "eclipse" => &[Self::Opened, Self::Closed, Self::Blocks],
            "load" => &[Self::Messages, Self::Bytes, Self::Announced],
            "log" => &[Self::Logged, Self::Warned],
            "statistical" => &[Self::Messages, Self::Opened, Self::Events],
            _ => &[Self::Events],
        }
    }
}

/// Counts in a step.
type Counts = [[u64; 2]; Measure::ALL.len()];

/// Counts by time.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// When the first step begins, in nanoseconds since the UNIX epoch.
    pub start_ns: u64,
    /// How long each is.
    pub step_ns: u64,
    counts: Vec<Counts>,
    /// Tracepoints show the messages and connections of a node: what debug.log repeats of them is not counted again.
    has_tracepoints: bool,
}

impl Series {
    /// For a time.
    pub fn new(from_ns: u64, to_ns: u64) -> Self {
        let length = to_ns.saturating_sub(from_ns) / SECOND_NS;
        let fits = |step: &u64| length / step < MAX_STEPS;
        let step = STEPS_S.into_iter().find(fits).unwrap_or_else(|| length.div_ceil(MAX_STEPS - 1));
        let step_ns = step.max(1) * SECOND_NS;
        let start_ns = from_ns - from_ns % step_ns;
        let steps = (to_ns.saturating_sub(start_ns) / step_ns + 1).min(MAX_STEPS + 2);
        Self { start_ns, step_ns, counts: vec![Counts::default(); steps as usize], has_tracepoints: false }
    }

    /// Counts an event, which belongs to the incident or not.
    pub fn add(&mut self, record: &Record, is_tied: bool) {
        let envelope = record.envelope();
        let Some(index) = envelope.time_ns.checked_sub(self.start_ns).map(|since| since / self.step_ns) else { return };
        let Some(counts) = self.counts.get_mut(index as usize) else { return };
        let mut count = |measure: Measure, more: u64| {
            if let Some([tied, other]) = counts.get_mut(measure as usize) {
                let counted = if is_tied { tied } else { other };
                *counted = counted.saturating_add(more);
            }
        };
        count(Measure::Events, 1);
        match envelope.kind {
            Kind::Message => {
                self.has_tracepoints = true;
                if let Some(message) = Message::of(record).filter(|message| message.inbound) {
                    count(Measure::Messages, 1);
                    count(Measure::Bytes, message.size);
                    match message.payload {
                        Payload::Addr(list) | Payload::AddrV2(list) => count(Measure::Addresses, list.count() as u64),
                        Payload::Inv(items) => count(Measure::Announced, items.count() as u64),
                        Payload::Tx(_) => count(Measure::Transactions, 1),
                        Payload::Block(_) | Payload::CompactBlock(_) | Payload::Headers(_) => count(Measure::Blocks, 1),
                        _ => {}
                    }
                }
            }
            Kind::InboundConnection | Kind::OutboundConnection => {
                self.has_tracepoints = true;
                count(Measure::Opened, 1);
            }
            Kind::ClosedConnection => count(Measure::Closed, 1),
            Kind::PeerConnected if !self.has_tracepoints => count(Measure::Opened, 1),
            Kind::PeerDisconnected if !self.has_tracepoints => count(Measure::Closed, 1),
            Kind::MessageReceived if !self.has_tracepoints => {
                count(Measure::Messages, 1);
                count(Measure::Bytes, envelope.size.unwrap_or_default());
            }
            Kind::MempoolRemoved => count(Measure::Removed, 1),
            Kind::MempoolRejected => count(Measure::Rejected, 1),
            _ => {}
        }
        if envelope.kind.source() == Some(Source::Log) {
            count(Measure::Logged, 1);
            if let Some(Body::LogExtractor(log)) = record.body()
                && matches!(log.log_level(), LogLevel::Warning | LogLevel::Error)
            {
                count(Measure::Warned, 1);
            }
        }
    }

    /// Whether messages and connections are those that tracepoints showed.
    pub fn has_tracepoints(&self) -> bool {
        self.has_tracepoints
    }

    /// Whether anything was counted.
    pub fn has(&self, measure: Measure) -> bool {
        self.of(measure).any(|counts| counts != [0; 2])
    }

    /// For each step, how much belongs to the incident, and how much does not.
    pub fn of(&self, measure: Measure) -> impl Iterator<Item = [u64; 2]> {
        self.counts.iter().map(move |counts| counts.get(measure as usize).copied().unwrap_or_default())
    }
}
