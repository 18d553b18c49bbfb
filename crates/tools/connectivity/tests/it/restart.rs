//! What survives, and what is learned.

use std::time::Duration;

use connectivity::Options;
use event::Body;
use event::pb::connectivity::{Attempt, Outcome};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{BlockchainInfo, NetworkInfo, NetworkInfoLocalAddress, Rpc};
use event::time::now_ns;
use node::Chain;
use reach::Proxies;

use crate::listeners::{Kind, Listeners};
use crate::{Check, PATIENCE, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_not_tried_again_before_its_time() {
    let listeners = Listeners::default();
    let mut addresses =
        vec![listeners.add([127, 1, 1, 1], Kind::V2).await, listeners.add([127, 1, 1, 2], Kind::V1).await];
    addresses.push("127.1.1.3:1".parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("results.csv");
    let first_options = Options { csv: Some(csv.clone()), ..options(dir.path()) };
    let by_port = |mut attempts: Vec<Attempt>| {
        attempts.sort_by_key(|attempt| attempt.address.port);
        attempts
    };

    let mut check = Check::start(first_options.clone());
    // Two peers at once: one attempt serves both.
    check.gossip(1, "203.0.113.1:8333", &addresses).await;
    check.gossip(2, "203.0.113.2:8333", &addresses).await;
    let (cached, first): (Vec<_>, Vec<_>) = check.results(6).await.into_iter().partition(|attempt| attempt.cached);
    assert_eq!((cached.len(), first.len()), (3, 3));
    let silent = listeners.add([127, 1, 1, 4], Kind::Silent).await;
    check.gossip(1, "203.0.113.1:8333", &[silent]).await;
    let begun = || async { (listeners.connections().values().sum::<usize>() == 4).then_some(()) };
    testbed::eventually("an attempt has begun", PATIENCE, begun).await.unwrap();
    // An attempt is under way.
    let took = check.stop().await;
    assert!(took < Duration::from_secs(2), "{took:?}");

    let mut check = Check::start(first_options.clone());
    check.gossip(3, "203.0.113.3:8333", &addresses).await;
    let again = by_port(check.results(3).await);
    for (again, first) in again.iter().zip(by_port(first)) {
        assert!(again.cached && again.heard_ns > first.heard_ns);
        assert_eq!((again.tried_ns, again.outcome, &again.version), (first.tried_ns, first.outcome, &first.version));
        assert_eq!(again.source_peer_id, Some(3));
    }
    assert_eq!(listeners.connections().values().sum::<usize>(), 4, "v2 once, v1 twice, and the silent one");
    check.stop().await;

    let mut check = Check::start(Options { retry_after: Duration::from_millis(1), ..first_options });
    check.gossip(3, "203.0.113.3:8333", &addresses).await;
    assert!(check.results(3).await.iter().all(|attempt| !attempt.cached));
    assert_eq!(listeners.connections().values().sum::<usize>(), 7);
    check.stop().await;

    let text = std::fs::read_to_string(csv).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 6 + 3 + 3, "{text}");
    assert!(lines[0].starts_with("result_timestamp,addr_address,"));
    assert!(lines.iter().all(|line| line.split(',').count() == 22), "{text}");
}

fn rpc(event: RpcEvent) -> Body {
    Body::RpcExtractor(Rpc { rpc_event: Some(event) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chain_and_own_addresses_are_learned() {
    let listeners = Listeners::default();
    let node = listeners.add([127, 1, 1, 1], Kind::V2).await;
    let own = listeners.add([127, 1, 1, 2], Kind::V2).await;
    let dir = tempfile::tempdir().unwrap();
    let mut check = Check::start(Options { chain: None, ..options(dir.path()) });
    let local = NetworkInfoLocalAddress { address: "127.1.1.2".to_owned(), port: 1, score: 1 };
    let info = NetworkInfo { local_addresses: vec![local], ..NetworkInfo::default() };
    check.tracepoints.publish(now_ns(), rpc(RpcEvent::NetworkInfo(info))).await;
    check.gossip(1, "203.0.113.1:8333", &[own.clone(), node.clone()]).await;
    // It waits for the chain.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(listeners.connections().values().all(|count| *count == 0));
    check.tracepoints.publish(now_ns(), chain_is("regtest")).await;
    let results = check.results(1).await;
    assert_eq!((crate::endpoint(&results[0]), results[0].outcome()), (node, Outcome::V2));
    assert_eq!(check.skipped("own"), 1);
    check.stop().await;
}

fn chain_is(chain: &str) -> Body {
    rpc(RpcEvent::BlockchainInfo(BlockchainInfo { chain: chain.to_owned(), ..BlockchainInfo::default() }))
}

/// Public addresses that a node of a private chain hears of, whether its chain is known, learned or configured otherwise. A proxy of our own
/// would see it if one of them were dialled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regtest_stays_at_home() {
    let proxies = Listeners::default();
    let proxy = proxies.add([127, 1, 1, 1], Kind::Closing).await;
    let public =
        ["9.9.9.9:8333", "[2620:fe::fe]:8333", "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333"];
    let public = public.map(|address| address.parse().unwrap());
    for chain in [None, Some(Chain::Regtest), Some(Chain::Main)] {
        let dir = tempfile::tempdir().unwrap();
        let through = Proxies { proxy: Some(proxy.clone()), ..Proxies::default() };
        let check = Check::start(Options { proxies: through, chain, ..options(dir.path()) });
        if chain == Some(Chain::Main) {
            check.tracepoints.publish(now_ns(), chain_is("regtest")).await;
        }
        check.gossip(1, "203.0.113.1:8333", &public).await;
        if chain.is_none() {
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(check.skipped("regtest"), 0, "its chain is not known");
            check.tracepoints.publish(now_ns(), chain_is("regtest")).await;
        }
        check.wait_until_skipped("regtest", 3).await;
        check.stop().await;
    }
    assert!(proxies.connections().values().all(|count| *count == 0), "{:?}", proxies.connections());
    // As it would be seen.
    let dir = tempfile::tempdir().unwrap();
    let through = Proxies { proxy: Some(proxy), ..Proxies::default() };
    let check = Check::start(Options { proxies: through, chain: Some(Chain::Main), ..options(dir.path()) });
    check.gossip(1, "203.0.113.1:8333", &public).await;
    check.wait_until_skipped("proxy_failed", 3).await;
    assert_eq!(proxies.connections().values().sum::<usize>(), 3);
    check.stop().await;
}
