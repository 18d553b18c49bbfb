//! `api/losses`.

use std::collections::{BTreeMap, BTreeSet};

use model::{NodeState, SourceState, liveness};
use schemars::JsonSchema;
use serde::Serialize;

use super::Client;
use super::endpoint::{self, RequestContext};
use super::happenings::{node_words, source_words, with_reason};
use super::nodes::run;
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, nonzero_time};
use crate::state::node::Node;
use crate::state::sources::{Extractor, Figures};
use bus::Reason;

pub(crate) struct Endpoint;

/// A queue that is filled beyond this share of its capacity leads to a warning.
const FULL: f64 = 0.8;
/// The extractors that a node usually has. Others are missing only if another node has them.
const USUAL: [&str; 4] = ["ebpf", "log", "process", "rpc"];

/// Lost events, queues and extractors, and advice.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Losses {
    /// Number of events lost in this process, by stage and reason.
    stages: Vec<Stage>,
    /// Queues of this process.
    queues: Vec<Queue>,
    /// The last 100 gaps in the sequence of events, newest first.
    gaps: Vec<Gap>,
    /// Extractors of each node.
    sources: Vec<Source>,
    /// Extractors that have not reported anything: the usual ones (`ebpf`, `log`, `process`, `rpc`), and those that another node has.
    missing: Vec<Missing>,
    /// Processes of the extractors, with what belongs to no single extractor of a node.
    processes: Vec<Process>,
    /// Number of browsers whose pages asked for something within the last minute.
    browsers: u64,
    /// Clients of the live feed. A browser has one for each page that shows live events.
    clients: Vec<Client>,
    /// Advice: problems that were found, and their remedies.
    advice: Vec<Advice>,
}

/// Events lost at one stage of this process for one reason.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LossStage")]
pub(crate) struct Stage {
    /// Name of the stage.
    stage: String,
    /// `full`, `too_large`, `disconnected`, `slow_consumer`, `undecodable`, `unreadable`, `forbidden` or `misnamed`.
    reason: &'static str,
    /// Number of events.
    count: u64,
}

/// A queue of this process.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Queue {
    /// Name of the queue.
    name: String,
    /// Fill level: number of events, or of KiB if they are large.
    waiting: u64,
    /// Maximum fill level.
    capacity: u64,
}

/// A gap in the sequence of events of an extractor.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Gap {
    /// Name of the node.
    node: String,
    /// Id of the extractor's run, in hexadecimal.
    run: Option<String>,
    /// Name of the extractor. Null if it is not known.
    source: Option<String>,
    /// Number of missing events.
    missing: u64,
    /// Where they were lost: `queue` (in this process), `nats` (before they reached it), or `history` (they are not in the archive that the memory was
    /// filled from, and did not come live).
    stage: &'static str,
    /// Time of the last event before the gap. Null if it is not known.
    from: Option<Time>,
    /// Time of the first event after the gap.
    to: Time,
    /// When the gap was detected: the same as `to`.
    time: Time,
}

/// An extractor of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Extractor")]
pub(crate) struct Source {
    /// Name of the node.
    node: String,
    /// Name of the extractor.
    extractor: String,
    /// Whether it is up: it reads the node.
    up: bool,
    /// Why it is not up, in words. Null if it is up, if there is nothing to say, and in the public mode.
    why: Option<String>,
    /// Time of its last event.
    last_event: Option<Time>,
    /// Time of its last status report.
    last_status: Option<Time>,
    /// When it started.
    started: Option<Time>,
    /// Whether it reported that it ended.
    ended: bool,
    /// Id of its process, in hexadecimal. Null if it has not reported its status.
    process: Option<String>,
    /// Events that it dropped itself.
    dropped: Vec<Dropped>,
    /// Its other counters.
    counters: Vec<Counter>,
}

/// An extractor that has not reported anything of a node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MissingExtractor")]
pub(crate) struct Missing {
    /// Name of the node.
    node: String,
    /// Name of the extractor.
    extractor: String,
}

/// A process of extractors.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExtractorProcess")]
pub(crate) struct Process {
    /// Id of the process, in hexadecimal.
    id: String,
    /// Whether it is the process that answers. Its losses are those in `stages`.
    own: bool,
    /// Names of its extractors.
    extractors: Vec<String>,
    /// Names of the nodes that they observe.
    nodes: Vec<String>,
    /// Events that were dropped in what its extractors share: its connection to NATS, its queues, its tracepoints.
    dropped: Vec<Dropped>,
    /// Its other counters.
    counters: Vec<Counter>,
}

/// Events that an extractor dropped at one stage for one reason.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LossDropped")]
pub(crate) struct Dropped {
    /// Name of the stage.
    stage: String,
    /// The reason.
    reason: String,
    /// Number of events.
    count: u64,
}

/// A counter of an extractor.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LossCounter")]
pub(crate) struct Counter {
    /// Name of the counter.
    name: String,
    /// Values of its labels, separated by commas, or an empty string.
    label: String,
    /// Value of the counter.
    value: f64,
}

