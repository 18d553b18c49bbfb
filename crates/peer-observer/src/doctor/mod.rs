//! What of a node can be observed from here, and the exact line that would enable the rest.
//!
//! Everything is tried as the extractors would, but nothing is changed and nothing costly asked: a call of an RPC with too many
//! parameters tells whether it is allowed, a connection to the P2P port is closed at once.

mod ebpf;
mod log;
mod nats;
mod render;
mod rpc;
mod sockets;
mod tracepoints;

use extractor_ebpf::machine::Machine;
use node::{Located, Target};
use serde::Serialize;

/// What was found out.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Each node, in the order asked for.
    pub nodes: Vec<NodeReport>,
    /// What concerns no single node: kernel, capabilities, NATS.
    pub machine: Vec<Check>,
    /// What to do when there is no node.
    pub remedies: Vec<Remedy>,
}

/// What was found out about a node.
#[derive(Debug, Serialize)]
pub struct NodeReport {
    /// Its name in events.
    pub name: String,
    /// What it is: version, chain, process, data directory.
    pub what: String,
    /// Its interfaces.
    pub checks: Vec<Check>,
    /// What else was noticed.
    pub notes: Vec<String>,
}

/// One interface of a node, or one thing that is needed to observe it.
#[derive(Debug, Serialize)]
pub struct Check {
    /// Its name.
    pub interface: &'static str,
    /// Whether it can be used.
    pub state: State,
    /// What was found.
    pub what: String,
    /// What would help. Empty if nothing needs to.
    pub remedies: Vec<Remedy>,
}

/// Whether something can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All of it.
    Ok,
    /// Some of it.
    Limited,
    /// Not at all.
    Missing,
}

/// What to do, and the lines to type or to put somewhere.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What to do.
    pub advice: String,
    /// Lines to copy.
    pub lines: Vec<String>,
}

impl Remedy {
    fn new(advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), lines: Vec::new() }
    }

    fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Lines for the node's configuration file.
    fn conf<L: Into<String>>(located: &Located, lines: impl IntoIterator<Item = L>) -> Self {
        let default = || located.datadir.as_ref().map(|datadir| datadir.join("bitcoin.conf"));
        let path = located.conf_files.first().cloned().or_else(default);
        let file = path.map_or_else(|| "the node's bitcoin.conf".to_owned(), |path| path.display().to_string());
        let advice = format!("put into {file} and restart the node:");
        Self { advice, lines: lines.into_iter().map(Into::into).collect() }
    }
}

impl Check {
    fn new(interface: &'static str, state: State, what: impl Into<String>) -> Self {
        Self { interface, state, what: what.into(), remedies: Vec::new() }
    }

    fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    /// An interface that can be reached only on the machine of the node.
    fn elsewhere(interface: &'static str, extractor: &str) -> Self {
        let advice = "run peer-observer there too, and let the two meet on a NATS server:";
        let check = Self::new(interface, State::Missing, "the node is on another machine");
        check.remedy(Remedy::new(advice).line(format!("peer-observer extract {extractor} --nats nats://SERVER:4222")))
    }

    /// One that failed with an error of ours: what is wrong, then after a semicolon what helps.
    fn failed(interface: &'static str, state: State, error: &dyn std::error::Error) -> Self {
        let text = error.to_string();
        match text.split_once("; ") {
            Some((what, help)) => Self::new(interface, state, what).remedy(Remedy::new(help)),
            None => Self::new(interface, state, text),
        }
    }
}

impl Report {
    /// Whether there is a source of events at all.
    pub fn anything_observable(&self) -> bool {
        let mut sources = vec![rpc::INTERFACE, log::INTERFACE];
        if self
            .machine
            .iter()
            .all(|check| check.state != State::Missing || !ebpf::INTERFACES.contains(&check.interface))
        {
            sources.push(tracepoints::INTERFACE);
        }
        let mut checks = self.nodes.iter().flat_map(|node| &node.checks);
        checks.any(|check| sources.contains(&check.interface) && check.state != State::Missing)
    }

