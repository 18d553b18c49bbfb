//! The transport over HTTP: connections, and how to log in.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode};

use super::{Request, RpcError};
use crate::files;
use crate::located::MAX_COOKIE;
use crate::{Auth, HostPort, Secret};

/// A connection is not used again after this time without a call: the node closes it after 30 s (`rpcservertimeout`).
const IDLE: Duration = Duration::from_secs(20);

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// A client of an RPC server.
#[derive(Debug)]
pub(super) struct Http {
    /// Two, each with its own connections, by turns: up to 50 ms pass until Bitcoin Core v32 looks at a request that comes on the same connection right
    /// after the answer before it, since its server sends an answer before it notes that the request is dealt with (`HTTPRequest::WriteReply`).
    http: [reqwest::Client; 2],
    calls: AtomicUsize,
    address: HostPort,
    auth: Auth,
    /// What was last read from the cookie file.
    cookie: Mutex<Option<Cookie>>,
    /// Whether some call succeeded, so that we may connect and log in.
    pub let_in: AtomicBool,
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

impl Http {
    /// # Errors
    /// The HTTP client can't be made.
    pub fn new(address: HostPort, auth: Auth) -> Result<Self, RpcError> {
        let client = || {
            let builder =
                reqwest::Client::builder().no_proxy().http1_only().redirect(reqwest::redirect::Policy::none());
            let http = builder.pool_idle_timeout(IDLE).connect_timeout(CONNECT).build();
            http.map_err(|e| RpcError::Setup { address: address.to_string(), what: innermost(&e) })
        };
        let http = [client()?, client()?];
        let (cookie, let_in) = (Mutex::new(None), AtomicBool::new(false));
        Ok(Self { http, calls: AtomicUsize::new(0), address, auth, cookie, let_in })
    }

    /// Sends the request, once more if the cookie that it was sent with turns out to be an old one.
    pub async fn call(&self, request: &Request<'_>, max_answer: usize) -> Result<(StatusCode, Vec<u8>), RpcError> {
        let method = request.method;
        let login = self.login()?;
        let mut response = self.send(request, &login).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            *self.lock_cookie() = None;
            let again = self.login()?;
            if again.password != login.password {
                response = self.send(request, &again).await?;
            }
        }
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(self.unauthorized(&login)),
            StatusCode::FORBIDDEN => Err(self.forbidden(&login, method)),
            status => Ok((status, self.read(method, response, max_answer).await?)),
        }
    }

    async fn send(&self, request: &Request<'_>, login: &Login) -> Result<Response, RpcError> {
        let [one, other] = &self.http;
        let http = if self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { one } else { other };
        let post = || {
            let post = http.post(format!("http://{}/", self.address));
            post.basic_auth(&login.user, Some(login.password.expose())).json(request).send()
        };
        let response = match post().await {
            // A kept connection that the node closed while we wrote to it.
            Err(e) if !e.is_connect() => post().await,
            other => other,
        };
        response.map_err(|e| self.transport(request.method, &e))
    }

    /// The body of a response.
    ///
    /// # Errors
    /// It is larger than `max_answer` bytes, or the connection broke.
    async fn read(&self, method: &str, mut response: Response, max_answer: usize) -> Result<Vec<u8>, RpcError> {
        let too_large =
            || RpcError::TooLarge { address: self.address.to_string(), method: method.to_owned(), max: max_answer };
        let announced = response.content_length().unwrap_or(0);
        if announced > max_answer as u64 {
            return Err(too_large());
        }
        // What is announced is allocated only as far as it is not absurd; the rest when it is there.
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0).min(1 << 20));
        while let Some(chunk) = response.chunk().await.map_err(|e| self.transport(method, &e))? {
            if body.len() + chunk.len() > max_answer {
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
