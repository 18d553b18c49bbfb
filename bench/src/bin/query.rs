//! How long it takes to find what one peer sent within 5 minutes, in many large archives, as `watch FILE...` does with `--peer`, `--direction`,
//! `--since` and `--until`. Prints a line of JSON: cold, with nothing of the files in memory, and warm.
//!
//! Argument: GiB of archives (default 1; what is promised is 10), or a folder with archives, which are left there. The events are those of [`Day`],
//! which goes on for as long as it takes, in files of 1 GiB at level 1. Writing them takes about 40 s for each GiB.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use bench::day::{Day, START_NS};
use bench::memory::Memory;
use event::{Direction, Filter};
use rustix::fs::{Advice, fadvise};
use serde_json::json;
use store::archive::{Archive, Options, Writer, files as archive_files, merge};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const SEED: u64 = 7;
const FILE_BYTES: u64 = 1 << 30;
const MINUTES_5_NS: u64 = 300_000_000_000;
/// How often it is looked, warm.
const ROUNDS: u32 = 5;

fn main() -> Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "1".to_owned());
    let directory = tempfile::tempdir()?;
    let files = match argument.parse::<u64>() {
        Ok(gib) => write(directory.path(), gib * FILE_BYTES)?,
        Err(_) => archive_files([&argument])?,
    };
    let span = |path: &PathBuf| Archive::open(path.clone())?.span_ns().context("a file has no index");
    let spans = files.iter().map(span).collect::<Result<Vec<_>>>()?;
    let events = files.iter().map(|path| Ok(events_of(&Archive::open(path.clone())?))).sum::<Result<u64>>()?;
    let first_ns = spans.iter().map(|(first_ns, _)| *first_ns).min().unwrap_or_default();
    let last_ns = spans.iter().map(|(_, last_ns)| *last_ns).max().unwrap_or_default();
    let middle_ns = first_ns + (last_ns - first_ns) / 2;
    // A peer of that time: inbound ones come and go, and have ever higher ids.
    let around = Filter { since_ns: Some(middle_ns), until_ns: Some(middle_ns + MINUTES_5_NS), ..Filter::default() };
    let mut peers = merge(files.iter().cloned(), around.clone())?.filter_map(Result::ok);
    let peer = peers.find_map(|record| record.envelope().peer.filter(|_| record.envelope().direction.is_some()));
    drop(peers);
    let filter = Filter {
        peers: vec![peer.context("there is no peer at that time")?],
        direction: Some(Direction::Inbound),
        ..around
    };
    for path in &files {
        let file = File::open(path)?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    let (found, cold) = query(&files, &filter)?;
    let mut warm = f64::MAX;
    for _ in 0..ROUNDS {
        warm = warm.min(query(&files, &filter)?.1);
    }
    println!(
        "{}",
        json!({
            "bench": "query",
            "files": files.len(),
            "bytes": files.iter().map(|path| Ok(path.metadata()?.len())).sum::<Result<u64>>()?,
            "events": events,
            "found": found,
            "cold_ms": (cold * 1000.0).round(),
            "warm_ms": (warm * 1000.0).round(),
            "peak_mb": Memory::of_this_process()?.peak_mb(),
        })
    );
    Ok(())
}

fn events_of(archive: &Archive) -> u64 {
    archive.index().map_or(0, |index| index.frames.iter().map(|frame| frame.events).sum())
}

/// Writes archives of so many bytes together.
fn write(directory: &Path, bytes: u64) -> Result<Vec<PathBuf>> {
    let options = Options { level: 1, sync_every: std::time::Duration::from_secs(3600), ..Options::new(directory) };
    let (mut files, mut last_ns, mut total) = (Vec::new(), START_NS, 0);
    let mut day = Day::new(SEED, false);
    while total < bytes {
        let mut writer = Writer::create(&options, last_ns)?;
        for record in day.by_ref() {
            writer.append(&record)?;
            last_ns = record.envelope().time_ns;
            if writer.durable().bytes >= FILE_BYTES {
                break;
            }
        }
        files.push(writer.path().to_owned());
        total += writer.finish()?;
    }
    Ok(files)
}

/// Returns how many events there are, and the seconds that this took.
fn query(files: &[PathBuf], filter: &Filter) -> Result<(u64, f64)> {
    let (start, mut found) = (Instant::now(), 0);
    for record in merge(files.iter().cloned(), filter.clone())? {
        record.map_err(|(place, damage)| anyhow!("{place}: {damage}"))?;
        found += 1;
    }
    Ok((found, start.elapsed().as_secs_f64()))
}