/// A problem that was found, and its remedy.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Advice {
    /// `warning` or `error`.
    severity: &'static str,
    /// The problem.
    what: String,
    /// The remedy.
    #[serde(rename = "do")]
    remedy: String,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Losses;
    const PATH: &'static str = "losses";
    const TITLE: &'static str = "Losses and health";
    const ABOUT: &'static str = "Events that were lost between the nodes and this tool, fill levels of queues, the state of the extractors, and advice.";
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
        let sources =
            nodes.iter().flat_map(|(name, node)| {
                node.pages.sources.all().into_iter().map(move |(extractor, state)| {
                    source(name, extractor, state, node.model.liveness.source(extractor))
                })
            });
        let sources: Vec<Source> = sources.collect();
        let missing = missing(&nodes, &sources);
        let processes = processes(&nodes, bus.accounts().process());
        let advice = advice(&stages, &queues, &sources, &processes, &gaps, request);
        let (browsers, clients) = (request.browsers as u64, request.clients.to_vec());
        Ok(Losses { stages, queues, gaps, sources, missing, processes, browsers, clients, advice })
    }
}

fn missing(nodes: &[(&str, &Node)], sources: &[Source]) -> Vec<Missing> {
    let seen: BTreeSet<_> = sources.iter().map(|source| (source.node.as_str(), source.extractor.as_str())).collect();
    let wanted: BTreeSet<_> = seen.iter().map(|(_, extractor)| *extractor).chain(USUAL).collect();
    let all = nodes.iter().flat_map(|(node, _)| wanted.iter().map(move |extractor| (*node, *extractor)));
    all.filter(|pair| !seen.contains(pair))
        .map(|(node, extractor)| Missing { node: node.to_owned(), extractor: extractor.to_owned() })
        .collect()
}

