//! A public site under load: 1,000 visitors look at the page Overview, as its scripts do, while a node gives 2,000 events per second; how long they
//! wait for answers, and what that costs the server. Prints one line of JSON.
//!
//! Argument: the number of visitors. The visitors are a process of their own, so that the CPU time measured is that of the server alone.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::cpu;
use bench::memory::Memory;
use bench::payloads::messages;
use bus::{Bus, Delivery, WhenFull};
use event::time::now_ns;
use event::{Filter, Record};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, sleep};
use web::{Options, Public, Server};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const VISITORS: u64 = 1_000;
const EVENTS_PER_SECOND: u64 = 2_000;
/// How many batches are published per second.
const BATCHES_PER_SECOND: u64 = 200;
/// All visitors come within so many seconds, and stay for so many.
const COMING: u64 = 10;
const STAYING: u64 = 20;
const PEERS: u64 = 125;

/// What a visitor loads first.
const DOCUMENTS: [&str; 12] = [
    "/",
    "/app.js",
    "/lib/api.js",
    "/lib/bar.js",
    "/lib/dom.js",
    "/lib/format.js",
    "/style/base.css",
    "/style/shell.css",
    "/views/overview.js",
    "/views/overview/view.js",
    "/views/overview.css",
    "/status",
];
/// What the page asks for, and every how many seconds.
const POLLED: [(&str, u64); 4] =
    [("/api/info", 1), ("/api/nodes", 1), ("/api/happenings", 1), ("/api/messages?minutes=60", 10)];

