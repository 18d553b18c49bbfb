//! The numbers of our own P2P connection, compared with what the node counts and captures of it.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Node, Spend, Wallet, captured, eventually};

use super::{SETTLED, on_page};
use crate::process::{PATIENCE, Running};

/// Where the node connects to.
const US: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Transactions and blocks that the node announces.
const TRANSACTIONS: usize = 3;
const BLOCKS: usize = 2;

/// Messages by which a node asks for something.
const REQUESTS: [&str; 6] = ["getaddr", "getheaders", "getblocks", "getdata", "getblocktxn", "mempool"];

/// What the node knows of the connection at one moment.
struct Second {
    /// As getpeerinfo has it.
    peer: Value,
    /// Type and payload of each message: sent by the node, received by it.
    messages: [Vec<(String, Vec<u8>)>; 2],
}

impl Second {
    async fn read(node: &Node) -> Option<Self> {
        let ours = |peer: &&Value| peer["addr"].as_str().is_some_and(|addr| addr.starts_with("127.0.0.2:"));
        let peer = node.peers().await.unwrap().iter().find(ours)?.clone();
        let addr = peer["addr"].as_str().unwrap().to_owned();
        let all = captured(node.datadir()).unwrap();
        let of = |inbound: bool| {
            let messages = all.get(&(addr.clone(), inbound)).into_iter().flatten();
            messages.map(|message| (message.message_type.clone(), message.payload.clone())).collect()
        };
        Some(Self { messages: [of(false), of(true)], peer })
    }

    /// How many messages of these types the node sent, or received; of any if there are none.
    fn count(&self, sent: bool, types: &[&str]) -> f64 {
        self.of(sent).filter(|(kind, _)| types.is_empty() || types.contains(&kind.as_str())).count() as f64
    }

    fn bytes(&self, sent: bool) -> f64 {
        self.of(sent).map(|(_, payload)| payload.len()).sum::<usize>() as f64
    }

    fn of(&self, sent: bool) -> impl Iterator<Item = &(String, Vec<u8>)> {
        self.messages[usize::from(!sent)].iter()
    }

    /// Entries of the inv messages that the node sent. Lists here are shorter than 253.
    fn entries(&self) -> f64 {
        self.of(true).filter(|(kind, _)| kind == "inv").map(|(_, payload)| f64::from(payload[0])).sum()
    }

    /// Bytes of all messages on the wire. What has no type are the keys and the garbage of transport v2.
    fn wire(&self, field: &str) -> f64 {
        let by_type = self.peer[field].as_object().unwrap().iter();
        by_type.filter(|(kind, _)| !kind.is_empty()).map(|(_, bytes)| bytes.as_f64().unwrap()).sum()
    }
}

/// A number of the page, and how to get it from the second source.
type Row<'a> = (&'a str, &'a str, Box<dyn Fn(&Second) -> f64>);

