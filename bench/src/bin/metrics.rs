//! How many events per second are folded into numbers, on one core: in this process and through a local nats-server; and what a scrape costs with 125
//! and with 1,000 peers, at the start and after hours of replayed time. Prints one line of JSON for each.
//!
//! Argument: the figure (in_process, nats, scrape). The default is all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bench::memory::Memory;
use bench::payloads::{SAMPLES, address, mix};
use bus::nats::{Options, connect_reader, forward};
use bus::{Bus, Delivery, Publisher, WhenFull};
use decode::message::Meta;
use event::pb::bitcoin_primitives::ConnType;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{PeerInfo, PeerInfos, Rpc};
use event::{Body, Encoded, Filter, Kind, Record};
use fastrand::Rng;
use metrics::{Enrichment, Format, Limits, Metrics, NodeLabel};
use serde_json::json;
use testbed::NatsServer;
use tokio_util::sync::CancellationToken;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const EVENTS: usize = 100_000;
const START_NS: u64 = 1_800_000_000_000_000_000;

/// A message as the tracepoint extractor publishes it.
fn encoded(peer: u64, inbound: bool, message_type: &str, payload: &[u8]) -> Encoded {
    let addr = address(peer);
    let conn_type = if peer.is_multiple_of(12) { ConnType::OutboundFullRelay } else { ConnType::Inbound };
    let size = payload.len() as u64;
    let meta = Meta { peer_id: peer, addr: &addr, conn_type, conn_type_name: None, message_type, inbound, size };
    meta.encoded(payload)
}

/// The messages of the mix, spread over a number of peers, which announce the same transactions.
fn messages(peers: u64, seed: u64) -> Vec<Encoded> {
    let mut random = Rng::with_seed(seed);
    let mut mix = mix(&mut random, EVENTS / 100);
    repeat_transactions(&mut mix, &mut random);
    with_peers(mix, peers, &mut random)
}

/// How many different transactions are announced. In reality most peers announce each of them, and there are some seven new ones per second.
const TRANSACTIONS: u64 = 1_400;

/// The size of an entry of inv and getdata, in bytes: type and hash.
const ITEM: usize = 36;

/// Has messages announce and ask for the same transactions.
fn repeat_transactions(messages: &mut [(&'static str, Vec<u8>)], random: &mut Rng) {
    for (_, payload) in messages.iter_mut().filter(|(name, _)| ["inv", "getdata"].contains(name)) {
        let length = payload.len() % ITEM;
        for item in payload.get_mut(length..).unwrap_or_default().chunks_exact_mut(ITEM) {
            let transaction = random.u64(0..TRANSACTIONS).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            item.iter_mut().skip(4).zip(transaction.iter().cycle()).for_each(|(byte, new)| *byte = *new);
        }
    }
}

/// Spreads messages over a number of peers.
fn with_peers(messages: Vec<(&'static str, Vec<u8>)>, peers: u64, random: &mut Rng) -> Vec<Encoded> {
    messages
        .into_iter()
        .map(|(message_type, payload)| encoded(random.u64(0..peers), random.bool(), message_type, &payload))
        .collect()
}

/// The messages as they come from the bus, two milliseconds apart, in an hour after the start.
fn deliveries(messages: Vec<Encoded>, hour: u64) -> Vec<Delivery> {
    let at = |index: usize| START_NS + hour * 3_600_000_000_000 + index as u64 * 2_000_000;
    let record =
        |(index, encoded)| Record::new("bench".into(), 1, hour * EVENTS as u64 + index as u64 + 1, at(index), encoded);
    messages.into_iter().enumerate().map(|event| Delivery::Event(Arc::new(record(event)))).collect()
}

/// The answer to getpeerinfo, in an hour after the start.
fn peer_infos(peers: u64, hour: u64) -> Delivery {
    let info = |id: u64| PeerInfo {
        id: id as u32,
        address: address(id),
        network: "ipv4".to_owned(),
        connection_type: "inbound".to_owned(),
        transport_protocol_type: "v2".to_owned(),
        inbound: true,
        mapped_as: id as u32 % 400,
        ping_time: 0.1,
        ..PeerInfo::default()
    };
    let infos = PeerInfos { infos: (0..peers).map(info).collect() };
    let body = Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::PeerInfos(infos)) });
    Delivery::Event(Arc::new(Record::new("bench".into(), 2, hour + 1, START_NS + hour * 3_600_000_000_000, body)))
}

fn new_metrics() -> Metrics {
    Metrics::new(Limits::default(), NodeLabel::Auto, Enrichment::default(), &[], Bus::new())
}

