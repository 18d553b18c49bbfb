//! Clients as the original's pages are, and worse ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use bus::{Bus, Publisher, WhenFull};
use event::pb::ebpf_extractor::Ebpf;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use event::pb::ebpf_extractor::mempool::{MempoolEvent, Rejected};
use event::pb::rpc_extractor::Rpc;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::time::now_ns;
use event::{Body, Filter};
use futures_util::{SinkExt, StreamExt};
use serve::Access;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use websocket::{Error, Options, Server};

const PATIENCE: Duration = Duration::from_secs(30);
const RPC: &str = r#"{"rpc":true}"#;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Served {
    bus: Bus,
    address: String,
    running: JoinHandle<Result<(), Error>>,
}

impl Served {
    fn start(options: Options) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let bus = Bus::new();
        let events = bus.subscribe("websocket", Filter::default(), 100_000, WhenFull::Block);
        let server = Server::new(listener, options).unwrap();
        Self { bus, address, running: tokio::spawn(server.run(events)) }
    }

    fn publisher(&self, node: &str) -> Publisher {
        Publisher::new(&self.bus, node, "test")
    }

    async fn connect(&self, path: &str) -> Result<Client, tungstenite::Error> {
        connect_async(format!("ws://{}{path}", self.address)).await.map(|(client, _)| client)
    }

    /// A client that has subscribed. The subscription counts from the next event on.
    async fn subscribed(&self, path: &str, subscription: &str) -> Client {
        let mut client = self.connect(path).await.unwrap();
        client.send(Message::text(subscription)).await.unwrap();
        // What is answered is behind it.
        client.send(Message::Ping("here".into())).await.unwrap();
        while !matches!(client.next().await.unwrap().unwrap(), Message::Pong(_)) {}
        client
    }

    async fn list(&self, prefix: &str) -> String {
        reqwest::get(format!("http://{}{prefix}/websockets.json", self.address)).await.unwrap().text().await.unwrap()
    }
}

async fn uptime(publisher: &Publisher, seconds: u32) {
    let body = Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::Uptime(seconds)) });
    publisher.publish(now_ns(), body).await;
}

