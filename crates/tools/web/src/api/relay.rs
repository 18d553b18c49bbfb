//! `api/relay`.

use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, NODE, Parameter};
use crate::state::node::Node as State;
use crate::state::rate::Samples;
use crate::state::relays::Relays;

pub(crate) struct Endpoint;

/// How soon nodes announce on our own P2P connections what they have.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Relay {
    /// From when a node had a transaction until it announced it. A node keeps announcements back (trickling), unless
    /// the connection has the permission `noban`.
    transactions: RelayDelay,
    /// From when a node had anything of a block until it announced it.
    blocks: RelayDelay,
    /// From when a node sent a compact block until it had checked the block, as seen from outside (BIP 152).
    validations: RelayDelay,
    /// The same of each node, by name.
    nodes: Vec<Node>,
}

/// The delays of one node.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RelayNode")]
pub(crate) struct Node {
    /// Name of the node.
    node: String,
    /// As in `Relay`.
    transactions: RelayDelay,
    /// As in `Relay`.
    blocks: RelayDelay,
    /// As in `Relay`.
    validations: RelayDelay,
}

/// The distribution of the last delays: of transactions 1,000 for each node, of others 100.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RelayDelay {
    /// Median, in seconds. Null if there are none.
    median_seconds: Option<f64>,
    /// 90th percentile, in seconds. Null if there are none.
    p90_seconds: Option<f64>,
    /// Number since the program started.
    count: u64,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Relay;
    const PATH: &'static str = "relay";
    const TITLE: &'static str = "Relay delays";
    const ABOUT: &'static str = "How long nodes take to announce what they have, as their peers see it: on our own P2P connections. What a node \
        had before the connection was opened does not count.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Relay, ApiError> {
        let nodes = request.nodes()?;
        let all: Vec<&Relays> = nodes.iter().map(|(_, node)| &node.pages.relays).collect();
        Ok(Relay {
            transactions: of(&all, |relays| &relays.transactions),
            blocks: of(&all, |relays| &relays.blocks),
            validations: of(&all, |relays| &relays.validations),
            nodes: nodes.into_iter().map(node).collect(),
        })
    }
}

fn node((name, node): (&str, &State)) -> Node {
    let relays = [&node.pages.relays];
    Node {
        node: name.to_owned(),
        transactions: of(&relays, |relays| &relays.transactions),
        blocks: of(&relays, |relays| &relays.blocks),
        validations: of(&relays, |relays| &relays.validations),
    }
}

fn of(relays: &[&Relays], samples: impl Fn(&Relays) -> &Samples) -> RelayDelay {
    let mut all = Samples::default();
    relays.iter().for_each(|relays| all.extend(samples(relays)));
    let [median_seconds, p90_seconds] = all.quantiles([0.5, 0.9]);
    RelayDelay { median_seconds, p90_seconds, count: all.count }
}
