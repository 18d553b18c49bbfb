//! What a check found, for people and for programs.

use std::fmt::{self, Display};
use std::time::Duration;

use event::pb::observer::node_state::State;
use event::quote::{Plain, Quoted};
use event::time::rfc3339;
use serde::Serialize;

use super::arrivals::{Arrivals, Arrived};
use super::server::Server;
use crate::roll::{Member, Roll};

/// Clocks that differ by more make times of events misleading, seconds.
const CLOCK: f64 = 0.5;
/// Events that are older than this, and no newer ones come, seconds.
const OLD: f64 = 10.0;
/// Events that a host has and the hub does not: more than are under way between two looks.
const WAITING: u64 = 10_000;

/// What of a fleet arrives.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Everything arrives: there are no problems.
    pub ok: bool,
    /// Seconds for which it was watched.
    pub seconds: f64,
    /// Tools of the hub that published their status.
    pub tools: Vec<String>,
    /// Hosts.
    pub hosts: Vec<HostReport>,
    /// The newest connections to the hub that it refused or ended.
    pub refused: Vec<Refused>,
    /// What is wrong, in sentences.
    pub problems: Vec<String>,
}

/// A host.
#[derive(Clone, Debug, Serialize)]
pub struct HostReport {
    /// Its name.
    pub name: String,
    /// Where it connects from; absent if it is not connected.
    pub address: Option<String>,
    /// Milliseconds there and back, as nats-server measured it.
    pub round_trip_ms: Option<f64>,
    /// Whether its JetStream answers.
    pub answers: bool,
    /// By how many seconds its clock is ahead of the hub's; absent if that is not known, as while events are late.
    pub clock_ahead_seconds: Option<f64>,
    /// Its nodes.
    pub nodes: Vec<NodeReport>,
}

/// A node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// The user agent of the node; absent if it did not come.
    pub node_version: Option<String>,
    /// The version of peer-observer there; absent if it did not come.
    pub version: Option<String>,
    /// Events that arrived while it was watched.
    pub events: u64,
    /// The same for each second.
    pub events_per_second: f64,
    /// Time of the newest event; absent if none arrived.
    pub newest: Option<String>,
    /// How old that was at the end, seconds.
    pub age_seconds: Option<f64>,
    /// From the time of a status until it arrived: the median, seconds.
    pub delay_seconds: Option<f64>,
    /// Extractors of which a status arrived.
    pub sources: Vec<Source>,
    /// Extractors of which none did.
    pub missing: Vec<String>,
    /// Messages that its host has stored; absent if the host is not connected.
    pub stored: Option<u64>,
    /// Bytes that they take there.
    pub stored_bytes: Option<u64>,
    /// Those of them that the hub has not taken over yet; absent if the host is not connected.
    pub waiting: Option<u64>,
}

/// An extractor.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// Its name.
    pub extractor: String,
    /// How it finds the node: "up", "gone" and so on; absent if it has not looked.
    pub node: Option<&'static str>,
    /// Why, where it is not up.
    pub reason: Option<String>,
}

/// Connections that the hub refused or ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// Where they came from.
    pub address: String,
    /// nats-server's reason.
    pub reason: String,
    /// How many there were, as far as nats-server remembers them.
    pub connections: u64,
    /// When the last one ended.
    pub last: String,
}

pub(super) fn make(roll: &Roll, arrivals: &Arrivals, server: &Server, span: Duration, now_ns: u64) -> Report {
    let seconds = span.as_secs_f64();
    let hosts: Vec<_> = roll.hosts.iter().map(|host| of_host(host, arrivals, server, seconds, now_ns)).collect();
    let mut problems = Vec::new();
    if !server.has_events {
        problems.push("the hub has no stream EVENTS: run peer-observer fleet streams there".to_owned());
    }
    hosts.iter().for_each(|host| problems.extend(host.problems(roll)));
    for ((host, node), events) in &arrivals.misnamed {
        problems.push(format!(
            "{host}: {events} events say that they are of the node {}, which is not the one they came from; they are refused. Somebody \
             has that host's key: give it a new one (peer-observer fleet write --rotate {host})",
            Quoted(node)
        ));
    }
    let tools = arrivals.tools.iter().cloned().collect();
    Report { ok: problems.is_empty(), seconds, tools, hosts, refused: server.refused.clone(), problems }
}