fn text_of(seconds: u32) -> String {
    format!(r#"{{"RpcExtractor":{{"rpc_event":{{"Uptime":{seconds}}}}}}}"#)
}

async fn next(client: &mut Client) -> Message {
    loop {
        let message = timeout(PATIENCE, client.next()).await.expect("a message in time").unwrap().unwrap();
        if !message.is_ping() {
            return message;
        }
    }
}

#[tokio::test]
async fn clients_get_what_they_subscribed_to_last_and_nothing_before() {
    let served = Served::start(Options::default());
    let node = served.publisher("");
    let mut silent = served.connect("/").await.unwrap();
    let mut client = served.subscribed("/", RPC).await;
    uptime(&node, 1).await;
    assert_eq!(next(&mut client).await, Message::text(text_of(1)));
    let rejected = Mempool::Rejected(Rejected { txid: vec![1, 2, 255].into(), reason: "dust".to_owned() });
    let event = EbpfEvent::Mempool(MempoolEvent { event: Some(rejected) });
    let rejected = Body::EbpfExtractor(Ebpf { ebpf_event: Some(event) });
    let mut mempool = served.subscribed("/", r#"{"ebpf":{"mempool":true},"unknown":5}"#).await;
    // What is no subscription changes nothing.
    mempool.send(Message::text("nonsense")).await.unwrap();
    uptime(&node, 2).await;
    node.publish(now_ns(), rejected).await;
    let json =
        r#"{"EbpfExtractor":{"ebpf_event":{"Mempool":{"event":{"Rejected":{"txid":[1,2,255],"reason":"dust"}}}}}}"#;
    assert_eq!(next(&mut mempool).await, Message::text(json));
    assert_eq!(next(&mut client).await, Message::text(text_of(2)));
    served.bus.end();
    assert!(matches!(next(&mut silent).await, Message::Close(Some(frame)) if frame.reason.contains("shutting down")));
    served.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn each_of_several_nodes_has_its_endpoint() {
    let served = Served::start(Options { prefix: "/w".to_owned(), ..Options::default() });
    assert_eq!(served.list("/w").await, r#"{"node":"/w/"}"#);
    let (alice, bob) = (served.publisher("alice"), served.publisher("bob"));
    let mut root = served.subscribed("/w/", RPC).await;
    let mut of_alice = served.subscribed("/w/alice/", RPC).await;
    uptime(&alice, 1).await;
    assert_eq!(next(&mut root).await, Message::text(text_of(1)), "of the only node");
    uptime(&bob, 2).await;
    assert!(matches!(next(&mut root).await, Message::Close(Some(frame)) if frame.reason.contains("several nodes")));
    assert_eq!(served.list("/w").await, r#"{"alice":"/w/alice/","bob":"/w/bob/"}"#);
    let mut of_bob = served.subscribed("/w/bob", RPC).await;
    uptime(&alice, 3).await;
    uptime(&bob, 4).await;
    assert_eq!(next(&mut of_bob).await, Message::text(text_of(4)));
    assert_eq!([next(&mut of_alice).await, next(&mut of_alice).await], [1, 3].map(|n| Message::text(text_of(n))));
    for path in ["/w/", "/w/carol/"] {
        let refused = served.connect(path).await;
        assert!(matches!(refused, Err(tungstenite::Error::Http(response)) if response.status() == 404), "{path}");
    }

    // Those without a name are not mixed with any of them.
    uptime(&served.publisher(""), 5).await;
    let unnamed = || async { served.list("/w").await.contains(r#""node":"/w/""#).then_some(()) };
    testbed::eventually("the endpoint without a name", PATIENCE, unnamed).await.unwrap();
    let mut root = served.subscribed("/w/", RPC).await;
    uptime(&alice, 6).await;
    uptime(&served.publisher(""), 7).await;
    assert_eq!(next(&mut root).await, Message::text(text_of(7)));
}

/// A client that does not read misses events, and nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_lags_slows_nobody() {
    let served = Served::start(Options::default());
    let node = served.publisher("alice");
    let mut stuck = served.subscribed("/", RPC).await;
    let mut quick = served.subscribed("/", RPC).await;
    let count = 60_000;
    let reading = tokio::spawn(async move {
        for number in 0..count {
            assert_eq!(next(&mut quick).await, Message::text(text_of(number)));
        }
    });
    for number in 0..count {
        uptime(&node, number).await;
        // No faster than it can be read.
        if number % 1_000 == 999 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    timeout(PATIENCE, reading).await.expect("the other one is not slowed").unwrap();
    let mut last = None;
    let mut got = 0;
    while let Ok(Some(Ok(message))) = timeout(Duration::from_millis(500), stuck.next()).await {
        if let Message::Text(text) = message {
            got += 1;
            last = Some(text);
        }
    }
    assert!(got > 8_000 && got <= count, "{got} {last:?}");
}

#[tokio::test]
async fn too_much_is_refused() {
    let served = Served::start(Options { max_clients: 1, ..Options::default() });
    let mut client = served.connect("/").await.unwrap();
    let refused = served.connect("/").await;
    assert!(matches!(refused, Err(tungstenite::Error::Http(response)) if response.status() == 503));
    client.send(Message::text(format!("{{\"rpc\":{}true}}", " ".repeat(10_000)))).await.unwrap();
    let ended = async {
        while let Some(Ok(message)) = client.next().await {
            assert!(!message.is_text());
        }
    };
    timeout(PATIENCE, ended).await.expect("a subscription of 10 kB ends the connection");
    let again = || async { served.connect("/").await.ok().map(drop) };
    testbed::eventually("room for another one", PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn pages_of_others_are_refused_unless_they_are_allowed() {
    let strict = Served::start(Options::default());
    let access = Access { names: vec!["*".to_owned()], ..Access::default() };
    let open = Served::start(Options { access, ..Options::default() });
    for (served, allowed) in [(&strict, false), (&open, true)] {
        let request = tungstenite::http::Request::builder().uri(format!("ws://{}/", served.address));
        let request = request.header("Host", "web.example").header("Origin", "https://other.example");
        let request = request.header("Connection", "Upgrade").header("Upgrade", "websocket");
        let request =
            request.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        let connected = connect_async(request.body(()).unwrap()).await;
        assert_eq!(connected.is_ok(), allowed, "{connected:?}");
    }
    let page = reqwest::get(format!("http://{}/", strict.address)).await.unwrap().text().await.unwrap();
    assert!(page.contains("page.js"));
    for file in ["page.js", "style.css"] {
        let answer = reqwest::get(format!("http://{}/{file}", strict.address)).await.unwrap();
        assert!(answer.status().is_success(), "{file}");
    }
}
