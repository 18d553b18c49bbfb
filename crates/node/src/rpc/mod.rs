//! JSON-RPC as Bitcoin Core v26 to v32 and Knots serve it: over HTTP, and from v32 on by the IPC interface.
//!
//! Answers are bounded in size and time. A failure (HTTP status, error code) becomes an [`RpcError`] that
//! names the line of bitcoin.conf that would help.

mod error;
mod http;
mod lenient;
pub mod types;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::error::RpcError;
use self::http::Http;
use crate::{Auth, HostPort, Located};

/// The largest answer that is read. `getrawaddrman` of a full address manager is about 50 MB.
pub const MAX_ANSWER: usize = 256 << 20;

/// From this size on an answer is taken apart on a thread of its own, so that other tasks go on meanwhile.
const LARGE: usize = 1 << 20;

/// A client of one node's RPCs. Calls may go on at the same time, from any task; connections are kept.
#[derive(Debug)]
pub struct RpcClient {
    transport: Transport,
    /// The server's address, or the path of the socket.
    place: String,
    max_answer: usize,
    next_id: AtomicU64,
}

/// How calls reach the node.
#[derive(Debug)]
enum Transport {
    Http(Http),
    Ipc(ipc::Client),
}

#[derive(Serialize)]
struct Request<'a> {
    jsonrpc: &'a str,
    id: u64,
    method: &'a str,
    params: &'a [Value],
}

#[derive(Deserialize)]
struct Answer<T> {
    #[serde(default = "none")]
    result: Option<T>,
    #[serde(default)]
    error: Option<NodeError>,
}

fn none<T>() -> Option<T> {
    None
}

#[derive(Deserialize)]
struct NodeError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl RpcClient {
    /// A client for the RPC server at `address`. Nothing is sent yet.
    ///
    /// # Errors
    /// The HTTP client can't be made.
    pub fn new(address: HostPort, auth: Auth) -> Result<Self, RpcError> {
        let place = address.to_string();
        Ok(Self::over(Transport::Http(Http::new(address, auth)?), place))
    }

    /// A client for the RPC server of a located node; none if its RPC server is off or not known.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn of(located: &Located) -> Result<Option<Self>, RpcError> {
        located.rpc.clone().map(|address| Self::new(address, located.auth.clone())).transpose()
    }

    /// A client that uses the node's IPC interface, which carries out RPCs from v32 on.
    #[must_use]
    pub fn by_ipc(client: ipc::Client) -> Self {
        let place = client.socket().display().to_string();
        Self::over(Transport::Ipc(client), place)
    }

    /// The connection to the node's IPC interface, if this uses that.
    #[must_use]
    pub fn ipc(&self) -> Option<&ipc::Client> {
        match &self.transport {
            Transport::Http(_) => None,
            Transport::Ipc(client) => Some(client),
        }
    }

    fn over(transport: Transport, place: String) -> Self {
        Self { transport, place, max_answer: MAX_ANSWER, next_id: AtomicU64::new(1) }
    }

    /// Reads no answer larger than this. Default: [`MAX_ANSWER`].
    #[must_use]
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// The server's address, or the path of the IPC socket.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Calls `method` and waits for its result for at most `timeout`, everything included. The method may be called twice if
    /// the connection ends without an answer.
    ///
    /// # Errors
    /// See [`RpcError`].
    pub async fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        params: &[Value],
        timeout: Duration,
    ) -> Result<T, RpcError> {
        let answer = tokio::time::timeout(timeout, self.send(method, params)).await;
        let timed_out =
            |_| RpcError::Timeout { address: self.place.clone(), method: method.to_owned(), after: timeout };
        let (status, body) = answer.map_err(timed_out)??;
        let result = if body.len() < LARGE {
            result(&self.place, method, status, &body)?
        } else {
            let (place, name) = (self.place.clone(), method.to_owned());
            let parsed = tokio::task::spawn_blocking(move || result(&place, &name, status, &body)).await;
            parsed.map_err(|e| RpcError::Malformed {
                address: self.place.clone(),
                method: method.to_owned(),
                what: e.to_string(),
            })??
        };
        if let Transport::Http(http) = &self.transport {
            http.let_in.store(true, Ordering::Relaxed);
        }
        Ok(result)
    }

    async fn send(&self, method: &str, params: &[Value]) -> Result<(StatusCode, Vec<u8>), RpcError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        // Older nodes don't know 2.0 and answer as they always did.
        let request = Request { jsonrpc: "2.0", id, method, params };
        let client = match &self.transport {
            Transport::Http(http) => return http.call(&request, self.max_answer).await,
            Transport::Ipc(client) => client,
        };
        let text = serde_json::to_string(&request).map_err(|error| RpcError::Malformed {
            address: self.place.clone(),
            method: method.to_owned(),
            what: error.to_string(),
        })?;
        let answer = client.rpc(text).await?;
        if answer.len() > self.max_answer {
            let (address, method) = (self.place.clone(), method.to_owned());
            return Err(RpcError::TooLarge { address, method, max: self.max_answer });
        }
        Ok((StatusCode::OK, answer.into_bytes()))
    }
}

/// The result in an answer. Errors come with status 200, 404 or 500 by version and kind, so the body decides.
fn result<T: DeserializeOwned>(address: &str, method: &str, status: StatusCode, body: &[u8]) -> Result<T, RpcError> {
    let (address, method) = (address.to_owned(), method.to_owned());
    let not_rpc = |address| {
        let start = String::from_utf8_lossy(body.get(..200).unwrap_or(body)).trim().to_owned();
        RpcError::NotRpc { address, status: status.as_u16(), body: start }
    };
    if status == StatusCode::SERVICE_UNAVAILABLE || body.starts_with(b"Work queue depth exceeded") {
        return Err(RpcError::Busy { address });
    }
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(not_rpc(address));
    }
    let answer: Answer<T> = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(e) => return Err(RpcError::Malformed { address, method, what: e.to_string() }),
    };
    match (answer.error, answer.result) {
        (Some(NodeError { code: -28, message }), _) => Err(RpcError::WarmingUp { address, what: message }),
        (Some(NodeError { code: -32601, .. }), _) => Err(RpcError::NoMethod { address, method }),
        (Some(NodeError { code, message }), _) => Err(RpcError::Node { address, method, code, message }),
        (None, Some(result)) => Ok(result),
        // `null` is a result too, for those that expect it.
        (None, None) => serde_json::from_value(Value::Null).map_err(|_| not_rpc(address)),
    }
}