fn of_host(host: &Member, arrivals: &Arrivals, server: &Server, seconds: f64, now_ns: u64) -> HostReport {
    let connection = server.connections.get(&host.name);
    let is_connected = connection.is_some();
    let nodes: Vec<_> = host
        .nodes
        .iter()
        .map(|(node, expected)| {
            let arrived = arrivals.nodes.get(node);
            let mut report = of_node(node, expected, arrived, seconds, now_ns);
            let stored = server.stored.get(node).and_then(Option::as_ref);
            report.stored = stored.map(|stored| stored.messages);
            report.stored_bytes = stored.map(|stored| stored.bytes);
            report.waiting = server.waiting.get(node).copied().filter(|_| is_connected);
            report
        })
        .collect();
    let delays = host.nodes.iter().filter_map(|(node, _)| arrivals.nodes.get(node)).flat_map(|node| &node.delays_ns);
    let is_late = nodes.iter().any(|node| node.waiting.is_none_or(|waiting| waiting > 0));
    let round_trip_ns = connection.and_then(|connection| connection.round_trip_ns);
    let on_the_way = round_trip_ns.unwrap_or_default() as f64 / 2.0;
    // What took least was under way and nowhere else.
    let least = delays.min().filter(|_| !is_late).map(|least| *least as f64 - on_the_way);
    HostReport {
        name: host.name.clone(),
        address: connection.map(|connection| connection.address.clone()),
        answers: host.nodes.iter().any(|(node, _)| server.stored.contains_key(node)),
        round_trip_ms: round_trip_ns.map(|nanoseconds| round(nanoseconds as f64 / 1e6, 10.0)),
        clock_ahead_seconds: least.map(|nanoseconds| round(-nanoseconds / 1e9, 1000.0)),
        nodes,
    }
}

fn of_node(name: &str, expected: &[String], arrived: Option<&Arrived>, seconds: f64, now_ns: u64) -> NodeReport {
    let newest_ns = arrived.map(|arrived| arrived.newest_ns).filter(|newest| *newest > 0);
    let age = newest_ns.map(|newest| (now_ns as f64 - newest as f64) / 1e9);
    let events = arrived.map_or(0, |arrived| arrived.events);
    let sources: Vec<Source> = arrived
        .into_iter()
        .flat_map(|arrived| &arrived.sources)
        .map(|(extractor, node)| Source {
            extractor: extractor.clone(),
            node: node.as_ref().map(|node| name_of(node.state())),
            reason: node.as_ref().filter(|node| node.state() != State::Up).and_then(|node| node.reason.clone()),
        })
        .collect();
    let missing = expected.iter().filter(|name| !sources.iter().any(|source| source.extractor == **name));
    NodeReport {
        name: name.to_owned(),
        node_version: arrived.and_then(|arrived| arrived.node_version.clone()),
        version: arrived.and_then(|arrived| arrived.version.clone()),
        events,
        events_per_second: round(events as f64 / seconds.max(0.001), 10.0),
        newest: newest_ns.map(rfc3339),
        age_seconds: age.map(|age| round(age, 100.0)),
        delay_seconds: arrived
            .and_then(|arrived| median(&arrived.delays_ns))
            .map(|delay| round(delay as f64 / 1e9, 1000.0)),
        missing: missing.cloned().collect(),
        sources,
        stored: None,
        stored_bytes: None,
        waiting: None,
    }
}

fn name_of(state: State) -> &'static str {
    match state {
        State::Up => "up",
        State::Starting => "starting",
        State::Hanging => "hanging",
        State::Unreachable => "unreachable",
        State::Gone => "gone",
        State::Denied => "denied",
        State::Unreadable => "unreadable",
    }
}

fn median(values: &[i64]) -> Option<i64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// Names that came from others, with commas.
fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| Plain(name).to_string()).collect::<Vec<_>>().join(", ")
}

fn round(value: f64, to: f64) -> f64 {
    (value * to).round() / to
}

