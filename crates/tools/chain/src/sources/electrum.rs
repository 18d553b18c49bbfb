//! Electrum servers: JSON-RPC in lines, over TCP or TLS, with one connection that is kept. The server announces each new tip on it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bitcoin::{BlockHash, Transaction};
use futures_util::FutureExt;
use node::HostPort;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::http::{LONG, QUICK, checked};
use super::parse::{self, beginning, do_link};
use super::withheld::Withheld;
use super::{Answer, Asked, MAX_HEADERS, RawHeader, Source, SourceError, invalid, tls};

/// The ports that are usual, for TCP and for TLS.
const PORT: u16 = 50_001;
const TLS_PORT: u16 = 50_002;

/// The version of the protocol, which all servers have.
const PROTOCOL: &str = "1.4";

/// How long a connection and its handshake may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest line, in bytes: 2,016 headers, or a coinbase.
const MAX_LINE: u64 = 2 << 20;
/// Questions that wait for their answers at most.
const MAX_PENDING: usize = 64;
/// The longest wait for a tip.
const MAX_WAIT: Duration = Duration::from_secs(60);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type BoxedStream = Box<dyn Stream>;

/// A server.
pub(super) struct Electrum {
    server: HostPort,
    place: String,
    tls: Option<TlsConnector>,
    withheld: Withheld,
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
    next_id: AtomicU64,
}

/// A connection, which ends when this is dropped.
struct Connection {
    writer: tokio::sync::Mutex<Writer>,
    pending: Arc<Pending>,
    /// The tip that the server announced last.
    announced: watch::Receiver<Option<AnnouncedTip>>,
    reader: AbortHandle,
    /// What the server calls itself.
    software: String,
}

struct Writer {
    half: WriteHalf<BoxedStream>,
    /// A line was begun. If it stays so, who sent it has gone, and the next line would be a part of it.
    has_begun: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Who waits for which answer; closed with the connection.
#[derive(Default)]
struct Pending(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    by_id: HashMap<u64, oneshot::Sender<Box<RawValue>>>,
    /// Why there will be no answers.
    ended: Option<String>,
}

/// A line of the server.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// The same line, as an answer.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Reply<T> {
    #[serde(default = "Option::default")]
    result: Option<T>,
    /// An object, or a text with older servers.
    #[serde(default)]
    error: Option<Value>,
}

/// A tip as it is announced.
#[derive(Clone, Debug, Deserialize)]
struct AnnouncedTip {
    height: u32,
    hex: String,
}

/// Headers in one text up to protocol 1.4, as a list after that.
#[derive(Deserialize)]
struct Headers {
    #[serde(default)]
    hex: String,
    #[serde(default)]
    headers: Vec<String>,
}

impl Electrum {
    /// Nothing is sent yet.
    pub fn new(server: HostPort, by_tls: bool, certificate: Option<&Path>) -> Result<Self, SourceError> {
        let server = server.or_port(if by_tls { TLS_PORT } else { PORT });
        let tls = if by_tls { Some(TlsConnector::from(Arc::new(tls::client(certificate)?))) } else { None };
        Ok(Self {
            place: server.to_string(),
            server,
            tls,
            withheld: Withheld::default(),
            connection: tokio::sync::Mutex::default(),
            next_id: AtomicU64::new(1),
        })
    }

