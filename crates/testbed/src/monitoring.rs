//! A Prometheus, an Alertmanager, and a webhook that receives alerts.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::task;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::process::{Process, until_ready};

const PATIENCE: Duration = Duration::from_secs(30);

/// A Prometheus or an Alertmanager on a free port of 127.0.0.1. It is killed when this is dropped.
#[derive(Debug)]
pub struct Monitor {
    addr: SocketAddr,
    client: reqwest::Client,
    _process: Process,
}

impl Monitor {
    /// Starts a Prometheus with a configuration file; its data goes beside that.
    ///
    /// # Errors
    /// There is none, or it ended: with its output.
    pub async fn prometheus(config: &Path) -> Result<Self> {
        let binary = crate::prometheus()?;
        let data = config.with_file_name("prometheus-data");
        Self::start(
            "prometheus",
            &binary,
            &format!("--config.file={}", config.display()),
            &[format!("--storage.tsdb.path={}", data.display())],
        )
        .await
    }

    /// Starts an Alertmanager with a configuration file; its data goes beside that.
    ///
    /// # Errors
    /// As for [`Self::prometheus`].
    pub async fn alertmanager(config: &Path) -> Result<Self> {
        let binary = crate::alertmanager()?;
        let data = format!("--storage.path={}", config.with_file_name("alertmanager-data").display());
        let alone = "--cluster.listen-address=".to_owned();
        Self::start("alertmanager", &binary, &format!("--config.file={}", config.display()), &[data, alone]).await
    }

    async fn start(name: &'static str, binary: &Path, config: &str, arguments: &[String]) -> Result<Self> {
        let process = Process::spawn(name, binary, |command| {
            // Port 0 lets the system choose; the log has its choice.
            command.arg(config).args(arguments).arg("--web.listen-address=127.0.0.1:0");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        });
        let mut process = process.await?;
        let stderr = process.take_stderr().with_context(|| format!("{name} has no standard error"))?;
        let listening = timeout(PATIENCE, until_ready(name, stderr, listening_at)).await;
        let addr = listening.with_context(|| format!("{name} did not get ready"))??;
        let monitor = Self { addr, client: reqwest::Client::new(), _process: process };
        let url = format!("{}/-/ready", monitor.url());
        let ready =
            || async { monitor.client.get(&url).send().await.ok().filter(|answer| answer.status().is_success()) };
        crate::eventually(format!("{name} is ready"), PATIENCE, ready).await?;
        Ok(monitor)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as clients want it.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The field `data` of the response of its HTTP API to a path without the prefix /api/v1.
    ///
    /// # Errors
    /// It does not respond, or with an error: with the response.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let mut url = reqwest::Url::parse(&format!("{}/api/v1/{path}", self.url()))?;
        url.query_pairs_mut().extend_pairs(query);
        let mut answer: Value = self.client.get(url).send().await?.json().await?;
        if answer.get("status").and_then(Value::as_str) != Some("success") {
            bail!("{path} {query:?}: {answer}");
        }
        Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
    }
}

/// Where it listens, by a line of its log.
fn listening_at(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("Listening on").and_then(|(_, rest)| rest.rsplit_once("address="))?;
    address.trim_matches('"').parse().ok()
}

/// A webhook: an HTTP server that receives what an Alertmanager posts.
#[derive(Debug)]
pub struct Webhook {
    addr: SocketAddr,
    posts: UnboundedReceiver<Value>,
}

impl Webhook {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// It cannot listen.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (sender, posts) = unbounded_channel();
        task::spawn("webhook", async move {
            while let Ok((stream, _)) = listener.accept().await {
                task::spawn("request to the webhook", take(stream, sender.clone()));
            }
        });
        Ok(Self { addr, posts })
    }

    /// Where alerts are posted.
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// The next post that is as wanted.
    ///
    /// # Errors
    /// None came in this time.
    pub async fn next(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let waiting = async {
            while let Some(post) = self.posts.recv().await {
                if wanted(&post) {
                    return Some(post);
                }
            }
            None
        };
        timeout(limit, waiting).await.context("no such post came")?.context("the webhook ended")
    }
}

/// Reads one request from a connection, answers it, and closes the connection.
async fn take(stream: TcpStream, sender: UnboundedSender<Value>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    sender.send(serde_json::from_slice(&body)?)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
    Ok(())
}
