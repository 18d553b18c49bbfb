//! Real nodes, split and rejoined: what is published of them is what they say themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::hashes::Hash as _;
use bitcoin::{Address, BlockHash, ScriptBuf, WPubkeyHash};
use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use chain::settings::{MAX_INTERESTING_HEIGHTS, Network, NodeSettings, RETENTION, Settings, SourceSettings};
use chain::{Chain, Options, serve};
use event::filter::Kinds;
use event::pb::chain::activity::Change;
use event::pb::chain::chain::ChainEvent;
use event::pb::chain::{Activity, Header, Node as NodeEvent, Tip};
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::ipc_extractor::{BlockTip, Ipc};
use event::text::tip_status;
use event::time::now_ns;
use event::{Body, Filter, HashText, Source};
use node::Target;
use parking_lot::Mutex;
use rusqlite::OptionalExtension as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Node, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long something may take to come, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often nodes are asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The file in which things are kept.
const DATABASE: &str = "chain.sqlite";

/// What was published so far.
#[derive(Default)]
struct Seen {
    nodes: BTreeMap<String, NodeEvent>,
    headers: BTreeMap<Vec<u8>, Header>,
    activity: Vec<Activity>,
    /// As of which nodes.
    publishers: BTreeSet<String>,
}

impl Seen {
    /// The changes at a node, from the one of this number on.
    fn changes(&self, node: &str, from: usize) -> Vec<Change> {
        let of_node = self.activity.iter().skip(from).filter(|activity| activity.node == node);
        of_node.filter_map(|activity| activity.change.clone()).collect()
    }
}

/// The tool at work.
struct Watch {
    seen: Arc<Mutex<Seen>>,
    bus: Bus,
    url: String,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    folder: TempDir,
}

/// A network of these nodes. Those in `pushed` are observed and hardly ever asked otherwise.
fn network(nodes: &[&Node], pushed: &[&str]) -> Network {
    let settings = |(node, id): (&&Node, u32)| {
        let is_pushed = pushed.contains(&node.name());
        NodeSettings {
            id,
            name: node.name().to_owned(),
            description: String::new(),
            source: SourceSettings::Core {
                target: Target {
                    chain: Some(node::Chain::Regtest),
                    datadir: Some(node.datadir().to_owned()),
                    ..Target::default()
                },
                rest: true,
                long_poll: !is_pushed,
            },
            show_version: true,
            activity: true,
            observed: is_pushed,
            interval: if is_pushed { Duration::from_secs(3_600) } else { INTERVAL },
        }
    };
    Network {
        id: 7,
        name: "regtest".to_owned(),
        slug: "regtest".to_owned(),
        description: String::new(),
        min_fork_height: 0,
        max_interesting_heights: MAX_INTERESTING_HEIGHTS,
        pools: None,
        countdown: None,
        retention: RETENTION,
        nodes: nodes.iter().zip(0..).map(settings).collect(),
    }
}

async fn collect(mut events: Subscription, seen: Arc<Mutex<Seen>>) {
    loop {
        let items = events.next_many().await;
        if items.is_empty() {
            return;
        }
        let mut seen = seen.lock();
        for item in items {
            let Delivery::Event(record) = item else { continue };
            let Some(Body::Chain(chain)) = record.body() else { panic!("{record:?}") };
            seen.publishers.insert(record.envelope().node.as_ref().to_owned());
            match chain.chain_event.clone().unwrap() {
                ChainEvent::Node(node) => drop(seen.nodes.insert(node.name.clone(), node)),
                ChainEvent::Header(header) => drop(seen.headers.insert(header.hash.to_vec(), header)),
                ChainEvent::Activity(activity) => seen.activity.push(activity),
            }
        }
    }
}

