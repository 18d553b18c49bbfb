//! The numbers of the connectivity check, compared with what is at the addresses that a peer gossips.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::NetworkMessage;
use serde_json::{Value, json};
use testbed::{Node, Peer, PeerOptions, eventually};

use super::on_page;
use super::scene::{address, is_traced};
use crate::process::{PATIENCE, Running};

/// Addresses at which nobody listens, and those that must not be tried.
const REFUSED: u8 = 12;
const SPECIAL: u8 = 3;

/// What the metrics show: family, labels, number.
const SERIES: [(&str, &str, f64); 14] = [
    ("connectivitycheck_addr_tried", "network=IPv4,addr_version=addrv2", 15.0),
    ("connectivitycheck_addr_cached", "network=IPv4,addr_version=addrv2", 1.0),
    ("connectivitycheck_addr_successful_connection", "source_ip=127.0.0.1", 3.0),
    ("connectivitycheck_addr_unsuccessful_connection", "source_ip=127.0.0.1", 13.0),
    ("connectivitycheck_addr_timestamp_offset_seconds", "_count successful=true,timestamp_offset=past", 3.0),
    ("connectivitycheck_tried_tor_exit", "", 0.0),
    ("peerobserver_connectivity_attempts_total", "network=ipv4,outcome=v2", 1.0),
    ("peerobserver_connectivity_attempts_total", "network=ipv4,outcome=v1", 1.0),
    ("peerobserver_connectivity_attempts_total", "network=ipv4,outcome=refused", REFUSED as f64),
    ("peerobserver_connectivity_attempts_total", "network=ipv4,outcome=reset", 1.0),
    ("peerobserver_connectivity_attempt_seconds", "_count", 15.0),
    ("peerobserver_connectivity_gossiped_total", "source=127.0.0.1,reachable=true", 3.0),
    ("peerobserver_connectivity_claims_total", "services=p2p_v2_untrue", 1.0),
    ("peerobserver_connectivity_skipped_total", "", SPECIAL as f64),
];

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_as_what_is_at_the_addresses() {
    let Some(bitcoind) = testbed::require_bitcoind() else { return };
    if !is_traced(&bitcoind) {
        return;
    }
    let node = Node::builder().name("alice").noban().start().await.unwrap();
    let v2 = Node::builder().name("bob").start().await.unwrap();
    let v1 = Node::builder().name("carol").arg("-v2transport=0").start().await.unwrap();
    // It accepts and closes.
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let closing_addr = closing.local_addr().unwrap();
    std::thread::spawn(move || closing.incoming().for_each(drop));
    let (program, web, metrics, _folder) = start(&node).await;

    let mut peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.unwrap();
    let mut gossip = vec![entry(v2.p2p_addr(), true), entry(v1.p2p_addr(), true), entry(closing_addr, false)];
    gossip.extend((0..REFUSED).map(|n| entry(SocketAddr::new([127, 1, 0, n + 1].into(), 9), false)));
    gossip.extend((0..SPECIAL).map(|n| entry(SocketAddr::new([10, 0, 0, n + 1].into(), 8_333), false)));
    peer.send(NetworkMessage::AddrV2(gossip)).unwrap();
    peer.sync().await.unwrap();
    let all = wait(&web, |all| all["totals"]["tried"] == 15).await;
    // Heard of again: its outcome is known.
    peer.send(NetworkMessage::AddrV2(vec![entry(v2.p2p_addr(), true)])).unwrap();
    peer.sync().await.unwrap();
    let known = wait(&web, |all| all["totals"]["known"] == 1).await;
    assert_eq!(
        (&all["running"], &known["totals"]["reachable"], &known["totals"]["v2"]),
        (&json!(true), &json!(2), &json!(1))
    );
    let outcomes = json!({ "refused": REFUSED, "reset": 1, "v1": 1, "v2": 1 });
    assert_eq!(known["networks"], json!([{ "network": "ipv4", "tried": 15, "reachable": 2, "outcomes": outcomes }]));
    let source = &known["sources"][0];
    assert_eq!(
        (&source["addr"], &source["gossiped"], &source["reachable"]),
        (&json!("127.0.0.1"), &json!(16), &json!(3))
    );
    // By whatever reason.
    let skipped = |all: &Value| {
        let reasons = all["skipped"].as_object().into_iter().flat_map(|reasons| reasons.values());
        reasons.filter_map(Value::as_u64).sum::<u64>()
    };
    wait(&web, |all| skipped(all) == u64::from(SPECIAL)).await;

    let page = || async { reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap() };
    let page = &page;
    let right = || async move {
        let page = page().await;
        let wrong = SERIES.iter().filter(|(family, place, number)| on_page(&page, family, place) != Some(*number));
        (wrong.count() == 0).then_some(())
    };
    if let Err(error) = eventually("right numbers", PATIENCE, right).await {
        let page = page().await;
        let shown = SERIES.map(|(family, place, number)| (family, place, number, on_page(&page, family, place)));
        panic!("{error}: {shown:#?}");
    }
    program.signal("-TERM");
    let (status, logged) = program.end().await;
    assert!(status.success(), "{logged}");
}

fn entry(addr: SocketAddr, claims_v2: bool) -> AddrV2Message {
    let IpAddr::V4(ip) = addr.ip() else { panic!("{addr}") };
    let hour_ago = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3_600;
    let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
    AddrV2Message {
        time: u32::try_from(hour_ago).unwrap(),
        services: if claims_v2 { services | ServiceFlags::NETWORK_LIMITED | ServiceFlags::P2P_V2 } else { services },
        addr: AddrV2::Ipv4(Ipv4Addr::from(ip.octets())),
        port: addr.port(),
    }
}

/// The program with tracepoints and the check, which may connect to nothing but this machine.
async fn start(node: &Node) -> (Running, String, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("peer-observer.toml");
    let (datadir, database) = (node.datadir().display(), folder.path().join("connectivity.db"));
    let text = format!(
        "[connectivity]\nallow = [\"127.0.0.0/8\"]\nper_group = 6000\nper_second = 50\nchain = \"regtest\"\ndatabase = \"{}\"\n\
         [[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n",
        database.display()
    );
    std::fs::write(&config, text).unwrap();
    let run =
        ["run", "--config", config.to_str().unwrap(), "--extract", "ebpf,rpc", "--tools", "web,metrics,connectivity"];
    let listen = ["--web-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let program = Running::start(&[&run[..], &listen].concat());
    let (web, metrics) = (address(&program, "pages on http://").await, address(&program, "metrics on http://").await);
    program.wait_until_logged("following ").await;
    (program, web, metrics, folder)
}

async fn wait(web: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let ask = || async {
        let answer: Value = reqwest::get(format!("http://{web}/api/connectivity")).await.ok()?.json().await.ok()?;
        Some(answer).filter(|answer| wanted(answer))
    };
    match eventually("results", PATIENCE, ask).await {
        Ok(answer) => answer,
        Err(error) => {
            let last = reqwest::get(format!("http://{web}/api/connectivity")).await.unwrap().text().await.unwrap();
            panic!("{error}: {last}");
        }
    }
}
