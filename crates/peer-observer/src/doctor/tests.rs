//! The whole report, of real nodes and of none.

use serde_json::json;
use testbed::Node;

use super::report::{Check, NodeReport, State};
use super::{Target, examine, text as render};

fn check<'a>(node: &'a NodeReport, interface: &str) -> &'a Check {
    node.checks.iter().find(|check| check.interface == interface).unwrap_or_else(|| panic!("{interface}: {node:?}"))
}

#[tokio::test]
async fn a_node_on_this_machine() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder()
        .debug(["net", "validation"])
        .config("logips=1")
        // Password: geheim.
        .config("rpcauth=limited:00ff$e25eff9cabe1a2e7a78804066d842947e56313b402aad0ba104850a6b1ecbb36")
        .config("rpcwhitelistdefault=0")
        .config("rpcwhitelist=limited:uptime,getpeerinfo")
        .start()
        .await
        .unwrap();
    let target = Target { datadir: Some(node.datadir().to_owned()), ..Target::default() };
    let limited = Target {
        rpc_user: Some("limited".to_owned()),
        rpc_password: Some(node::Secret::new("geheim")),
        ..target.clone()
    };
    let report = examine(&[("a".to_owned(), target.clone()), ("b".to_owned(), limited)], None).await;
    assert!(report.anything_observable());
    let [a, b] = &report.nodes[..] else { panic!("{report:?}") };
    assert!(a.what.contains("regtest") && a.what.contains(&format!("process {}", node.pid().unwrap())), "{a:?}");

    // Of the node's version: v29 and later have all methods.
    assert_ne!(check(a, "RPC").state, State::Missing);
    assert_eq!(check(a, "debug.log").state, State::Ok);
    let categories = check(a, "log categories");
    assert_eq!(categories.state, State::Limited);
    assert!(categories.what.starts_with("enabled: net, validation; missing: mempool, mempoolrej"), "{categories:?}");
    assert!(categories.remedies[0].lines.iter().any(|line| line.starts_with("debug=mempoolrej ")), "{categories:?}");
    assert!(categories.remedies[0].advice.contains(&*node.datadir().to_string_lossy()), "{categories:?}");
    let options = check(a, "log options");
    let [micros, threads] = &options.remedies[0].lines[..] else { panic!("{options:?}") };
    assert!(micros.starts_with("logtimemicros=1 ") && threads.starts_with("logthreadnames=1 "), "{options:?}");
    assert_eq!(check(a, "P2P").state, State::Ok);
    assert_eq!(check(a, "IPC").state, State::Missing);
    let traced = std::fs::read(node.binary()).unwrap().windows(8).any(|w| w == b"stapsdt\0");
    assert_eq!(check(a, "tracepoints").state == State::Missing, !traced);

    let rpc = check(b, "RPC");
    assert!(rpc.state == State::Limited && rpc.what.contains("forbidden: getmempoolinfo, getnettotals"), "{rpc:?}");
    assert!(rpc.remedies[0].lines[0].starts_with("rpcwhitelist=limited:getpeerinfo,getmempoolinfo"), "{rpc:?}");

    let text = render(&report, false);
    assert!(text.contains("  debug.log       ok       "), "{text}");
    assert!(!text.contains("geheim") && !text.contains('\x1b') && render(&report, true).contains('\x1b'));
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["nodes"][0]["checks"][0]["interface"], json!("tracepoints"));
    assert_eq!(value["nodes"][1]["checks"][1]["state"], json!("limited"));

    node.stop().await.unwrap();
    let report = examine(&[("a".to_owned(), target)], None).await;
    let rpc = check(&report.nodes[0], "RPC");
    assert!(rpc.state == State::Missing && rpc.what.contains("cannot read the cookie"), "{rpc:?}");
    assert_eq!(check(&report.nodes[0], "P2P").state, State::Missing);
}

#[tokio::test]
async fn no_node_one_elsewhere_and_one_that_is_not_there() {
    let none = examine(&[], None).await;
    assert!(!none.anything_observable());
    let text = render(&none, false);
    assert!(
        text.contains("found no Bitcoin node") && text.contains("--datadir") && text.contains("[[node]]"),
        "{text}"
    );
    assert!(text.contains("eBPF kernel") && text.contains("eBPF capabilities"), "{text}");

    // A loopback address that is not 127.0.0.1 would be local; this one is for documentation only and answers nothing.
    let elsewhere = Target { rpc: Some("[100::1]:8332".parse().unwrap()), ..Target::default() };
    let gone = Target { datadir: Some("/no/such/directory".into()), ..Target::default() };
    let report = examine(&[("far".to_owned(), elsewhere), ("gone".to_owned(), gone)], None).await;
    assert!(!report.anything_observable());
    let [far, gone] = &report.nodes[..] else { panic!("{report:?}") };
    for interface in ["tracepoints", "debug.log", "IPC"] {
        assert!(check(far, interface).what.contains("on another machine"), "{far:?}");
    }
    assert!(check(far, "RPC").what.contains("no login"), "{far:?}");
    let node = check(gone, "node");
    assert!(node.state == State::Missing && node.what.contains("/no/such/directory"), "{node:?}");
}
