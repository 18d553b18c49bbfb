//! The events that arrive during a check.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_nats::{Client, Message};
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{NodeState, Observer, Status};
use event::pb::rpc_extractor::Rpc;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::time::now_ns;
use event::{Body, Kind, NodeNames, Record, subject};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::FleetError;
use crate::roll::Roll;

/// The name of the count whose label is the version of peer-observer.
const PROGRAM: &str = "program";

/// Who has the key of a host can say anything. So much of it is kept at most: extractors of a node, names that are not the host's, bytes of each, and
/// statuses of a node.
const MAX_NAMES: usize = 100;
const MAX_NAME: usize = 200;
const MAX_STATUSES: usize = 10_000;

/// What arrived.
#[derive(Default)]
pub(super) struct Arrivals {
    /// By node of the fleet.
    pub nodes: BTreeMap<String, Arrived>,
    /// Tools of the hub that say that they are there.
    pub tools: BTreeSet<String>,
    /// By host: the name that it gave to events of its own, and how many.
    pub misnamed: BTreeMap<(String, String), u64>,
}

/// What arrived of a node.
#[derive(Default)]
pub(super) struct Arrived {
    pub events: u64,
    /// The time of the newest event.
    pub newest_ns: u64,
    /// How long statuses took, or how much the clocks differ, nanoseconds.
    pub delays_ns: Vec<i64>,
    /// By extractor: the node as it finds it.
    pub sources: BTreeMap<String, Option<NodeState>>,
    pub version: Option<String>,
    pub node_version: Option<String>,
}

impl Arrivals {
    /// Takes what arrives for a while.
    pub async fn watch(&mut self, roll: &Roll, client: &Client, span: Duration) -> Result<(), FleetError> {
        let hub = |reason: String| FleetError::Hub { url: roll.nats.clone(), reason };
        let mut messages = client.subscribe(subject::NAMED).await.map_err(|error| hub(error.to_string()))?;
        client.flush().await.map_err(|error| hub(error.to_string()))?;
        let (end, mut names) = (Instant::now() + span, NodeNames::default());
        while let Ok(message) = timeout_at(end, messages.next()).await {
            let message = message.ok_or_else(|| hub("the connection was closed".to_owned()))?;
            self.take(roll, message, &mut names, now_ns());
        }
        Ok(())
    }

    fn take(&mut self, roll: &Roll, message: Message, names: &mut NodeNames, now_ns: u64) {
        let headers = message.headers.as_ref();
        let origin =
            headers.and_then(|headers| headers.get(subject::STREAM_SOURCE)).map(|value| value.as_str().to_owned());
        let from = origin.as_deref().and_then(subject::node_of_source);
        let Ok(record) = Record::from_bytes(message.payload, names) else { return };
        let envelope = record.envelope();
        let Some(from) = from else {
            if let Some(status) = status(&record) {
                self.tools.insert(status.extractor.clone());
            }
            return;
        };
        let node = &*envelope.node;
        if from != node || subject::node(&message.subject).is_some_and(|named| named != node) {
            if let Some(host) = roll.host_of(from) {
                let name = node.get(..node.floor_char_boundary(MAX_NAME)).unwrap_or_default();
                let key = (host.name.clone(), name.to_owned());
                if self.misnamed.len() < MAX_NAMES || self.misnamed.contains_key(&key) {
                    *self.misnamed.entry(key).or_default() += 1;
                }
            }
            return;
        }
        if roll.host_of(node).is_none() {
            return;
        }
        let arrived = self.nodes.entry(node.to_owned()).or_default();
        arrived.events += 1;
        arrived.newest_ns = arrived.newest_ns.max(envelope.time_ns);
        if envelope.kind == Kind::NetworkInfo
            && let Some(Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::NetworkInfo(info)) })) = record.body()
        {
            arrived.node_version = Some(info.subversion.clone());
        }
        if let Some(status) = status(&record) {
            let delay_ns = i128::from(now_ns) - i128::from(envelope.time_ns);
            arrived.take_status(status, i64::try_from(delay_ns).unwrap_or(i64::MAX));
        }
    }
}

impl Arrived {
    fn take_status(&mut self, status: &Status, delay_ns: i64) {
        if self.delays_ns.len() < MAX_STATUSES {
            self.delays_ns.push(delay_ns);
        }
        let Status { extractor, node, ended, .. } = status;
        if *ended {
            self.sources.remove(extractor);
        } else if self.sources.contains_key(extractor)
            || (self.sources.len() < MAX_NAMES && extractor.len() <= MAX_NAME)
        {
            self.sources.insert(extractor.clone(), node.clone());
        }
        let shared = status.shared.iter().flat_map(|shared| &shared.counts).chain(&status.counts);
        let version = shared.filter(|count| count.name == PROGRAM).flat_map(|count| &count.labels).next();
        if let Some(version) = version {
            self.version = Some(version.value.clone());
        }
    }
}

fn status(record: &Record) -> Option<&Status> {
    match record.body() {
        Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Status(status)) }))
            if record.envelope().kind == Kind::Status =>
        {
            Some(status)
        }
        _ => None,
    }
}
