//! How many events per second go through all detectors, on one core: a mix of P2P messages of 125 peers. Prints one line of JSON.

use std::time::Instant;

use alerts::{Engine, Settings};
use bench::payloads::mix;
use decode::message::Meta;
use event::Record;
use event::pb::bitcoin_primitives::ConnType;
use fastrand::Rng;
use networks::Enrichment;
use serde_json::json;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const EVENTS: usize = 200_000;
const PEERS: u64 = 125;
const START_NS: u64 = 1_800_000_000_000_000_000;

/// A message as the tracepoint extractor publishes it, two milliseconds after the one before.
fn record(index: usize, message_type: &str, payload: &[u8], random: &mut Rng) -> Record {
    let (peer, inbound) = (random.u64(0..PEERS), random.bool());
    let addr = format!("203.1.{}.{}:8333", peer / 256 % 256, peer % 256);
    let (conn_type, size) = (ConnType::Inbound, payload.len() as u64);
    let meta = Meta { peer_id: peer, addr: &addr, conn_type, conn_type_name: None, message_type, inbound, size };
    Record::new("bench".into(), 1, index as u64 + 1, START_NS + index as u64 * 2_000_000, meta.encoded(payload))
}

fn main() {
    let mut random = Rng::with_seed(0);
    let messages = mix(&mut random, EVENTS / 100);
    let records: Vec<Record> = messages
        .iter()
        .enumerate()
        .map(|(index, (message_type, payload))| record(index, message_type, payload, &mut random))
        .collect();
    let mut engine = Engine::new(Settings::default(), Enrichment::default(), Vec::new());
    let started = Instant::now();
    records.iter().for_each(|record| engine.fold(record));
    let seconds = started.elapsed().as_secs_f64();
    let per_second = (records.len() as f64 / seconds).round();
    let raised = engine.take_changed().len();
    println!("{}", json!({ "bench": "alerts", "events_per_second": per_second, "peers": PEERS, "alerts": raised }));
}
