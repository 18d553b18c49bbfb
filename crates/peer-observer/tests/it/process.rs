//! The program as a child process, its output read line by line.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longest time that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A command that meets none of this machine's configuration.
pub fn command(args: &[&str]) -> Command {
    command_of(Path::new(env!("CARGO_BIN_EXE_peer-observer")), args)
}

/// The same of another program with that command line.
pub fn command_of(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    let names = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("PEER_OBSERVER_"));
    names.for_each(|name| {
        command.env_remove(name);
    });
    command.args(args).env("XDG_CONFIG_HOME", "/nonexistent").env("NO_COLOR", "1").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command printed and how it ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
pub async fn end_of(args: &[&str]) -> Ended {
    end_of_command(command(args), b"").await
}

pub async fn end_of_command(mut command: Command, stdin: &[u8]) -> Ended {
    use tokio::io::AsyncWriteExt;
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    let writing = tokio::spawn(async move {
        let _ = input.write_all(&stdin).await;
    });
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends in time").unwrap();
    writing.await.unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running program that prints JSON.
pub struct Running {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Arc<Mutex<String>>,
    reading_stderr: JoinHandle<()>,
}

impl Running {
    pub fn start(args: &[&str]) -> Self {
        Self::start_command(command(args))
    }

    /// Observes a node by RPC, debug.log and a P2P connection of our own, for a tool. The folder is for its configuration.
    pub fn with_own_connection(folder: &Path, node: &testbed::Node, tool: &str) -> Self {
        let config = folder.join("peer-observer.toml");
        let (name, datadir) = (node.name(), node.datadir().display());
        let text = format!("[[node]]\nname = \"{name}\"\nchain = \"regtest\"\ndatadir = \"{datadir}\"\n");
        std::fs::write(&config, text).unwrap();
        let listen = format!("--{tool}-listen");
        let config = ["--config", config.to_str().unwrap()];
        let extract = ["--extract", "rpc,log,p2p", "--p2p-listen", "127.0.0.2:0", "--p2p-addnode"];
        let tool = ["--tools", tool, &listen, "127.0.0.1:0"];
        Self::start(&[&["run"][..], &config, &extract, &tool].concat())
    }

    pub fn start_command(command: Command) -> Self {
        Self::start_with_input(command).0
    }

    /// The same with what it reads from standard input, if that is piped.
    pub fn start_with_input(mut command: Command) -> (Self, Option<ChildStdin>) {
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut pipe = BufReader::new(child.stderr.take().unwrap()).lines();
        let stderr = Arc::new(Mutex::new(String::new()));
        let logged = Arc::clone(&stderr);
        let reading_stderr = tokio::spawn(async move {
            while let Ok(Some(line)) = pipe.next_line().await {
                *logged.lock().unwrap() += &(line + "\n");
            }
        });
        (Self { child, stdout, stderr, reading_stderr }, stdin)
    }

    /// The next event.
    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_line().await).unwrap()
    }

    /// The next line on standard output.
    pub async fn next_line(&mut self) -> String {
        let line = timeout(PATIENCE, self.stdout.next_line()).await.expect("an event in time").unwrap();
        line.expect("it has not ended")
    }

    /// The first event from here on that fits.
    pub async fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let event = self.next().await;
                if fits(&event) {
                    return event;
                }
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("no {what} in time"))
    }

    /// Waits until it has logged this on standard error.
    pub async fn wait_until_logged(&self, words: &str) {
        let logged = || {
            let stderr = Arc::clone(&self.stderr);
            async move { stderr.lock().unwrap().contains(words).then_some(()) }
        };
        testbed::eventually(words, PATIENCE, logged).await.unwrap();
    }

    /// What it has logged on standard error.
    pub fn logged(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        std::process::Command::new("kill").args([signal, &pid]).status().unwrap();
    }

    /// Waits for its end. Returns how it ended and what it logged on standard error.
    pub async fn end(mut self) -> (ExitStatus, String) {
        let draining = tokio::spawn(async move { while let Ok(Some(_)) = self.stdout.next_line().await {} });
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").unwrap();
        draining.await.unwrap();
        self.reading_stderr.await.unwrap();
        let logged = self.stderr.lock().unwrap().clone();
        (status, logged)
    }
}

/// Whether an event came from a source.
pub fn is(event: &Value, source: &str) -> bool {
    event["source"] == source
}
