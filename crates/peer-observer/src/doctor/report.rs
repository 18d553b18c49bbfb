//! The report of `doctor`: interfaces, whether they can be used, and what would help.

use serde::Serialize;

/// Names of interfaces that are sources of events, and of what they need.
pub const RPC: &str = "RPC";
/// See [`RPC`].
pub const DEBUG_LOG: &str = "debug.log";
/// See [`RPC`].
pub const TRACEPOINTS: &str = "tracepoints";
/// Kernel and capabilities, which tracepoints need.
pub const EBPF: [&str; 2] = ["eBPF kernel", "eBPF capabilities"];

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
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What to do.
    pub advice: String,
    /// Lines to copy.
    pub lines: Vec<String>,
}

impl Remedy {
    pub fn new(advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), lines: Vec::new() }
    }

    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }
}

impl Check {
    pub fn new(interface: &'static str, state: State, what: impl Into<String>) -> Self {
        Self { interface, state, what: what.into(), remedies: Vec::new() }
    }

    pub fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedies.push(remedy);
        self
    }

    /// An interface that can be reached only on the machine of the node.
    pub fn elsewhere(interface: &'static str, extractor: &str) -> Self {
        let advice = "run peer-observer there too, and let the two meet on a NATS server:";
        let check = Self::new(interface, State::Missing, "the node is on another machine");
        check.remedy(Remedy::new(advice).line(format!("peer-observer extract {extractor} --nats nats://SERVER:4222")))
    }

    /// One that failed with an error of ours: what is wrong, then after a semicolon what helps.
    pub fn failed(interface: &'static str, state: State, error: &dyn std::error::Error) -> Self {
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
        let mut sources = vec![RPC, DEBUG_LOG];
        if self.machine.iter().all(|check| check.state != State::Missing || !EBPF.contains(&check.interface)) {
            sources.push(TRACEPOINTS);
        }
        let mut checks = self.nodes.iter().flat_map(|node| &node.checks);
        checks.any(|check| sources.contains(&check.interface) && check.state != State::Missing)
    }
}
