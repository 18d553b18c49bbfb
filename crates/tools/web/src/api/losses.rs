//! `api/losses`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Client;
use super::endpoint::{self, RequestContext};
use super::nodes::run;
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, known as known_time};
use crate::state::node::Node;
use crate::state::sources::Extractor;
use bus::Reason;

pub(crate) struct Endpoint;

/// A queue that is fuller than that is worth a word.
const FULL: f64 = 0.8;

/// What was lost, what waits, and what to do about it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Losses {
    /// What was lost in this process.
    stages: Vec<Stage>,
    /// What waits in this process.
    queues: Vec<Queue>,
    /// The last 100 times that events were missing, newest first.
    gaps: Vec<Gap>,
    /// Extractors, by node.
    sources: Vec<Source>,
    /// Who gets live events.
    clients: Vec<Client>,
    /// What is wrong, and what to do about it.
    advice: Vec<Advice>,
}

/// What was lost at one place in this process.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LossStage")]
pub(crate) struct Stage {
    /// The place.
    stage: String,
    /// `full`, `too_large`, `disconnected`, `slow_consumer`, `undecodable`, `unreadable`.
    reason: &'static str,
    /// How many events.
    count: u64,
}

/// Events that wait for a reader in this process.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Queue {
    /// Its name.
    name: String,
    /// Events that wait, or KiB of large ones.
    waiting: u64,
    /// How many may.
    capacity: u64,
}

/// Events that did not arrive.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Gap {
    /// The node.
    node: String,
    /// Id of the run, in hexadecimal.
    run: Option<String>,
    /// The extractor.
    source: Option<String>,
    /// How many.
    missing: u64,
    /// Where: `queue` (in this process) or `nats` (before it).
    stage: &'static str,
    /// When the last event before them happened.
    from: Option<Time>,
    /// When the first event after them happened.
    to: Time,
    /// The same, when they were found to be missing.
    time: Time,
}

/// An extractor of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Extractor")]
pub(crate) struct Source {
    /// The node.
    node: String,
    /// Its name.
    extractor: String,
    /// Whether it works.
    up: bool,
    /// When its last event happened.
    last_event: Option<Time>,
    /// When it last told how it does.
    last_status: Option<Time>,
    /// When it began.
    started: Option<Time>,
    /// It said that it ends.
    ended: bool,
    /// What it lost itself.
    dropped: Vec<Dropped>,
    /// What else it counts.
    counters: Vec<Counter>,
}

/// What an extractor lost.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LossDropped")]
pub(crate) struct Dropped {
    /// Where.
    stage: String,
    /// Why.
    reason: String,
    /// How many events.
    count: u64,
}

/// What an extractor counts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LossCounter")]
pub(crate) struct Counter {
    /// What.
    name: String,
    /// Of what.
    label: String,
    /// How many.
    value: f64,
}

/// What is wrong, and what to do about it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Advice {
    /// `warning` or `error`.
    severity: &'static str,
    /// What is wrong.
    what: String,
    /// What to do.
    #[serde(rename = "do")]
    remedy: String,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Losses;
    const PATH: &'static str = "losses";
    const TITLE: &'static str = "Losses and health";
    const ABOUT: &'static str =
        "What was lost anywhere between the nodes and here, what waits, and what to do about it.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Losses, ApiError> {
        let nodes = request.nodes()?;
        let bus = &request.state.bus;
        let mut stages = Vec::new();
        for stage in bus.accounts().stages() {
            for reason in Reason::ALL {
                let count = stage.dropped(reason);
                if count > 0 {
                    stages.push(Stage { stage: stage.name().to_owned(), reason: reason.name(), count });
                }
            }
        }
        let queues = bus.queues().into_iter();
        let queues: Vec<Queue> = queues
            .map(|level| Queue { name: level.name, waiting: level.waiting as u64, capacity: level.capacity as u64 })
            .collect();
        let mut gaps: Vec<Gap> = nodes.iter().flat_map(|(name, node)| gaps(name, node)).collect();
        gaps.sort_by_key(|gap| std::cmp::Reverse(gap.time));
        gaps.truncate(100);
        let sources = nodes.iter().flat_map(|(name, node)| {
            node.pages
                .sources
                .all()
                .into_iter()
                .map(move |(extractor, state)| source(name, extractor, state, request.now_ns))
        });
        let sources: Vec<Source> = sources.collect();
        let advice = advice(&stages, &queues, &sources, &gaps, request);
        Ok(Losses { stages, queues, gaps, sources, clients: request.clients.to_vec(), advice })
    }
}

