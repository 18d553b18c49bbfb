//! Nodes that are none: every order of messages, both transports, what newer and older programs send, and what nobody should.

use event::pb::p2p_extractor::p2p::P2pEvent;
use p2p::{Connection, MessageType, Transport, Version};
use proptest::prelude::*;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::Observed;

const REGTEST: p2p::Magic = [0xfa, 0xbf, 0xb5, 0xda];

type Pretended = Connection<OwnedReadHalf, OwnedWriteHalf>;

/// Something that is dialled.
struct Pretender {
    listener: TcpListener,
}

impl Pretender {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn observe(&self) -> Observed {
        Observed::by_address(self.listener.local_addr().unwrap())
    }

    async fn stream(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    async fn connection(&self) -> Pretended {
        let (reader, writer) = self.stream().await.into_split();
        p2p::accept(REGTEST, reader, writer).await.unwrap()
    }
}

fn version(number: i32) -> Vec<u8> {
    let version =
        Version { version: number, user_agent: b"/btcwire:0.5.0/btcd:0.25.0/".to_vec(), ..Version::default() };
    version.encode()
}

async fn send(connection: &mut Pretended, messages: &[(&'static str, Vec<u8>)]) {
    for (name, payload) in messages {
        connection.writer.send(MessageType::new(name), payload).await.unwrap();
    }
}

/// The types of the messages until one is there.
async fn until(connection: &mut Pretended, last: &str) -> Vec<String> {
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != last) {
        names.push(connection.reader.next().await.unwrap().message_type.to_string());
    }
    names
}

/// What belongs between `version` and `verack` may come in any order, or not at all, as btcd has it; a `ping` may come before.
#[tokio::test]
async fn any_order_of_the_first_messages() {
    let orders: [&[&'static str]; 5] = [
        &["version", "wtxidrelay", "sendaddrv2", "verack"],
        &["version", "verack"],
        &["version", "sendaddrv2", "verack", "wtxidrelay"],
        &["version", "version", "sendcmpct", "ping", "verack", "verack"],
        &["verack", "version"],
    ];
    for order in orders {
        let pretender = Pretender::new().await;
        let mut observed = pretender.observe();
        let mut connection = pretender.connection().await;
        for name in order {
            let payload = match *name {
                "version" => version(70_015),
                "ping" => vec![1; 8],
                "sendcmpct" => vec![0; 9],
                _ => Vec::new(),
            };
            send(&mut connection, &[(*name, payload)]).await;
        }
        let opened = observed.opened().await;
        assert_eq!(opened.transport, "v2", "{order:?}");
        assert!(!until(&mut connection, "ping").await.contains(&"feature".to_owned()), "it is not that new");
        observed.end().await;
    }
}

/// One that does not know v2 closes the connection, and is dialled again with v1; one that knows v2 only is not.
#[tokio::test]
async fn a_node_without_v2_is_dialled_with_v1() {
    let pretender = Pretender::new().await;
    let mut observed = pretender.observe();
    drop(pretender.stream().await); // as Bitcoin Core without v2 does, for the magic is wrong
    let mut connection = pretender.connection().await;
    assert_eq!(connection.transport, Transport::V1);
    send(&mut connection, &[("version", version(70_016)), ("verack", Vec::new())]).await;
    assert_eq!(observed.opened().await.transport, "v1");
    observed.end().await;
}

/// A node that knows features gets ours, and its own are reported, as are stale tips, once the connection is open.
#[tokio::test]
async fn features_and_stale_tips() {
    let pretender = Pretender::new().await;
    let mut observed = pretender.observe();
    let mut connection = pretender.connection().await;
    send(&mut connection, &[("version", version(70_017)), ("feature", b"\x06BIP332\x01\x00".to_vec())]).await;
    assert_eq!(until(&mut connection, "verack").await, ["version", "wtxidrelay", "sendaddrv2", "feature", "verack"]);
    send(&mut connection, &[("verack", Vec::new()), ("staletip", [&[9; 32][..], &[1], &[0; 48], &[1]].concat())]).await;
    let feature = |event| match event {
        P2pEvent::FeatureOffered(feature) => Some((feature.feature_id, feature.data.to_vec())),
        _ => None,
    };
    assert_eq!(observed.find("feature", feature).await, ("BIP332".to_owned(), vec![0]));
    let tips = |event| match event {
        P2pEvent::StaleTips(tips) => Some((tips.fork_point.to_vec(), tips.block_hashes.len(), tips.have_block)),
        _ => None,
    };
    assert_eq!(observed.find("stale tip", tips).await, (vec![9; 32], 1, true));
    observed.end().await;
}

/// We serve nothing, say so where somebody would wait for it, and report what was asked for. A pong that answers nothing is counted.
#[tokio::test]
async fn what_is_asked_of_us_is_reported_and_not_served() {
    let pretender = Pretender::new().await;
    let mut observed = pretender.observe();
    let mut connection = pretender.connection().await;
    send(&mut connection, &[("version", version(70_016)), ("verack", Vec::new())]).await;
    until(&mut connection, "getaddr").await;
    let asks = [
        ("getheaders", [&[0; 4][..], &[0], &[0; 32]].concat()),
        ("getdata", [&[1][..], &0x4000_0002_u32.to_le_bytes(), &[5; 32]].concat()),
        ("getaddr", Vec::new()),
        ("mempool", Vec::new()),
        ("pong", vec![1; 8]),
        ("ping", vec![2; 8]),
    ];
    send(&mut connection, &asks).await;
    let answers = until(&mut connection, "pong").await;
    assert_eq!(answers.iter().filter(|name| *name != "ping").collect::<Vec<_>>(), ["headers", "pong"]);
    for name in ["getheaders", "getdata", "getaddr", "mempool"] {
        let request = |event| match event {
            P2pEvent::DataRequest(request) => Some(request),
            _ => None,
        };
        let request = observed.find("request", request).await;
        assert_eq!((&*request.message_type, request.inventory.len()), (name, usize::from(name == "getdata")));
    }
    assert_eq!(observed.bus.accounts().count(&bus::counters::P2P_FOREIGN_PONGS, ["alice"]).get(), 1.0);
    observed.end().await;
}

const NAMES: [&str; 14] = [
    "addr",
    "addrv2",
    "inv",
    "headers",
    "cmpctblock",
    "blocktxn",
    "getdata",
    "feature",
    "staletip",
    "feefilter",
    "ping",
    "pong",
    "version",
    "nonsense",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever comes, each message is reported once, in order, and the connection lasts.
    #[test]
    fn no_message_ends_the_connection(
        messages in prop::collection::vec((0..NAMES.len(), prop::collection::vec(any::<u8>(), 0..600)), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pretender = Pretender::new().await;
            let mut observed = pretender.observe();
            let mut connection = pretender.connection().await;
            send(&mut connection, &[("version", version(70_016)), ("verack", Vec::new())]).await;
            observed.opened().await;
            let messages: Vec<_> = messages.into_iter().map(|(name, payload)| (NAMES[name], payload)).collect();
            send(&mut connection, &messages).await;
            for (name, payload) in messages {
                let seen = |event| match event {
                    P2pEvent::MessageSeen(seen) if !seen.sent => Some((seen.message_type, seen.size)),
                    _ => None,
                };
                let seen = observed.find("message", seen).await;
                assert_eq!(seen, (name.to_owned(), payload.len() as u64));
            }
            // It still answers.
            send(&mut connection, &[("ping", vec![3; 8])]).await;
            while connection.reader.next().await.unwrap().payload[..] != [3; 8] {}
            observed.end().await;
        });
    }
}
