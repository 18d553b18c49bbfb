//! The program `tracepoint-load` as a child.

use std::collections::BTreeMap;
use std::env;
use std::io::PipeWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::process::ChildStderr;

use super::{Mix, Probe};
use crate::process::Process;

const PROGRAM: &str = "tracepoint-load";
/// For a program that has nothing left to do but to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was fired, and what it cost: the line that the program prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Events of each tracepoint that was fired, by its name.
    pub fired: BTreeMap<String, u64>,
    /// Events of all tracepoints.
    pub events: u64,
    /// Bytes of all payloads.
    pub payload_bytes: u64,
    /// Threads that fired.
    pub threads: u32,
    /// Seconds from the first to the last event.
    pub seconds: f64,
    /// CPU time that a thread spends on one event, without waiting for the next, in nanoseconds.
    pub cpu_ns_per_event: f64,
    /// Real time that a thread spends on one event, without waiting for the next, in nanoseconds.
    pub wall_ns_per_event: f64,
    /// Tracepoints that were traced when the last event was fired.
    pub traced: Vec<String>,
}

impl Report {
    /// Events of one tracepoint.
    pub fn of(&self, probe: Probe) -> u64 {
        self.fired.get(probe.name()).copied().unwrap_or_default()
    }
}

/// How the program is to run. Without a rate it fires as fast as it can; without an end, one round of the mix in each thread.
#[derive(Clone, Debug, Default)]
pub struct LoadBuilder {
    program: Option<PathBuf>,
    options: Vec<String>,
}

impl LoadBuilder {
    fn option(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.options.push(format!("--{name}={value}"));
        self
    }

    fn flag(mut self, name: &str) -> Self {
        self.options.push(format!("--{name}"));
        self
    }

    /// A copy of the program, under a name such as `bitcoind`.
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// A data directory to be shown on the command line, as a node has one. It is not used.
    #[must_use]
    pub fn datadir(self, path: &Path) -> Self {
        self.option("datadir", path.display())
    }

    /// Sets the mix of events.
    #[must_use]
    pub fn mix(self, mix: Mix) -> Self {
        self.option("mix", mix)
    }

    /// Sets the rate in events per second, of all threads together.
    #[must_use]
    pub fn rate(self, events_per_second: u64) -> Self {
        self.option("rate", events_per_second)
    }

    /// Sets for how long it fires, in seconds.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> Self {
        self.option("seconds", seconds)
    }

    /// Sets the number of events, of all threads together.
    #[must_use]
    pub fn events(self, events: u64) -> Self {
        self.option("events", events)
    }

    /// Sets the number of threads. Each has a peer of its own, with its number as id.
    #[must_use]
    pub fn threads(self, threads: u32) -> Self {
        self.option("threads", threads)
    }

    /// Bytes of the payloads of [`Mix::Small`] and [`Mix::Blocks`].
    #[must_use]
    pub fn payload_bytes(self, bytes: usize) -> Self {
        self.option("payload-bytes", bytes)
    }

    /// Fires so many at once, then waits as the rate demands.
    #[must_use]
    pub fn burst(self, events: u64) -> Self {
        self.option("burst", events)
    }

    /// Begins when all tracepoints of the mix are traced; fails if they are not within 10 s.
    #[must_use]
    pub fn wait_traced(self) -> Self {
        self.flag("wait-traced")
    }

    /// The same, for these tracepoints alone.
    #[must_use]
    pub fn wait_for(self, probes: &[Probe]) -> Self {
        let names: Vec<_> = probes.iter().map(|probe| probe.name()).collect();
        self.option("wait-traced", names.join(","))
    }

    /// Another seed gives other payloads. The program's default is always the same.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.option("seed", seed)
    }

    /// The nonce of a ping or pong is the time at which it is fired: CLOCK_REALTIME in nanoseconds.
    #[must_use]
    pub fn latency(self) -> Self {
        self.flag("latency")
    }

    /// Writes a line of JSON for each event after it was fired; see [`Event::journal`](super::Event::journal). For tests: it costs much
    /// more than the event.
    #[must_use]
    pub fn journal(self, path: &Path) -> Self {
        self.option("journal", path.display())
    }

    /// Stays when all is fired, until [`Load::finish`].
    #[must_use]
    pub fn hold(self) -> Self {
        self.flag("hold")
    }

    /// Starts it.
    ///
    /// # Errors
    /// The program was not built or can't be started.
    pub async fn start(self) -> Result<Load> {
        let program = self.program.map_or_else(Load::program, Ok)?;
        let (output, written) = std::io::pipe()?;
        let (stdin, hold) = std::io::pipe()?;
        let process = Process::spawn(PROGRAM, &program, |command| {
            command.args(self.options).stdin(stdin).stdout(written).stderr(std::process::Stdio::piped());
        });
        let mut process = process.await?;
        let stderr = process.take_stderr().context("it has no standard error")?;
        let output = BufReader::new(Receiver::from_owned_fd(output.into())?).lines();
        Ok(Load { process, output, stderr, _hold: hold, report: None })
    }
}

/// A running `tracepoint-load`. It is killed when this is dropped, and when the program ends in any way.
#[derive(Debug)]
pub struct Load {
    process: Process,
    output: Lines<BufReader<Receiver>>,
    stderr: ChildStderr,
    /// Its standard input: the program holds until this is closed.
    _hold: PipeWriter,
    report: Option<Report>,
}

impl Load {
    /// Says how it is to run, and starts it.
    pub fn builder() -> LoadBuilder {
        LoadBuilder::default()
    }

    /// Where the program is: beside this one, or above as tests have it.
    ///
    /// # Errors
    /// It was not built.
    pub fn program() -> Result<PathBuf> {
        let this = env::current_exe()?;
        let mut beside = this.ancestors().skip(1).take(2).map(|folder| folder.join(PROGRAM));
        beside.find(|path| path.is_file()).with_context(|| {
            let profile = if cfg!(debug_assertions) { "" } else { " --release" };
            format!("{PROGRAM} is not beside {}; run cargo build{profile} -p testbed", this.display())
        })
    }

    /// Its process id, or `None` if it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Waits until all is fired.
    ///
    /// # Errors
    /// It ended before; with its output.
    pub async fn report(&mut self) -> Result<Report> {
        if let Some(report) = &self.report {
            return Ok(report.clone());
        }
        let Some(line) = self.output.next_line().await? else {
            let mut output = String::new();
            self.stderr.read_to_string(&mut output).await?;
            bail!("{PROGRAM} ended without a report: {}", output.trim());
        };
        let report: Report = serde_json::from_str(&line).with_context(|| format!("not a report: {line}"))?;
        self.report = Some(report.clone());
        Ok(report)
    }

    /// Waits until all is fired and it has ended.
    ///
    /// # Errors
    /// It ended before, or does not end.
    pub async fn finish(mut self) -> Result<Report> {
        let report = self.report().await?;
        let Self { process, _hold: hold, .. } = self;
        drop(hold);
        let status = process.wait(PATIENCE).await?;
        if !status.success() {
            bail!("{PROGRAM} failed: {status}");
        }
        Ok(report)
    }

    /// Ends it early with SIGTERM; the report is of what was fired until then.
    ///
    /// # Errors
    /// It had not begun, or does not end.
    pub async fn stop(self) -> Result<Report> {
        self.process.terminate();
        self.finish().await
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// It can't be killed.
    pub async fn kill(self) -> Result<()> {
        self.process.kill().await
    }
}
