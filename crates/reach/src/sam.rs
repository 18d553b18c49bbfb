//! Connections through an I2P router, by its SAM bridge (version 3.1, <https://geti2p.net/en/docs/api/samv3>).
//!
//! A session is what other destinations see us as: one that exists for as long as its control connection does
//! (`TRANSIENT`). It takes the router a while to make it ready, so that all connections share it. Each stream is a
//! connection to the bridge of its own.

use std::sync::Arc;
use std::time::Duration;

use event::overlay;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::dialer::to_proxy;
use crate::{Endpoint, Error};

/// How long a router may take to make a session ready.
const SESSION_PATIENCE: Duration = Duration::from_secs(180);
/// The longest answer that is read, in bytes. Private keys have some 900 characters.
const MAX_LINE: usize = 4_096;

/// A bridge. Cloning it gives another handle to the same session.
#[derive(Clone, Debug)]
pub struct Sam(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bridge: Endpoint,
    /// The session, or the one that is being made.
    session: Mutex<Option<Pending>>,
}

/// A session that is being made, and what came of it.
type Pending = watch::Receiver<Option<Result<Arc<Session>, String>>>;

/// A session. It ends when this is dropped.
#[derive(Debug)]
pub struct Session {
    id: String,
    _control: Bridge,
}

impl Sam {
    /// Nothing is connected before a session is needed.
    pub fn new(bridge: Endpoint) -> Self {
        Self(Arc::new(Shared { bridge, session: Mutex::default() }))
    }

    /// The session. Makes one if there is none; whoever stops waiting leaves it to others.
    pub async fn session(&self) -> Result<Arc<Session>, Error> {
        let mut pending = self.0.session.lock().get_or_insert_with(|| self.begin()).clone();
        let outcome = pending.wait_for(Option::is_some).await.map(|outcome| outcome.clone()).ok().flatten();
        outcome.unwrap_or_else(|| Err("making a session was stopped".to_owned())).map_err(|what| {
            self.forget(&pending);
            self.failed(what)
        })
    }

    /// Whether the session is being made. Begins that if there is none.
    pub fn is_pending(&self) -> bool {
        let mut session = self.0.session.lock();
        session.get_or_insert_with(|| self.begin()).borrow().is_none()
    }

    fn begin(&self) -> Pending {
        let (sender, pending) = watch::channel(None);
        let bridge = self.0.bridge.clone();
        tokio::spawn(async move {
            let making = timeout(SESSION_PATIENCE, make_session(&bridge));
            let outcome = match making.await {
                Ok(outcome) => outcome.map(Arc::new),
                Err(_) => Err(format!("no session within {} s", SESSION_PATIENCE.as_secs())),
            };
            sender.send_replace(Some(outcome));
        });
        pending
    }

    /// Has the next one who needs a session make another one.
    fn forget(&self, pending: &Pending) {
        let mut session = self.0.session.lock();
        if session.as_ref().is_some_and(|current| current.same_channel(pending)) {
            *session = None;
        }
    }

    fn failed(&self, what: String) -> Error {
        Error::Proxy { proxy: self.0.bridge.clone(), what }
    }

    /// A stream to the destination of this hash.
    pub async fn connect(&self, hash: &[u8; 32]) -> Result<TcpStream, Error> {
        let session = self.session().await?;
        let mut bridge = Bridge::open(&self.0.bridge).await.map_err(|what| self.failed(what))?;
        let name = format!("{}.b32.i2p", overlay::base32(hash));
        let destination = bridge.ask(&format!("NAMING LOOKUP NAME={name}")).await.map_err(|what| self.failed(what))?;
        destination.check().map_err(|result| self.meaning(&result))?;
        let value = destination.value("VALUE").filter(|value| is_destination(value));
        let value = value.ok_or_else(|| self.failed("it gave no destination for a name".to_owned()))?;
        let id = &session.id;
        let request = format!("STREAM CONNECT ID={id} DESTINATION={value} SILENT=false");
        let status = bridge.ask(&request).await.map_err(|what| self.failed(what))?;
        status.check().map_err(|result| self.meaning(&result))?;
        Ok(bridge.0)
    }

    /// What a result says of the destination, or of the router.
    fn meaning(&self, result: &str) -> Error {
        match result {
            "TIMEOUT" => Error::TimedOut,
            "CANT_REACH_PEER" | "PEER_NOT_FOUND" | "KEY_NOT_FOUND" | "INVALID_KEY" => {
                Error::Unreachable(result.to_owned())
            }
            _ => {
                if result == "INVALID_ID" {
                    // The router was restarted.
                    *self.0.session.lock() = None;
                }
                self.failed(result.to_owned())
            }
        }
    }
}

/// Whether it is in I2P's base64, and so nothing that would be read as another part of a request.
fn is_destination(value: &str) -> bool {
    value.len() >= 516 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-~=".contains(&byte))
}

async fn make_session(bridge: &Endpoint) -> Result<Session, String> {
    let mut control = Bridge::open(bridge).await?;
    let id = format!("{:016x}", fastrand::u64(..));
    // As Bitcoin Core asks for it: Ed25519 (type 7), of ECIES-X25519 (4) or else ElGamal (0).
    let request = format!(
        "SESSION CREATE STYLE=STREAM ID={id} DESTINATION=TRANSIENT SIGNATURE_TYPE=7 i2cp.leaseSetEncType=4,0 \
         inbound.quantity=1 outbound.quantity=1"
    );
    let status = control.ask(&request).await?;
    status.check()?;
    Ok(Session { id, _control: control })
}

/// A connection to a bridge.
#[derive(Debug)]
struct Bridge(TcpStream);

impl Bridge {
    async fn open(bridge: &Endpoint) -> Result<Self, String> {
        let stream = to_proxy(bridge).await.map_err(|error| error.to_string())?;
        let mut bridge = Self(stream);
        bridge.ask("HELLO VERSION MIN=3.1 MAX=3.1").await?.check()?;
        Ok(bridge)
    }

    /// Sends a request and reads the answer to it, byte by byte: what follows may belong to the stream.
    async fn ask(&mut self, request: &str) -> Result<Answer, String> {
        let what = |error: std::io::Error| format!("the SAM bridge ended the connection: {error}");
        self.0.write_all(format!("{request}\n").as_bytes()).await.map_err(what)?;
        let mut line = Vec::new();
        loop {
            match self.0.read_u8().await.map_err(what)? {
                b'\n' => break,
                byte if line.len() < MAX_LINE => line.push(byte),
                _ => return Err(format!("the SAM bridge sent a line of more than {MAX_LINE} bytes")),
            }
        }
        String::from_utf8(line).map(Answer).map_err(|_| "the SAM bridge sent what is no text".to_owned())
    }
}

/// A line that a bridge answered.
struct Answer(String);

impl Answer {
    /// The value of a key: `KEY=value`.
    fn value(&self, key: &str) -> Option<&str> {
        self.0.split_ascii_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    /// What went wrong, if something did, by its name.
    fn check(&self) -> Result<(), String> {
        let known = |result: &&str| result.len() <= 32 && result.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        match self.value("RESULT") {
            Some("OK") => Ok(()),
            Some(result) => Err(Some(result).filter(known).unwrap_or("an unknown error").to_owned()),
            None => Err("this is no SAM bridge".to_owned()),
        }
    }
}
