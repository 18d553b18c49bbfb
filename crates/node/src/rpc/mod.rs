//! JSON-RPC over HTTP, as Bitcoin Core v26 to v32 and Knots serve it.
//!
//! Answers are bounded in size and time. A failure (HTTP status, error code) becomes an [`RpcError`] that
//! names the line of bitcoin.conf that would help.

mod error;
mod lenient;
pub mod types;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::error::RpcError;
use crate::files;
use crate::located::MAX_COOKIE;
use crate::{Auth, HostPort, Located, Secret};

/// The largest answer that is read. `getrawaddrman` of a full address manager is about 50 MB.
pub const MAX_ANSWER: usize = 256 << 20;

/// A connection is not used again after this time without a call: the node closes it after 30 s (`rpcservertimeout`).
const IDLE: Duration = Duration::from_secs(20);

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// From this size on an answer is taken apart on a thread of its own, so that other tasks go on meanwhile.
const LARGE: usize = 1 << 20;

/// A client of one node's RPC server. Calls may go on at the same time, from any task; connections are kept.
#[derive(Debug)]
pub struct RpcClient {
    http: reqwest::Client,
    address: HostPort,
    auth: Auth,
    /// What was last read from the cookie file.
    cookie: Mutex<Option<Cookie>>,
    max_answer: usize,
    next_id: AtomicU64,
    /// Whether some call succeeded, so that we may connect and log in.
    let_in: AtomicBool,
}

/// The content of a cookie file, and the version of the file that it was read from.
#[derive(Clone, Debug)]
struct Cookie {
    login: Login,
    version: Version,
}

/// Modification time, inode and size.
type Version = (Option<SystemTime>, u64, u64);

