//! What the nats-servers of hub and hosts know.

use std::collections::BTreeMap;

use async_nats::Client;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::report::Refused;
use crate::FleetError;
use crate::nats::{account, api, stream};
use crate::roll::Roll;
use crate::streams::{EVENTS, Failure, ask};

/// Addresses that are listed at most.
const MAX_REFUSED: usize = 20;

/// What is known of connections and streams.
pub(super) struct Server {
    /// By host that is connected.
    pub connections: BTreeMap<String, Connection>,
    /// By node whose host answers: what that has stored; none if it has no stream.
    pub stored: BTreeMap<String, Option<Stored>>,
    /// By node: whether the hub takes its events over, and how many it has not.
    pub waiting: BTreeMap<String, u64>,
    /// Whether the hub has its stream.
    pub has_events: bool,
    /// Connections that were refused or ended.
    pub refused: Vec<Refused>,
}

/// The connection of a host.
pub(super) struct Connection {
    pub address: String,
    /// Nanoseconds there and back.
    pub round_trip_ns: Option<u64>,
}

/// The stream of a node on its host.
pub(super) struct Stored {
    pub messages: u64,
    pub bytes: u64,
}

impl Server {
    pub async fn ask(roll: &Roll, client: &Client, system: &Client) -> Result<Self, FleetError> {
        let hub = |failure: Failure| match failure {
            Failure::Away(reason) => FleetError::Hub { url: roll.nats.clone(), reason },
            Failure::Refused { reason, .. } => FleetError::Refused { what: "a look at connections".to_owned(), reason },
        };
        let leafs = ask(system, "$SYS.REQ.SERVER.PING.LEAFZ".to_owned(), &json!({})).await.map_err(hub)?;
        let query = json!({ "state": 1, "limit": 1000, "sort": "stop" });
        let closed = ask(system, "$SYS.REQ.SERVER.PING.CONNZ".to_owned(), &query).await.map_err(hub)?;
        let events = match ask(client, format!("$JS.API.STREAM.INFO.{EVENTS}"), &json!({})).await {
            Err(Failure::Refused { .. }) => None,
            events => Some(events.map_err(hub)?),
        };
        Ok(Self {
            connections: connections(roll, &leafs),
            stored: stored(roll, client).await,
            waiting: events.as_ref().map(waiting).unwrap_or_default(),
            has_events: events.is_some(),
            refused: refused(&closed),
        })
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn connections(roll: &Roll, leafs: &Value) -> BTreeMap<String, Connection> {
    let leafs = list(leafs, "/data/leafs").filter_map(|leaf| {
        let host = roll.hosts.iter().find(|host| account(&host.name) == text(leaf, "account"))?;
        let round_trip_ns = go_duration(text(leaf, "rtt")).filter(|rtt| *rtt > 0);
        Some((host.name.clone(), Connection { address: text(leaf, "ip").to_owned(), round_trip_ns }))
    });
    leafs.collect()
}

async fn stored(roll: &Roll, client: &Client) -> BTreeMap<String, Option<Stored>> {
    let nodes = roll.hosts.iter().flat_map(|host| host.nodes.iter().map(move |(node, _)| (host, node)));
    let of_each = nodes.map(|(host, node)| async move {
        let subject = format!("{}.STREAM.INFO.{}", api(&host.name), stream(node));
        let stored = match ask(client, subject, &json!({})).await {
            Ok(info) => info.get("state").map(|state| (number(state, "messages"), number(state, "bytes"))),
            Err(Failure::Refused { .. }) => None,
            Err(Failure::Away(_)) => return None,
        };
        Some((node.clone(), stored.map(|(messages, bytes)| Stored { messages, bytes })))
    });
    join_all(of_each).await.into_iter().flatten().collect()
}

fn waiting(events: &Value) -> BTreeMap<String, u64> {
    let sources = list(events, "/sources").filter_map(|source| {
        let node = text(source, "name").strip_prefix(event::subject::NODE_STREAM)?;
        Some((node.to_owned(), number(source, "lag")))
    });
    sources.collect()
}

/// Connections to the port for hosts that ended for a reason that is none of theirs to give, by address.
fn refused(closed: &Value) -> Vec<Refused> {
    let is_harmless = |reason: &str| {
        [
            "Client Closed",
            "Stale Connection",
            "Read Error",
            "Write Error",
            "Server Shutdown",
            "Duplicate Remote LeafNode connection",
        ]
        .iter()
        .any(|harmless| reason.eq_ignore_ascii_case(harmless))
    };
    let mut refused: Vec<Refused> = Vec::new();
    // The newest first.
    for connection in list(closed, "/data/connections").filter(|connection| text(connection, "kind") == "Leafnode") {
        let (address, reason) = (text(connection, "ip"), text(connection, "reason"));
        if is_harmless(reason) {
            continue;
        }
        let known = refused.iter().position(|known| known.address == address && known.reason == reason);
        if let Some(known) = known.and_then(|index| refused.get_mut(index)) {
            known.connections += 1;
        } else if refused.len() < MAX_REFUSED {
            let (address, reason) = (address.to_owned(), reason.to_owned());
            refused.push(Refused { address, reason, connections: 1, last: text(connection, "stop").to_owned() });
        }
    }
    refused
}

/// A duration as Go writes it: "1.5ms", "1m2.5s". None of others.
fn go_duration(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 7] =
        [("ns", 1.0), ("µs", 1e3), ("us", 1e3), ("ms", 1e6), ("h", 3.6e12), ("m", 6e10), ("s", 1e9)];
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let (unit, factor) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        sum += number.parse::<f64>().ok()? * factor;
        rest = after.get(unit.len()..)?;
    }
    (0.0..1e18).contains(&sum).then_some(sum as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go() {
        for (text, expected) in
            [("367µs", Some(367_000)), ("1.5ms", Some(1_500_000)), ("1m2.5s", Some(62_500_000_000)), ("soon", None)]
        {
            assert_eq!(go_duration(text), expected, "{text}");
        }
    }
}
