//! A node at which a known number of things happen, and the program that observes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bitcoin::Wtxid;
use bitcoin::hashes::Hash;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use extractor_ebpf::kernel::KernelSupport;
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Node, Peer, PeerOptions, Reject, Spend, Wallet, eventually};

use crate::process::{PATIENCE, Running};

/// The requests whose answers are looked at.
const REQUESTS: [&str; 14] = [
    "nodes",
    "peers",
    "peers?closed=1",
    "peers/alice/0",
    "messages",
    "addresses",
    "transactions",
    "blocks",
    "chain",
    "mempool",
    "log",
    "pings",
    "addrman",
    "losses",
];

pub struct Scene {
    pub node: Node,
    /// Whether its tracepoints are followed.
    pub traced: bool,
    /// The address of the first peer.
    pub first: String,
    program: Running,
    web: String,
    metrics: String,
    _folder: TempDir,
    peer: Peer,
    _bob: Node,
}

impl Scene {
    /// None after saying that the test is skipped.
    pub async fn play() -> Option<Self> {
        let bitcoind = testbed::require_bitcoind()?;
        let traced = is_traced(&bitcoind);
        let categories = ["net", "mempool", "mempoolrej", "cmpctblock", "validation", "addrman", "txpackages"];
        let node = Node::builder().name("alice").capture_messages().noban().debug(categories).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = config_of(&node, folder.path());
        let extract = if traced { "ebpf,rpc,log,process" } else { "rpc,log,process" };
        let listen = ["--web-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let run = ["run", "--config", &config, "--extract", extract, "--tools", "web,metrics"];
        let program = Running::start(&[&run[..], &listen].concat());
        let web = address(&program, "pages on http://").await;
        let metrics = address(&program, "metrics on http://").await;
        let asked = || async {
            let nodes: Value = reqwest::get(format!("http://{web}/api/nodes")).await.ok()?.json().await.ok()?;
            (!nodes[0]["net"].is_null() && !nodes[0]["process"].is_null() && nodes[0]["height"] == 0).then_some(())
        };
        eventually("a node that is known", PATIENCE, asked).await.unwrap();
        if traced {
            program.wait_until_logged("following ").await;
        }
        let options = PeerOptions { start_height: 7, ..PeerOptions::default() };
        let peer = Peer::connect(node.p2p_addr(), options).await.unwrap();
        let bob = Node::builder().name("bob").noban().start().await.unwrap();
        node.connect(&bob).await.unwrap();
        let first = peer.local_addr().to_string();
        let mut scene = Self { node, traced, first, program, web, metrics, peer, _folder: folder, _bob: bob };
        scene.act().await;
        Some(scene)
    }

    /// What happens, each thing as often as the tables say.
    async fn act(&mut self) {
        let (node, peer) = (&self.node, &mut self.peer);
        for number in 1..=15 {
            node.rpc("addpeeraddress", json!([format!("8.{number}.8.1"), 8333])).await.unwrap();
        }
        let mut wallet = Wallet::new();
        wallet.fund(node, 5).await.unwrap();
        // One that is announced, asked for and accepted; one that the peer does not have after all.
        let tx = wallet.spend(&Spend::default()).unwrap();
        let unknown = Inventory::WTx(Wtxid::from_byte_array([7; 32]));
        peer.send(NetworkMessage::Inv(vec![Inventory::WTx(tx.compute_wtxid()), unknown])).unwrap();
        let asks = |message: &NetworkMessage| matches!(message, NetworkMessage::GetData(_));
        peer.wait_for(PATIENCE, asks).await.unwrap();
        peer.send(NetworkMessage::Tx(tx.clone())).unwrap();
        peer.send(NetworkMessage::NotFound(vec![unknown])).unwrap();
        node.wait_for_transaction(tx.compute_txid()).await.unwrap();
        // Two that nobody asked for: one is refused, of the other the inputs are not known.
        for reason in [Reject::NoFee, Reject::MissingInputs] {
            peer.send(NetworkMessage::Tx(wallet.rejected(reason).unwrap())).unwrap();
        }
        peer.send(NetworkMessage::FeeFilter(1_000)).unwrap();
        peer.send(NetworkMessage::AddrV2(addresses(peer.local_addr()))).unwrap();
        peer.sync().await.unwrap();
        wallet.mine(node, 1).await.unwrap();
        let last = wallet.spend(&Spend::default()).unwrap();
        wallet.send(node, &last).await.unwrap();
        // A connection that is over before the node is asked for its peers.
        let mut short = Peer::connect(node.p2p_addr(), PeerOptions::default()).await.unwrap();
        short.send_raw("nonsense", &[0; 50_000]).unwrap();
        short.sync().await.unwrap();
        drop(short);
        node.wait_for_peers(2).await.unwrap();
    }

    /// The answers of the API.
    pub async fn answers(&self) -> BTreeMap<&'static str, Value> {
        let browser = reqwest::Client::new();
        let mut answers = BTreeMap::new();
        for request in REQUESTS {
            let asked = browser.get(format!("http://{}/api/{request}", self.web)).header("x-page", "1");
            let answer = asked.send().await.unwrap();
            answers.insert(request, answer.json().await.unwrap());
        }
        answers
    }

