//! What the P2P extractor costs, and how finely it measures. One line of JSON for each:
//!
//! - CPU time of the extractor for a message, as fast as one node can send them;
//! - share of a core that ten nodes take which send 100 messages a second each;
//! - answer times of a real node on this machine: idle, and while another peer floods it with inventory.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::{Body, Filter};
use extractor_p2p::{Options, Ways};
use node::{Chain, HostPort, Target};
use p2p::{MessageType, Version};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use testbed::{Node, Peer, PeerOptions};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const REGTEST: p2p::Magic = [0xfa, 0xbf, 0xb5, 0xda];
/// Messages at full speed.
const MANY: usize = 200_000;
/// Nodes at a steady rate, and how many messages a second each of them sends, for how many seconds.
const NODES: usize = 10;
const RATE: u32 = 100;
const SECONDS: u32 = 10;
/// Pings of a real node.
const PINGS: usize = 2_000;

/// An inventory of as many transactions.
fn inv(entries: u8) -> Vec<u8> {
    let mut payload = vec![entries];
    for _ in 0..entries {
        payload.extend(5_u32.to_le_bytes());
        payload.extend((0..32).map(|_| fastrand::u8(..)));
    }
    payload
}

/// What pretends to be a node: it is dialled, and sends `count` messages at `rate` a second, or as fast as it can.
async fn pretend(listener: TcpListener, count: usize, rate: Option<u32>) -> Result<()> {
    let (reader, writer) = listener.accept().await?.0.into_split();
    let mut connection = p2p::accept(REGTEST, reader, writer).await?;
    let version = Version { version: 70_016, ..Version::default() };
    connection.writer.send(MessageType::new("version"), &version.encode()).await?;
    connection.writer.send(MessageType::new("verack"), &[]).await?;
    let mut reader = connection.reader;
    let reading = tokio::spawn(async move { while reader.next().await.is_ok() {} });
    let mut ticks = rate.map(|rate| tokio::time::interval(Duration::from_secs(1) / rate));
    for _ in 0..count {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        connection.writer.send(MessageType::new("inv"), &inv(5)).await?;
    }
    reading.await?; // until the extractor ends
    Ok(())
}

fn by_address(address: SocketAddr) -> (Target, Ways) {
    let address = HostPort::new(address.ip().to_string(), address.port());
    let target = Target { chain: Some(Chain::Regtest), p2p: Some(address.clone()), ..Target::default() };
    (target, Ways { dial: Some(address), ..Ways::default() })
}

/// Waits for so many inventories, or some more. Returns how many came.
async fn wait(events: &mut Subscription, count: usize) -> usize {
    let mut seen = 0;
    while seen < count {
        for item in events.next_many().await {
            let Delivery::Event(record) = item else { continue };
            let is_inv = |event: &P2pEvent| matches!(event, P2pEvent::InventoryAnnouncement(_));
            if let Some(Body::P2pExtractor(p2p)) = record.body() {
                seen += usize::from(p2p.p2p_event.as_ref().is_some_and(is_inv));
            }
        }
    }
    seen
}

/// Runs extractors, each for one of the pretended nodes, in a thread of their own. Returns the CPU time of that thread, and how long it took.
fn extract(addresses: Vec<SocketAddr>, messages: usize) -> Result<(Duration, Duration)> {
    let worker = thread::spawn(move || -> Result<(Duration, Duration)> {
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let bus = Bus::new();
            let mut events = bus.subscribe("bench", Filter::default(), 1 << 16, WhenFull::Block);
            let shutdown = CancellationToken::new();
            let mut tasks = Vec::new();
            for (number, address) in addresses.into_iter().enumerate() {
                let (target, ways) = by_address(address);
                let publisher = Publisher::new(&bus, &format!("node{number}"), "p2p");
                tasks.push(tokio::spawn(extractor_p2p::run(target, Options::new(ways), publisher, shutdown.clone())));
            }
            let first = wait(&mut events, 1).await;
            let (start, cpu) = (Instant::now(), thread_cpu());
            wait(&mut events, messages - first).await;
            let spent = (thread_cpu() - cpu, start.elapsed());
            shutdown.cancel();
            for task in tasks {
                task.await??;
            }
            Ok(spent)
        })
    });
    worker.join().map_err(|_| anyhow::anyhow!("the extractors panicked"))?
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

async fn cost(nodes: usize, count: usize, rate: Option<u32>) -> Result<(Duration, Duration)> {
    let mut addresses = Vec::new();
    let mut pretending = Vec::new();
    for _ in 0..nodes {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        addresses.push(listener.local_addr()?);
        pretending.push(tokio::spawn(pretend(listener, count, rate)));
    }
    let spent = tokio::task::spawn_blocking(move || extract(addresses, nodes * count)).await??;
    for pretended in pretending {
        let _ = pretended.await?;
    }
    Ok(spent)
}

/// The median and the 99th percentile of a node's answer times, in microseconds.
async fn answer_times(node: &Node) -> Result<(f64, f64)> {
    let bus = Bus::new();
    let mut events = bus.subscribe("bench", Filter::default(), 1 << 14, WhenFull::Block);
    let shutdown = CancellationToken::new();
    let (target, ways) = by_address(node.p2p_addr());
    let options = Options { ping_interval: Duration::from_millis(10), ..Options::new(ways) };
    let publisher = Publisher::new(&bus, "node", "p2p");
    let task = tokio::spawn(extractor_p2p::run(target, options, publisher, shutdown.clone()));
    let mut times = Vec::with_capacity(PINGS);
    while times.len() < PINGS {
        let Some(Delivery::Event(record)) = events.next().await else { continue };
        if let Some(Body::P2pExtractor(p2p)) = record.body()
            && let Some(P2pEvent::PingDuration(ping)) = &p2p.p2p_event
        {
            times.push(ping.duration as f64 / 1_000.0);
        }
    }
    shutdown.cancel();
    task.await??;
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| times.get((PINGS as f64 * share) as usize).copied().context("there are pings");
    Ok((at(0.5)?, at(0.99)?))
}

#[tokio::main]
async fn main() -> Result<()> {
    let (cpu, took) = cost(1, MANY, None).await?;
    let micros = cpu.as_secs_f64() * 1e6 / MANY as f64;
    let rate = MANY as f64 / took.as_secs_f64();
    println!(
        "{}",
        json!({"bench": "p2p_cost", "messages": MANY, "cpu_us_per_message": round(micros), "messages_per_second": rate.round()})
    );
    let (cpu, took) = cost(NODES, (RATE * SECONDS) as usize, Some(RATE)).await?;
    let share = 100.0 * cpu.as_secs_f64() / took.as_secs_f64();
    println!(
        "{}",
        json!({"bench": "p2p_steady", "nodes": NODES, "messages_per_second_each": RATE, "cpu_percent": round(share)})
    );

    let node = Node::builder().start().await?;
    let (median, top) = answer_times(&node).await?;
    println!("{}", json!({"bench": "p2p_ping_idle", "pings": PINGS, "p50_us": round(median), "p99_us": round(top)}));
    let peer = Peer::connect(node.p2p_addr(), PeerOptions::default()).await?;
    let flooding = tokio::spawn(async move {
        loop {
            for _ in 0..20 {
                if peer.send_raw("inv", &inv(250)).is_err() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let (median, top) = answer_times(&node).await?;
    println!("{}", json!({"bench": "p2p_ping_flood", "pings": PINGS, "p50_us": round(median), "p99_us": round(top)}));
    flooding.abort();
    node.stop().await
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
