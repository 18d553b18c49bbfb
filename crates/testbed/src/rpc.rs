//! As much of a JSON-RPC client as the testbed needs, independent of the one that it helps to test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A call may mine hundreds of blocks, or wait for one.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the node answered instead of a result.
#[derive(Clone, Debug)]
pub struct RpcError {
    /// The method called.
    pub method: String,
    /// Bitcoin Core's `RPCErrorCode`, e.g. -28 while it warms up.
    pub code: i64,
    /// The node's explanation.
    pub message: String,
}

impl std::fmt::Display for RpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: error {}: {}", self.method, self.code, self.message)
    }
}

impl std::error::Error for RpcError {}

/// A connection-less client of one node, authenticated with its cookie file.
#[derive(Clone, Debug)]
pub struct Rpc {
    addr: SocketAddr,
    cookie: PathBuf,
    client: reqwest::Client,
}

impl Rpc {
    /// A client for the RPC server at `addr` whose cookie file is `cookie`.
    ///
    /// # Errors
    /// The HTTP client can't be made.
    pub fn new(addr: SocketAddr, cookie: PathBuf) -> Result<Self> {
        // No connection is kept: a test may use a node from several runtimes, and a connection belongs to one of them.
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(TIMEOUT).build()?;
        Ok(Self { addr, cookie, client })
    }

    /// Calls `method`; `params` is a JSON array or object. The cookie is read each time, since every start of the node makes a new one.
    ///
    /// # Errors
    /// An [`RpcError`] if the node answered with one, else what kept the call from being answered.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let cookie = std::fs::read_to_string(&self.cookie)
            .with_context(|| format!("can't read the cookie {}", self.cookie.display()))?;
        let (user, password) = cookie.split_once(':').context("the cookie has no colon")?;
        let request = json!({ "jsonrpc": "1.0", "id": 0, "method": method, "params": params });
        let response =
            self.client.post(format!("http://{}/", self.addr)).basic_auth(user, Some(password)).json(&request);
        let response = response.send().await.with_context(|| format!("can't call {method} at {}", self.addr))?;
        let status = response.status();
        let body = response.bytes().await?;
        let Ok(mut body) = serde_json::from_slice::<Value>(&body) else { bail!("{method}: HTTP status {status}") };
        match body.get("error") {
            None | Some(Value::Null) => Ok(body.get_mut("result").map(Value::take).unwrap_or_default()),
            Some(error) => bail!(RpcError {
                method: method.to_owned(),
                code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
                message: error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
            }),
        }
    }
}