fn gaps(name: &str, node: &Node) -> Vec<Gap> {
    let gap = |gap: &crate::state::sources::Gap| Gap {
        node: name.to_owned(),
        run: run(gap.run),
        source: node.pages.sources.name_of_run(gap.run).map(str::to_owned),
        missing: gap.missing,
        stage: gap.stage,
        from: gap.from_ns.map(Time),
        to: Time(gap.time_ns),
        time: Time(gap.time_ns),
    };
    node.pages.sources.gaps.iter().map(gap).collect()
}

fn source(node: &str, extractor: &str, state: &Extractor, now_ns: u64) -> Source {
    let dropped = state.dropped.iter().filter(|(.., count)| *count > 0);
    Source {
        node: node.to_owned(),
        extractor: extractor.to_owned(),
        up: state.is_up(now_ns),
        last_event: known_time(state.last_ns),
        last_status: known_time(state.status_ns),
        started: known_time(state.since_ns),
        ended: state.ended,
        dropped: dropped
            .map(|(stage, reason, count)| Dropped {
                stage: stage.to_string(),
                reason: reason.to_string(),
                count: *count,
            })
            .collect(),
        counters: state
            .counters
            .iter()
            .map(|(name, label, value)| Counter { name: name.to_string(), label: label.to_string(), value: *value })
            .collect(),
    }
}

fn advice(
    stages: &[Stage],
    queues: &[Queue],
    sources: &[Source],
    gaps: &[Gap],
    request: &RequestContext,
) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut say = |severity, what: String, remedy: &str| all.push(Advice { severity, what, remedy: remedy.to_owned() });
    for source in sources.iter().filter(|source| !source.up) {
        let Source { node, extractor, ended, .. } = source;
        if *ended {
            say(
                "error",
                format!("Extractor {extractor} of {node} has ended."),
                "Start it again; its own log tells why it ended.",
            );
        } else {
            let remedy = "Look whether it runs, and whether it reaches its node and NATS: peer-observer doctor tells.";
            say("error", format!("Nothing has been heard of extractor {extractor} of {node} for some time."), remedy);
        }
    }
    for source in sources {
        for dropped in &source.dropped {
            let Dropped { stage, reason, count } = dropped;
            let what =
                format!("Extractor {} of {} lost {count} events at {stage}: {reason}.", source.extractor, source.node);
            say("warning", what, remedy_of(stage, reason));
        }
    }
    for stage in stages {
        let what = format!("{} events were lost at {}: {}.", stage.count, stage.stage, stage.reason);
        say("warning", what, remedy_of(&stage.stage, stage.reason));
    }
    for queue in queues.iter().filter(|queue| queue.capacity > 0 && queue.waiting as f64 > FULL * queue.capacity as f64)
    {
        let what = format!("The queue of {} is nearly full: {} of {}.", queue.name, queue.waiting, queue.capacity);
        say(
            "warning",
            what,
            "If it stays so, events will be lost: give this machine more time for it, or observe fewer nodes with it.",
        );
    }
    let missing = gaps.iter().filter(|gap| gap.stage == "nats").map(|gap| gap.missing).sum::<u64>();
    if missing > 0 {
        let what = format!("{missing} events did not arrive through NATS of late.");
        say(
            "warning",
            what,
            "Look at the extractors' own losses, at the NATS server's log and at the connection between the machines.",
        );
    }
    let slow = request.clients.iter().filter(|client| client.dropped > 0).count();
    if slow > 0 {
        let what = format!("{slow} clients of live events are too slow and missed some; nobody else did.");
        say("warning", what, "Let them ask for less: fewer kinds, or the brief form.");
    }
    if sources.is_empty() {
        let remedy =
            "Start an extractor; with NATS, look whether extractors and this tool use the same server and prefix.";
        say("warning", "No extractor has told anything yet.".to_owned(), remedy);
    }
    all
}

/// What to do about a loss.
fn remedy_of(stage: &str, reason: &str) -> &'static str {
    match (stage, reason) {
        (stage, "full") if stage.contains("ring") || stage.contains("ebpf") => {
            "Enlarge the ring buffer of the tracepoints (ring_size in the configuration), or let them tell of fewer messages."
        }
        (_, "full") => {
            "A reader was too slow: give it more time, let it ask for less, or run it in a process of its own."
        }
        (_, "too_large") => "Raise max_payload of the NATS server.",
        (_, "disconnected") => "The connection to NATS broke: look at the server and the network.",
        (_, "slow_consumer") => "This process read too slowly from NATS: give it more time, or let it ask for less.",
        (_, "undecodable") => "A publisher sends what is no event, or a newer kind of event: update this program.",
        (_, "unreadable") => "The node wrote what could not be read: its version may be newer than this program.",
        _ => "See the manual, losses.",
    }
}
