//! What the tracepoint extractor costs the node and us, what rate it keeps up with, and how late events arrive. The testbed's program that fires
//! Bitcoin Core's tracepoints, `peer-observer` and a nats-server run on this machine. Prints one line of JSON for each figure.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use bench::memory::Memory;
use bus::nats::connect_reader;
use bus::{Bus, Delivery, Subscription, WhenFull};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::{Body, Filter, Kind, Record};
use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use testbed::NatsServer;
use testbed::tracepoint::{Load, LoadBuilder, Mix, Report};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// `peer-observer extract ebpf`, publishing to a nats-server.
struct Extractor {
    child: Child,
    nats: NatsServer,
    /// Its log.
    log: NamedTempFile,
    /// Ends the reader.
    stop: CancellationToken,
}

/// What a reader received.
#[derive(Default)]
struct Received {
    events: u64,
    /// How many events were reported as lost.
    missing: u64,
    /// The times from the tracepoint to the reader, in nanoseconds.
    latencies: Vec<u64>,
}

impl Extractor {
    async fn start() -> Result<Self> {
        let nats = NatsServer::start("max_payload: 8MB").await?;
        let log = NamedTempFile::new()?;
        let program = std::env::current_exe()?.with_file_name("peer-observer");
        let child = Command::new(program)
            .args(["extract", "ebpf", "--config", "/dev/null", "--name", "bench", "--nats", &nats.url(), "--binary"])
            .arg(Load::program()?)
            .stdout(Stdio::null())
            .stderr(log.reopen()?)
            .kill_on_drop(true)
            .spawn()
            .context("build the program first: cargo build --release -p peer-observer")?;
        Ok(Self { child, nats, log, stop: CancellationToken::new() })
    }

    fn pid(&self) -> Result<u32> {
        self.child.id().context("the extractor ended")
    }

    /// The CPU time of all of its threads so far, in nanoseconds.
    fn cpu_ns(&self) -> Result<u64> {
        let tasks = Process::new(self.pid()?.cast_signed())?.tasks()?;
        // A thread that ends meanwhile is left out.
        Ok(tasks.flatten().filter_map(|task| task.schedstat().ok()).map(|times| times.sum_exec_runtime).sum())
    }

    /// The most memory that it used, in MB.
    fn peak_mb(&self) -> Result<f64> {
        Ok(Memory::of_process(self.pid()?)?.peak_mb())
    }

    /// Ends it. Returns the losses that it logged.
    async fn finish(mut self) -> Result<Vec<String>> {
        let pid = Pid::from_raw(self.pid()?.cast_signed()).context("the extractor ended")?;
        kill_process(pid, Signal::TERM)?;
        self.child.wait().await?;
        let log = fs::read_to_string(self.log.path())?;
        let losses = log
            .lines()
            .filter(|line| line.contains("lost"))
            .filter_map(|line| Some(line.split_once("lost")?.1.trim().to_owned()));
        Ok(losses.collect())
    }

    /// Subscribes to what it publishes.
    async fn reader(&self) -> Result<Subscription> {
        let bus = Bus::new();
        let subscription = bus.subscribe("bench", Filter::default(), 1 << 16, WhenFull::Block);
        let connected = connect_reader(&bus, &bus::nats::Options::new(self.nats.url())).await?;
        bus::task::spawn("nats reader", connected.run(bus, self.stop.clone()));
        Ok(subscription)
    }
}

