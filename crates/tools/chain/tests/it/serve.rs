//! What is served, as fork-observer's page, feed readers and programs read it, and as attackers ask for it.

use std::collections::HashSet;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bitcoin::block::{Header, Version};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, CompactTarget, TxMerkleNode};
use bytes::Bytes;
use chain::serve::{Options as ServeOptions, Server};
use chain::settings::SourceSettings;
use chain::snapshot::{
    ActivityRow, Countdown, HeaderSnapshot, Kept, MAX_CHANGES, NetworkSnapshot, NodeSnapshot, Published, StaleBlock,
    TipSnapshot, details, kind,
};
use event::pb::chain::activity::Change;
use event::pb::chain::{ActiveTipChanged, Lag, Reachability, Reorg, SamePool, Status, Tip, TipStatusChanged};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, LOCATION,
};
use reqwest::{Client as Http, Response, StatusCode, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// Text with everything that has a meaning somewhere, of a pool, a node or another server.
const HOSTILE: &str = "<b>&amp;\"'</title>]]>\u{0}\u{8}\u{1b}[31m\r\n\u{202e}\u{2066}\u{feff}\u{fffe}";

/// The strict reader: the fields that fork-observer's page knows. Those of ours come last, each by its name.
mod fields {
    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Networks {
        pub networks: Vec<Network>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Network {
        pub id: u32,
        pub name: String,
        pub slug: String,
        pub description: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Info {
        pub footer: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Data {
        pub header_infos: Vec<HeaderInfo>,
        pub nodes: Vec<Node>,
        pub countdown: Option<Countdown>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct HeaderInfo {
        pub id: u64,
        pub prev_id: u64,
        pub height: u64,
        pub hash: String,
        pub version: u32,
        pub prev_blockhash: String,
        pub merkle_root: String,
        pub time: u32,
        pub bits: u32,
        pub difficulty_int: u64,
        pub nonce: u32,
        pub miner: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Node {
        pub id: u32,
        pub name: String,
        pub description: String,
        pub implementation: String,
        pub tips: Vec<Tip>,
        pub last_changed_timestamp: u64,
        pub version: String,
        pub reachable: bool,
        pub remote_source: Option<String>,
        pub other_rules: bool,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Tip {
        pub hash: String,
        pub status: String,
        pub height: u64,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Countdown {
        pub height: u64,
        pub label: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Stale {
        pub stale_blocks: Vec<StaleBlock>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct StaleBlock {
        pub height: u64,
        pub hash: String,
        pub header: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Activity {
        pub events: Vec<Event>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Event {
        pub id: u64,
        pub timestamp: u64,
        pub node_id: u32,
        pub kind: String,
        pub details: Value,
    }
}

/// RSS 2.0, with the link to itself of Atom.
#[derive(Deserialize)]
struct Rss {
    #[serde(rename = "@version")]
    version: String,
    channel: Channel,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    title: String,
    description: String,
    link: String,
    /// `atom:link`.
    own: Link,
    #[serde(default)]
    item: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    #[serde(rename = "@href")]
    href: String,
    #[serde(rename = "@rel")]
    rel: String,
    #[serde(rename = "@type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    title: String,
    description: String,
    guid: Guid,
}

#[derive(Deserialize)]
struct Guid {
    #[serde(rename = "@isPermaLink")]
    is_perma_link: bool,
    #[serde(rename = "$text")]
    text: String,
}

/// A database with rows 1 to `rows`, and one block; it counts what it is asked for.
#[derive(Default)]
struct Database {
    rows: u64,
    block: Option<([u8; 32], Bytes)>,
    asked: AtomicUsize,
}

impl Kept for Database {
    fn activity(&self, network: u32, before: u64, limit: usize) -> Result<Vec<ActivityRow>, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if network == 2 {
            return Err("the disk is full".to_owned());
        }
        Ok((1..=self.rows).rev().filter(|id| *id < before).take(limit).map(lag_row).collect())
    }

    fn block(&self, _network: u32, hash: [u8; 32]) -> BoxFuture<'_, Option<Bytes>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let block = self.block.as_ref().filter(|(known, _)| *known == hash).map(|(_, block)| block.clone());
        async move { block }.boxed()
    }
}

struct Running {
    published: Published,
    database: Arc<Database>,
    address: String,
    running: serve::Running,
    http: Http,
}

impl Running {
    fn start(options: ServeOptions, database: Database, networks: impl IntoIterator<Item = NetworkSnapshot>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (published, database) = (Published::default(), Arc::new(database));
        networks.into_iter().for_each(|network| published.publish(network));
        let server = Server::new(listener, options).unwrap();
        let running = server.start(published.clone(), Arc::clone(&database) as Arc<dyn Kept>);
        let http = Http::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { published, database, address, running, http }
    }

    async fn get(&self, path: &str, headers: &[(reqwest::header::HeaderName, &str)]) -> Response {
        let mut request = self.http.get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.send().await.unwrap()
    }

    async fn status(&self, path: &str) -> StatusCode {
        self.get(path, &[]).await.status()
    }

    async fn text(&self, path: &str) -> String {
        let response = self.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> T {
        let text = self.text(path).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    async fn rss(&self, path: &str) -> Channel {
        let text = self.text(path).await;
        assert_harmless(&text);
        // The reader takes no notice of prefixes.
        let text = text.replace("atom:link", "own");
        let rss: Rss = quick_xml::de::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
        assert_eq!(rss.version, "2.0");
        assert!(text.contains("xmlns:atom=\"http://www.w3.org/2005/Atom\""), "{text}");
        rss.channel
    }
}

/// No control character but the end of a line, and nothing that changes the direction of text or hides.
fn assert_harmless(text: &str) {
    let bad = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}')
    };
    assert!(!text.contains(bad), "{text:?}");
}

/// A header on another one.
fn header(previous: Option<&Header>, nonce: u32) -> Header {
    Header {
        version: Version::from_consensus(-1),
        prev_blockhash: previous.map_or(BlockHash::all_zeros(), Header::block_hash),
        merkle_root: TxMerkleNode::from_byte_array([7; 32]),
        time: 1_700_000_000,
        bits: CompactTarget::from_consensus(0x1b04_04cb),
        nonce,
    }
}

fn bytes(header: &Header) -> [u8; 80] {
    serialize(header).try_into().unwrap()
}

fn fields_of(bytes: &[u8; 80]) -> Header {
    deserialize(bytes).unwrap()
}

fn shown(height: u32, header: Header, parent: Option<usize>, miner: &str) -> HeaderSnapshot {
    let active = true;
    HeaderSnapshot {
        height,
        hash: header.block_hash().to_byte_array(),
        header: bytes(&header),
        parent,
        miner: miner.to_owned(),
        active,
    }
}

fn tip(of: &HeaderSnapshot, status: Status) -> TipSnapshot {
    TipSnapshot { hash: of.hash, height: of.height, status }
}

fn node(id: u32, name: &str, tips: Vec<TipSnapshot>) -> NodeSnapshot {
    NodeSnapshot {
        id,
        name: name.to_owned(),
        description: format!("node {id}"),
        implementation: "Bitcoin Core".to_owned(),
        version: None,
        reachable: true,
        other_rules: false,
        height: tips.iter().find(|tip| tip.status == Status::Active).map(|tip| tip.height),
        tips,
        changed_ns: Some(1_700_000_123_999_999_999),
        remote_source: None,
    }
}

fn row(id: u64, node_id: u32, change: &Change) -> ActivityRow {
    let details = serde_json::value::to_raw_value(&details(change)).unwrap();
    ActivityRow { id, timestamp: 1_700_000_000 + id, node_id, kind: kind(change).to_owned(), details: details.into() }
}

fn lag_row(id: u64) -> ActivityRow {
    row(id, 0, &Change::Lag(Lag { lagging: true, node_height: id as u32, best_height: 9 }))
}

/// Every change there is, with what the database and the answers have of it.
fn changes() -> Vec<(Change, &'static str, Value)> {
    let hash = |byte: u8| Bytes::from(vec![byte; 32]);
    let text = |byte: u8| format!("{byte:02x}").repeat(32);
    let tip = |status: Status| Tip { hash: hash(3), height: 7, status: status.into() };
    let changed = ActiveTipChanged { old_hash: hash(1), old_height: 6, new_hash: hash(2), new_height: 7 };
    let reorg = Reorg {
        old_hash: hash(1),
        old_height: 6,
        new_hash: hash(2),
        new_height: 7,
        common_ancestor: hash(9),
        common_height: 4,
    };
    let lag = |lagging| Lag { lagging, node_height: 4, best_height: 7 };
    let reachability = |reachable| Reachability { reachable, reason: Some("10.0.0.5 refuses".to_owned()) };
    let heights = json!({ "node_height": 4, "best_height": 7 });
    vec![
        (
            Change::ActiveTipChanged(changed),
            "active-tip-changed",
            json!({ "old_hash": text(1), "old_height": 6, "new_hash": text(2), "new_height": 7 }),
        ),
        (
            Change::Reorg(reorg),
            "reorg-detected",
            json!({
                "old_hash": text(1), "old_height": 6, "new_hash": text(2), "new_height": 7, "common_ancestor": text(9),
                "common_height": 4, "depth": 2,
            }),
        ),
        (
            Change::TipAdded(tip(Status::ValidFork)),
            "tip-added",
            json!({ "hash": text(3), "height": 7, "status": "valid-fork" }),
        ),
        (
            Change::TipStatusChanged(TipStatusChanged {
                tip: tip(Status::Invalid),
                old_status: Status::HeadersOnly.into(),
            }),
            "tip-status-changed",
            json!({ "hash": text(3), "height": 7, "old_status": "headers-only", "new_status": "invalid" }),
        ),
        (Change::InvalidBlock(tip(Status::Invalid)), "invalid-block-observed", json!({ "hash": text(3), "height": 7 })),
        (Change::Reachability(reachability(false)), "node-unreachable", json!({})),
        (Change::Reachability(reachability(true)), "node-reachable", json!({})),
        (Change::Lag(lag(true)), "node-lagging", heights.clone()),
        (Change::Lag(lag(false)), "node-caught-up", heights),
        (
            Change::SamePool(SamePool { height: 7, pool: "P".to_owned(), hashes: vec![hash(1), hash(2)] }),
            "same-pool",
            json!({ "height": 7, "pool": "P", "hashes": [text(1), text(2)] }),
        ),
    ]
}

/// A network with every case: a gap, a fork, a fork of three, blocks of all statuses, nodes that lag, are away, have other rules, or are of another
/// server, and hostile text wherever it is not the operator's.
fn network() -> NetworkSnapshot {
    let base = header(None, 1);
    let hidden = header(Some(&base), 2);
    let a0 = header(Some(&hidden), 3);
    let (a1, b1) = (header(Some(&a0), 4), header(Some(&a0), 5));
    let (a2, b2, c2) = (header(Some(&a1), 6), header(Some(&a1), 7), header(Some(&a1), 8));
    let headers = vec![
        shown(96, base, None, ""),
        shown(100, a0, Some(0), "Pool & Sons"),
        shown(101, a1, Some(1), HOSTILE),
        shown(101, b1, Some(1), ""),
        shown(102, a2, Some(2), ""),
        shown(102, b2, Some(2), HOSTILE),
        shown(102, c2, Some(2), ""),
        // A parent that is not before it is none.
        shown(103, header(None, 9), Some(7), ""),
    ];
    let [_, low, _, b1, a2, b2, c2, _] = &headers[..] else { panic!() };
    let all = [
        tip(a2, Status::Active),
        tip(b2, Status::ValidFork),
        tip(c2, Status::Invalid),
        tip(b1, Status::HeadersOnly),
        tip(b1, Status::ValidHeaders),
        tip(b1, Status::Unknown),
    ];
    let lagging = TipSnapshot { height: 98, ..tip(low, Status::Active) };
    let nodes = vec![
        NodeSnapshot { version: Some("/Satoshi:32.0.0/".to_owned()), ..node(0, "alice", all.to_vec()) },
        node(1, "bob", vec![tip(c2, Status::Active)]),
        NodeSnapshot { changed_ns: None, reachable: false, ..node(2, "<carol & co>", Vec::new()) },
        node(3, "dave", vec![lagging]),
        // What it reports as its height makes no other lag.
        NodeSnapshot {
            other_rules: true,
            ..node(4, "knots", vec![TipSnapshot { height: 500, ..tip(c2, Status::Active) }, tip(c2, Status::Invalid)])
        },
        NodeSnapshot {
            version: Some(HOSTILE.to_owned()),
            description: HOSTILE.to_owned(),
            implementation: HOSTILE.to_owned(),
            remote_source: Some("other.example".to_owned()),
            reachable: false,
            ..node(1000, HOSTILE, vec![lagging, tip(c2, Status::Invalid)])
        },
    ];
    let stale = |of: &HeaderSnapshot| StaleBlock { height: of.height, hash: of.hash, header: of.header };
    NetworkSnapshot {
        id: 1,
        name: "Main <net> & \"more\"".to_owned(),
        slug: "mainnet".to_owned(),
        description: "Bitcoin ⚡\u{fe0f}".to_owned(),
        stale: vec![stale(b2), stale(c2), stale(b1)],
        activity: changes().iter().rev().zip((1..=10).rev()).map(|((change, ..), id)| row(id, 0, change)).collect(),
        headers,
        nodes,
        countdown: Some(Countdown { height: 105, label: "halving".to_owned() }),
        best_height: Some(102),
    }
}

#[tokio::test]
async fn answers_have_the_fields_that_are_expected() {
    let options = ServeOptions { footer: "<a href=\"x\">us</a>".to_owned(), ..ServeOptions::default() };
    let all = changes();
    let database = Database { rows: 0, ..Database::default() };
    let running = Running::start(options, database, [network(), NetworkSnapshot { id: 7, ..Default::default() }]);
    let wanted = network();

    let networks: fields::Networks = running.json("/api/networks.json").await;
    let [first, second] = &networks.networks[..] else { panic!() };
    assert_eq!((first.id, &first.name, &first.slug, second.id), (1, &wanted.name, &wanted.slug, 7));
    // The operator's own text is as it was written.
    assert_eq!(first.description, wanted.description);
    assert_eq!(running.json::<fields::Info>("/api/info.json").await.footer, "<a href=\"x\">us</a>");

    let text = running.text("/api/1/data.json").await;
    assert_eq!(text.matches("\"prev_id\":18446744073709551615,").count(), 2, "{text}");
    let data: fields::Data = serde_json::from_str(&text).unwrap();
    let links: Vec<u64> = data.header_infos.iter().map(|header| header.prev_id).collect();
    assert_eq!(links, [u64::MAX, 0, 1, 1, 2, 2, 2, u64::MAX]);
    for (place, (info, wanted)) in data.header_infos.iter().zip(&wanted.headers).enumerate() {
        let header = fields_of(&wanted.header);
        let Header { prev_blockhash, merkle_root, .. } = &header;
        assert_eq!((info.id, info.height), (place as u64, u64::from(wanted.height)));
        assert_eq!(info.hash, header.block_hash().to_string());
        assert_eq!((&info.prev_blockhash, &info.merkle_root), (&prev_blockhash.to_string(), &merkle_root.to_string()));
        assert_eq!((info.version, info.time, info.bits), (u32::MAX, 1_700_000_000, 0x1b04_04cb));
        assert_eq!((info.difficulty_int, info.nonce), (16_307, header.nonce));
        assert_harmless(&info.miner);
    }
    assert_eq!(data.header_infos[1].miner, "Pool & Sons");
    assert!(data.header_infos[2].miner.starts_with("<b>&amp;\"'</title>"), "{}", data.header_infos[2].miner);
    let [alice, bob, carol, _, knots, remote] = &data.nodes[..] else { panic!() };
    let statuses: Vec<&str> = alice.tips.iter().map(|tip| tip.status.as_str()).collect();
    assert_eq!(statuses, ["active", "valid-fork", "invalid", "headers-only", "valid-headers", "unknown"]);
    assert_eq!((alice.tips[0].height, &alice.tips[0].hash), (102, &data.header_infos[4].hash));
    assert_eq!((alice.id, alice.name.as_str(), alice.description.as_str()), (0, "alice", "node 0"));
    assert_eq!((alice.version.as_str(), alice.implementation.as_str()), ("/Satoshi:32.0.0/", "Bitcoin Core"));
    assert_eq!((alice.reachable, alice.last_changed_timestamp, alice.other_rules), (true, 1_700_000_123, false));
    // What must not be shown is not there.
    assert_eq!((bob.version.as_str(), bob.remote_source.as_deref()), ("unknown", None));
    assert_eq!((carol.reachable, carol.last_changed_timestamp, carol.name.as_str()), (false, 0, "<carol & co>"));
    assert!(knots.other_rules);
    assert_eq!((remote.id, remote.remote_source.as_deref()), (1000, Some("other.example")));
    let texts = [&remote.name, &remote.description, &remote.implementation, &remote.version];
    texts.iter().for_each(|text| assert_harmless(text));
    let countdown = data.countdown.unwrap();
    assert_eq!((countdown.height, countdown.label.as_str()), (105, "halving"));

    let stale: fields::Stale = running.json("/api/1/stale.json").await;
    assert_eq!(stale.stale_blocks.len(), 3);
    for (block, wanted) in stale.stale_blocks.iter().zip(&wanted.stale) {
        assert_eq!(block.height, u64::from(wanted.height));
        assert_eq!(block.hash, fields_of(&wanted.header).block_hash().to_string());
        assert_eq!((&block.header, block.header.len()), (&hex::encode(wanted.header), 160));
    }

    let activity: fields::Activity = running.json("/api/1/activity.json").await;
    assert_eq!(activity.events.len(), all.len());
    for (event, (_, kind, details)) in activity.events.iter().rev().zip(&all) {
        assert_eq!((event.kind.as_str(), &event.details, event.node_id), (*kind, details, 0));
    }

    // A network that is not there has nothing. What is no number is no network.
    let data = running.text("/api/99/data.json").await;
    assert_eq!(data, r#"{"header_infos":[],"nodes":[]}"#);
    assert_eq!(running.text("/api/99/stale.json").await, r#"{"stale_blocks":[]}"#);
    assert_eq!(running.text("/api/99/activity.json").await, r#"{"events":[]}"#);
    for path in ["/api/x/data.json", "/api/-1/stale.json", "/api/4294967296/activity.json", "/api/1/other.json"] {
        assert_eq!(running.status(path).await, StatusCode::NOT_FOUND, "{path}");
    }
    running.running.end().await.unwrap();
}

#[tokio::test]
async fn feeds_can_be_read() {
    let options =
        ServeOptions { rss_base_url: Some("https://forks.example/a&b/".to_owned()), ..ServeOptions::default() };
    let quiet = NetworkSnapshot { id: 2, name: "quiet".to_owned(), ..Default::default() };
    let running = Running::start(options, Database::default(), [network(), quiet]);
    let wanted = network();
    let hash = |place: usize| fields_of(&wanted.headers[place].header).block_hash().to_string();

    let forks = running.rss("/rss/1/forks.xml").await;
    assert_eq!(forks.title, "Recent Forks - Main <net> & \"more\"");
    assert!(!forks.description.is_empty());
    assert_eq!(forks.link, "https://forks.example/a&b/");
    assert_eq!(forks.own.href, "https://forks.example/a&b/rss/1/forks.xml");
    assert_eq!((forks.own.rel.as_str(), forks.own.kind.as_str()), ("self", "application/rss+xml"));
    let items: Vec<(&str, &str)> =
        forks.item.iter().map(|item| (item.title.as_str(), item.guid.text.as_str())).collect();
    assert_eq!(items, [("Multi-fork at height 101", &*hash(2)), ("Fork at height 100", &*hash(1))]);
    assert!(forks.item.iter().all(|item| !item.guid.is_perma_link));
    let text = &forks.item[0].description;
    assert!([4, 5, 6].iter().all(|place| text.contains(&hash(*place))) && text.contains("by <b>&amp;"), "{text}");

    let invalid = running.rss("/rss/1/invalid.xml").await;
    let [block] = &invalid.item[..] else { panic!() };
    assert_eq!((&block.guid.text, block.title.as_str()), (&hash(6), "Invalid block at height 102"));
    assert!(["alice", "knots", "other rules", "1000"].iter().all(|part| block.description.contains(part)));
    assert_eq!(invalid.title, "Invalid Blocks - Main <net> & \"more\"");

    let lagging = running.rss("/rss/1/lagging.xml").await;
    assert_eq!(lagging.title, "Lagging nodes on Main <net> & \"more\"");
    let [dave, remote] = &lagging.item[..] else { panic!() };
    assert_eq!(dave.guid.text, "lagging-node-dave-on-98");
    assert!(dave.description.contains("4 blocks behind 102"), "{}", dave.description);
    assert!(remote.title.contains("<b>&amp;"), "{}", remote.title);

    let unreachable = running.rss("/rss/1/unreachable.xml").await;
    assert_eq!(unreachable.title, "Unreachable nodes - Main <net> & \"more\"");
    let [carol, remote] = &unreachable.item[..] else { panic!() };
    assert_eq!((carol.guid.text.as_str(), &remote.guid.text[..17]), ("unreachable-node-2-last-0", "unreachable-node-"));
    assert!(carol.title.contains("<carol & co>"));

    for feed in ["forks", "invalid", "lagging", "unreachable"] {
        assert!(running.rss(&format!("/rss/2/{feed}.xml")).await.item.is_empty());
        assert_eq!(running.status(&format!("/rss/9/{feed}.xml")).await, StatusCode::NOT_FOUND);
    }
    for path in ["/rss/1/forks", "/rss/1/other.xml", "/rss/x/forks.xml", "/rss/1"] {
        assert_eq!(running.status(path).await, StatusCode::NOT_FOUND, "{path}");
    }
    running.running.end().await.unwrap();
}

#[tokio::test]
async fn activity_comes_in_pages() {
    let mut network = network();
    network.activity = (751..=1000).rev().map(lag_row).collect();
    let full = NetworkSnapshot { id: 2, activity: network.activity.clone(), ..Default::default() };
    let running =
        Running::start(ServeOptions::default(), Database { rows: 1000, ..Database::default() }, [network, full]);
    let mut ids = Vec::new();
    let mut path = "/api/1/activity.json".to_owned();
    loop {
        let page: fields::Activity = running.json(&path).await;
        let Some(last) = page.events.last() else { break };
        assert!(page.events.len() <= 100);
        let wanted = json!({ "node_height": last.id, "best_height": 9 });
        assert_eq!((last.kind.as_str(), last.node_id, &last.details), ("node-lagging", 0, &wanted));
        assert_eq!(last.timestamp, 1_700_000_000 + last.id);
        path = format!("/api/1/activity.json?before={}", last.id);
        ids.extend(page.events.iter().map(|event| event.id));
    }
    assert!(ids.iter().copied().eq((1..=1000).rev()), "{ids:?}");
    // Two pages are in memory.
    assert_eq!(running.database.asked.load(Ordering::Relaxed), 9);
    for query in ["before=", "before=x", "before=-1", "before=18446744073709551616"] {
        let status = running.status(&format!("/api/1/activity.json?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
    // Where the database cannot be read, what is in memory can.
    for (query, count) in [("", 100), ("?before=800", 49)] {
        let page: fields::Activity = running.json(&format!("/api/2/activity.json{query}")).await;
        assert_eq!(page.events.len(), count);
    }
    let broken = running.get("/api/2/activity.json?before=5", &[]).await;
    assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!broken.text().await.unwrap().contains("disk"), "reasons are for the log");
    running.running.end().await.unwrap();
}

#[tokio::test]
async fn stale_blocks_can_be_downloaded() {
    let network = network();
    let [known, other, ..] = &network.stale[..] else { panic!() };
    let bytes: Bytes = (0..200_000_u32).map(|n| n as u8).collect();
    let database = Database { block: Some((known.hash, bytes.clone())), ..Database::default() };
    let (hash, missing) = (fields_of(&known.header).block_hash(), fields_of(&other.header).block_hash());
    let active = fields_of(&network.headers[4].header).block_hash();
    let running = Running::start(ServeOptions::default(), database, [network]);

    let bin = running.get(&format!("/api/1/block/{hash}/bin"), &[]).await;
    assert_eq!(bin.headers()[CONTENT_TYPE], "application/octet-stream");
    let tag = bin.headers()[ETAG].to_str().unwrap().to_owned();
    assert_eq!(bin.bytes().await.unwrap(), bytes);
    let hex = running.text(&format!("/api/1/block/{hash}/hex")).await;
    assert_eq!(hex, hex::encode(&bytes));
    let asked = running.database.asked.load(Ordering::Relaxed);
    let again = running.get(&format!("/api/1/block/{hash}/hex"), &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let table = [
        (format!("/api/1/block/{active}/hex"), StatusCode::NOT_FOUND),
        (format!("/api/1/block/{}/hex", "00".repeat(32)), StatusCode::NOT_FOUND),
        (format!("/api/9/block/{hash}/hex"), StatusCode::NOT_FOUND),
        (format!("/api/1/block/{hash}/json"), StatusCode::NOT_FOUND),
        ("/api/1/block/xyz/hex".to_owned(), StatusCode::BAD_REQUEST),
        (format!("/api/1/block/{hash}00/bin"), StatusCode::BAD_REQUEST),
    ];
    for (path, status) in table {
        assert_eq!(running.status(&path).await, status, "{path}");
    }
    // Only blocks that are known to be stale are looked for.
    assert_eq!(running.database.asked.load(Ordering::Relaxed), asked);
    assert_eq!(running.status(&format!("/api/1/block/{missing}/hex")).await, StatusCode::NOT_FOUND);
    assert_eq!(running.database.asked.load(Ordering::Relaxed), asked + 1);
    running.running.end().await.unwrap();
}

/// The lines of a stream of events, one by one. None at its end.
struct Lines {
    response: Response,
    text: String,
}

impl Lines {
    async fn connect(running: &Running) -> Self {
        let response = running.get("/api/changes", &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/event-stream"));
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
        Self { response, text: String::new() }
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let line = line.to_owned();
                self.text = rest.to_owned();
                if line.is_empty() {
                    continue;
                }
                return Some(line);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("a line in time");
            self.text += std::str::from_utf8(&chunk.ok()??).unwrap();
        }
    }
}

#[tokio::test]
async fn changes_are_streamed() {
    let options = ServeOptions { max_clients: 2, keep_alive: Duration::from_millis(50), ..ServeOptions::default() };
    let running = Running::start(options, Database::default(), [network()]);
    let (mut first, second) = (Lines::connect(&running).await, Lines::connect(&running).await);
    let refused = running.get("/api/changes", &[]).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    // A line comes when nothing changes.
    assert_eq!(first.next().await.as_deref(), Some(":"));
    let before: fields::Data = running.json("/api/1/data.json").await;
    let mut changed = network();
    changed.headers.pop();
    running.published.publish(changed);
    // Whoever reads it gets what is so now, even if others have just asked.
    let after: fields::Data = running.json("/api/1/data.json").await;
    assert_eq!(before.header_infos.len(), after.header_infos.len() + 1);
    let event = next_event(&mut first).await.unwrap();
    assert_eq!(event, r#"{"network_id":1}"#);
    // A place is free again when a client has gone.
    drop(second);
    testbed::eventually("a free place", PATIENCE, || async {
        (running.status("/api/changes").await == StatusCode::OK).then_some(())
    })
    .await
    .unwrap();
    // One that is too slow is dropped: it takes none of these while they are published.
    for _ in 0..=MAX_CHANGES {
        running.published.publish(network());
    }
    assert_eq!(next_event(&mut first).await, None);
    running.running.end().await.unwrap();
}

/// The data of the next event, without lines that only keep the connection. None at the end of the stream.
async fn next_event(lines: &mut Lines) -> Option<String> {
    loop {
        match lines.next().await?.as_str() {
            ":" => {}
            "event: cache_changed" => return Some(lines.next().await?.strip_prefix("data: ")?.to_owned()),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn an_answer_is_sent_once() {
    let running = Running::start(ServeOptions::default(), Database::default(), [network()]);
    for path in ["/api/networks.json", "/api/1/data.json", "/api/1/stale.json", "/rss/1/forks.xml", "/"] {
        let plain = running.get(path, &[]).await;
        assert_eq!(plain.headers()[CACHE_CONTROL], "no-cache", "{path}");
        let tag = plain.headers()[ETAG].to_str().unwrap().to_owned();
        let again = running.get(path, &[(IF_NONE_MATCH, &tag)]).await;
        assert_eq!((again.status(), again.headers()[ETAG].to_str().unwrap()), (StatusCode::NOT_MODIFIED, &*tag));
        let packed = running.get(path, &[(ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip", "{path}");
        let packed = packed.bytes().await.unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text().await.unwrap());
        let mut other = network();
        (other.name, other.nodes, other.headers) = ("other".to_owned(), Vec::new(), Vec::new());
        other.stale.clear();
        running.published.publish(other);
        assert_eq!(running.get(path, &[(IF_NONE_MATCH, &tag)]).await.status(), StatusCode::OK, "{path}");
        running.published.publish(network());
    }
    running.running.end().await.unwrap();
}

#[tokio::test]
async fn pages_lead_on() {
    let without = Running::start(ServeOptions::default(), Database::default(), [network()]);
    let page = without.text("/").await;
    assert_harmless(&page.replace('\u{fe0f}', ""));
    let names = ["Main &lt;net&gt; &amp; &quot;more&quot;", "api/1/data.json", "rss/1/forks.xml", "api/changes"];
    assert!(names.iter().all(|part| page.contains(part)), "{page}");
    let page = Some("http://127.0.0.1:8080/#/chain".to_owned());
    let with = Running::start(ServeOptions { page, ..ServeOptions::default() }, Database::default(), [network()]);
    for (running, path, to) in [
        (&without, "/mainnet", "./?network=mainnet"),
        (&without, "/fullscreen", "./"),
        (&with, "/mainnet", "./?network=mainnet"),
        (&with, "/", "http://127.0.0.1:8080/#/chain"),
        (&with, "/?network=mainnet", "http://127.0.0.1:8080/#/chain?network=mainnet"),
        (&with, "/playback?network=mainnet", "http://127.0.0.1:8080/#/chain?network=mainnet"),
    ] {
        let response = running.get(path, &[]).await;
        assert_eq!((response.status(), &response.headers()[LOCATION]), (StatusCode::FOUND, &to.parse().unwrap()));
    }
    for path in ["/signet", "/a/b", "/%2e%2e/etc"] {
        assert_eq!(without.status(path).await, StatusCode::NOT_FOUND, "{path}");
    }
    // Pages of other sites cannot ask under their own name.
    let rebound = without.get("/api/1/data.json", &[(HOST, "evil.example")]).await;
    assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST);
    without.running.end().await.unwrap();
    with.running.end().await.unwrap();
}

#[tokio::test]
async fn another_peer_observer_reads_it() {
    let network = network();
    let stale = network.stale[0];
    let block: Bytes = [&stale.header[..], &[1; 100_000]].concat().into();
    let database = Database { block: Some((stale.hash, block.clone())), ..Database::default() };
    let running = Running::start(ServeOptions::default(), database, [network.clone()]);
    let source = |network| {
        let url = format!("http://{}", running.address).parse().unwrap();
        chain::sources::open(&SourceSettings::ForkObserver { url, network, certificate: None }).unwrap()
    };
    let answer = source(1).tips().await.unwrap();
    let mut headers: Vec<_> = network.headers.iter().map(|header| (header.height, header.header)).collect();
    let mut read = answer.headers;
    headers.sort();
    read.sort();
    assert_eq!(read, headers);
    // One hop only: nodes of others are left out.
    let names: Vec<_> = answer.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["alice", "bob", "<carol & co>", "dave", "knots"]);
    let [alice, _, carol, ..] = &answer.nodes[..] else { panic!() };
    assert_eq!((alice.id, alice.reachable, carol.reachable), (0, true, false));
    assert_eq!((alice.version.as_deref(), alice.changed_s), (Some("/Satoshi:32.0.0/"), Some(1_700_000_123)));
    assert_eq!((alice.tips[0].height, alice.tips[0].status), (102, Status::Active));
    let statuses = |tips: &[TipSnapshot]| tips.iter().map(|tip| (tip.hash, tip.status)).collect::<HashSet<_>>();
    let read: HashSet<_> = alice.tips.iter().map(|tip| (tip.hash.to_byte_array(), tip.status)).collect();
    assert!(read.is_subset(&statuses(&network.nodes[0].tips)) && read.len() >= 4, "{read:?}");
    let hash = BlockHash::from_byte_array(stale.hash);
    assert_eq!(source(1).block(hash).await.unwrap(), block);
    assert!(source(9).tips().await.is_err());
    running.running.end().await.unwrap();
}
