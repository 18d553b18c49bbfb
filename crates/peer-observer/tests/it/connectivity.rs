//! Addresses that come from a NATS server are tried, and what came of it goes back there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use bus::{Bus, Publisher, WhenFull, nats};
use event::pb::bitcoin_primitives::Address;
use event::pb::bitcoin_primitives::address::Address as Named;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{AddressAnnouncement, P2p};
use event::time::now_ns;
use event::{Body, Filter};
use testbed::{NatsServer, Node};

use crate::process::{Running, end_of};

fn announcement(addresses: &[SocketAddr]) -> Body {
    let address = |addr: &SocketAddr| Address {
        timestamp: 1_700_000_000,
        services: 9,
        port: addr.port().into(),
        address: Some(Named::Ipv4(addr.ip().to_string())),
    };
    let addresses = addresses.iter().map(address).collect();
    let event = P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses, ..AddressAnnouncement::default() });
    Body::P2pExtractor(P2p { p2p_event: Some(event) })
}

#[tokio::test(flavor = "multi_thread")]
async fn results_go_to_the_server_that_addresses_come_from() {
    let (Some(_), Some(_)) = (testbed::require_bitcoind(), testbed::require_nats_server()) else { return };
    let server = NatsServer::start("").await.unwrap();
    let (folder, url) = (tempfile::tempdir().unwrap(), server.url());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (database, csv) = (path("a.db"), path("a.csv"));
    let check = Running::start(&[
        "connectivity",
        "--nats",
        &url,
        "--connectivity-allow",
        "127.0.0.0/8",
        "--connectivity-chain",
        "regtest",
        "--connectivity-contact",
        "ops@example.org",
        "--connectivity-database",
        &database,
        "--connectivity-csv",
        &csv,
    ]);
    check.wait_until_logged("the connectivity check is active").await;
    let mut watch = Running::start(&["watch", "--nats", &url, "-o", "json", "--kind", "attempt"]);
    for program in [&check, &watch] {
        program.wait_until_logged("connected to the NATS server").await;
    }

    let node = Node::builder().name("bob").start().await.unwrap();
    let refusing = testbed::free_port().unwrap();
    let bus = Bus::new();
    let events = bus.subscribe("to-nats", Filter::default(), 100, WhenFull::Block);
    let forwarding = tokio::spawn(nats::forward(events, nats::Options::new(&url), bus.accounts().clone()));
    let alice = Publisher::new(&bus, "alice", "p2p");
    alice.publish(now_ns(), announcement(&[node.p2p_addr(), refusing])).await;
    bus.end();
    forwarding.await.unwrap().unwrap();

    for _ in 0..2 {
        let event = watch.next().await;
        assert_eq!((&event["node"], &event["source"]), (&"alice".into(), &"connectivity".into()), "{event}");
        let body = &event["body"];
        let is_node = body["address"]["port"] == node.p2p_addr().port();
        assert_eq!(body["outcome"], if is_node { "V2" } else { "REFUSED" }, "{event}");
        assert_eq!(body["version"].is_object(), is_node, "{event}");
    }
    assert!(check.logged().contains("as /peer-observer:"), "{}", check.logged());
    let start = std::time::Instant::now();
    check.signal("-TERM");
    let (status, logged) = check.end().await;
    assert!(status.success() && start.elapsed().as_secs() < 3, "{logged}");
    assert_eq!(std::fs::read_to_string(csv).unwrap().lines().count(), 3);
    watch.signal("-TERM");
    watch.end().await;
}

/// A SOCKS5 server that refuses everything, and keeps what it was asked for.
fn refusing_proxy() -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut greeting, mut request) = ([0; 4], vec![0; 10]);
            let mut answer = || {
                stream.read_exact(&mut greeting)?;
                stream.write_all(&[5, 0])?;
                stream.read_exact(&mut request)?;
                stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0])
            };
            let answered: std::io::Result<()> = answer();
            seen.lock().unwrap().push(request);
            drop(answered);
        }
    });
    (at, asked)
}

/// Peers of the demo gossip addresses that are made up and may be anybody's. A proxy of our own sees what is dialled.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_dials_nobody_else() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (proxy, asked) = refusing_proxy();
    let (proxy, database) = (proxy.to_string(), folder.path().join("a.db").display().to_string());
    let mut demo = Running::start(&[
        "demo",
        "--nodes",
        "2",
        "-o",
        "json",
        "--kind",
        "status",
        "--tools",
        "watch,connectivity",
        "--connectivity-proxy",
        &proxy,
        "--connectivity-database",
        &database,
    ]);
    let skipped = |event: &serde_json::Value| {
        let mut counts = event["body"]["counts"].as_array().into_iter().flatten();
        counts
            .any(|count| count["name"] == "connectivity_skipped" && count["labels"].to_string().contains("\"regtest\""))
    };
    demo.wait_for("address that was not tried", skipped).await;
    demo.signal("-TERM");
    assert!(demo.end().await.0.success());
    // Version 5, connect, reserved, IPv4, address.
    let others: Vec<_> =
        asked.lock().unwrap().iter().filter(|asked| !asked.starts_with(&[5, 1, 0, 1, 127])).cloned().collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    for (option, says) in [
        (["--connectivity-contact", "(x)"], "connectivity.contact is \"(x)\""),
        (["--connectivity-proxy", "9050"], "the port is missing"),
        (["--connectivity-allow", "10.0.0.0/33"], "write a range of addresses"),
        (["--connectivity-per-second", "0"], "it must be from 0.01 to 1000"),
        (["--connectivity-database", "/proc/none/a.db"], "choose another place with --connectivity-database"),
    ] {
        let args = ["connectivity", "--nats", "nats://127.0.0.1:1", option[0], option[1]];
        let ended = end_of(&args).await;
        assert!(ended.code == 2 && ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
}
