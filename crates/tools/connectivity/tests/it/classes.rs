//! What is found at an address.

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, TcpListener};

use event::pb::connectivity::Outcome;
use node::Chain;
use reach::Endpoint;
use testbed::Node;

use crate::listeners::{Kind, Listeners};
use crate::{Check, address, addrv2, endpoint, loopback, options};

/// A node that listens at so many addresses besides its own.
async fn node(name: &str, v2: bool, second: u8, count: u8) -> (Node, Vec<Endpoint>) {
    let port = TcpListener::bind(SocketAddr::from(([127, second, 9, 1], 0))).unwrap().local_addr().unwrap().port();
    let mut builder = Node::builder().name(name).config(format!("v2transport={}", u8::from(v2)));
    let mut addresses = Vec::new();
    for last in 1..=count {
        let addr = SocketAddr::from(([127, second, 9, last], port));
        builder = builder.config(format!("bind={addr}"));
        addresses.push(addr.to_string().parse().unwrap());
    }
    (builder.start().await.unwrap(), addresses)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_5000_addresses_is_what_it_is() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let (_v2, v2) = node("v2", true, 120, 20).await;
    let (_v1, v1) = node("v1", false, 121, 20).await;
    let mut expected: HashMap<Endpoint, Outcome> = HashMap::new();
    expected.extend(v2.into_iter().map(|endpoint| (endpoint, Outcome::V2)));
    expected.extend(v1.into_iter().map(|endpoint| (endpoint, Outcome::V1)));
    let listeners = Listeners::default();
    let mut number = 0;
    for (kind, count, outcome) in [
        (Kind::V2, 100, Outcome::V2),
        (Kind::V1, 100, Outcome::V1),
        (Kind::Silent, 200, Outcome::Timeout),
        (Kind::Resetting, 300, Outcome::Reset),
        (Kind::Closing, 200, Outcome::Reset),
        (Kind::Http, 300, Outcome::NotBitcoin),
        (Kind::Ssh, 100, Outcome::NotBitcoin),
        (Kind::Binary, 20, Outcome::NotBitcoin),
        (Kind::Damaged, 50, Outcome::NotBitcoin),
        (Kind::OtherV1, 200, Outcome::WrongNetwork),
        (Kind::OtherV2, 20, Outcome::WrongNetwork),
        (Kind::OtherV2Only, 20, Outcome::WrongNetwork),
        (Kind::Endless, 20, Outcome::Reset),
    ] {
        for _ in 0..count {
            number += 1;
            expected.insert(listeners.add(loopback(number), kind).await, outcome);
        }
    }
    while expected.len() < 5_000 {
        number += 1;
        // Nothing listens at this port.
        let [a, b, c, d] = loopback(number);
        expected.insert(format!("{a}.{b}.{c}.{d}:1").parse().unwrap(), Outcome::Refused);
    }
    // What may not be tried, where somebody would notice.
    let forbidden = Listeners::default();
    let mut addresses: Vec<Endpoint> = expected.keys().cloned().collect();
    for last in 1..=100 {
        addresses.push(forbidden.add([127, 200, 1, last], Kind::V2).await);
    }
    for private in [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.1.1",
        "100.64.0.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
    ] {
        addresses.push(format!("{private}:18444").parse().unwrap());
    }
    fastrand::shuffle(&mut addresses);

    let dir = tempfile::tempdir().unwrap();
    let mut check = Check::start(options(dir.path()));
    for (peer, part) in addresses.chunks(500).enumerate() {
        check.gossip(peer as u64, &format!("203.0.113.{peer}:8333"), part).await;
    }
    let results = check.results(5_000).await;
    let mut wrong = Vec::new();
    for attempt in &results {
        let (at, outcome) = (endpoint(attempt), attempt.outcome());
        if expected.get(&at) != Some(&outcome) {
            wrong.push(format!("{at} is {:?}, not {outcome:?}: {:?}", expected.get(&at), attempt.reason));
        }
        assert_eq!(attempt.version.is_some(), matches!(outcome, Outcome::V1 | Outcome::V2));
        assert!(attempt.version.is_some() || attempt.reason.is_some(), "{attempt:?}");
        assert!(!attempt.cached && attempt.addrv2 && attempt.source_addr.as_ref().unwrap().starts_with("203.0.113."));
        assert!(
            attempt.address.timestamp == 1_700_000_000
                && attempt.tried_ns >= attempt.heard_ns
                && attempt.duration_ns > 0
        );
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(results.iter().map(endpoint).collect::<HashSet<_>>().len(), 5_000);

    let said = results
        .iter()
        .find(|attempt| listeners.connections().contains_key(&socket(&endpoint(attempt))) && attempt.version.is_some());
    let said = said.unwrap().version.as_ref().unwrap();
    assert_eq!((said.version, said.services, said.start_height, said.nonce), (70_016, 2_057, 900_000, u64::MAX - 1));
    assert_eq!(said.user_agent, "/Satoshi:30.0.0(\u{fffd})/");
    assert!((-7_260..=-7_190).contains(&said.clock_offset), "{}", said.clock_offset);
    assert_eq!((said.sender_address.as_deref(), said.sender_port), (Some("1.2.3.4"), Some(8_333)));
    assert!(listeners.user_agent().unwrap().starts_with("/peer-observer:"));

    // Each was dialled once, or a second time with v1; nothing else was dialled.
    let connections = listeners.connections();
    let more: Vec<_> = connections.iter().filter(|(_, count)| !(1..=2).contains(*count)).collect();
    assert!(more.is_empty(), "{more:?}");
    assert!(forbidden.connections().values().all(|count| *count == 0));
    assert_eq!(check.skipped("special"), 109);
    assert!(check.stop().await.as_secs() < 2);
}

fn socket(endpoint: &Endpoint) -> SocketAddr {
    endpoint.to_string().parse().unwrap()
}

/// Real nodes as seen by a check of another network, and a service that is claimed and not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_another_network_and_false_claims() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let (_v2, v2) = node("v2", true, 122, 1).await;
    let (_v1, v1) = node("v1", false, 123, 1).await;
    let dir = tempfile::tempdir().unwrap();
    let mut check = Check::start(crate::Options { chain: Some(Chain::Testnet4), ..options(dir.path()) });
    check.gossip(1, "203.0.113.1:8333", &[v2[0].clone(), v1[0].clone()]).await;
    for attempt in check.results(2).await {
        // A node without v2 closes the connection, whatever network it is of.
        let expected = if endpoint(&attempt) == v2[0] { Outcome::WrongNetwork } else { Outcome::Reset };
        assert_eq!(attempt.outcome(), expected, "{:?}", attempt.reason);
    }
    check.stop().await;

    // It is another place in the database, and not known there.
    let mut check = Check::start(options(dir.path()));
    let claimed = |endpoint: &Endpoint| address(endpoint, 1 << 11);
    check
        .tracepoints
        .publish(event::time::now_ns(), addrv2(1, "203.0.113.1:8333", vec![claimed(&v2[0]), claimed(&v1[0])]))
        .await;
    for attempt in check.results(2).await {
        let version = attempt.version.as_ref().unwrap();
        assert!(version.user_agent.starts_with("/Satoshi:") && version.clock_offset.abs() < 60, "{version:?}");
        assert_eq!(version.services & 1 << 11 != 0, attempt.outcome() == Outcome::V2);
        match attempt.outcome() {
            Outcome::V2 => assert_eq!(attempt.reason, None),
            Outcome::V1 => assert!(attempt.reason.unwrap().contains("P2P_V2")),
            other => panic!("{other:?}"),
        }
    }
    check.stop().await;
}