    /// The connection, which is made if there is none.
    async fn connection(&self) -> Result<Arc<Connection>, SourceError> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.pending.0.lock().ended.is_none()) {
            return Ok(Arc::clone(connection));
        }
        *kept = None;
        self.withheld.forget();
        let late = |_| self.away(&format!("no connection within {} s", CONNECT.as_secs()));
        let stream = timeout(CONNECT, self.connect()).await.map_err(late)??;
        let (reader, writer) = tokio::io::split(stream);
        let pending = Arc::new(Pending::default());
        let (announce, announced) = watch::channel(None);
        let reading = read(reader, Arc::clone(&pending), announce);
        let reader = tokio::spawn(reading).abort_handle();
        let writer = tokio::sync::Mutex::new(Writer { half: writer, has_begun: false });
        let mut connection = Connection { writer, pending, announced, reader, software: String::new() };
        // The first question must be this one.
        let params = json!(["peer-observer", PROTOCOL]);
        let (software, _): (String, String) = self.ask(&connection, "server.version", &params, QUICK).await?;
        connection.software = parse::text(&software);
        let connection = Arc::new(connection);
        *kept = Some(Arc::clone(&connection));
        Ok(connection)
    }

    async fn connect(&self) -> Result<BoxedStream, SourceError> {
        let HostPort { host, port } = &self.server;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(|error| self.away(&error.to_string()))?;
        // A question is sent at once.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.clone());
        let name = name.map_err(|_| invalid(&self.place, "its name can be that of no certificate"))?;
        let stream = tls.connect(name, stream).await.map_err(|error| {
            let place = &self.place;
            SourceError::Unreachable(format!(
                "cannot trust {place}: {error}; give a file with its certificate if it signed that itself, or use no TLS if it has none"
            ))
        })?;
        Ok(Box::new(stream))
    }

    fn away(&self, why: &str) -> SourceError {
        SourceError::Unreachable(format!(
            "cannot reach the electrum server at {}: {why}; check the address, and whether it speaks TLS",
            self.place
        ))
    }

    /// Asks, and waits for the answer.
    async fn ask<T: DeserializeOwned>(
        &self,
        connection: &Connection,
        method: &str,
        params: &Value,
        within: Duration,
    ) -> Result<T, SourceError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let answer = {
            let mut waiting = connection.pending.0.lock();
            if let Some(why) = &waiting.ended {
                return Err(self.away(why));
            }
            // Those who asked may have gone.
            waiting.by_id.retain(|_, reply| !reply.is_closed());
            if waiting.by_id.len() >= MAX_PENDING {
                return Err(SourceError::Unreachable(format!(
                    "{} owes too many answers; it is busy, or hangs",
                    self.place
                )));
            }
            let (reply, answer) = oneshot::channel();
            waiting.by_id.insert(id, reply);
            answer
        };
        let request = format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let exchange = async {
            let mut writer = connection.writer.lock().await;
            if let Err(why) = writer.send(&request).await {
                connection.end(&why);
                return Err(self.away(&why));
            }
            drop(writer);
            answer.await.map_err(|_| {
                let why = connection.pending.0.lock().ended.clone();
                self.away(why.as_deref().unwrap_or("the connection is over"))
            })
        };
        let Ok(answer) = timeout(within, exchange).await else {
            // A request that was sent in part makes it unusable; and a server that hangs may be better after another start.
            connection.end("it gave no answer in time");
            let place = &self.place;
            return Err(SourceError::Unreachable(format!(
                "{place} gave no answer to {method} within {} s; it is busy, or hangs",
                within.as_secs()
            )));
        };
        let answer = answer?;
        let reply: Reply<T> = serde_json::from_str(answer.get()).map_err(|_| self.odd(method, answer.get()))?;
        match (reply.error, reply.result) {
            (Some(error), _) => Err(self.refused(method, &error)),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(self.odd(method, answer.get())),
        }
    }

    fn odd(&self, method: &str, answer: &str) -> SourceError {
        let begins = beginning(answer.as_bytes());
        invalid(&self.place, &format!("its answer to {method} is odd: {begins:?}; is it an electrum server?"))
    }

    /// The error that a server gave.
    fn refused(&self, method: &str, error: &Value) -> SourceError {
        let code = error.get("code").and_then(Value::as_i64);
        let message = error.get("message").and_then(Value::as_str).or_else(|| error.as_str()).unwrap_or_default();
        let shown = beginning(message.as_bytes());
        let text = format!("{method} at {}: {shown:?}", self.place);
        match code {
            Some(-32601) => SourceError::Unsupported(text),
            // Busy, or too much was asked for.
            Some(-101 | -102) => {
                SourceError::Unreachable(format!("{text}; ask it less often, or use a server of your own"))
            }
            _ if message.contains("unknown method") || message.contains("unsupported method") => {
                SourceError::Unsupported(text)
            }
            _ => SourceError::Absent(text),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
        within: Duration,
    ) -> Result<T, SourceError> {
        let connection = self.connection().await?;
        self.withheld.call(method, self.ask(&connection, method, &params, within)).await
    }

    async fn try_tips(&self) -> Result<Answer, SourceError> {
        let tip: AnnouncedTip = self.call("blockchain.headers.subscribe", json!([]), QUICK).await?;
        let (hash, header) = self.announced(&tip)?;
        Ok(Answer {
            tips: vec![parse::active(hash, tip.height)],
            headers: vec![(tip.height, header)],
            ..Answer::default()
        })
    }

    fn announced(&self, tip: &AnnouncedTip) -> Result<(BlockHash, RawHeader), SourceError> {
        let header = parse::header(&tip.hex).ok_or_else(|| invalid(&self.place, "the header of its tip is none"))?;
        Ok((parse::hash(&header), header))
    }

    async fn try_header_at(&self, height: u32) -> Result<RawHeader, SourceError> {
        let text: String = self.call("blockchain.block.header", json!([height]), QUICK).await?;
        parse::header(&text).ok_or_else(|| invalid(&self.place, "a header is none"))
    }

    async fn try_headers(&self, from: u32, count: u32) -> Result<Vec<RawHeader>, SourceError> {
        let count = count.min(MAX_HEADERS);
        let Headers { hex, headers } = self.call("blockchain.block.headers", json!([from, count]), LONG).await?;
        let text = if headers.is_empty() { hex } else { headers.concat() };
        let headers = hex::decode(text).ok().and_then(|bytes| parse::headers(&bytes, count));
        let headers = headers.filter(|headers| !headers.is_empty() && do_link(headers));
        headers.ok_or_else(|| invalid(&self.place, "its headers are none, or do not link"))
    }

    async fn try_coinbase(&self, height: u32, hash: BlockHash) -> Result<Transaction, SourceError> {
        checked(&self.place, self.try_header_at(height).await?, hash)
            .map_err(|_| SourceError::Absent(format!("{}: block {hash} is not in its chain", self.place)))?;
        let id: String = self.call("blockchain.transaction.id_from_pos", json!([height, 0]), QUICK).await?;
        let id: bitcoin::Txid = id.parse().map_err(|_| invalid(&self.place, "the id of a coinbase is none"))?;
        let text: String = self.call("blockchain.transaction.get", json!([id.to_string()]), QUICK).await?;
        let transaction = parse::transaction(&text).filter(|one| one.compute_txid() == id && one.is_coinbase());
        transaction.ok_or_else(|| invalid(&self.place, "a coinbase is none"))
    }

    async fn try_wait(&self, known: BlockHash, wait: Duration) -> Result<BlockHash, SourceError> {
        let connection = self.connection().await?;
        let mut announced = connection.announced.clone();
        // What was announced before is old if the answer to the subscription is newer.
        announced.mark_unchanged();
        let tip: AnnouncedTip = self.call("blockchain.headers.subscribe", json!([]), QUICK).await?;
        let (hash, _) = self.announced(&tip)?;
        if hash != known {
            return Ok(hash);
        }
        let wait = wait.min(MAX_WAIT);
        let another = async {
            loop {
                if announced.changed().await.is_err() {
                    let why = connection.pending.0.lock().ended.clone();
                    return Err(self.away(why.as_deref().unwrap_or("the connection is over")));
                }
                let tip = announced.borrow_and_update().clone();
                if let Some(tip) = tip {
                    let (hash, _) = self.announced(&tip)?;
                    if hash != known {
                        return Ok(hash);
                    }
                }
            }
        };
        timeout(wait, another).await.unwrap_or(Ok(known))
    }
}

