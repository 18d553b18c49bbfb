//! Whether a node and its extractors are there, by what these report and by their silence.

use super::*;

use model::{NodeState, SourceState};

impl Play {
    /// A status of an extractor, which finds the node in this state since `since`.
    fn status(&mut self, seconds: f64, extractor: &str, state: &str, since: f64) -> &mut Self {
        let since_ns = self.ns(since);
        let node = format!(r#"{{"state":"{state}","since_ns":"{since_ns}","reason":"why {extractor}"}}"#);
        let run = format!(r#""extractor":"{extractor}","started_ns":"1","last_sequence":0,"ended":false"#);
        self.at(seconds, event("status", &format!(r#"{run},"interval_ms":1000,"node":{node}"#)))
    }

    /// Each of these extractors reports every second that it finds the node, in these seconds, while time passes.
    fn all_up(&mut self, seconds: std::ops::Range<u32>, extractors: &[&str]) -> &mut Self {
        for second in seconds {
            for extractor in extractors {
                self.status(f64::from(second), extractor, "UP", 0.0);
            }
            self.tick(f64::from(second) + 0.5);
        }
        self
    }

    /// What the node is doing, since how many seconds after noon, and why.
    fn node(&self) -> (NodeState, f64, &str) {
        let node = self.model.liveness.node();
        let since = (node.since_ns as f64 - self.start_ns as f64) / 1e9;
        (node.state, (since * 10.0).round() / 10.0, node.reason.as_deref().unwrap_or_default())
    }

    fn source(&self, name: &str) -> SourceState {
        self.model.liveness.source(name).unwrap().condition.state
    }

    fn states(&mut self) -> Vec<String> {
        self.names(|change| match change {
            Change::NodeState { from, to } => Some(format!("{} {}", from.map_or("", NodeState::name), to.name())),
            Change::SourceState { source, from, to } => {
                Some(format!("{source}: {} {}", from.map_or("", SourceState::name), to.name()))
            }
            _ => None,
        })
    }
}

#[test]
fn a_node_whose_process_ends_is_down_at_once_and_up_when_one_source_sees_it_again() {
    let mut play = Play::new();
    play.all_up(0..3, &["ebpf", "log", "process", "rpc"]);
    assert_eq!(play.node(), (NodeState::Up, 0.0, ""));
    play.states();
    // One source notices first, without any tick.
    play.status(3.2, "process", "GONE", 3.2);
    assert_eq!(play.node(), (NodeState::Down, 3.2, "why process"));
    assert_eq!(play.states(), ["process: up down", "up down"]);
    play.status(3.4, "rpc", "GONE", 3.4).status(3.9, "ebpf", "GONE", 3.9).status(4.0, "log", "GONE", 4.0).tick(4.1);
    assert_eq!(play.node(), (NodeState::Down, 3.2, "why log"));
    // The others have not noticed yet that it is back.
    play.status(9.0, "process", "UP", 9.0);
    assert_eq!(play.node(), (NodeState::Up, 9.0, ""));
    play.status(9.1, "rpc", "STARTING", 9.1).status(9.2, "ebpf", "GONE", 3.9);
    assert_eq!(play.node().0, NodeState::Starting);
    play.status(9.5, "rpc", "UP", 9.5).status(9.6, "ebpf", "UP", 9.6).status(9.7, "log", "GONE", 4.0).tick(10.0);
    assert_eq!((play.node().0, play.source("log")), (NodeState::Up, SourceState::Down));
}

#[test]
fn a_node_that_hangs_is_told_from_one_that_is_gone_and_one_whose_machine_is_gone() {
    let all = ["log", "process", "rpc"];
    // The process is there, and its RPC server answers too late.
    let mut play = Play::new();
    play.all_up(0..3, &all).status(3.0, "rpc", "HANGING", 3.0).tick(3.1);
    assert_eq!(play.node(), (NodeState::Hanging, 3.0, "why rpc"));
    assert_eq!((play.source("rpc"), play.source("log")), (SourceState::Down, SourceState::Up));
    // Nothing listens, but the process is there: it is starting or stopping, or its RPC server is off.
    play.status(4.0, "rpc", "UNREACHABLE", 4.0);
    assert_eq!(play.node().0, NodeState::Up);
    // Its messages wait, but it answers calls: it is busy. Where nothing but its messages is known, it hangs.
    play.status(5.0, "rpc", "UP", 5.0).status(5.0, "p2p", "HANGING", 5.0);
    assert_eq!((play.node().0, play.source("p2p")), (NodeState::Up, SourceState::Down));
    let mut play = Play::new();
    play.all_up(0..3, &["p2p"]).status(3.0, "p2p", "HANGING", 3.0);
    assert_eq!(play.node(), (NodeState::Hanging, 3.0, "why p2p"));
    // Only its RPC server is known, and nothing listens there.
    let mut play = Play::new();
    play.all_up(0..3, &["rpc"]).status(3.0, "rpc", "UNREACHABLE", 3.0);
    assert_eq!(play.node(), (NodeState::Down, 3.0, "why rpc"));
    // Nothing comes any more: within four seconds after the last status.
    let mut play = Play::new();
    play.all_up(0..3, &all).tick(5.0);
    assert_eq!(play.node().0, NodeState::Up);
    play.states();
    play.tick(5.6);
    assert_eq!(play.node(), (NodeState::Unknown, 2.0, "nothing comes from its extractors"));
    assert_eq!(play.states(), ["log: up silent", "process: up silent", "rpc: up silent", "up unknown"]);
    // The machine is gone, and an extractor elsewhere gets no answer from it: that is not known to be the node's fault.
    let mut play = Play::new();
    play.all_up(0..3, &all);
    (3..7).for_each(|second| {
        play.status(f64::from(second), "rpc", "HANGING", 3.0).tick(f64::from(second) + 0.5);
    });
    assert_eq!(play.node(), (NodeState::Unknown, 2.0, "why rpc"));
}

#[test]
fn an_extractor_that_ends_is_no_node_that_ends() {
    let mut play = Play::new();
    play.all_up(0..3, &["log", "rpc"]);
    // A new run follows at once: nothing has ended.
    play.states();
    let ended = |extractor: &str| {
        event("status", &format!(r#""extractor":"{extractor}","started_ns":"1","last_sequence":0,"ended":true"#))
    };
    play.at(3.1, ended("rpc"));
    play.run = 2;
    play.status(3.2, "rpc", "UP", 0.0).tick(3.3);
    assert_eq!((play.states(), play.source("rpc")), (vec![], SourceState::Up));
    play.at(4.0, ended("rpc")).tick(4.1);
    assert_eq!((play.node().0, play.source("rpc")), (NodeState::Up, SourceState::Ended));
    play.run = 1;
    play.at(4.2, ended("log")).tick(4.3);
    assert_eq!(play.node(), (NodeState::Unknown, 4.2, "its extractors have ended"));
}

#[test]
fn programs_that_publish_no_status_are_patiently_waited_for() {
    let mut play = Play::new();
    play.run = 0;
    play.at(0.0, ("uptime", "100".to_owned())).at(1.0, sent(1, "ping", "")).tick(1.5);
    assert_eq!(play.node().0, NodeState::Up);
    play.tick(100.0);
    assert_eq!((play.node().0, play.source("ebpf")), (NodeState::Up, SourceState::Up));
    play.tick(130.0);
    assert_eq!((play.node().0, play.source("ebpf")), (NodeState::Unknown, SourceState::Silent));
    play.at(140.0, sent(1, "ping", "")).tick(140.5);
    assert_eq!((play.node().0, play.source("ebpf")), (NodeState::Up, SourceState::Up));
    // A status that sets no interval is of a version that sends one every ten seconds.
    let mut play = Play::new();
    let status = r#""extractor":"rpc","started_ns":"1","last_sequence":0,"ended":false"#;
    play.at(0.0, event("status", status)).tick(0.5).tick(30.0);
    assert_eq!(play.source("rpc"), SourceState::Up);
    play.tick(31.0);
    assert_eq!(play.source("rpc"), SourceState::Silent);
}
