//! Several processes that meet on a NATS server.

use std::collections::BTreeMap;

use testbed::{NatsServer, Node};

use super::process::{Running, end_of};

/// An extractor and a reader as processes of their own, and a server between them that starts after them, is killed and started again.
#[tokio::test]
async fn extractor_and_reader_survive_the_server() {
    if testbed::require_bitcoind().is_none() || testbed::require_nats_server().is_none() {
        return;
    }
    let node = Node::builder().debug(["net", "validation"]).start().await.unwrap();
    let mut server = NatsServer::start("").await.unwrap();
    server.stop().await.unwrap();
    let (url, datadir) = (server.url(), node.datadir().to_str().unwrap().to_owned());
    let mut reader = Running::start(&["watch", "--nats", &url, "-o", "json", "--node", "alice"]);
    let extract = ["extract", "log", "--name", "alice", "--datadir", &datadir, "--chain", "regtest", "--nats", &url];
    let extractor = Running::start(&extract);
    let absent = format!("cannot reach a NATS server at {url}");
    reader.wait_until_logged(&absent).await;
    extractor.wait_until_logged(&absent).await;
    server.start_again().await.unwrap();

    let tip = |height: u64| {
        move |event: &serde_json::Value| {
            event["kind"] == "update_tip" && event["body"]["update_tip"]["height"] == height
        }
    };
    // Mine until the reader sees it: neither of the two reports when it is ready.
    let mut seen = BTreeMap::new();
    let mut height = 0;
    loop {
        node.mine(1).await.unwrap();
        height += 1;
        let next =
            tokio::time::timeout(std::time::Duration::from_millis(300), reader.wait_for("tip", tip(height))).await;
        if let Ok(event) = next {
            seen.insert(event["sequence"].as_u64().unwrap(), event["run"].clone());
            break;
        }
    }
    server.kill().await.unwrap();
    node.mine(5).await.unwrap();
    height += 5;
    server.start_again().await.unwrap();
    loop {
        node.mine(1).await.unwrap();
        height += 1;
        let next =
            tokio::time::timeout(std::time::Duration::from_millis(300), reader.wait_for("tip", tip(height))).await;
        if next.is_ok() {
            break;
        }
    }
    extractor.signal("-TERM");
    let ended = reader.wait_for("the end of the run", |event| event["body"]["ended"] == true).await;
    assert_eq!(ended["body"]["dropped"].as_array().map_or(0, Vec::len), 0, "{ended}");
    let (status, stderr) = extractor.end().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    reader.signal("-INT");
    assert_eq!(reader.end().await.0.code(), Some(0));
}

/// A tool that the server refuses ends at once, and says what to do.
#[tokio::test]
async fn a_refused_reader_ends() {
    if testbed::require_nats_server().is_none() {
        return;
    }
    let server = NatsServer::start("authorization { user: me, password: secret }").await.unwrap();
    for tool in ["watch", "metrics", "web"] {
        let listen = format!("--{tool}-listen");
        let mut args = vec![tool, "--nats", "SERVER", "--nats-user", "me", "--nats-password", "wr0ng"];
        let url = server.url();
        args[2] = &url;
        if tool != "watch" {
            args.extend([listen.as_str(), "127.0.0.1:0"]);
        }
        let ended = end_of(&args).await;
        assert_eq!(ended.code, 2, "{tool}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("refuses us") && ended.stderr.contains("check user, password"),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("wr0ng"), "{}", ended.stderr);
    }
}