fn rows() -> Vec<Row<'static>> {
    let is = |number: usize| Box::new(move |_: &Second| number as f64);
    vec![
        ("peerobserver_own_connection_up", "", is(1)),
        ("peerobserver_own_connection_info", "way=listening,transport=v2", is(1)),
        ("peerobserver_own_connections_opened_total", "way=listening,transport=v2", is(1)),
        ("peerobserver_own_connection_lifetime_seconds", "_count", is(0)),
        ("peerobserver_own_messages_total", "direction=outbound", Box::new(|all| all.count(true, &[]))),
        ("peerobserver_own_messages_total", "direction=inbound", Box::new(|all| all.count(false, &[]))),
        (
            "peerobserver_own_messages_total",
            "message=ping,direction=inbound",
            Box::new(|all| all.count(false, &["ping"])),
        ),
        ("peerobserver_own_message_bytes_total", "direction=outbound", Box::new(|all| all.bytes(true))),
        ("peerobserver_own_message_bytes_total", "direction=inbound", Box::new(|all| all.bytes(false))),
        ("peerobserver_own_wire_bytes_total", "direction=outbound", Box::new(|all| all.wire("bytessent_per_msg"))),
        ("peerobserver_own_wire_bytes_total", "direction=inbound", Box::new(|all| all.wire("bytesrecv_per_msg"))),
        ("peerobserver_own_ping_seconds", "_count", Box::new(|all| all.count(true, &["pong"]))),
        ("peerobserver_own_data_requests_total", "", Box::new(|all| all.count(true, &REQUESTS))),
        ("peerobserver_own_node_version_changes_total", "", is(0)),
        ("peerobserver_own_block_announcements_total", "", is(BLOCKS)),
        ("peerobserver_own_stale_tips_total", "", is(0)),
        ("peerobserver_p2pextractor_invs_messages", "", Box::new(|all| all.count(true, &["inv"]))),
        ("peerobserver_p2pextractor_invs_items", "", Box::new(Second::entries)),
        ("peerobserver_p2pextractor_invs_items", "inv_type=WTx", is(TRANSACTIONS)),
        ("peerobserver_p2pextractor_feefilter_messages", "", Box::new(|all| all.count(true, &["feefilter"]))),
        ("peerobserver_p2pextractor_addrv2relay_messages", "", Box::new(|all| all.count(true, &["addrv2"]))),
        ("peerobserver_relay_tx_delay_seconds", "_count since=log", is(TRANSACTIONS)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_connection_is_as_the_node_counts_it() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().name("alice").capture_messages().announce_at_once_to(US).debug(["net", "validation"]);
    let node = node.start().await.unwrap();
    let mut wallet = Wallet::new();
    wallet.fund(&node, 5).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = Running::with_own_connection(folder.path(), &node, "metrics");
    let metrics = super::scene::address(&program, "metrics on http://").await;
    let page = || async { reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap() };
    let connected =
        || async { (on_page(&page().await, "peerobserver_own_connection_up", "") == Some(1.0)).then_some(()) };
    eventually("our own connection", PATIENCE, connected).await.unwrap();

    for _ in 0..TRANSACTIONS {
        let tx = wallet.spend(&Spend::default()).unwrap();
        wallet.send(&node, &tx).await.unwrap();
    }
    // Announced before they are in a block: the relay of transactions is looked at here.
    let announced = || async {
        let all = Second::read(&node).await?;
        (all.entries() >= TRANSACTIONS as f64).then_some(())
    };
    eventually("transactions that are announced", PATIENCE, announced).await.unwrap();
    wallet.mine(&node, BLOCKS).await.unwrap();
    compare(&node, page).await;

    // Somebody who is not the node.
    let address = Second::read(&node).await.unwrap().peer["addr"].as_str().unwrap().to_owned();
    TcpStream::connect(&address).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let refused =
        || async { on_page(&page().await, "peerobserver_p2p_refused_total", "").filter(|count| *count >= 1.0) };
    assert_eq!(eventually("a refusal", PATIENCE, refused).await.unwrap(), 1.0);
    // The node is gone, and says so.
    node.stop().await.unwrap();
    let closed = || async {
        let page = page().await;
        (on_page(&page, "peerobserver_own_connection_lifetime_seconds", "_count") == Some(1.0)).then_some(page)
    };
    let page = eventually("the end of the connection", PATIENCE, closed).await.unwrap();
    assert!(on_page(&page, "peerobserver_own_connection_info", "").is_none());
    program.signal("-TERM");
    let (status, logged) = program.end().await;
    assert!(status.success(), "{logged}");
}

/// Compares all rows until they are equal.
async fn compare<F: Future<Output = String>>(node: &Node, page: impl Fn() -> F) {
    let mut rows = rows();
    let begun = Instant::now();
    loop {
        // What changes meanwhile lies between both.
        let before = Second::read(node).await.unwrap();
        let page = page().await;
        let after = Second::read(node).await.unwrap();
        let mut wrong = Vec::new();
        rows.retain(|(family, place, second)| {
            let (shown, least, most) = (on_page(&page, family, place), second(&before), second(&after));
            let is_right = shown.map_or(most == 0.0, |shown| (least..=most).contains(&shown));
            if !is_right {
                wrong.push(format!("{family} {place}: {shown:?}, and the node has {least} to {most}"));
            }
            !is_right
        });
        if wrong.is_empty() {
            return;
        }
        assert!(begun.elapsed() < SETTLED, "{} numbers are wrong:\n{}", wrong.len(), wrong.join("\n"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
