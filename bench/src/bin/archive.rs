//! How fast the events of an ordinary node are written to archives, read and replayed, and how large the archives are. Prints one line of JSON for
//! each level of compression.
//!
//! Arguments: the number of events (default 10,000,000); then levels (default the one that archives have by default). 22 stands for one frame as the
//! original archiver writes it, of 100,000 events at most, for that takes minutes: the lines after it compare their size with it, so ask for as many.
//! `addrman` adds the answers of getrawaddrman, which are large.
//!
//! The events are made while they are written, by [`Day`], and are measured without the time that this takes: CPU time of one thread. Each level is
//! written twice: as fast as it can be, so that frames are filled at once, and with what is made safe every 5 seconds of the events' clock, as at a
//! node.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use bench::cpu;
use bench::day::{Day, START_NS};
use bench::memory::Memory;
use bus::{Bus, Delivery, WhenFull};
use event::message::{Message, Payload};
use event::{Filter, Kind, Record};
use serde_json::json;
use store::archive::{Archive, Options, Writer, merge, put_header, put_record};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SEED: u64 = 7;
/// Events that are made at a time.
const CHUNK: usize = 4_096;
/// Events of one frame at level 22 at most.
const MAX_ONE_FRAME: usize = 100_000;
/// Events that are handed to the bus at a time, as replay does.
const BATCH: usize = 256;

struct Plan {
    events: usize,
    addrman: bool,
}

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let addrman = arguments.iter().any(|argument| argument == "addrman");
    arguments.retain(|argument| argument != "addrman");
    let mut arguments = arguments.into_iter();
    let events = arguments.next().map_or(Ok(10_000_000), |events| events.parse())?;
    let mut levels = arguments.map(|level| level.parse()).collect::<Result<Vec<i32>, _>>()?;
    let directory = tempfile::tempdir()?;
    if levels.is_empty() {
        levels.push(Options::new(directory.path()).level);
    }
    let plan = Plan { events, addrman };
    let mut one = None;
    for level in levels {
        if level == 22 {
            one = Some(one_frame(&plan)?);
        } else {
            measure(level, &plan, one, directory.path())?;
        }
    }
    Ok(())
}

/// A file that was written.
struct Written {
    path: PathBuf,
    bytes: u64,
    content: u64,
    cpu: f64,
    last_ns: u64,
}

fn write(options: &Options, plan: &Plan, paced: bool) -> Result<Written> {
    let mut day = Day::new(SEED, plan.addrman);
    let mut writer = Writer::create(options, START_NS)?;
    let (mut cpu, mut content, mut last_ns, mut synced_ns, mut left) = (0.0, 0, 0, START_NS, plan.events);
    while left > 0 {
        let chunk: Vec<Record> = day.by_ref().take(left.min(CHUNK)).collect();
        left -= chunk.len();
        // Extractors encode messages; other events are encoded for the first who needs that.
        content += chunk.iter().map(|record| record.bytes().len() as u64).sum::<u64>();
        let before = cpu::of_thread();
        for record in &chunk {
            writer.append(record)?;
            last_ns = record.envelope().time_ns;
            if paced && last_ns >= synced_ns + 5_000_000_000 {
                writer.sync()?;
                synced_ns = last_ns;
            }
        }
        cpu += cpu::of_thread() - before;
    }
    let (path, before) = (writer.path().to_owned(), cpu::of_thread());
    let bytes = writer.finish()?;
    cpu += cpu::of_thread() - before;
    Ok(Written { path, bytes, content, cpu, last_ns })
}

fn measure(level: i32, plan: &Plan, one_frame: Option<f64>, directory: &Path) -> Result<()> {
    let options = Options { level, sync_every: std::time::Duration::from_secs(3600), ..Options::new(directory) };
    let count = plan.events.max(1) as f64;
    let paced = write(&options, plan, true)?;
    std::fs::remove_file(&paced.path)?;
    let Written { path, bytes, content, cpu, last_ns } = write(&options, plan, false)?;

    let (envelopes, ..) = read(&path, Filter::default(), |_| {})?;
    let (tools, ..) = read(&path, Filter::default(), as_tools_do)?;
    let (structures, ..) = read(&path, Filter::default(), |record| _ = std::hint::black_box(record.body()))?;
    let (replayed, delivered) = replay(&path)?;
    let middle_ns = START_NS + (last_ns - START_NS) / 2;
    let asked = Filter {
        peers: vec![7],
        since_ns: Some(middle_ns),
        until_ns: Some(middle_ns + 300_000_000_000),
        ..Filter::default()
    };
    let (query, found, frames) = read(&path, asked, |_| {})?;
    println!(
        "{}",
        json!({
            "bench": "archive",
            "form": format!("frames, level {level}"),
            "addrman": plan.addrman,
            "events": plan.events,
            "bytes_per_event": round(content as f64 / count),
            "file_bytes_per_event": round(bytes as f64 / count),
            "file_bytes_per_event_at_pace": round(paced.bytes as f64 / count),
            "size_to_one_frame": one_frame.map(|one| round(bytes as f64 / count / one)),
            "size_to_one_frame_at_pace": one_frame.map(|one| round(paced.bytes as f64 / count / one)),
            "write_events_per_cpu_second": (count / cpu).round(),
            "write_events_per_cpu_second_at_pace": (count / paced.cpu).round(),
            "read_events_per_cpu_second": (count / envelopes).round(),
            "read_and_decode_events_per_cpu_second": (count / tools).round(),
            "read_to_structures_events_per_cpu_second": (count / structures).round(),
            "replay_events_per_cpu_second": (delivered as f64 / replayed).round(),
            "query_ms": round(query * 1000.0),
            "query_events": found,
            "query_frames": frames,
            "scan_ms": round(envelopes * 1000.0),
            "frames": Archive::open(&*path)?.index().map(|index| index.frames.len()),
            "peak_mb": Memory::of_this_process()?.peak_mb(),
        })
    );
    std::fs::remove_file(path)?;
    Ok(())
}

