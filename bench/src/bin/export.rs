//! How fast archives of an ordinary node's events ([`Day`]) become Parquet files, on one core. Prints one line of JSON;
//! the memory is that of the export alone, which is a process of its own.
//!
//! Arguments: the number of events (default 2,000,000), and the tables (default all).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench::cpu;
use bench::day::{Day, START_NS};
use bench::memory::Memory;
use event::Filter;
use export::{Exporter, TABLES, table};
use store::archive::{Archive, Options, Writer};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [of_child, archive, to, tables @ ..] = &*arguments
        && of_child == "--export"
    {
        return export(Path::new(archive), Path::new(to), tables);
    }
    let events = arguments.first().map_or(Ok(2_000_000), |events| events.parse())?;
    let folder = tempfile::tempdir()?;
    let archive = write(folder.path(), events)?;
    let bytes = std::fs::metadata(&archive)?.len();
    // The time that it takes to read and decode alone, to be known apart.
    let before = cpu::of_process();
    let read = Archive::open(&archive)?.records(Filter::default()).filter_map(Result::ok).count();
    ensure!(read == events, "{read} of {events} events are in the archive");
    let reading = cpu::of_process() - before;

    let tables = arguments.get(1).map(|tables| tables.split(',').map(str::to_owned).collect::<Vec<_>>());
    let mut child = Command::new(std::env::current_exe()?);
    child.arg("--export").arg(&archive).arg(folder.path().join("export")).args(tables.unwrap_or_default());
    let output = child.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut line: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let of_child = line.as_object_mut().context("a line of JSON")?;
    of_child.insert("archive_bytes".to_owned(), bytes.into());
    of_child.insert("read_events_per_second".to_owned(), (events as f64 / reading).round().into());
    println!("{line}");
    Ok(())
}

/// The other process.
fn export(archive: &Path, to: &Path, tables: &[String]) -> Result<()> {
    let chosen: Vec<_> = tables.iter().map(|name| table(name)).collect::<Result<_, _>>()?;
    let chosen = if chosen.is_empty() { TABLES.to_vec() } else { chosen };
    let before = cpu::of_process();
    let exported = Exporter::new(to, &chosen, Filter::default()).export(&Archive::open(archive)?)?;
    let seconds = cpu::of_process() - before;
    let names: Vec<_> = chosen.iter().map(|table| table.name).collect();
    let rows: u64 = exported.parts.iter().map(|part| part.rows).sum();
    println!(
        "{}",
        serde_json::json!({
            "bench": "export",
            "tables": names.join(","),
            "events": exported.events,
            "rows": rows,
            "cpu_seconds": (seconds * 100.0).round() / 100.0,
            "events_per_second": (exported.events as f64 / seconds).round(),
            "rows_per_second": (rows as f64 / seconds).round(),
            "parquet_bytes": exported.parts.iter().map(|part| part.bytes).sum::<u64>(),
            "peak_mb": Memory::of_this_process()?.peak_mb(),
        })
    );
    Ok(())
}

/// Writes an archive of an ordinary node's events.
fn write(folder: &Path, events: usize) -> Result<PathBuf> {
    let mut writer = Writer::create(&Options::new(folder), START_NS)?;
    for record in Day::new(7, false).take(events) {
        writer.append(&record)?;
    }
    let path = writer.path().to_owned();
    writer.finish()?;
    Ok(path)
}
