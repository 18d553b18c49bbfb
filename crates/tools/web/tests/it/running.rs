//! A server with a bus of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Delivery, WhenFull};
use event::json::from_json;
use event::record::NodeNames;
use event::{Filter, Record};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use web::{Options, Server};

pub const PATIENCE: Duration = Duration::from_secs(60);

/// Every kind of event.
pub fn samples() -> Vec<Arc<Record>> {
    let mut names = NodeNames::default();
    let lines = include_str!("../../../../event/tests/it/samples.jsonl").lines();
    lines.map(|line| Arc::new(from_json(line, &mut names).unwrap())).collect()
}

/// An event from its JSON.
pub fn event(json: &Value) -> Arc<Record> {
    Arc::new(from_json(&json.to_string(), &mut NodeNames::default()).unwrap())
}

/// A P2P message with this body, besides its meta data.
pub fn message(sequence: u64, peer: u64, command: &str, inbound: bool, body: Value) -> Arc<Record> {
    let mut whole = serde_json::json!({ "meta": {
        "peer_id": peer, "addr": format!("203.0.113.{peer}:8333"), "conn_type": "Inbound", "command": command, "inbound": inbound, "size": 61,
    } });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    event(&serde_json::json!({
        "time": event::time::rfc3339(event::time::now_ns()), "node": "alice", "run": 7, "sequence": sequence, "source": "ebpf", "kind": "message",
        "body": whole,
    }))
}

pub struct Running {
    pub bus: Bus,
    pub address: String,
    pub url: String,
    task: JoinHandle<Result<(), web::Error>>,
}

impl Running {
    pub fn start(options: Options) -> Self {
        let bus = Bus::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server::new(listener, options).unwrap();
        let url = server.url();
        let subscription = bus.subscribe("web", Filter::default(), 65_536, WhenFull::DropNewest);
        let task = tokio::spawn(server.run(subscription, bus.clone()));
        Self { bus, address, url, task }
    }

    pub async fn publish(&self, records: impl IntoIterator<Item = Arc<Record>>) {
        self.bus.deliver(records.into_iter().map(Delivery::Event).collect()).await;
    }

    /// The answer of the API to a request, as soon as it is as wanted.
    pub async fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let last = parking_lot::Mutex::new(Value::Null);
        let ask = || async {
            let answer = reqwest::get(format!("{}api/{path}", self.url)).await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            *last.lock() = answer.clone();
            Some(answer).filter(|answer| wanted(answer))
        };
        let answer = testbed::eventually(path, PATIENCE, ask).await;
        answer.unwrap_or_else(|error| panic!("{error}: {:#}", last.lock()))
    }

    /// A client of the feed.
    pub async fn client(&self, query: &str) -> Client {
        Client::connect(&format!("ws://{}/ws?{query}", self.address), &[]).await.unwrap()
    }

    pub async fn end(self) {
        self.bus.end();
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn connect(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        tokio_tungstenite::connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    pub async fn send(&mut self, text: Value) {
        self.0.send(Message::text(text.to_string())).await.unwrap();
    }

    /// The next text. `None` when the server has closed the connection.
    pub async fn text(&mut self) -> Option<String> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a text in time") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await.expect("the connection is open")).unwrap()
    }
}