impl Watch {
    fn start(network: Network) -> Self {
        let bus = Bus::new();
        let of_chain = Filter { kinds: vec![Kinds::Source(Source::Chain)], ..Filter::default() };
        let published = bus.subscribe("published", of_chain, 1 << 16, WhenFull::Block);
        let events = bus.subscribe("chain", Filter::default(), 1 << 16, WhenFull::Block);
        let seen = Arc::<Mutex<Seen>>::default();
        tokio::spawn(collect(published, Arc::clone(&seen)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            settings: Settings { networks: vec![network] },
            database: Some(folder.path().join(DATABASE)),
            serve: Some((listener, serve::Options::default())),
            ..Options::default()
        };
        let shutdown = CancellationToken::new();
        let to = bus.clone();
        let publishers = move |node: &str| Publisher::new(&to, node, "chain");
        let chain = Chain::open(options).unwrap();
        let url = chain.url().unwrap();
        let running = tokio::spawn(chain.run(events, publishers, shutdown.clone()));
        Self { seen, bus, url, shutdown, running, folder }
    }

    /// Waits until something of what was published is so.
    async fn until(&self, what: &str, is: impl Fn(&Seen) -> bool) {
        let look = || async { is(&self.seen.lock()).then_some(()) };
        if let Err(error) = eventually(what, PATIENCE, look).await {
            let seen = self.seen.lock();
            panic!("{error}: {:#?} {:#?}", seen.nodes, seen.activity);
        }
    }

    /// Waits until the tips of a node are those that it has, and returns them.
    async fn agrees(&self, node: &Node) -> Vec<String> {
        let look = || async {
            let tips = tips_of(node).await;
            let seen = self.seen.lock();
            let published: BTreeSet<String> = seen.nodes.get(node.name())?.tips.iter().map(text).collect();
            (published == tips && published.len() == seen.nodes[node.name()].tips.len()).then_some(tips)
        };
        let agrees = eventually(format!("tips of {}", node.name()), PATIENCE, look).await;
        match agrees {
            Ok(tips) => tips.into_iter().collect(),
            Err(error) => {
                let own = tips_of(node).await;
                panic!("{error}: {:#?}, not {own:?}", self.seen.lock().nodes.get(node.name()))
            }
        }
    }

    /// The kinds of changes at a node, from the one of this number on.
    fn changes(&self, node: &str, from: usize) -> Vec<Change> {
        self.seen.lock().changes(node, from)
    }

    fn count(&self) -> usize {
        self.seen.lock().activity.len()
    }

    /// A block that is in the database.
    fn kept(&self, hash: &BlockHash) -> Option<Vec<u8>> {
        let database = rusqlite::Connection::open(self.folder.path().join(DATABASE)).unwrap();
        let row = database.query_row("SELECT block FROM block WHERE hash = ?1", [hex(hash)], |row| row.get(0));
        row.optional().unwrap().flatten()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.bus.end();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }
}

fn text(tip: &Tip) -> String {
    format!("{} {} {}", HashText(&tip.hash), tip.height, tip_status(tip.status()))
}

/// What a node says itself.
async fn tips_of(node: &Node) -> BTreeSet<String> {
    let tips = node.rpc("getchaintips", json!([])).await.unwrap();
    let text = |tip: &Value| {
        format!("{} {} {}", tip["hash"].as_str().unwrap(), tip["height"], tip["status"].as_str().unwrap())
    };
    tips.as_array().unwrap().iter().map(text).collect()
}

fn hex(hash: &BlockHash) -> Vec<u8> {
    hash.to_byte_array().to_vec()
}

fn depth(changes: &[Change]) -> Vec<u32> {
    let reorgs = changes.iter().filter_map(|change| match change {
        Change::Reorg(reorg) => Some(reorg.old_height - reorg.common_height),
        _ => None,
    });
    reorgs.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_nodes_split_and_rejoin() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let mut started = Vec::new();
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        started.push(Node::builder().name(name).config("rest=1").start().await.unwrap());
    }
    let nodes: Vec<&Node> = started.iter().collect();
    let [alice, bob, carol, dave, erin] = nodes[..] else { panic!() };
    for (one, other) in [(alice, bob), (bob, carol), (carol, dave), (dave, erin)] {
        one.connect(other).await.unwrap();
    }
    alice.mine(10).await.unwrap();
    testbed::sync_blocks(&nodes).await.unwrap();

    // What is so at the start is no activity.
    let watch = Watch::start(network(&nodes, &[]));
    watch.until("all nodes", |seen| seen.nodes.len() == 5 && seen.nodes.values().all(|node| node.reachable)).await;
    for node in &nodes {
        assert_eq!(watch.agrees(node).await.len(), 1);
    }
    watch.until("headers", |seen| seen.headers.len() >= 3).await;
    assert_eq!(watch.count(), 0);
    {
        let seen = watch.seen.lock();
        let one = &seen.nodes["alice"];
        assert!(one.version.is_some() && one.tip_changed_ns.is_none() && one.answered_ns.is_some(), "{one:?}");
        assert!(seen.headers.values().all(|header| header.active && header.header.len() == 80));
        assert_eq!(seen.publishers, BTreeSet::from(["regtest".to_owned()]), "none of them is observed");
    }

