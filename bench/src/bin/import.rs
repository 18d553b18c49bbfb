//! How fast debug.log is imported: read, decoded, encoded, compressed and written, end to end. Prints a line of JSON for each level of compression,
//! and for each form of the log.
//!
//! Arguments: megabytes of the log (default 400), the number of threads (default 1), levels (default 0,1,3), and a real log, in whose place lines
//! are made up if there is none. That is repeated until it is large enough, with other hashes and times each time ([`vary`]): a real regtest node's, with all that docs/log.md
//! recommends, is a few megabytes.

use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Result, ensure};
use archive::{ImportOptions, Progress, import};
use bench::cpu;
use bench::logs::{generate, vary};
use bench::memory::Memory;
use serde_json::json;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Lines that are made up at a time.
const LINES: usize = 50_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let megabytes: u64 = arguments.next().map_or(Ok(400), |number| number.parse())?;
    let threads = arguments.next().map_or(Ok(NonZero::<usize>::MIN), |number| number.parse())?;
    let levels = arguments.next().unwrap_or_else(|| "0,1,3".to_owned());
    let real = arguments.next();
    let template = real.as_ref().map_or_else(|| Ok(generate(LINES)), fs::read_to_string)?;
    let folder = tempfile::tempdir()?;
    let plain = folder.path().join("debug.log");
    let bytes = write_log(&plain, &template, megabytes * 1_000_000)?;
    drop(template);
    let log = if real.is_some() { "real" } else { "made up" };
    for level in levels.split(',') {
        measure(&plain, "plain", log, bytes, level.parse()?, threads)?;
    }
    let compressed = folder.path().join("debug.log.zst");
    // The last one shows how much memory is taken at most: that of the largest window, 128 MiB.
    for (form, window) in [("zstd", 21), ("zstd --long", 27)] {
        let mut encoder = zstd::Encoder::new(fs::File::create(&compressed)?, 3)?;
        encoder.window_log(window)?;
        std::io::copy(&mut fs::File::open(&plain)?, &mut encoder)?;
        encoder.finish()?;
        measure(&compressed, form, log, bytes, 1, threads)?;
    }
    Ok(())
}

/// Writes a log of about this size, and returns what it is.
fn write_log(path: &Path, template: &str, size: u64) -> Result<u64> {
    let mut file = fs::File::create(path)?;
    let (mut bytes, mut text) = (0, String::new());
    for round in 0.. {
        if bytes >= size {
            break;
        }
        text.clear();
        vary(template, round, &mut text);
        file.write_all(text.as_bytes())?;
        bytes += text.len() as u64;
    }
    Ok(bytes)
}

fn measure(path: &Path, form: &str, log: &str, bytes: u64, level: i32, threads: NonZero<usize>) -> Result<()> {
    let to = tempfile::tempdir()?;
    let options = ImportOptions {
        paths: vec![path.to_owned()],
        node: Some("alice".to_owned()),
        default_node: String::new(),
        to: to.path().to_owned(),
        level,
        threads: Some(threads),
        batch: ImportOptions::BATCH,
    };
    let (cpu, start) = (cpu::of_process(), Instant::now());
    let imported = import(&options, &Progress::default(), &AtomicBool::new(false))?;
    let (cpu, seconds) = (cpu::of_process() - cpu, start.elapsed().as_secs_f64());
    ensure!(imported.is_whole() && imported.log_bytes <= bytes, "{imported:?}");
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{}",
        json!({
            "bench": "import",
            "log": log,
            "form": form,
            "level": level,
            "threads": threads,
            "megabytes": megabytes.round(),
            "lines": imported.lines,
            "typed": imported.typed,
            "events": imported.events,
            "archive_bytes_per_log_byte": (imported.bytes as f64 / bytes as f64 * 1000.0).round() / 1000.0,
            "megabytes_per_second": (megabytes / seconds).round(),
            "megabytes_per_cpu_second": (megabytes / cpu).round(),
            "memory_peak_mb": Memory::of_this_process()?.peak_mb(),
        })
    );
    Ok(())
}
