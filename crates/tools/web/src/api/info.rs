//! `api/info`.

use std::collections::BTreeMap;

use bus::{Control, Pace, Playback};
use model::NodeState;
use schemars::JsonSchema;
use serde::Serialize;

use super::alerts::OpenAlerts;
use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::{Time, nonzero_time};
use crate::advice::Step;
use crate::state::node::Node;
use crate::state::{Stage, State};

pub(crate) struct Endpoint;

/// The program, and the nodes and extractors that it observes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Info {
    /// Version of peer-observer.
    version: &'static str,
    /// The time of this answer.
    now: Time,
    /// From when on it counts: the start of the program, or of what it has read of the past.
    started: Time,
    /// Set if what is shown is not the present.
    past: Option<Past>,
    /// Whether this is the public mode, in which addresses are replaced by pseudonyms.
    public: bool,
    /// Names of all nodes.
    nodes: Vec<String>,
    /// Names of the configured sets of networks.
    sets: Vec<String>,
    /// Whether a map of autonomous systems is configured.
    asmap: bool,
    /// For each extractor (`ebpf`, `rpc`, `log`, `p2p`, `ipc`, `process`), whether it is up for at least one node.
    sources: BTreeMap<&'static str, bool>,
    /// Nodes that are not up, by name: `down`, `hanging`, `unknown` or `starting`.
    away: BTreeMap<String, NodeAway>,
    /// The NATS server that events come from. Null if they do not come from one.
    server: Option<Server>,
    /// Nodes that are observed, but not by tracepoints, so that no P2P message of them is seen. Empty in the public mode.
    without_tracepoints: Vec<WithoutTracepoints>,
    /// How many alerts are open (`api/alerts`). Null if it is not known whether anything looks for them.
    alerts: Option<OpenAlerts>,
    /// Number of clients of the live feed.
    clients: u64,
    /// What a display on a wall shows.
    playlist: Playlist,
}

/// What a display on a wall shows: pages, one after the other.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Playlist {
    /// Their addresses, such as `peers?node=alice`. Empty if none are configured.
    pages: Vec<String>,
    /// How long each is shown, in seconds.
    seconds: f64,
}

/// That what is shown is not the present.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Past {
    /// Whether this is a replay of a recording (`api/replay`). Otherwise the present follows once the memory is filled from an archive.
    recording: bool,
    /// Whether what led to this time is being read. It is not complete then.
    filling: bool,
    /// How many seconds of the clock `now` go by in a second. 0 if it stands still, null if it goes as fast as events are read.
    rate: Option<f64>,
    /// How often everything was forgotten and began anew: with the start of a replay, and with each jump.
    begun: u64,
}

fn past(state: &State) -> Option<Past> {
    state.is_past().then(|| {
        let filling = state.stage == Stage::Filling;
        let control = state.playback.as_ref().map(Playback::control);
        let rate = match control {
            Some(control) if control.is_paused || state.stage == Stage::Ended => Some(0.0),
            Some(Control { pace: Pace::Times(times), .. }) if !filling => Some(times),
            _ => None,
        };
        Past { recording: control.is_some(), filling, rate, begun: state.begun }
    })
}

/// The state of a node that is not up.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NodeAway {
    /// `down`: its process has ended, or nothing listens where it did. `hanging`: it is there and does not answer. `unknown`: nothing comes
    /// from its extractors. `starting`: it answers that it starts.
    state: &'static str,
    /// Since when. Null if nothing ever came from it.
    since: Option<Time>,
    /// Why, in words. Null if there is nothing to say, and in the public mode.
    reason: Option<String>,
}

/// The NATS server that events come from.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Server {
    /// Its address, without user and password. Absent in the public mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Whether this program is connected to it.
    connected: bool,
    /// Since when.
    since: Time,
}

/// A node of which tracepoints report nothing.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WithoutTracepoints {
    /// Its name.
    node: String,
    /// Why, as `peer-observer doctor` says it. Null if it is not known here: the node is observed by another process.
    what: Option<String>,
    /// What would change that, as `peer-observer doctor` says it.
    steps: Vec<Step>,
}

fn without_tracepoints(request: &RequestContext, nodes: &[(&str, &Node)]) -> Vec<WithoutTracepoints> {
    if request.state.public {
        return Vec::new();
    }
    // The sources of a node that is away are away with it.
    let is_blind = |node: &Node| {
        let liveness = &node.model.liveness;
        let is_there = !matches!(liveness.node().state, NodeState::Down | NodeState::Hanging);
        is_there && ["rpc", "log"].iter().any(|name| liveness.is_up(name)) && !liveness.is_up("ebpf")
    };
    let blind = nodes.iter().filter(|(_, node)| is_blind(node));
    blind
        .map(|(name, _)| {
            let advice = request.state.advice.get(*name);
            WithoutTracepoints {
                node: (*name).to_owned(),
                what: advice.map(|advice| advice.what.clone()),
                steps: advice.map(|advice| advice.steps.clone()).unwrap_or_default(),
            }
        })
        .collect()
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Info;
    const PATH: &'static str = "info";
    const TITLE: &'static str = "The program and what it observes";
    const ABOUT: &'static str = "The version, the mode, the names of the nodes, and which extractors are up.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Info, ApiError> {
        let state = request.state;
        let nodes = request.nodes()?;
        let works = |name: &str| nodes.iter().any(|(_, node)| node.model.liveness.is_up(name));
        Ok(Info {
            version: env!("CARGO_PKG_VERSION"),
            now: Time(request.now_ns),
            started: Time(state.started_ns),
            past: past(state),
            public: state.public,
            nodes: state.names(),
            sets: state.enrichment.sets().map(|(name, _)| name.to_owned()).collect(),
            asmap: state.enrichment.has_asmap(),
            sources: ["ebpf", "rpc", "log", "p2p", "ipc", "process"]
                .into_iter()
                .map(|name| (name, works(name)))
                .collect(),
            away: nodes.iter().filter_map(|(name, node)| Some(((*name).to_owned(), away(node)?))).collect(),
            server: server(state),
            without_tracepoints: without_tracepoints(request, &nodes),
            alerts: OpenAlerts::of(state),
            clients: request.clients.len() as u64,
            playlist: Playlist { pages: state.playlist.pages.clone(), seconds: state.playlist.each.as_secs_f64() },
        })
    }
}

/// The state of a node, unless it is up.
fn away(node: &Node) -> Option<NodeAway> {
    let condition = node.model.liveness.node();
    (condition.state != NodeState::Up).then(|| NodeAway {
        state: condition.state.name(),
        since: nonzero_time(condition.since_ns),
        reason: condition.reason.as_ref().map(ToString::to_string),
    })
}

/// The server that events come from.
fn server(state: &State) -> Option<Server> {
    let stages = state.bus.accounts().stages();
    let server = stages.iter().find(|stage| stage.name() == "nats-reader")?.server()?;
    Some(Server {
        url: (!state.public).then_some(server.url),
        connected: server.connected,
        since: Time(server.since_ns),
    })
}
