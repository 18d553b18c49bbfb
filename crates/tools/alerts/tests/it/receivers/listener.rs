//! A web server that takes what receivers send, and answers as a test wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request.
#[derive(Debug)]
pub struct Request {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// What is answered to the request of a number: the status line and headers. "" closes the connection, "wait" leaves it without an answer.
pub type Answer = fn(usize) -> &'static str;

pub const OK: &str = "200 OK";

/// The server.
pub struct Listener {
    pub url: String,
    requests: UnboundedReceiver<Request>,
}

impl Listener {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, requests) = unbounded_channel();
        let number = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone(), Arc::clone(&number), answer));
            }
        });
        Self { url, requests }
    }

    /// The next request that was answered with success.
    pub async fn next(&mut self) -> Request {
        tokio::time::timeout(PATIENCE, self.requests.recv()).await.expect("it comes in time").unwrap()
    }

    /// That no more requests have come.
    pub fn is_done(&mut self) {
        if let Ok(request) = self.requests.try_recv() {
            panic!("one more: {request:?}");
        }
    }
}

async fn serve(stream: TcpStream, sender: UnboundedSender<Request>, number: Arc<AtomicUsize>, answer: Answer) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.unwrap();
            let Some((name, value)) = header.trim().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut request = Request { line: line.trim().to_owned(), headers, text: String::new() };
        let mut body = vec![0; request.header("content-length").parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        request.text = String::from_utf8(body).unwrap();
        let head = match answer(number.fetch_add(1, Ordering::Relaxed)) {
            "" => return,
            "wait" => return std::future::pending().await,
            head => head,
        };
        if head.starts_with('2') {
            sender.send(request).ok();
        }
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 2\r\n\r\nok");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}