    /// The report for people, with colors or without.
    pub fn text(&self, color: bool) -> String {
        render::text(self, color)
    }
}

/// Examines the nodes, this machine, and the NATS server if there is one.
pub async fn examine(targets: &[(String, Target)], nats: Option<&bus::nats::Options>) -> Report {
    let this = Machine::this();
    let followable = this.obstacle().is_none();
    let tasks: Vec<_> =
        targets.iter().cloned().map(|(name, target)| tokio::spawn(examine_node(name, target, followable))).collect();
    let mut nodes = Vec::new();
    for task in tasks {
        // A task of ours does not panic; if one did, the others still have something to say.
        nodes.extend(task.await);
    }
    let mut machine = ebpf::checks(&this);
    if let Some(options) = nats {
        machine.push(nats::check(options).await);
    }
    let remedies = if nodes.is_empty() { no_nodes() } else { Vec::new() };
    Report { nodes, machine, remedies }
}

fn no_nodes() -> Vec<Remedy> {
    vec![
        Remedy::new(
            "found no Bitcoin node: no process named bitcoind, bitcoin-node, bitcoin-qt or bitcoin-gui in /proc, and no data \
             in ~/.bitcoin, /var/lib/bitcoind or /var/lib/bitcoin; start one, or say where it is:",
        )
        .line("peer-observer doctor --datadir /path/to/.bitcoin")
        .line("peer-observer doctor --rpc HOST:PORT --rpc-user NAME"),
        Remedy::new("or name nodes in /etc/peer-observer/peer-observer.toml:")
            .line("[[node]]")
            .line("name = \"my-node\"")
            .line("datadir = \"/path/to/.bitcoin\""),
    ]
}

async fn examine_node(name: String, target: Target, followable: bool) -> NodeReport {
    let remote = target.is_remote();
    let located = tokio::task::spawn_blocking(move || target.locate()).await;
    let located = match located {
        Ok(Ok(located)) => located,
        Ok(Err(error)) => {
            let checks = vec![Check::failed("node", State::Missing, &error)];
            return NodeReport { name, what: "not found".to_owned(), checks, notes: Vec::new() };
        }
        Err(_) => Located::default(), // the program is ending
    };
    let rpc = rpc::examine(&located).await;
    let mut checks = Vec::new();
    if remote {
        checks.push(Check::elsewhere(tracepoints::INTERFACE, "ebpf"));
        checks.push(rpc.check);
        checks.push(Check::elsewhere(log::INTERFACE, "log"));
    } else {
        checks.push(tracepoints::check(&located, followable));
        checks.push(rpc.check);
        checks.push(log::file(&located));
        if located.debug_log.is_some() {
            checks.push(log::categories(&located, rpc.logging.as_ref()));
            checks.extend(located.log_options.as_ref().map(|options| log::options(&located, options)));
        }
    }
    checks.push(sockets::p2p(&located).await);
    checks.push(if remote { Check::elsewhere(sockets::IPC, "log") } else { sockets::ipc(&located).await });
    NodeReport { name, what: describe(&located, rpc.version.as_deref()), notes: notes(&located), checks }
}

fn describe(located: &Located, version: Option<&str>) -> String {
    let parts = [
        version.map(str::to_owned),
        located.chain.map(|chain| chain.to_string()),
        located.pid.map(|pid| format!("process {pid}")),
        located.datadir.as_ref().map(|datadir| datadir.display().to_string()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was noticed while locating the node, without that which the checks find out anyway.
fn notes(located: &Located) -> Vec<String> {
    let checked = ["cannot read ", "the RPC server is off", "no cookie file"];
    let notes = located.notes.iter().filter(|note| !checked.iter().any(|start| note.starts_with(start)));
    notes.cloned().collect()
}

#[cfg(test)]
mod tests;
