//! Observing real nodes.

use std::time::{Duration, Instant};

use serde_json::json;
use testbed::Node;

use super::process::{Running, command, is};

/// How soon after a node's return its events must flow again.
const BACK_WITHIN: Duration = Duration::from_secs(2);

fn config_of(nodes: &[(&str, &Node)], dir: &std::path::Path) -> String {
    let mut text = String::from("[rpc.interval]\ngetpeerinfo = \"500ms\"\nuptime = \"200ms\"\n");
    for (name, node) in nodes {
        let datadir = node.datadir().display();
        text += &format!("[[node]]\nname = \"{name}\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n");
    }
    let path = dir.join("peer-observer.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_killed_node_is_found_again_as_a_new_run_and_the_other_one_is_not_disturbed() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let start = || Node::builder().debug(["net", "validation"]).start();
    let (alice, bob) = (start().await.unwrap(), start().await.unwrap());
    let dir = tempfile::tempdir().unwrap();
    let config = config_of(&[("alice", &alice), ("bob", &bob)], dir.path());
    let mut program = Running::start(&["run", "--config", &config, "-o", "json"]);

    let rpc_of =
        |name: &'static str| move |event: &serde_json::Value| event["node"] == name && event["kind"] == "uptime";
    let log_of = |name: &'static str| {
        move |event: &serde_json::Value| event["node"] == name && is(event, "log") && event["kind"] == "update_tip"
    };
    let before = program.wait_for("RPC of alice", rpc_of("alice")).await;
    let bobs_run = program.wait_for("RPC of bob", rpc_of("bob")).await["run"].clone();
    alice.mine(1).await.unwrap();
    let log_before = program.wait_for("log of alice", log_of("alice")).await;

    alice.kill().await.unwrap();
    program.wait_for("RPC of bob while alice is gone", rpc_of("bob")).await;
    alice.restart().await.unwrap(); // returns when its RPC answers
    let back = Instant::now();
    let new_run = |old: &serde_json::Value| {
        let old = old["run"].clone();
        move |event: &serde_json::Value| event["run"] != old
    };
    let is_new = new_run(&before);
    program.wait_for("RPC of alice as a new run", |e| rpc_of("alice")(e) && is_new(e)).await;
    assert!(back.elapsed() < BACK_WITHIN, "{:?}", back.elapsed());
    alice.mine(1).await.unwrap();
    let mined = Instant::now();
    let is_new = new_run(&log_before);
    program.wait_for("log of alice as a new run", |e| log_of("alice")(e) && is_new(e)).await;
    assert!(mined.elapsed() < BACK_WITHIN, "{:?}", mined.elapsed());
    let bob_now = program.wait_for("RPC of bob", rpc_of("bob")).await;
    assert_eq!(bob_now["run"], bobs_run, "bob's run went on");

    program.signal("-TERM");
    let (status, stderr) = program.end().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("lost no events"), "{stderr}");
}

#[tokio::test]
async fn a_node_that_is_not_there_at_start_is_waited_for() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    node.stop().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = config_of(&[("late", &node)], dir.path());
    let mut program = Running::start(&["run", "--config", &config, "-o", "json"]);
    node.restart().await.unwrap();
    let back = Instant::now();
    program.wait_for("RPC", |event| event["kind"] == "peer_infos").await;
    assert!(back.elapsed() < BACK_WITHIN, "{:?}", back.elapsed());
    program.signal("-INT");
    assert_eq!(program.end().await.0.code(), Some(0));
}

/// The node is discovered without any configuration, and a source that does not work leaves the other one running.
#[tokio::test]
async fn one_source_fails_and_the_other_goes_on() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().debug(["net"]).start().await.unwrap();
    let datadir = node.datadir().to_str().unwrap();
    let run = ["run", "--datadir", datadir, "--chain", "regtest", "-o", "json"];
    let wrong_password = [&run[..], &["--rpc-user", "u", "--rpc-password", "wr0ng"]].concat();
    let mut program = Running::start(&wrong_password);
    program.wait_until_logged("rpcauth").await;
    node.rpc("setnetworkactive", json!([false])).await.unwrap();
    program.wait_for("log", |event| is(event, "log")).await;
    program.signal("-TERM");
    let (status, stderr) = program.end().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("wr0ng"), "{stderr}");
}

#[tokio::test]
async fn the_wrong_chain_is_reported() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    let program = Running::start(&["run", "--datadir", node.datadir().to_str().unwrap(), "--chain", "main"]);
    program.wait_until_logged("is on regtest: pass --chain regtest").await;
    // From here on it handles signals.
    program.wait_until_logged("observing ").await;
    program.signal("-TERM");
    assert_eq!(program.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn a_closed_pipe_ends_it_well() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().debug(["net"]).start().await.unwrap();
    let datadir = node.datadir().to_str().unwrap();
    let config = config_of(&[("alice", &node)], tempfile::tempdir().unwrap().keep().as_path());
    let mut child = command(&["run", "--config", &config]).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(stdout));
    lines.next_line().await.unwrap().unwrap();
    drop(lines);
    let status = tokio::time::timeout(super::process::PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0), "{datadir}");
}

#[tokio::test]
async fn doctor_tells_what_can_be_observed() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    let datadir = node.datadir().to_str().unwrap();
    let args = ["doctor", "--datadir", datadir, "--chain", "regtest"];
    let ended = super::process::end_of(&args).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("debug.log") && ended.stdout.contains("RPC"), "{}", ended.stdout);
    let ended = super::process::end_of(&[&args[..], &["-o", "json"]].concat()).await;
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(report.is_object() || report.is_array());
    let ended = super::process::end_of(&["doctor", "--datadir", "/nonexistent", "--chain", "regtest"]).await;
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
}