/// Publishes events until it is aborted.
async fn publish(bus: Bus) {
    let messages = messages(PEERS);
    let mut ticks = interval(Duration::from_nanos(1_000_000_000 / BATCHES_PER_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for sequence in (1..).step_by((EVENTS_PER_SECOND / BATCHES_PER_SECOND) as usize) {
        ticks.tick().await;
        let now = now_ns();
        let record = |sequence: u64| {
            let message = messages.get(sequence as usize % messages.len()).cloned()?;
            Some(Delivery::Event(Arc::new(Record::new("bench".into(), 1, sequence, now, message))))
        };
        let batch = sequence..sequence + EVENTS_PER_SECOND / BATCHES_PER_SECOND;
        bus.deliver(batch.filter_map(record).collect()).await;
    }
}

fn resident_mib() -> Result<f64> {
    Ok(Memory::of_this_process()?.resident_kib as f64 / 1_024.0)
}

async fn serve(visitors: u64) -> Result<()> {
    let bus = Bus::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let options = Options { public: Some(Public::default()), ..Options::default() };
    let server = Server::new(listener, options)?;
    let subscription = bus.subscribe("web", Filter::default(), 65_536, WhenFull::DropNewest);
    bus::task::spawn("web", server.run(subscription, bus.clone()));
    let publishing = bus::task::spawn("publisher", publish(bus.clone()));
    sleep(Duration::from_secs(3)).await;
    let idle = cpu::of_process();
    sleep(Duration::from_secs(5)).await;
    let idle = (cpu::of_process() - idle) / 5.0;
    let (before, cpu, begun) = (resident_mib()?, cpu::of_process(), Instant::now());
    let child = Command::new(std::env::current_exe()?)
        .args(["visit", &address, &visitors.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    ensure!(output.status.success(), "the visitors failed");
    let share = (cpu::of_process() - cpu) / begun.elapsed().as_secs_f64();
    let waited: Value = serde_json::from_slice(&output.stdout)?;
    println!(
        "{}",
        json!({ "figure": "visitors", "visitors": visitors, "events_per_second": EVENTS_PER_SECOND, "waited": waited,
                "server_cpu_share": share, "server_cpu_share_without_visitors": idle,
                "resident_mib_before_and_after": [before, resident_mib()?] })
    );
    publishing.abort();
    bus.end();
    Ok(())
}

/// What visitors saw.
#[derive(Default)]
struct Seen {
    /// How long each answer took, in microseconds.
    waited: Vec<u32>,
    bytes: u64,
    unchanged: u64,
    failed: u64,
}

/// The other process: visitors come, stay, and go.
async fn visit(address: String, visitors: u64) -> Result<()> {
    let coming = Duration::from_secs(COMING).div_f64(visitors.max(1) as f64);
    let address: Arc<str> = address.into();
    let mut all = Vec::new();
    for number in 0..visitors {
        all.push(tokio::spawn(one(Arc::clone(&address), coming.mul_f64(number as f64))));
    }
    let mut seen = Seen::default();
    for visitor in all {
        let Seen { waited, bytes, unchanged, failed } = visitor.await?;
        seen.waited.extend(waited);
        seen.bytes += bytes;
        seen.unchanged += unchanged;
        seen.failed += failed;
    }
    seen.waited.sort_unstable();
    let at = |share: f64| seen.waited.get((seen.waited.len() as f64 * share) as usize).map(|us| f64::from(*us) / 1e3);
    let answers = seen.waited.len() as u64;
    println!(
        "{}",
        json!({ "answers": answers, "answers_per_second": answers / (COMING + STAYING), "failed": seen.failed,
                "unchanged": seen.unchanged, "bytes_per_answer": seen.bytes / answers.max(1),
                "ms_p50": at(0.5), "ms_p99": at(0.99), "ms_most": at(0.999_999) })
    );
    Ok(())
}

/// A visitor. An answer that does not come is counted, and ends the visit.
async fn one(address: Arc<str>, after: Duration) -> Seen {
    let mut seen = Seen::default();
    sleep(after).await;
    if stay(&address, &mut seen).await.is_err() {
        seen.failed += 1;
    }
    seen
}

async fn stay(address: &str, seen: &mut Seen) -> Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    for path in DOCUMENTS {
        ask(&mut stream, address, path, None, seen).await?;
    }
    let mut tags: [Option<String>; POLLED.len()] = Default::default();
    let begun = Instant::now();
    let mut ticks = interval(Duration::from_secs(1));
    for second in 0.. {
        ticks.tick().await;
        if begun.elapsed() >= Duration::from_secs(STAYING) {
            return Ok(());
        }
        for ((path, every), tag) in POLLED.iter().zip(&mut tags) {
            if second % every == 0 {
                *tag = ask(&mut stream, address, path, tag.as_deref(), seen).await?;
            }
        }
    }
    Ok(())
}

/// A request and its answer on a connection that is kept. Returns the answer's tag.
async fn ask(
    stream: &mut BufReader<TcpStream>,
    address: &str,
    path: &str,
    tag: Option<&str>,
    seen: &mut Seen,
) -> Result<Option<String>> {
    let known = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
    let begun = Instant::now();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: gzip\r\n{known}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut line, mut length, mut found, mut chunked) = (String::new(), 0_usize, None, false);
    stream.read_line(&mut line).await?;
    let status: u16 = line.split(' ').nth(1).context("no status")?.parse()?;
    ensure!(matches!(status, 200 | 304), "{path}: {line}");
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name {
            "content-length" => length = value.parse()?,
            "etag" => found = Some(value.to_owned()),
            "transfer-encoding" => chunked = true,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    if chunked {
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            let size = usize::from_str_radix(line.trim_end(), 16)?;
            body.resize(size + 2, 0);
            stream.read_exact(&mut body).await?;
            length += size;
            if size == 0 {
                break;
            }
        }
    } else if status == 200 {
        stream.read_exact(&mut body).await?;
    }
    seen.waited.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
    seen.bytes += length as u64;
    seen.unchanged += u64::from(status == 304);
    Ok(found)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match words.as_slice() {
        ["visit", address, visitors] => runtime.block_on(visit((*address).to_owned(), visitors.parse()?)),
        [visitors] => runtime.block_on(serve(visitors.parse()?)),
        _ => runtime.block_on(serve(VISITORS)),
    }
}
