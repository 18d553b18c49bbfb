//! How much CPU the demo's traffic takes, apart from what observes it: the program that plays all scenarios, and the
//! nodes. Prints one line of JSON for few nodes and one for many. Includes no start-up.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench::cpu;
use procfs::process::Process;
use serde_json::json;
use testbed::{Network, Plan, Traffic};

const RUNS_FOR: Duration = Duration::from_secs(40);

fn cpu_of(network: &Network) -> Result<f64> {
    let mut ticks = 0;
    for node in network.nodes() {
        let pid = node.pid().context("a node ended")?;
        let stat = Process::new(pid.cast_signed())?.stat()?;
        ticks += stat.utime + stat.stime;
    }
    Ok(ticks as f64 / procfs::ticks_per_second() as f64)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    for count in [3, 16] {
        let folder = tempfile::tempdir()?;
        let start = Instant::now();
        let network = Network::start(count, folder.path()).await?;
        let started = start.elapsed();
        let traffic = Traffic::start(&network, Plan { seed: 1, ..Plan::default() }).await?;
        let (own, nodes, start) = (cpu::of_process(), cpu_of(&network)?, Instant::now());
        tokio::time::sleep(RUNS_FOR).await;
        let seconds = start.elapsed().as_secs_f64();
        let (own, nodes) = (cpu::of_process() - own, cpu_of(&network)? - nodes);
        let sent: u64 = traffic.sent().rows().iter().map(|row| row.messages).sum();
        traffic.stop().await;
        network.stop().await?;
        let percent = |cpu: f64| (1000.0 * cpu / seconds).round() / 10.0;
        println!(
            "{}",
            json!({
                "bench": "traffic",
                "nodes": count,
                "nodes_started_ms": started.as_millis(),
                "messages_sent_per_second": (sent as f64 / seconds).round(),
                "traffic_cpu_percent": percent(own),
                "nodes_cpu_percent": percent(nodes),
            })
        );
    }
    Ok(())
}