impl Writer {
    async fn send(&mut self, line: &str) -> Result<(), String> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Err("a question was given up".to_owned());
        }
        self.half.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
        self.half.flush().await.map_err(|error| error.to_string())?;
        self.has_begun = false;
        Ok(())
    }
}

impl Connection {
    /// Ends it: nobody gets an answer any more.
    fn end(&self, why: &str) {
        self.pending.end(why);
        self.reader.abort();
    }
}

impl Pending {
    fn end(&self, why: &str) {
        let mut waiting = self.0.lock();
        waiting.ended.get_or_insert_with(|| why.to_owned());
        waiting.by_id.clear();
    }
}

/// Reads lines until the connection is over, and gives each to who waits for it.
async fn read(reader: ReadHalf<BoxedStream>, pending: Arc<Pending>, announce: watch::Sender<Option<AnnouncedTip>>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let why = loop {
        line.clear();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(0) => break "the server closed the connection".to_owned(),
            Ok(_) if !line.ends_with(b"\n") && line.len() as u64 >= MAX_LINE => {
                break format!("it sent a line of more than {MAX_LINE} bytes");
            }
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
        let Ok(read) = serde_json::from_slice::<Line>(&line) else {
            break format!("it sent what is no JSON-RPC: {:?}", beginning(&line));
        };
        match (read.id, read.method.as_deref(), read.params) {
            (Some(id), ..) => {
                let waiting = pending.0.lock().by_id.remove(&id);
                let text =
                    std::str::from_utf8(&line).ok().and_then(|line| RawValue::from_string(line.trim().to_owned()).ok());
                if let (Some(waiting), Some(text)) = (waiting, text) {
                    // Who asked may have gone.
                    let _ = waiting.send(text);
                }
            }
            (None, Some("blockchain.headers.subscribe"), Some(params)) => {
                // The last one, if there are several.
                let tips = serde_json::from_str::<Vec<AnnouncedTip>>(params.get());
                if let Some(tip) = tips.ok().and_then(|mut tips| tips.pop()) {
                    announce.send_replace(Some(tip));
                }
            }
            // What nobody subscribed to.
            _ => {}
        }
    };
    pending.end(&why);
}

impl Source for Electrum {
    fn place(&self) -> &str {
        &self.place
    }

    fn transport(&self) -> &'static str {
        if self.tls.is_some() { "tls" } else { "tcp" }
    }

    fn tips(&self) -> Asked<'_, Answer> {
        self.try_tips().boxed()
    }

    fn hash_at(&self, height: u32) -> Asked<'_, BlockHash> {
        self.try_header_at(height).map(|header| Ok(parse::hash(&header?))).boxed()
    }

    fn active_headers(&self, from: u32, count: u32) -> Asked<'_, Vec<RawHeader>> {
        self.try_headers(from, count).boxed()
    }

    fn coinbase(&self, hash: BlockHash, height: u32) -> Asked<'_, Transaction> {
        self.try_coinbase(height, hash).boxed()
    }

    fn version(&self) -> Asked<'_, String> {
        async move { Ok(self.connection().await?.software.clone()) }.boxed()
    }

    fn wait_for_tip(&self, known: BlockHash, timeout: Duration) -> Asked<'_, BlockHash> {
        self.try_wait(known, timeout).boxed()
    }
}
