//! A nats-server of one's own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::process::ChildStderr;
use tokio::time::timeout;

use crate::process::{Process, until_ready};

const PATIENCE: Duration = Duration::from_secs(30);

/// What lets a server keep streams, whatever space the file system has left: by default it gives them three quarters of that, which may be too
/// little for a stream of ours.
pub const JETSTREAM: &str = "jetstream { max_file_store: 1TB }\n";

/// A nats-server on a port of 127.0.0.1 that stays the same when it is stopped and started again. It is killed when this is dropped, and
/// when the program ends in any way.
#[derive(Debug)]
pub struct NatsServer {
    process: Option<Process>,
    binary: PathBuf,
    addr: SocketAddr,
    dir: TempDir,
}

impl NatsServer {
    /// Starts one and waits until it takes connections. `config` is text for its configuration file, e.g. `max_payload: 4096` or
    /// `authorization { user: a, password: b }`; files that this names may be put anywhere.
    ///
    /// # Errors
    /// There is no nats-server, or it ended: with its output.
    pub async fn start(config: &str) -> Result<Self> {
        let binary = crate::nats_server()?;
        let dir = tempfile::Builder::new().prefix("testbed-nats-").tempdir()?;
        fs::write(dir.path().join("nats.conf"), config)?;
        // Port -1 lets the system choose; the server logs its choice.
        let mut server = Self { process: None, binary, addr: ([127, 0, 0, 1], 0).into(), dir };
        server.addr = server.launch("-1").await?;
        Ok(server)
    }

    /// Starts it again on the same port after [`Self::stop`] or [`Self::kill`].
    ///
    /// # Errors
    /// It runs already, or it ended: with its output.
    pub async fn start_again(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("nats-server runs already");
        }
        self.launch(&self.addr.port().to_string()).await?;
        Ok(())
    }

    async fn launch(&mut self, port: &str) -> Result<SocketAddr> {
        let process = Process::spawn("nats-server", &self.binary, |command| {
            command.arg("-c").arg(self.dir.path().join("nats.conf")).arg("-sd").arg(self.dir.path().join("jetstream"));
            command.args(["-a", "127.0.0.1", "-p", port]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        });
        let mut process = process.await?;
        let stderr = process.take_stderr().context("nats-server has no standard error")?;
        let addr = timeout(PATIENCE, listening_at(stderr)).await.context("nats-server did not get ready")??;
        self.process = Some(process);
        Ok(addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as clients want it: `nats://127.0.0.1:4222`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.addr)
    }

    /// Its process id, or `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::pid)
    }

    /// Ends it with SIGTERM and waits until it is gone.
    ///
    /// # Errors
    /// It was not running or did not stop; then it has been killed.
    pub async fn stop(&mut self) -> Result<()> {
        let process = self.process.take().context("nats-server is not running")?;
        process.terminate();
        process.wait(PATIENCE).await?;
        Ok(())
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// It was not running.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.take().context("nats-server is not running")?.kill().await
    }
}

/// Reads its log until it is ready. Returns where it listens.
async fn listening_at(stderr: ChildStderr) -> Result<SocketAddr> {
    let mut addr = None;
    let ready = |line: &str| {
        if let Some((_, listening)) = line.split_once("Listening for client connections on ") {
            addr = listening.trim().parse::<SocketAddr>().ok();
        }
        line.ends_with("Server is ready").then_some(addr)
    };
    until_ready("nats-server", stderr, ready).await?.context("nats-server logged no address")
}