impl HostReport {
    fn problems(&self, roll: &Roll) -> Vec<String> {
        let name = &self.name;
        if self.address.is_none() {
            let keep = roll.hosts.iter().find(|host| host.name == *name).map_or(0, |host| host.keep >> 20);
            return vec![format!(
                "{name}: it is not connected. Up to {keep} MiB of events of each node wait there. Look at the log of its nats-server"
            )];
        }
        if !self.answers {
            return vec![format!(
                "{name}: it is connected and does not answer. Is the way there broken, or its nats-server stopped?"
            )];
        }
        let mut problems = Vec::new();
        if let Some(ahead) = self.clock_ahead_seconds.filter(|ahead| ahead.abs() > CLOCK) {
            let which = if ahead > 0.0 { "ahead of" } else { "behind" };
            problems.push(format!(
                "{name}: its clock is {:.1} s {which} the hub's: let a time service set it",
                ahead.abs()
            ));
        }
        self.nodes.iter().for_each(|node| problems.extend(node.problems(name)));
        problems
    }
}

impl NodeReport {
    fn problems(&self, host: &str) -> Vec<String> {
        let (name, mut problems) = (format!("{host}: {}", self.name), Vec::new());
        if self.stored.is_none() {
            problems.push(format!("{name}: its host has no stream for it: run peer-observer fleet streams at the hub"));
        }
        if let Some(waiting) = self.waiting.filter(|waiting| *waiting > WAITING) {
            problems.push(format!("{name}: {waiting} events wait at the host: they are late"));
        }
        match self.age_seconds {
            None => problems.push(format!("{name}: nothing arrived. Is peer-observer running there?")),
            Some(age) if age > OLD => problems.push(format!("{name}: the newest event is {age:.0} s old")),
            Some(_) if !self.missing.is_empty() => {
                problems.push(format!("{name}: nothing arrived from {}", self.missing.join(", ")));
            }
            Some(_) => {}
        }
        for Source { extractor, node, reason } in &self.sources {
            if let Some(state) = node.filter(|state| *state != "up") {
                let reason = reason.as_ref().map(|reason| format!(" ({})", Quoted(reason))).unwrap_or_default();
                problems.push(format!("{name}: for {}, the node is {state}{reason}", Plain(extractor)));
            }
        }
        problems
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let connected = self.hosts.iter().filter(|host| host.address.is_some()).count();
        let tools = if self.tools.is_empty() { "none".to_owned() } else { listed(&self.tools) };
        writeln!(f, "hub: {connected} of {} hosts connected; tools that report: {tools}", self.hosts.len())?;
        self.hosts.iter().try_for_each(|host| host.fmt(f))?;
        for Refused { address, reason, connections, last } in &self.refused {
            let (address, reason, last) = (Quoted(address), Quoted(reason), Quoted(last));
            writeln!(f, "refused or ended: {connections} connections from {address}, {reason}, last at {last}")?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "! {problem}"))
    }
}

impl Display for HostReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match &self.address {
            None => write!(f, "not connected")?,
            Some(address) if self.answers => write!(f, "connected from {}", Quoted(address))?,
            Some(address) => write!(f, "connected from {}, and does not answer", Quoted(address))?,
        }
        if let Some(round_trip) = self.round_trip_ms {
            write!(f, ", {round_trip} ms there and back")?;
        }
        if let Some(ahead) = self.clock_ahead_seconds {
            write!(f, ", clock {ahead:+.2} s")?;
        }
        writeln!(f)?;
        for node in &self.nodes {
            writeln!(f, "  {node}")?;
        }
        Ok(())
    }
}

impl Display for NodeReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        let (Some(age), Some(delay)) = (self.age_seconds, self.delay_seconds) else {
            return write!(f, "nothing arrived");
        };
        write!(f, "{} events/s, the newest {age:.1} s old, {delay:.2} s on the way; ", self.events_per_second)?;
        write!(f, "{}", listed(self.sources.iter().map(|source| &source.extractor)))?;
        if let Some(version) = &self.version {
            write!(f, "; peer-observer {}", Quoted(version))?;
        }
        if let Some(version) = &self.node_version {
            write!(f, "; {}", Quoted(version))?;
        }
        if let Some(waiting) = self.waiting.filter(|waiting| *waiting > 0) {
            write!(f, "; {waiting} wait at the host")?;
        }
        Ok(())
    }
}