    /// The page of metrics.
    pub async fn page(&self) -> String {
        reqwest::get(format!("http://{}/metrics", self.metrics)).await.unwrap().text().await.unwrap()
    }

    pub async fn end(self) {
        self.program.signal("-TERM");
        let (status, logged) = self.program.end().await;
        assert!(status.success(), "{logged}");
    }
}

/// Whether the tracepoints of a program can be followed here. If not, that is reported as skipped: what they report must then be absent.
pub fn is_traced(bitcoind: &Path) -> bool {
    let obstacle = KernelSupport::this().obstacle().or_else(|| {
        let found = extractor_ebpf::tracepoints_of(bitcoind).unwrap();
        (!found.contains("net:inbound_message")).then(|| "bitcoind has no tracepoints; set BITCOIND to one".to_owned())
    });
    obstacle.is_none_or(|reason| {
        testbed::skipped(&format!("numbers of tracepoints: {reason}"));
        false
    })
}

fn config_of(node: &Node, folder: &Path) -> String {
    // Seldom enough that a short connection is over before its peers are asked for.
    let mut text = String::from("[rpc.interval]\ngetpeerinfo = \"2s\"\n");
    for (method, _) in extractor_rpc::methods().filter(|(method, _)| *method != "getpeerinfo") {
        text += &format!("{method} = \"500ms\"\n");
    }
    let datadir = node.datadir().display();
    text += &format!("[[node]]\nname = \"alice\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n");
    let path = folder.join("peer-observer.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The address that the program logs after these words.
pub async fn address(program: &Running, words: &str) -> String {
    program.wait_until_logged(words).await;
    let logged = program.logged();
    let (_, rest) = logged.split_once(words).unwrap();
    rest.split(['/', ' ', '\n']).next().unwrap().to_owned()
}

/// A new address, an old one, and the peer's own, which is of no use to others.
fn addresses(own: std::net::SocketAddr) -> Vec<AddrV2Message> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let std::net::IpAddr::V4(own_ip) = own.ip() else { panic!("{own}") };
    let entry = |ip: std::net::Ipv4Addr, port: u16, age: Duration| AddrV2Message {
        time: u32::try_from((now - age).as_secs()).unwrap(),
        services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
        addr: AddrV2::Ipv4(ip),
        port,
    };
    let day = Duration::from_secs(86_400);
    vec![
        entry([8, 8, 8, 8].into(), 8_333, Duration::from_secs(60)),
        entry([1, 2, 3, 4].into(), 8_333, day * 40),
        entry(own_ip, own.port(), Duration::from_secs(60)),
    ]
}
