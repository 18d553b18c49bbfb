//! Attempts through a real SOCKS5 server, and through a fake of an I2P router that speaks SAM.

use connectivity::Options;
use event::pb::connectivity::Outcome;
use node::Chain;
use reach::{Endpoint, Proxies};
use testbed::{FakeI2p, Microsocks};

use crate::listeners::{Kind, Listeners};
use crate::{Check, endpoint, options};

const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";

fn at(address: impl std::fmt::Display) -> Endpoint {
    address.to_string().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_socks5_server() {
    if testbed::require_microsocks().is_none() {
        return;
    }
    let listeners = Listeners::default();
    let mut expected = Vec::new();
    for (last, kind, outcome) in [
        (1, Kind::V2, Outcome::V2),
        (2, Kind::V1, Outcome::V1),
        (3, Kind::Http, Outcome::NotBitcoin),
        (4, Kind::OtherV2, Outcome::WrongNetwork),
        (5, Kind::Resetting, Outcome::Reset),
    ] {
        expected.push((listeners.add([127, 1, 1, last], kind).await, outcome));
    }
    expected.push((at("127.1.1.6:1"), Outcome::Refused));
    let addresses: Vec<_> = expected.iter().map(|(endpoint, _)| endpoint.clone()).collect();
    let dir = tempfile::tempdir().unwrap();

    // A proxy that is not there says nothing of the addresses: nothing is noted.
    let gone = testbed::free_port().unwrap();
    let through =
        |proxy| Options { proxies: Proxies { proxy: Some(at(proxy)), ..Proxies::default() }, ..options(dir.path()) };
    let check = Check::start(through(gone));
    check.gossip(1, "203.0.113.1:8333", &addresses).await;
    check.wait_until_skipped("proxy_failed", 6).await;
    assert!(listeners.connections().values().all(|count| *count == 0), "nothing goes around the proxy");
    check.stop().await;

    let server = Microsocks::start(None).await.unwrap();
    let mut check = Check::start(through(server.addr()));
    check.gossip(1, "203.0.113.1:8333", &addresses).await;
    for attempt in check.results(6).await {
        let expected = expected.iter().find(|(at, _)| *at == endpoint(&attempt)).map(|(_, outcome)| *outcome);
        assert_eq!(Some(attempt.outcome()), expected, "{attempt:?}");
    }
    check.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_fake_i2p_router() {
    let name = |letter: &str| format!("{}a.b32.i2p", letter.repeat(51));
    let listeners = Listeners::of(Chain::Main);
    let router = FakeI2p::start().await.unwrap();
    let mut expected = Vec::new();
    for (letter, kind, outcome) in [
        ("b", Some(Kind::V2), Outcome::V2),
        ("c", Some(Kind::V1), Outcome::V1),
        ("d", Some(Kind::Ssh), Outcome::NotBitcoin),
        ("e", None, Outcome::Unreachable),
    ] {
        let leads_to = match kind {
            Some(kind) => Some(listeners.add([127, 1, 1, 1], kind).await.to_string().parse().unwrap()),
            None => None,
        };
        router.add(&name(letter), leads_to);
        expected.push((at(name(letter)), outcome));
    }
    // One that nobody knows.
    expected.push((at(name("f")), Outcome::Unreachable));
    let addresses: Vec<_> = expected.iter().map(|(endpoint, _)| endpoint.clone()).collect();
    let dir = tempfile::tempdir().unwrap();
    let proxies = Proxies { i2psam: Some(at(router.addr())), ..Proxies::default() };
    let mut check = Check::start(Options { proxies, chain: Some(Chain::Main), ..options(dir.path()) });
    check.gossip(1, "203.0.113.1:8333", &addresses).await;
    // Nothing leads to these.
    check.gossip(1, "203.0.113.1:8333", &[at(ONION), at("[fc00::1]:8333")]).await;
    for attempt in check.results(5).await {
        let expected = expected.iter().find(|(at, _)| *at == endpoint(&attempt)).map(|(_, outcome)| *outcome);
        assert_eq!(Some(attempt.outcome()), expected, "{attempt:?}");
    }
    assert_eq!((router.sessions_made(), check.skipped("no_proxy")), (1, 2));
    check.stop().await;
}