#[derive(Clone, Debug)]
struct Login {
    user: String,
    password: Secret,
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
        let builder = reqwest::Client::builder().no_proxy().http1_only().redirect(reqwest::redirect::Policy::none());
        let http = builder.pool_idle_timeout(IDLE).connect_timeout(CONNECT).build();
        let http = http.map_err(|e| RpcError::Setup { address: address.to_string(), what: innermost(&e) })?;
        Ok(Self {
            http,
            address,
            auth,
            cookie: Mutex::new(None),
            max_answer: MAX_ANSWER,
            next_id: AtomicU64::new(1),
            let_in: AtomicBool::new(false),
        })
    }

    /// A client for a located node; none if its RPC server is off or not known.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn of(located: &Located) -> Result<Option<Self>, RpcError> {
        located.rpc.clone().map(|address| Self::new(address, located.auth.clone())).transpose()
    }

    /// Reads no answer larger than this. Default: [`MAX_ANSWER`].
    #[must_use]
    pub fn max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// The server's address.
    #[must_use]
    pub fn address(&self) -> &HostPort {
        &self.address
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
        let answer = tokio::time::timeout(timeout, self.call_logged_in(method, params)).await;
        let timed_out =
            |_| RpcError::Timeout { address: self.address.to_string(), method: method.to_owned(), after: timeout };
        let (status, body) = answer.map_err(timed_out)??;
        let result = if body.len() < LARGE {
            result(&self.address, method, status, &body)?
        } else {
            let (address, name) = (self.address.clone(), method.to_owned());
            let parsed = tokio::task::spawn_blocking(move || result(&address, &name, status, &body)).await;
            parsed.map_err(|e| RpcError::Malformed {
                address: self.address.to_string(),
                method: method.to_owned(),
                what: e.to_string(),
            })??
        };
        self.let_in.store(true, Ordering::Relaxed);
        Ok(result)
    }

    /// Sends the request, once more if the cookie that it was sent with turns out to be an old one.
    async fn call_logged_in(&self, method: &str, params: &[Value]) -> Result<(StatusCode, Vec<u8>), RpcError> {
        let login = self.login()?;
        let mut response = self.send(method, params, &login).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            *self.lock_cookie() = None;
            let again = self.login()?;
            if again.password != login.password {
                response = self.send(method, params, &again).await?;
            }
        }
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(self.unauthorized(&login)),
            StatusCode::FORBIDDEN => Err(self.forbidden(&login, method)),
            status => Ok((status, self.read(method, response).await?)),
        }
    }

    async fn send(&self, method: &str, params: &[Value], login: &Login) -> Result<Response, RpcError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        // Older nodes don't know 2.0 and answer as they always did.
        let request = Request { jsonrpc: "2.0", id, method, params };
        let post = || {
            let post = self.http.post(format!("http://{}/", self.address));
            post.basic_auth(&login.user, Some(login.password.expose())).json(&request).send()
        };
        let response = match post().await {
            // A kept connection that the node closed while we wrote to it.
            Err(e) if !e.is_connect() => post().await,
            other => other,
        };
        response.map_err(|e| self.transport(method, &e))
    }

    /// The body of a response.
    ///
    /// # Errors
    /// It is larger than `max_answer` bytes, or the connection broke.
    async fn read(&self, method: &str, mut response: Response) -> Result<Vec<u8>, RpcError> {
        let too_large = || RpcError::TooLarge {
            address: self.address.to_string(),
            method: method.to_owned(),
            max: self.max_answer,
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > self.max_answer as u64 {
            return Err(too_large());
        }
        // What is announced is allocated only as far as it is not absurd; the rest when it is there.
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0).min(1 << 20));
        while let Some(chunk) = response.chunk().await.map_err(|e| self.transport(method, &e))? {
            if body.len() + chunk.len() > self.max_answer {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What to log in with now. The cookie is read again when its file has changed, as after a restart of the node.
    fn login(&self) -> Result<Login, RpcError> {
        let path = match &self.auth {
            Auth::Unknown => return Err(RpcError::NoLogin { address: self.address.to_string() }),
            Auth::User { user, password } => return Ok(Login { user: user.clone(), password: password.clone() }),
            Auth::Cookie(path) => path,
        };
        let unreadable = |source| RpcError::Cookie { path: path.clone(), source };
        let version = version(path).map_err(unreadable)?;
        let mut kept = self.lock_cookie();
        if let Some(cookie) = kept.as_ref().filter(|c| c.version == version) {
            return Ok(cookie.login.clone());
        }
        let text = files::read_text(path, MAX_COOKIE).map_err(unreadable)?;
        let (user, password) = text.trim().split_once(':').ok_or_else(|| RpcError::CookieFormat(path.clone()))?;
        let login = Login { user: user.to_owned(), password: Secret::new(password) };
        *kept = Some(Cookie { login: login.clone(), version });
        Ok(login)
    }

    fn lock_cookie(&self) -> std::sync::MutexGuard<'_, Option<Cookie>> {
        self.cookie.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unauthorized(&self, login: &Login) -> RpcError {
        let (login, remedy) = match &self.auth {
            Auth::Cookie(path) => (
                format!("the cookie at {}", path.display()),
                "is it the cookie of this node, of this chain, and of its present run?".to_owned(),
            ),
            _ => (
                format!("user {:?} with the given password", login.user),
                format!(
                    "correct it, or make a login with Bitcoin Core's share/rpcauth/rpcauth.py {:?}, put the line \
                     rpcauth={}:SALT$HASH that it prints into bitcoin.conf, and restart the node",
                    login.user, login.user
                ),
            ),
        };
        RpcError::Unauthorized { address: self.address.to_string(), login, remedy }
    }

    fn forbidden(&self, login: &Login, method: &str) -> RpcError {
        let list = format!(
            "add the method to the user's one line in bitcoin.conf, rpcwhitelist={}:...,{method} (of several lines for one \
             user only what they have in common counts), and restart the node",
            login.user
        );
        let remedy = if self.let_in.load(Ordering::Relaxed) || self.address.is_loopback() {
            list
        } else {
            format!(
                "if no other method is allowed either, put rpcallowip=ADDRESS with this machine's address there, else {list}"
            )
        };
        RpcError::Forbidden {
            address: self.address.to_string(),
            login: format!("{:?}", login.user),
            method: method.to_owned(),
            remedy,
        }
    }

    /// The error of a connection that could not be made or did not last.
    fn transport(&self, method: &str, error: &reqwest::Error) -> RpcError {
        let address = self.address.to_string();
        if !error.is_connect() {
            return RpcError::Interrupted { address, method: method.to_owned(), what: innermost(error) };
        }
        let mut source: Option<&dyn std::error::Error> = Some(error);
        while let Some(e) = source {
            if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
                return RpcError::Refused { address };
            }
            source = e.source();
        }
        RpcError::Unreachable { address, what: innermost(error) }
    }
}

/// The result in an answer. Errors come with status 200, 404 or 500 by version and kind, so the body decides.
fn result<T: DeserializeOwned>(
    address: &HostPort,
    method: &str,
    status: StatusCode,
    body: &[u8],
) -> Result<T, RpcError> {
    let (address, method) = (address.to_string(), method.to_owned());
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

fn version(path: &Path) -> io::Result<Version> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.modified().ok(), metadata.ino(), metadata.size()))
}

/// The text of the error at the end of the chain, which has the cause.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
