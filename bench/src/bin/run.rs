//! How soon `peer-observer run` prints its first event, and how much memory it uses after some time, with one node
//! that has traffic. Prints one line of JSON.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::memory::Memory;
use bench::program;
use serde_json::json;
use testbed::{Network, Plan, Traffic};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// How long the program runs before its memory is measured: every RPC has been polled at least once by then.
const RUNS_FOR: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let network = Network::start(2, folder.path()).await?;
    let traffic = Traffic::start(&network, Plan::default()).await?;
    let node = network.nodes().first().context("a network has nodes")?;

    let start = Instant::now();
    let mut child = Command::new(program()?)
        .args(["run", "--chain", "regtest", "--config", "/dev/null", "-o", "json", "--datadir"])
        .arg(node.datadir())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("piped")?).lines();
    let (mut first, mut events) = (None, 0_u64);
    while start.elapsed() < RUNS_FOR {
        let Ok(line) = tokio::time::timeout(Duration::from_millis(200), lines.next_line()).await else {
            continue;
        };
        let line = line?.context("the program ended")?;
        if first.is_none() && !line.contains(r#""source":"observer""#) {
            first = Some(start.elapsed());
        }
        events += 1;
    }
    let pid = child.id().context("the program ended")?;
    let memory = Memory::of_process(pid)?;
    child.kill().await?;
    traffic.stop().await;
    network.stop().await?;
    let first = first.context("no event came")?;
    println!(
        "{}",
        json!({
            "bench": "run",
            "events": events,
            "first_event_ms": first.as_millis(),
            "resident_mb": memory.resident_mb(),
            "resident_peak_mb": memory.peak_mb(),
        })
    );
    Ok(())
}