impl Drop for Extractor {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn load(mix: Mix) -> LoadBuilder {
    Load::builder().mix(mix)
}

async fn fire(load: LoadBuilder) -> Result<Report> {
    load.start().await?.finish().await
}

fn print(figure: &str, values: Value) {
    let mut line = json!({ "bench": "tracepoints", "figure": figure });
    if let (Value::Object(line), Value::Object(values)) = (&mut line, values) {
        line.extend(values);
    }
    println!("{line}");
}

/// What a traced event costs the thread that fires it, compared with one that is not traced.
async fn cost_for_the_node() -> Result<()> {
    let full = || load(Mix::Real).threads(1).events(20_000);
    let slow = || load(Mix::Real).threads(1).events(5_000).rate(1_000);
    let untraced = [fire(full()).await?.cpu_ns_per_event, fire(slow()).await?.cpu_ns_per_event];
    let extractor = Extractor::start().await?;
    let mut traced = f64::MAX;
    // A burst that fits into the ring: an event that is dropped costs less.
    for _ in 0..10 {
        traced = traced.min(fire(full().wait_traced()).await?.cpu_ns_per_event);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let traced = [traced, fire(slow().wait_traced()).await?.cpu_ns_per_event];
    drop(extractor);
    for (index, rate) in [(0, "full"), (1, "1000")] {
        let [untraced, traced] = [untraced, traced].map(|ns| ns.get(index).copied().unwrap_or_default());
        print(
            "cost_for_the_node",
            json!({ "events_per_second": rate, "untraced_ns": untraced.round(), "traced_ns": traced.round(), "cost_ns": (traced - untraced).round() }),
        );
    }
    Ok(())
}

/// The CPU time of the extractor per event, publishing to NATS included, and without any events.
async fn cost_for_us() -> Result<()> {
    let extractor = Extractor::start().await?;
    for rate in [1_000, 5_000, 20_000] {
        // The first second warms up.
        let before = load(Mix::Real).threads(1).rate(rate).seconds(1.0).wait_traced();
        fire(before).await?;
        let start = extractor.cpu_ns()?;
        let report = fire(load(Mix::Real).threads(1).rate(rate).seconds(8.0)).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let cpu = extractor.cpu_ns()? - start;
        let each = cpu as f64 / report.events as f64 / 1000.0;
        print("cost_for_us", json!({ "events_per_second": rate, "cpu_us_per_event": (each * 100.0).round() / 100.0 }));
    }
    let start = extractor.cpu_ns()?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = (extractor.cpu_ns()? - start) as f64 / 10e9;
    print(
        "idle",
        json!({ "cpu_percent": (idle * 10_000.0).round() / 100.0, "resident_peak_mb": extractor.peak_mb()? }),
    );
    Ok(())
}

/// Reads until `expected` events were received or reported as lost, for at most 30 s.
async fn read(mut subscription: Subscription, expected: u64) -> Received {
    let mut received = Received::default();
    let deadline = Instant::now() + Duration::from_secs(30);
    while received.events + received.missing < expected {
        let Ok(deliveries) = tokio::time::timeout_at(deadline, subscription.next_many()).await else { break };
        let now = event::time::now_ns();
        for delivery in deliveries {
            match delivery {
                Delivery::Lost(loss) => received.missing += loss.missing,
                Delivery::Mark(_) | Delivery::Checkpoint(_) => {}
                Delivery::Event(record) if record.envelope().kind == Kind::Status => {}
                Delivery::Event(record) => {
                    received.events += 1;
                    received.latencies.extend(fired_at(&record).map(|fired| now.saturating_sub(fired)));
                }
            }
        }
    }
    received
}

/// When a ping or pong was fired, in nanoseconds since the UNIX epoch: its nonce is that time.
fn fired_at(record: &Record) -> Option<u64> {
    if record.envelope().size != Some(8) {
        return None;
    }
    match record.body()? {
        Body::EbpfExtractor(ebpf) => match ebpf.ebpf_event.as_ref()? {
            EbpfEvent::Message(message) => match message.msg.as_ref()? {
                Msg::Ping(ping) => Some(ping.value),
                Msg::Pong(pong) => Some(pong.value),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The time from a tracepoint to a reader behind NATS.
async fn latency() -> Result<()> {
    let extractor = Extractor::start().await?;
    for rate in [20, 1_000, 20_000] {
        let subscription = extractor.reader().await?;
        let reading = tokio::spawn(read(subscription, rate * 5));
        fire(load(Mix::Small).threads(1).rate(rate).events(rate * 5).latency().wait_traced()).await?;
        let mut latencies = reading.await?.latencies;
        latencies.sort_unstable();
        let at = |share: f64| {
            let ns = latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
            (ns as f64 / 10_000.0).round() / 100.0
        };
        print(
            "latency",
            json!({ "events_per_second": rate, "events": latencies.len(), "p50_ms": at(0.5), "p99_ms": at(0.99) }),
        );
    }
    Ok(())
}

/// Whether a rate gets through to the nats-server without loss for 10 s, from threads of a node that do things at the same time.
async fn throughput() -> Result<()> {
    for (threads, rate) in [(1, 100_000), (1, 300_000), (1, 400_000), (2, 400_000), (4, 400_000)] {
        let extractor = Extractor::start().await?;
        let report = fire(load(Mix::Real).threads(threads).rate(rate).events(rate * 10).wait_traced()).await?;
        let reached = (report.events as f64 / report.seconds).round();
        let peak = extractor.peak_mb()?;
        print(
            "throughput",
            json!({
                "threads": threads, "events_per_second": rate, "reached": reached, "events": report.events,
                "megabytes": report.payload_bytes / 1_000_000, "resident_peak_mb": peak, "lost": extractor.finish().await?,
            }),
        );
    }
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    cost_for_the_node().await?;
    cost_for_us().await?;
    throughput().await?;
    latency().await
}
