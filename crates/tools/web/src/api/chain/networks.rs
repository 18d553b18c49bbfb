//! `api/chain/networks`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::endpoint::{self, RequestContext};
use crate::api::parameters::{ApiError, Parameter, ParameterKind};
use crate::api::values::Time;
use crate::state::chain::Network as State;

pub(crate) struct Endpoint;

/// A network of the tool `chain`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChainNetwork")]
pub(crate) struct Network {
    /// Its name in the configuration.
    network: String,
    /// When anything last came of it. The tool repeats all of it once a minute: what is older is not current.
    last: Time,
    /// Height of the chain with the most work. Null if no block is known.
    height: Option<u32>,
    /// Number of its nodes.
    nodes: u64,
    /// Number of those that answer.
    reachable: u64,
    /// Number of those whose rules are not Bitcoin's.
    other_rules: u64,
    /// Number of tips that are not active, each counted once, of all nodes.
    other_tips: u64,
}

const NODE: Parameter = Parameter {
    name: "node",
    kind: ParameterKind::Text,
    about: "Only networks with a node of this name; all networks if it is absent or empty.",
};

impl endpoint::Endpoint for Endpoint {
    type Answer = Vec<Network>;
    const PATH: &'static str = "chain/networks";
    const TITLE: &'static str = "The networks of the tool `chain`";
    const ABOUT: &'static str = "What [chain](chain.md) reports, by the names of its networks. Empty if nothing has come from it since this program \
        started.";
    const PARAMETERS: &'static [Parameter] = &[NODE];

    fn answer(request: &RequestContext) -> Result<Vec<Network>, ApiError> {
        let node = request.arguments.node();
        let networks = request.state.chains.networks.iter();
        let wanted = networks.filter(|(_, state)| node.is_none_or(|node| state.nodes().any(|(name, _)| name == node)));
        Ok(wanted.map(|(name, state)| of(name, state)).collect())
    }
}

fn of(name: &str, state: &State) -> Network {
    let count =
        |wanted: fn(&crate::state::chain::Node) -> bool| state.nodes().filter(|(_, node)| wanted(node)).count() as u64;
    let mut active: Vec<_> = state.nodes().filter_map(|(_, node)| node.active()).map(|tip| tip.hash).collect();
    active.sort_unstable();
    let mut others: Vec<_> = state.nodes().flat_map(|(_, node)| &node.tips).map(|tip| tip.hash).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|hash| active.binary_search(hash).is_err());
    Network {
        network: name.to_owned(),
        last: Time(state.last_ns),
        height: state.height(),
        nodes: count(|_| true),
        reachable: count(|node| node.is_reachable),
        other_rules: count(|node| node.has_other_rules),
        other_tips: others.len() as u64,
    }
}

/// The network that the path of a request names.
///
/// # Errors
/// There is no such network. The text lists those that exist.
pub(super) fn named<'a>(request: &RequestContext<'a>) -> Result<(&'a str, &'a State), ApiError> {
    let name = request.arguments.path.first().map_or("", String::as_str);
    let networks = &request.state.chains.networks;
    networks.get_key_value(name).map(|(name, state)| (name.as_str(), state)).ok_or_else(|| {
        let names: Vec<String> = networks.keys().map(|name| event::quote::Quoted(name).to_string()).collect();
        let there_are =
            if names.is_empty() { "none: nothing came from the tool chain".to_owned() } else { names.join(", ") };
        ApiError::not_found(format!("there is no network {}; there are: {there_are}", event::quote::Quoted(name)))
    })
}