/// Reads events. Returns the CPU time, how many there are, and how many frames were read.
fn read(path: &Path, filter: Filter, mut with: impl FnMut(&Record)) -> Result<(f64, u64, u64)> {
    let (before, mut events) = (cpu::of_thread(), 0);
    let archive = Archive::open(path)?;
    let mut found = archive.records(filter);
    for record in found.by_ref() {
        with(&record.map_err(|damage| anyhow!("{damage}"))?);
        events += 1;
    }
    Ok((cpu::of_thread() - before, events, found.frames_read()))
}

/// Reads every entry of every message from its encoded form, as metrics, web and export do, and the structures of other events.
fn as_tools_do(record: &Record) {
    if record.envelope().kind != Kind::Message {
        std::hint::black_box(record.body());
        return;
    }
    match Message::of(record).map(|message| message.payload) {
        Some(Payload::Inv(items) | Payload::GetData(items) | Payload::NotFound(items)) => {
            items.for_each(|item| _ = std::hint::black_box(item));
        }
        Some(Payload::Addr(addresses) | Payload::AddrV2(addresses)) => {
            addresses.for_each(|address| _ = std::hint::black_box(address));
        }
        Some(Payload::Headers(headers)) => headers.for_each(|header| _ = std::hint::black_box(header)),
        payload => _ = std::hint::black_box(payload),
    }
}

/// Hands all events to the bus, with one subscriber, on one thread. Returns the CPU time and how many came.
fn replay(path: &Path) -> Result<(f64, u64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = cpu::of_thread();
    let events = runtime.block_on(async {
        let bus = Bus::new();
        let mut subscription = bus.subscribe("bench", Filter::default(), 1 << 14, WhenFull::Block);
        let reading = tokio::spawn(async move {
            let mut events = 0;
            loop {
                let items = subscription.next_many().await;
                if items.is_empty() {
                    return events;
                }
                events += items.len() as u64;
            }
        });
        let mut batch = Vec::with_capacity(BATCH);
        for record in merge([path.to_owned()], Filter::default())? {
            let record = record.map_err(|(_, damage)| anyhow!("{damage}"))?;
            batch.push(Delivery::Event(std::sync::Arc::new(record)));
            if batch.len() == BATCH {
                bus.deliver(std::mem::take(&mut batch)).await;
            }
        }
        bus.deliver(batch).await;
        bus.end();
        reading.await.context("the reader ended")
    })?;
    Ok((cpu::of_thread() - before, events))
}

/// Writes as the original archiver does. Returns the bytes per event.
fn one_frame(plan: &Plan) -> Result<f64> {
    let count = plan.events.min(MAX_ONE_FRAME);
    let mut buffer = Vec::new();
    put_header(&mut buffer, START_NS / 1_000_000_000, false);
    Day::new(SEED, plan.addrman).take(count).for_each(|record| put_record(&mut buffer, record.bytes()));
    let cpu = cpu::of_thread();
    let mut encoder = zstd::Encoder::new(Vec::new(), 22)?;
    encoder.write_all(&buffer)?;
    let bytes = encoder.finish()?.len() as f64 / count.max(1) as f64;
    println!(
        "{}",
        json!({
            "bench": "archive",
            "form": "one frame, level 22",
            "addrman": plan.addrman,
            "events": count,
            "bytes_per_event": round(buffer.len() as f64 / count.max(1) as f64),
            "file_bytes_per_event": round(bytes),
            "write_events_per_cpu_second": (count as f64 / (cpu::of_thread() - cpu)).round(),
        })
    );
    Ok(bytes)
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