fn in_process() {
    fold("mix", &deliveries(messages(125, 0), 0));
    let mut random = Rng::with_seed(0);
    let new = mix(&mut random, EVENTS / 100);
    fold("mix in which every hash is new", &deliveries(with_peers(new, 125, &mut random), 0));
    for sample in &SAMPLES {
        let mut payloads: Vec<_> =
            (0..sample.count.min(10_000)).map(|_| (sample.message_type, (sample.payload)(&mut random))).collect();
        repeat_transactions(&mut payloads, &mut random);
        fold(sample.message_type, &deliveries(with_peers(payloads, 125, &mut random), 0));
    }
}

fn fold(name: &str, deliveries: &[Delivery]) {
    let mut rates = Vec::new();
    for _ in 0..9 {
        let mut metrics = new_metrics();
        let start = Instant::now();
        deliveries.iter().for_each(|delivery| metrics.fold(delivery));
        rates.push(deliveries.len() as f64 / start.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied().unwrap_or_default().round();
    let figure = json!({"bench": "metrics_in_process", "message": name, "events": deliveries.len(), "events_per_second": median});
    println!("{figure}");
}

fn scrape(peers: u64) -> Result<()> {
    let mut metrics = new_metrics();
    for hour in 0..6 {
        let start = Instant::now();
        deliveries(messages(peers, hour), hour)
            .iter()
            .chain([&peer_infos(peers, hour)])
            .for_each(|delivery| metrics.fold(delivery));
        let folded = start.elapsed();
        if hour != 0 && hour != 5 {
            continue;
        }
        let mut times: Vec<Duration> = Vec::new();
        let mut size = 0;
        for _ in 0..21 {
            let start = Instant::now();
            size = metrics.page(None, Format::OpenMetrics).unwrap_or_default().len();
            times.push(start.elapsed());
        }
        times.sort();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let figure = json!({
            "bench": "metrics_scrape", "peers": peers, "hour": hour, "bytes": size, "ms": median.as_secs_f64() * 1e3,
            "prepare_and_fold_seconds": folded.as_secs_f64(), "resident_mib": Memory::of_this_process()?.resident_kib / 1_024,
        });
        println!("{figure}");
    }
    Ok(())
}

async fn through_nats() -> Result<()> {
    const ROUNDS: usize = 10;
    let server = NatsServer::start("").await?;
    let options = Options { buffer_bytes: 2 << 30, ..Options::new(server.url()) };
    let reading = Bus::new();
    let mut subscription = reading.subscribe("metrics", Filter::default(), 1 << 16, WhenFull::Block);
    let connected = connect_reader(&reading, &options).await?;
    let shutdown = CancellationToken::new();
    let pump = bus::task::spawn("nats reader", connected.run(reading.clone(), shutdown.clone()));
    let sending = Bus::new();
    let to_nats = sending.subscribe("to-nats", Filter::default(), 1 << 14, WhenFull::Block);
    let forwarding = bus::task::spawn("nats forwarder", forward(to_nats, options, sending.accounts().clone()));
    let publisher = Publisher::new(&sending, "bench", "ebpf");
    let all: Vec<Vec<Encoded>> = (0..ROUNDS as u64).map(|seed| messages(125, seed)).collect();
    let total = (EVENTS * ROUNDS) as u64;

    let start = Instant::now();
    let publishing = bus::task::spawn("publisher", async move {
        for batch in all {
            let mut batch = batch.into_iter().map(|message| (START_NS, message));
            loop {
                let some: Vec<_> = batch.by_ref().take(256).collect();
                if some.is_empty() {
                    break;
                }
                publisher.publish_all(some).await;
            }
        }
        publisher.end().await;
    });
    let mut metrics = new_metrics();
    let (mut events, mut lost) = (0, 0);
    while events + lost < total {
        for delivery in subscription.next_many().await {
            match &delivery {
                Delivery::Event(record) if record.envelope().kind == Kind::Message => events += 1,
                Delivery::Event(_) | Delivery::Mark(_) | Delivery::Checkpoint(_) => {}
                Delivery::Lost(loss) => lost += loss.missing,
            }
            metrics.fold(&delivery);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    publishing.await?;
    sending.end();
    forwarding.await??;
    shutdown.cancel();
    pump.await??;
    ensure!(metrics.names().eq(["bench"]), "nothing was folded");
    let rate = (total as f64 / seconds).round();
    println!("{}", json!({"bench": "metrics_nats", "events": events, "lost": lost, "events_per_second": rate}));
    Ok(())
}

fn main() -> Result<()> {
    let figure = std::env::args().nth(1);
    let wanted = |name: &str| figure.as_deref().is_none_or(|figure| figure == name);
    if wanted("in_process") {
        in_process();
    }
    if wanted("scrape") {
        scrape(125)?;
        scrape(1_000)?;
    }
    if wanted("nats") {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(through_nats())?;
    }
    Ok(())
}