/// The processes of all extractors. `own` is the id of the process that answers.
fn processes(nodes: &[(&str, &Node)], own: u64) -> Vec<Process> {
    let mut by_id = BTreeMap::<u64, (u64, Process)>::new();
    for (node, extractor, state) in nodes.iter().flat_map(|(name, node)| {
        node.pages.sources.all().into_iter().map(move |(extractor, state)| (*name, extractor, state))
    }) {
        let Some((id, figures)) = &state.process else { continue };
        let (latest_ns, process) = by_id.entry(*id).or_insert_with(|| {
            let (extractors, nodes) = (Vec::new(), Vec::new());
            let id_text = format!("{id:x}");
            (0, Process { id: id_text, own: *id == own, extractors, nodes, dropped: vec![], counters: vec![] })
        });
        for (names, name) in [(&mut process.extractors, extractor), (&mut process.nodes, node)] {
            if let Err(place) = names.binary_search_by(|known| known.as_str().cmp(name)) {
                names.insert(place, name.to_owned());
            }
        }
        // Each status of a process has the same figures: the newest ones count.
        if state.status_ns >= *latest_ns {
            *latest_ns = state.status_ns;
            process.dropped = dropped(figures);
            process.counters = counters(figures);
        }
    }
    by_id.into_values().map(|(_, process)| process).collect()
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

fn source(node: &str, extractor: &str, state: &Extractor, liveness: Option<&liveness::Source>) -> Source {
    let condition = liveness.map(|source| &source.condition);
    Source {
        node: node.to_owned(),
        extractor: extractor.to_owned(),
        up: condition.is_some_and(|condition| condition.state == SourceState::Up),
        why: condition.and_then(|condition| condition.reason.as_ref()).map(ToString::to_string),
        last_event: nonzero_time(state.last_ns),
        last_status: nonzero_time(state.status_ns),
        started: nonzero_time(state.since_ns),
        ended: state.ended,
        process: state.process.as_ref().map(|(id, _)| format!("{id:x}")),
        dropped: dropped(&state.figures),
        counters: counters(&state.figures),
    }
}

fn dropped(figures: &Figures) -> Vec<Dropped> {
    let lost = figures.dropped.iter();
    lost.map(|(stage, reason, count)| Dropped { stage: stage.to_string(), reason: reason.to_string(), count: *count })
        .collect()
}

fn counters(figures: &Figures) -> Vec<Counter> {
    let counters = figures.counters.iter();
    counters
        .map(|(name, label, value)| Counter { name: name.to_string(), label: label.to_string(), value: *value })
        .collect()
}

fn advice(
    stages: &[Stage],
    queues: &[Queue],
    sources: &[Source],
    processes: &[Process],
    gaps: &[Gap],
    request: &RequestContext,
) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut advise =
        |severity, what: String, remedy: &str| all.push(Advice { severity, what, remedy: remedy.to_owned() });
    let nodes = request.nodes().unwrap_or_default();
    for (node, state) in nodes.iter().map(|(name, node)| (name, node.model.liveness.node())) {
        if !state.state.is_alive() && state.since_ns > 0 {
            let what = with_reason(node_words(state.state), state.reason.as_deref());
            advise("error", format!("{node}: {what}"), remedy_of_node(state.state));
        }
    }
    for (node, name, extractor) in nodes.iter().flat_map(|(name, node)| {
        let alive = node.model.liveness.node().state.is_alive();
        let sources = node.model.liveness.sources().filter(move |_| alive);
        sources.map(move |(source, extractor)| (name, source, extractor))
    }) {
        let condition = &extractor.condition;
        let remedy = match condition.state {
            SourceState::Up => continue,
            SourceState::Down => "Run peer-observer doctor there: it says what is missing, and what enables it.",
            SourceState::Ended => "Start it again; its own log has the reason why it ended.",
            SourceState::Silent => "Look whether it runs, and whether it reaches NATS.",
        };
        let what = format!("The extractor {name} of {node} {}", source_words(condition.state));
        advise("error", with_reason(&what, condition.reason.as_deref()), remedy);
    }
    for source in sources {
        for dropped in &source.dropped {
            let Dropped { stage, reason, count } = dropped;
            let what =
                format!("Extractor {} of {} lost {count} events at {stage}: {reason}.", source.extractor, source.node);
            advise("warning", what, remedy_of(stage, reason));
        }
    }
    for process in processes.iter().filter(|process| !process.own) {
        let extractors = process.extractors.join(", ");
        for Dropped { stage, reason, count } in &process.dropped {
            let what = format!("The process of the extractors {extractors} lost {count} events at {stage}: {reason}.");
            advise("warning", what, remedy_of(stage, reason));
        }
    }
    let by_sources: BTreeSet<&str> =
        sources.iter().flat_map(|source| &source.dropped).map(|dropped| dropped.stage.as_str()).collect();
    for stage in stages.iter().filter(|stage| !by_sources.contains(stage.stage.as_str())) {
        let what = format!("{} events were lost at {}: {}.", stage.count, stage.stage, stage.reason);
        advise("warning", what, remedy_of(&stage.stage, stage.reason));
    }
    for queue in queues.iter().filter(|queue| queue.capacity > 0 && queue.waiting as f64 > FULL * queue.capacity as f64)
    {
        let what = format!("The queue of {} is nearly full: {} of {}.", queue.name, queue.waiting, queue.capacity);
        advise(
            "warning",
            what,
            "If it stays so, events will be lost: give this process more processor time, or observe fewer nodes with it.",
        );
    }
    let missing = gaps.iter().filter(|gap| gap.stage == "nats").map(|gap| gap.missing).sum::<u64>();
    if missing > 0 {
        let what = format!("{missing} events did not arrive through NATS recently.");
        advise(
            "warning",
            what,
            "Look at the extractors' own losses, at the NATS server's log and at the connection between the machines.",
        );
    }
    let slow = request.clients.iter().filter(|client| client.dropped > 0).count();
    if slow > 0 {
        let what = format!("{slow} clients of live events are too slow and missed some; no other client is affected.");
        advise("warning", what, "Let them subscribe to fewer kinds of events, or to the brief form.");
    }
    if sources.is_empty() {
        let remedy =
            "Start an extractor; with NATS, check that extractors and this tool use the same server and prefix.";
        advise("warning", "No extractor has reported anything yet.".to_owned(), remedy);
    }
    all
}

/// The remedy for a node that is away.
fn remedy_of_node(state: NodeState) -> &'static str {
    match state {
        NodeState::Down => "Look at the end of its debug.log and at the kernel log (out of memory), and start it.",
        NodeState::Hanging => {
            "Look whether it is stopped (SIGCONT continues it), at its disk, and at its log for what it does at present."
        }
        _ => "Look whether its machine is there, whether peer-observer runs on it, and whether it reaches NATS.",
    }
}

/// The remedy for a loss.
fn remedy_of(stage: &str, reason: &str) -> &'static str {
    match (stage, reason) {
        (stage, "full") if stage.contains("ring") || stage.contains("ebpf") => {
            "Enlarge the ring buffer of the tracepoints (ring_size in the configuration), or let them report fewer messages."
        }
        (_, "full") => {
            "A reader was too slow: give it more processor time, let it subscribe to less, or run it in a process of its own."
        }
        (_, "too_large") => "Raise max_payload of the NATS server.",
        (_, "disconnected") => "The connection to NATS broke: look at the server and the network.",
        (_, "slow_consumer") => {
            "This process read too slowly from NATS: give it more processor time, or let it subscribe to less."
        }
        (_, "misnamed") => {
            "Somebody publishes events of a node under the name of another one: look who may, on the server."
        }
        (_, "undecodable") => "A publisher sends data that is no event, or a newer kind of event: update this program.",
        (_, "unreadable") => {
            "The node sent data that could not be parsed: its version may be newer than this program supports."
        }
        _ => "See the manual on losses.",
    }
}