    // Split: alice and bob go one way, carol, dave and erin another.
    bob.disconnect(carol).await.unwrap();
    let shorter = alice.mine(2).await.unwrap();
    // To another address: the blocks would be the same otherwise.
    let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([7; 20]));
    let other = Address::from_script(&script, bitcoin::Network::Regtest).unwrap();
    let longer = carol.mine_to(3, &other).await.unwrap();
    testbed::sync_blocks(&[carol, dave, erin]).await.unwrap();
    testbed::sync_blocks(&[alice, bob]).await.unwrap();
    for node in &nodes {
        watch.agrees(node).await;
    }
    for node in &nodes {
        let name = node.name();
        watch.until("the split", |seen| !seen.changes(name, 0).is_empty()).await;
        let changes = watch.changes(name, 0);
        assert!(depth(&changes).is_empty(), "{name}: {changes:?}");
    }
    let split = watch.count();

    // Rejoined: the shorter branch is left by those who had it.
    bob.connect(carol).await.unwrap();
    testbed::sync_blocks(&nodes).await.unwrap();
    for node in [alice, bob] {
        let name = node.name();
        watch.until("the reorg", |seen| depth(&seen.changes(name, split)) == [2]).await;
        assert!(watch.agrees(node).await.iter().any(|tip| tip.ends_with("12 valid-fork")), "{name}");
    }
    assert_eq!(depth(&watch.changes("carol", 0)), [0; 0]);
    let branch = |seen: &Seen, hashes: &[BlockHash], active: bool| {
        let of = |hash: &BlockHash| seen.headers.get(&hex(hash)).is_some_and(|header| header.active == active);
        hashes.iter().all(of)
    };
    watch.until("both branches", |seen| branch(seen, &shorter, false) && branch(seen, &longer, true)).await;

    // An invalid block: only dave thinks so.
    let before = watch.count();
    let bad = longer[2].to_string();
    dave.rpc("invalidateblock", json!([bad])).await.unwrap();
    watch
        .until("the invalid block", |seen| {
            let changes = seen.changes("dave", before);
            // It went back by one.
            changes.iter().any(|change| matches!(change, Change::InvalidBlock(tip) if tip.height == 13))
                && depth(&changes) == [1]
        })
        .await;
    assert!(watch.agrees(dave).await.iter().any(|tip| tip.starts_with(&bad) && tip.ends_with("invalid")));
    dave.rpc("reconsiderblock", json!([bad])).await.unwrap();
    watch.agrees(dave).await;

    // Only the header: erin does not get the block.
    dave.disconnect(erin).await.unwrap();
    let [new] = carol.mine(1).await.unwrap()[..] else { panic!() };
    let header = carol.rpc("getblockheader", json!([new.to_string(), false])).await.unwrap();
    erin.rpc("submitheader", json!([header])).await.unwrap();
    assert!(watch.agrees(erin).await.iter().any(|tip| tip.ends_with("14 headers-only")));
    watch.until("the header", |seen| seen.headers.contains_key(&hex(&new))).await;

    // It lags when it is three blocks behind.
    carol.mine(2).await.unwrap();
    testbed::sync_blocks(&[alice, bob, carol, dave]).await.unwrap();
    let lagging = |seen: &Seen, is: bool| {
        let changes = seen.changes("erin", before);
        changes.iter().any(|change| matches!(change, Change::Lag(lag) if lag.lagging == is))
    };
    watch.until("erin to lag", |seen| lagging(seen, true)).await;
    dave.connect(erin).await.unwrap();
    watch.until("erin to catch up", |seen| lagging(seen, false)).await;

    // That one is gone is known soon, and so is its return.
    let gone = Instant::now();
    erin.kill().await.unwrap();
    watch.until("erin to be unreachable", |seen| !seen.nodes["erin"].reachable).await;
    assert!(gone.elapsed() < PATIENCE / 2, "{:?}", gone.elapsed());
    erin.start().await.unwrap();
    let reachability = |seen: &Seen| -> Vec<bool> {
        let changes = seen.changes("erin", before).into_iter();
        let of = |change: Change| if let Change::Reachability(change) = change { Some(change.reachable) } else { None };
        changes.filter_map(of).collect()
    };
    watch
        .until("erin to be reachable", |seen| seen.nodes["erin"].reachable && reachability(seen) == [false, true])
        .await;

    // What is served is the same: the stale branch, and its blocks.
    let look = || async {
        let stale = watch.get("api/7/stale.json").await;
        let hashes: BTreeSet<String> = stale["stale_blocks"]
            .as_array()?
            .iter()
            .filter_map(|block| block["hash"].as_str().map(str::to_owned))
            .collect();
        (hashes == shorter.iter().map(ToString::to_string).collect()).then_some(())
    };
    eventually("stale.json", PATIENCE, look).await.unwrap();
    // Nobody has asked for them yet, and they are kept.
    for hash in &shorter {
        let look = || async { watch.kept(hash) };
        let kept = eventually("a stale block", PATIENCE, look).await.unwrap();
        let block = alice.rpc("getblock", json!([hash.to_string(), 0])).await.unwrap();
        assert_eq!(Some(::hex::encode(&kept).as_str()), block.as_str());
    }
    let hash = shorter[1].to_string();
    let block = alice.rpc("getblock", json!([hash, 0])).await.unwrap();
    let served = reqwest::get(format!("{}api/7/block/{hash}/hex", watch.url)).await.unwrap().text().await.unwrap();
    assert_eq!(Some(served.as_str()), block.as_str());
    let data = watch.get("api/7/data.json").await;
    assert_eq!(data["nodes"].as_array().unwrap().len(), 5);
    // A node may have a new tip between what is served and what was published.
    let look = || async {
        let rows = watch.get("api/7/activity.json").await;
        let newest = rows["events"].as_array()?.first()?["id"].as_u64();
        (newest == watch.seen.lock().activity.iter().map(|activity| activity.id).max()).then_some(())
    };
    eventually("activity.json", PATIENCE, look).await.unwrap();
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_makes_an_observed_node_be_asked_at_once() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let alice = Node::builder().name("alice").start().await.unwrap();
    alice.mine(1).await.unwrap();
    let watch = Watch::start(network(&[&alice], &["alice"]));
    watch.agrees(&alice).await;
    let by_ipc = Publisher::new(&watch.bus, "alice", "ipc");
    for _ in 0..5 {
        let [new] = alice.mine(1).await.unwrap()[..] else { panic!() };
        let (height, hash) = (alice.tip().await.unwrap().0, hex(&new).into());
        let height = i32::try_from(height).unwrap();
        let begun = Instant::now();
        let event = IpcEvent::BlockTip(BlockTip { height, hash });
        by_ipc.publish(now_ns(), Body::IpcExtractor(Ipc { ipc_event: Some(event) })).await;
        watch.until("the new tip", |seen| seen.nodes["alice"].tips[0].hash[..] == hex(&new)).await;
        // Its interval is an hour.
        assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    }
    assert_eq!(watch.seen.lock().publishers, BTreeSet::from(["alice".to_owned()]));
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_say_nothing_hold_up_no_other() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let alice = Node::builder().name("alice").start().await.unwrap();
    alice.mine(1).await.unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = SourceSettings::Esplora {
        url: format!("http://{}", silent.local_addr().unwrap()).parse().unwrap(),
        certificate: None,
    };
    let (mut network, silent_ones) = (network(&[&alice], &[]), 100);
    let like = network.nodes[0].clone();
    network.nodes.extend((1..=silent_ones).map(|id| NodeSettings {
        id,
        name: format!("silent-{id}"),
        source: source.clone(),
        ..like.clone()
    }));
    // How many wait for an answer. None of them gives up before the end of this test.
    let (waiting, count) = tokio::sync::watch::channel(0_u32);
    let accepting = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            connections.push(connection);
            waiting.send_modify(|count| *count += 1);
        }
    });
    let watch = Watch::start(network);
    watch.agrees(&alice).await;
    let enough = async { count.clone().wait_for(|count| *count >= 16).await.map(|count| *count) };
    tokio::time::timeout(PATIENCE, enough).await.unwrap().unwrap();
    for _ in 0..3 {
        alice.mine(1).await.unwrap();
        watch.agrees(&alice).await;
    }
    assert!(*count.borrow() < silent_ones, "the others wait for their turn");
    accepting.abort();
    watch.stop().await;
}
