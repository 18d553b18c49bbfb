//! Real nodes.

use std::io::Write;
use std::time::{Duration, Instant};

use event::pb::log_extractor::log::LogEvent;
use extractor_log::{Error, Options, Source};
use node::{Chain, Target};
use testbed::{Node, eventually};

use crate::{Observed, PATIENCE, append, observe, opened};
use testbed::log;

/// What an operator says of a node that is not the only one here.
fn source(node: &Node) -> Source {
    let target = Target { datadir: Some(node.datadir().to_owned()), chain: Some(Chain::Regtest), ..Target::default() };
    Source::Node(target)
}

/// Mines a block, and waits until that is in the log. Returns the run in which it is.
async fn mine(node: &Node, observed: &mut Observed) -> u64 {
    let hash = node.mine(1).await.unwrap()[0].to_string();
    loop {
        let (record, entry) = observed.next().await;
        if matches!(entry.log_event, Some(LogEvent::UpdateTip(tip)) if tip.block_hash == hash) {
            return record.envelope().run;
        }
    }
}

/// Waits until the log shows that the node has started. Returns the run that begins with it.
async fn started(observed: &mut Observed) -> u64 {
    loop {
        let (record, entry) = observed.next().await;
        if let Some(LogEvent::NodeStarted(_)) = entry.log_event {
            assert_eq!(record.envelope().sequence, 1, "a new run");
            return record.envelope().run;
        }
    }
}

#[tokio::test]
async fn killed_and_started_again() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().debug(["net", "validation"]).start().await.unwrap();
    let mut observed = observe("killed", source(&node), Options::default());
    opened("killed", 1).await;
    let mut run = mine(&node, &mut observed).await;
    for _ in 0..2 {
        node.kill().await.unwrap();
        node.start().await.unwrap();
        let back = Instant::now();
        let next = started(&mut observed).await;
        eprintln!("first event within {:?} after the node's RPC answered", back.elapsed());
        assert_ne!(next, run);
        // Its end was noticed, and the file is the same.
        run = mine(&node, &mut observed).await;
        assert_eq!(run, next);
    }
    let opened = log::lines(&["node killed:", "reading"]);
    assert_eq!(opened.len(), 1, "{opened:?}");
    node.stop().await.unwrap();
    loop {
        if let Some(LogEvent::NodeStopped(_)) = observed.next().await.1.log_event {
            break;
        }
    }
    observed.stop().await;
}

#[tokio::test]
async fn started_again_with_another_log() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    let mut observed = observe("moved", source(&node), Options::default());
    opened("moved", 1).await;
    let run = mine(&node, &mut observed).await;
    node.kill().await.unwrap();
    // It has a history of its own.
    let other = node.datadir().join("other.log");
    append(&other).write_all("2020-01-01T00:00:00Z old\n".repeat(100_000).as_bytes()).unwrap();
    let mut conf = append(&node.datadir().join("bitcoin.conf"));
    writeln!(conf, "debuglogfile={}", other.display()).unwrap();
    node.start().await.unwrap();
    let next = started(&mut observed).await;
    assert_ne!(next, run);
    assert_eq!(mine(&node, &mut observed).await, next);
    observed.shutdown.cancel();
}

#[tokio::test]
async fn not_running_at_first() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    node.mine(1).await.unwrap();
    node.stop().await.unwrap();
    let mut observed = observe("stopped", source(&node), Options::default());
    opened("stopped", 1).await;
    node.start().await.unwrap();
    // Nothing was published before: the run goes on.
    let (record, first) = observed.next().await;
    assert!(matches!(first.log_event, Some(LogEvent::NodeStarted(_))), "{first:?}");
    assert_eq!(record.envelope().sequence, 1);
    mine(&node, &mut observed).await;
    observed.shutdown.cancel();
}

#[tokio::test]
async fn a_data_directory_that_does_not_exist_yet() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let datadir = folder.path().join("data");
    let target = Target { datadir: Some(datadir.clone()), chain: Some(Chain::Regtest), ..Target::default() };
    let mut observed = observe("new", Source::Node(target), Options::default());
    let logged = || log::lines(&["WARN", "node new:", "there is no data directory", "once"]).len();
    eventually("it is logged", PATIENCE, || async { (logged() == 1).then_some(()) }).await.unwrap();
    let node = Node::builder().dir(&datadir).start().await.unwrap();
    let back = Instant::now();
    started(&mut observed).await;
    eprintln!("first event within {:?} after the node's RPC answered", back.elapsed());
    mine(&node, &mut observed).await;
    observed.shutdown.cancel();
}

#[tokio::test]
async fn a_node_without_a_log() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().config("nodebuglogfile=1").start().await.unwrap();
    let observed = observe("silent", source(&node), Options::default());
    let logged = || log::lines(&["WARN", "node silent: it writes no debug.log; take ", "once"]).len();
    eventually("it is logged", PATIENCE, || async { (logged() == 1).then_some(()) }).await.unwrap();
    observed.stop().await;
}

#[tokio::test]
async fn hopeless_targets() {
    let half = Target { rpc_user: Some("u".to_owned()), ..Target::default() };
    let elsewhere = Target { rpc: Some("192.0.2.1:8332".parse().unwrap()), ..Target::default() };
    for (target, expected) in [
        (half, "node hopeless: rpc_user and rpc_password go together"),
        (
            elsewhere,
            "node hopeless: it is on another machine, and so is its debug.log; run `peer-observer extract log`",
        ),
    ] {
        let observed = observe("hopeless", Source::Node(target), Options::default());
        let error: Error =
            tokio::time::timeout(Duration::from_secs(10), observed.task).await.unwrap().unwrap().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
