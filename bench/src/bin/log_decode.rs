//! How fast debug.log is decoded: lines of a node with many -debug categories, -logtimemicros and -logthreadnames,
//! split, decoded and encoded as `event.Event`, on one core. Prints one line of JSON.
//!
//! Arguments: the number of lines (default 500,000) and of rounds (default 9).

use std::fmt::Write;
use std::time::{Duration, Instant};

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

/// A log of this many lines, the same each time.
fn generate(lines: usize) -> String {
    let mut log = String::with_capacity(lines * 160);
    let mut random = Random(0x5eed);
    let mut micros = 0;
    for line in 0..lines {
        micros += random.below(2000);
        let (minute, second) = (micros / 60_000_000, micros / 1_000_000 % 60);
        let (hour, minute, micro) = (minute / 60 % 24, minute % 60, micros % 1_000_000);
        let _ = write!(log, "2026-06-23T{hour:02}:{minute:02}:{second:02}.{micro:06}Z ");
        let _ = message(&mut log, &mut random, line);
        log.push('\n');
    }
    log
}

/// Writes a random line without its time. The shares are those of a node with 125 peers at the tip of the chain.
fn message(log: &mut String, random: &mut Random, line: usize) -> std::fmt::Result {
    let peer = random.below(125);
    let size = 30 + random.below(2000);
    let a = random.hash();
    let b = random.hash();
    match random.below(1000) {
        0..200 => write!(log, "[msghand] [net] received: inv ({size} bytes) peer={peer}"),
        200..380 => write!(log, "[msghand] [net] got inv: wtx {a}  have peer={peer}"),
        380..500 => write!(log, "[msghand] [net] sending inv ({size} bytes) peer={peer}"),
        500..530 => write!(log, "[msghand] [net] Requesting wtx {a} peer={peer}"),
        530..550 => write!(log, "[msghand] [net] received: tx ({size} bytes) peer={peer}"),
        550..590 => write!(log, "[msghand] [net] sending tx ({size} bytes) peer={peer}"),
        590..620 => write!(log, "[msghand] [net] received getdata for: wtx {a} peer={peer}"),
        620..640 => write!(log, "[msghand] [net] received: pong (8 bytes) peer={peer}"),
        640..660 => write!(log, "[msghand] [validation] Enqueuing TransactionAddedToMempool: txid={a} wtxid={b}"),
        660..680 => write!(log, "[scheduler] [validation] TransactionAddedToMempool: txid={a} wtxid={b}"),
        680..700 => {
            write!(log, "[scheduler] [validation] TransactionRemovedFromMempool: txid={a} wtxid={b} reason=replaced")
        }
        700..740 => write!(
            log,
            "[msghand] [mempool] AcceptToMemoryPool: peer={peer}: accepted {a} (wtxid={b}) (poolsz {size} txn, {line} kB)"
        ),
        740..760 => write!(
            log,
            "[msghand] [mempoolrej] {a} (wtxid={b}) from peer={peer} was not accepted: txn-mempool-conflict"
        ),
        760..800 => write!(log, "[msghand] [addrman] Added 192.0.2.{peer}:8333 to new[{peer}][{}]", size % 64),
        800..810 => write!(log, "[opencon] [addrman] Selected 192.0.2.{peer}:8333 from tried"),
        810..820 => {
            write!(log, "[msghand] [net] Received addr: 10 addresses (9 processed, 1 rate-limited) from peer={peer}")
        }
        820..840 => {
            write!(log, "[msghand] [addrman] Added 3 addresses (of 10) from 192.0.2.{peer}: 8000 tried, 50000 new")
        }
        840..855 => write!(log, "[net] [net] connection from 198.51.100.{peer}:{} accepted", 30_000 + size),
        855..860 => write!(log, "[net] [net] socket closed, disconnecting peer={peer}"),
        860..865 => write!(log, "[net] [net] Resetting socket for peer={peer}"),
        865..870 => write!(log, "[msghand] [net] ping timeout: 1200.{size:06}s, disconnecting peer={peer}"),
        870..880 => write!(
            log,
            "[msghand] [net] New inbound peer connected: transport: v2, version: 70016, peer={peer}, peeraddr=192.0.2.5:5"
        ),
        880..890 => write!(
            log,
            "[msghand] [net] receive version message: /Satoshi:29.0.0/: version 70016, blocks=900000, us=192.0.2.1:8333, txrelay=1, peer={peer}"
        ),
        890..930 => write!(log, "[http] [http] Received a POST request for / from 127.0.0.1:{}", 30_000 + size),
        930..950 => write!(log, "[httpworker.{}] [rpc] ThreadRPCServer method=getpeerinfo user=__cookie__", peer % 16),
        950..975 => {
            write!(log, "[msghand] [bench]     - Connect {size} transactions: {size}.12ms (0.005ms/tx, 0.002ms/txin)")
        }
        975..985 => write!(log, "[scheduler] [estimatefee] Blockpolicy estimates updated by 5 of {size} block txs"),
        985..988 => write!(log, "[msghand] Saw new cmpctblock header hash={a} height={line} peer={peer}"),
        988..991 => write!(
            log,
            "[msghand] [cmpctblock] Successfully reconstructed block {a} with 1 txn prefilled, {size} txn from mempool (incl at least 2 from extra pool) and 3 txn (1410 bytes) requested"
        ),
        991..994 => write!(log, "[msghand] [validation] BlockChecked: block hash={a} state=Valid"),
        994..997 => write!(log, "[scheduler] [validation] BlockConnected: block hash={a} block height={line}"),
        _ => write!(
            log,
            "[msghand] UpdateTip: new best={a} height={line} version=0x2a000000 log2_work=94.850493 tx=991242373 date='2026-06-23T16:19:13Z' progress=0.999998 cache=291.6MiB(2106354txo)"
        ),
    }
}

/// SplitMix64: random numbers that are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn hash(&mut self) -> String {
        format!("{:016x}{:016x}{:016x}{:016x}", self.next(), self.next(), self.next(), self.next())
    }
}
