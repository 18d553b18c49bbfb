//! How fast debug.log is decoded: lines of a node with many -debug categories, -logtimemicros and -logthreadnames,
//! split, decoded and encoded as `event.Event`, on one core. Prints one line of JSON.
//!
//! Arguments: the number of lines (default 500,000) and of rounds (default 9).

use std::time::{Duration, Instant};

use bench::logs::generate;
use decode::log::{Decoder, Splitter, Tail};
use event::Body;
use event::pb::event::Event;
use event::pb::log_extractor::log::LogEvent;
use prost::Message;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let lines = arguments.next().map_or(Ok(500_000), |lines| lines.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(9), |rounds| rounds.parse())?;
    let log = generate(lines);

    let mut times = Vec::with_capacity(rounds);
    let mut outcome = Outcome::default();
    for _ in 0..rounds.max(1) {
        let start = Instant::now();
        outcome = decode(log.as_bytes());
        times.push(start.elapsed());
    }
    anyhow::ensure!(outcome.entries == lines, "{} of {lines} lines were found", outcome.entries);
    times.sort();
    let per_second = |amount: f64, time: Duration| (amount / time.as_secs_f64()).round();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let best = times.first().copied().unwrap_or_default();
    println!(
        "{}",
        serde_json::json!({
            "bench": "log_decode",
            "lines": lines,
            "typed": outcome.typed,
            "bytes": log.len(),
            "encoded_bytes": outcome.encoded_bytes,
            "rounds": rounds,
            "lines_per_second": per_second(lines as f64, median),
            "lines_per_second_best": per_second(lines as f64, best),
            "megabytes_per_second": per_second(log.len() as f64 / 1e6, median),
        })
    );
    Ok(())
}

#[derive(Default)]
struct Outcome {
    entries: usize,
    typed: usize,
    encoded_bytes: usize,
}

#[inline(never)]
fn decode(log: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut splitter, mut decoder) = (Splitter::default(), Decoder::default());
    let mut buffer = Vec::with_capacity(4096);
    for entry in splitter.entries(log, Tail::Ends) {
        let log = decoder.entry(entry, 0);
        outcome.entries += 1;
        outcome.typed += usize::from(!matches!(log.log_event, Some(LogEvent::UnknownLogMessage(_))));
        let event = Event {
            timestamp: log.log_timestamp / 1000,
            time_ns: Some(log.log_timestamp * 1000),
            sequence: Some(outcome.entries as u64),
            run: Some(0x0123_4567_89ab_cdef),
            node: None,
            peer_observer_event: Some(Body::LogExtractor(log)),
        };
        buffer.clear();
        event.encode_raw(&mut buffer);
        outcome.encoded_bytes += std::hint::black_box(&buffer).len();
    }
    outcome
}
