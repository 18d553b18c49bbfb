//! A Chromium, driven through the Chrome DevTools Protocol: what a person with a browser sees, and what goes wrong for them.
//!
//! Not by `chromiumoxide`: it adds 111,000 lines of generated protocol to each build of the tests, and a Chromium that it starts outlives a
//! test program that is killed.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bus::task;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::process::{Process, until_ready};

const PATIENCE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A Chromium without a window. It is killed when this is dropped.
#[derive(Debug)]
pub struct Browser {
    connection: Arc<Connection>,
    _process: Process,
    _profile: TempDir,
}

/// A page in it: a tab.
#[derive(Debug)]
pub struct Page {
    connection: Arc<Connection>,
    session: String,
}

/// The connection to a Chromium, which all its pages share.
#[derive(Debug)]
struct Connection {
    /// Number of the next call.
    next: AtomicU64,
    /// Calls without a response yet, by their number.
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// Session and text of each error that was not asked for yet.
    wrong: Mutex<Vec<(String, String)>>,
    sink: tokio::sync::Mutex<SplitSink<Socket, Message>>,
}

impl Browser {
    /// Starts a Chromium with an empty profile.
    ///
    /// # Errors
    /// There is none, or it ended: with its output.
    pub async fn start() -> Result<Self> {
        let binary = crate::chromium()?;
        let profile = tempfile::tempdir()?;
        let process = Process::spawn("chromium", &binary, |command| {
            command.args([
                "--headless=new",
                "--remote-debugging-port=0",
                "--no-first-run",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ]);
            // Nothing may leave this machine, and a test's machine may not let it make a sandbox.
            command.args([
                "--disable-background-networking",
                "--disable-component-update",
                "--no-sandbox",
                "--mute-audio",
            ]);
            command.args(["--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"]);
            command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        });
        let mut process = process.await?;
        let stderr = process.take_stderr().context("chromium has no standard error")?;
        let url = timeout(PATIENCE, until_ready("chromium", stderr, listening_at)).await;
        let url = url.context("chromium did not get ready")??;
        let (socket, _) = tokio_tungstenite::connect_async(url).await?;
        let (sink, stream) = socket.split();
        let connection = Arc::new(Connection {
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            wrong: Mutex::default(),
            sink: tokio::sync::Mutex::new(sink),
        });
        task::spawn("connection to chromium", listen(Arc::clone(&connection), stream));
        Ok(Self { connection, _process: process, _profile: profile })
    }

    /// Opens an empty page of this size, in CSS pixels.
    ///
    /// # Errors
    /// The browser refuses, or does not answer.
    pub async fn page(&self, width: u32, height: u32) -> Result<Page> {
        let target = self
            .connection
            .call(None, "Target.createTarget", json!({ "url": "about:blank", "newWindow": true }))
            .await?;
        let attach = json!({ "targetId": target.get("targetId"), "flatten": true });
        let attached = self.connection.call(None, "Target.attachToTarget", attach).await?;
        let session = attached.get("sessionId").and_then(Value::as_str).context("no session")?.to_owned();
        let page = Page { connection: Arc::clone(&self.connection), session };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            page.call(domain, json!({})).await?;
        }
        // Each is looked at: a hidden page rests.
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await?;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        page.call("Emulation.setDeviceMetricsOverride", size).await?;
        Ok(page)
    }
}

impl Page {
    async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        self.connection.call(Some(&self.session), method, parameters).await
    }

    /// Navigates to an address. A change after `#` alone does not load the page again.
    ///
    /// # Errors
    /// The browser can't navigate there: with its reason.
    pub async fn go(&self, url: &str) -> Result<()> {
        let navigated = self.call("Page.navigate", json!({ "url": url })).await?;
        match navigated.get("errorText").and_then(Value::as_str) {
            Some(error) => bail!("{url}: {error}"),
            None => Ok(()),
        }
    }

    /// The value of an expression of JavaScript, as JSON; a promise is awaited.
    ///
    /// # Errors
    /// The expression throws: with what it throws.
    pub async fn value(&self, expression: &str) -> Result<Value> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", parameters).await?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{}", thrown(exception));
        }
        Ok(answer.pointer_mut("/result/value").map(Value::take).unwrap_or_default())
    }

    /// Waits until an expression of JavaScript is `true`.
    ///
    /// # Errors
    /// It was not within `limit`.
    pub async fn until(&self, expression: &str, limit: Duration) -> Result<()> {
        let is_true = || async { self.value(expression).await.ok().filter(|value| *value == Value::Bool(true)) };
        crate::eventually(expression, limit, is_true).await.map(drop)
    }

    /// Sets the colour scheme that the person prefers: `dark` or `light`.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn prefer(&self, scheme: &str) -> Result<()> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// What went wrong in this page since the last call: exceptions, errors in the console, files that did not load.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = self.connection.wrong.lock();
        let (mine, others) = wrong.drain(..).partition::<Vec<_>, _>(|(session, _)| *session == self.session);
        *wrong = others;
        mine.into_iter().map(|(_, text)| text).collect()
    }

    /// Writes a screenshot of the page as PNG.
    ///
    /// # Errors
    /// It can't be made or written.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let picture = picture.get("data").and_then(Value::as_str).context("no picture")?;
        std::fs::write(path, STANDARD.decode(picture)?).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Connection {
    /// Calls a method of the protocol, for a session or for the browser, and returns its result.
    async fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Result<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().insert(id, sender);
        let mut call = json!({ "id": id, "method": method, "params": parameters });
        if let (Some(session), Some(call)) = (session, call.as_object_mut()) {
            call.insert("sessionId".to_owned(), session.into());
        }
        self.sink.lock().await.send(Message::text(call.to_string())).await?;
        let mut answer = timeout(PATIENCE, answer).await.with_context(|| format!("{method}: no answer"))??;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
        }
    }

    fn receive(&self, mut message: Value) {
        if let Some(id) = message.get("id").and_then(Value::as_u64) {
            if let Some(waiting) = self.waiting.lock().remove(&id) {
                let _ = waiting.send(message);
            }
            return;
        }
        let session = message.get("sessionId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let method = message.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
        let parameters = message.get_mut("params").map(Value::take).unwrap_or_default();
        let text = |path: &str| parameters.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let wrong = match method.as_str() {
            "Runtime.exceptionThrown" => parameters.get("exceptionDetails").map(thrown),
            "Runtime.consoleAPICalled" if matches!(text("/type").as_str(), "error" | "assert") => {
                Some(parameters.get("args").map(ToString::to_string).unwrap_or_default())
            }
            "Log.entryAdded" if text("/entry/level") == "error" => {
                Some(format!("{} {}", text("/entry/text"), text("/entry/url")))
            }
            _ => None,
        };
        self.wrong.lock().extend(wrong.map(|wrong| (session, wrong)));
    }
}

async fn listen(connection: Arc<Connection>, mut stream: SplitStream<Socket>) {
    while let Some(Ok(message)) = stream.next().await {
        if let Message::Text(text) = message
            && let Ok(message) = serde_json::from_str(&text)
        {
            connection.receive(message);
        }
    }
    connection.waiting.lock().clear();
}

/// The text of an exception.
fn thrown(exception: &Value) -> String {
    let text = |path: &str| exception.pointer(path).and_then(Value::as_str);
    text("/exception/description").or_else(|| text("/text")).unwrap_or("an exception").to_owned()
}

/// The address of its protocol, by the line that announces it.
fn listening_at(line: &str) -> Option<String> {
    line.split_once("DevTools listening on ").map(|(_, url)| url.trim().to_owned())
}
