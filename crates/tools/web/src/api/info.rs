//! `api/info`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use super::values::Time;

pub(crate) struct Endpoint;

/// The program, and the nodes and extractors that it observes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Info {
    /// Version of peer-observer.
    version: &'static str,
    /// The time of this answer.
    now: Time,
    /// When the program started, from which on it counts.
    started: Time,
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
    /// Number of clients of the live feed.
    clients: u64,
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
        let works = |name: &str| nodes.iter().any(|(_, node)| node.pages.sources.is_up(name, request.now_ns));
        Ok(Info {
            version: env!("CARGO_PKG_VERSION"),
            now: Time(request.now_ns),
            started: Time(state.started_ns),
            public: state.public,
            nodes: state.names(),
            sets: state.enrichment.sets().map(|(name, _)| name.to_owned()).collect(),
            asmap: state.enrichment.has_asmap(),
            sources: ["ebpf", "rpc", "log", "p2p", "ipc", "process"]
                .into_iter()
                .map(|name| (name, works(name)))
                .collect(),
            clients: request.clients.len() as u64,
        })
    }
}
