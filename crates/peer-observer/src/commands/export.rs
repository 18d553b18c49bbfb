//! `export`: archives as Parquet files, for analysis.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event::time::{now_ns, rfc3339};
use export::{Exported, ExportedPart, Exporter, Follower, TABLES, Target, table};
use store::archive::{Archive, Place};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::raw::{config_file, read_s3};
use crate::config::s3::{S3Options, is_remote};
use crate::filter::FilterArgs;
use crate::output::print;
use crate::parts::Parts;
use crate::public::PublicArgs;
use crate::runtime::{block_on, end_on_signals};
use crate::selections;

pub const NAME: &str = "export";

/// Damaged places of a file that are named; the others are counted.
const NAMED: usize = 10;
/// How often it is looked whether an hour is over.
const LOOK: Duration = Duration::from_secs(30);
/// How long an hour that is being exported may take to end after a signal. If it does not, it is exported again.
const PATIENCE: Duration = Duration::from_secs(8);
const HOUR_NS: u64 = 3_600_000_000_000;

#[derive(Args)]
struct ExportArgs {
    /// Archives, or folders with them, or s3://BUCKET/PREFIX
    #[arg(required = true, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The folder to write to, which is made if it is not there, or s3://BUCKET/PREFIX
    #[arg(long, required = true, value_name = "DIR")]
    to: PathBuf,
    /// Write these tables only
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    tables: Vec<String>,
    /// Go on, and export each hour of a folder that is written to when it is over, until SIGINT or SIGTERM
    #[arg(long)]
    follow: bool,
}

pub fn command() -> Command {
    let command = FilterArgs::augment_args(S3Options::augment(ExportArgs::augment_args(Command::new(NAME))));
    let command = PublicArgs::augment_args(command);
    let names = PossibleValuesParser::new(TABLES.iter().map(|table| table.name));
    let about = "Write the events of archives as Parquet files, for DuckDB, Polars, Spark and others";
    command.mut_arg("tables", |arg| arg.value_parser(names)).about(about)
}

pub fn run(parts: &Parts, matches: &ArgMatches) -> Result<ExitCode> {
    let args = ExportArgs::from_arg_matches(matches)?;
    let s3 = read_s3(parts, matches)?;
    let filter = FilterArgs::from_arg_matches(matches)?.filter();
    let chosen: Result<Vec<_>, _> = args.tables.iter().map(|name| table(name)).collect();
    let chosen = if args.tables.is_empty() { TABLES.to_vec() } else { chosen? };
    let target = if is_remote(&args.to) { in_store(&s3, &args.to)? } else { Target::from(&args.to) };
    let exporter = Exporter::new(target, &chosen, filter);
    let public = PublicArgs::from_arg_matches(matches)?;
    if !args.follow {
        let places = s3.archives(&args.file)?;
        let exporter = match public.of_archives(parts, config_file(matches)?, &places)? {
            Some(public) => exporter.public(public),
            None => exporter,
        };
        return once(&exporter, places);
    }
    anyhow::ensure!(
        public.redactor(parts, config_file(matches)?)?.is_none(),
        "--follow makes nothing public: what must not be shown is known when all of it was read"
    );
    match args.file.as_slice() {
        [folder] if folder.is_dir() => follow(exporter, folder),
        _ => anyhow::bail!("--follow takes one folder of this machine, to which an archiver writes"),
    }
}

#[cfg(feature = "s3")]
fn in_store(s3: &S3Options, to: &Path) -> Result<Target> {
    Ok(Target::store(s3.folder(&to.to_string_lossy())?)?)
}

#[cfg(not(feature = "s3"))]
fn in_store(_: &S3Options, to: &Path) -> Result<Target> {
    crate::config::s3::none(&to.display())
}

fn once(exporter: &Exporter, places: Vec<Place>) -> Result<ExitCode> {
    selections::log(&selections::of(&places));
    let mut parts = Vec::new();
    let (mut events, mut missing) = (0, 0);
    for place in places {
        let exported = exporter.export(&Archive::open(place.clone())?)?;
        info!("{place}: {} events in {} files", exported.events, exported.parts.len());
        report(&place.to_string(), &exported);
        (events, missing) = (events + exported.events, missing + exported.damaged);
        parts.extend(exported.parts);
    }
    let views = exporter.write_views()?;
    print(&format!("{}{events} events; all tables in DuckDB: duckdb -init {}\n", summary(&parts), views.display()))?;
    Ok(if missing > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Logs what could not be read.
fn report(archive: &str, exported: &Exported) {
    for damage in exported.damage.iter().take(NAMED) {
        warn!("{archive}: {damage}");
    }
    let more = exported.damaged.saturating_sub(NAMED as u64);
    if more > 0 {
        warn!("{archive}: {more} more places that could not be read");
    }
}

/// Exports hour by hour until a signal comes.
fn follow(exporter: Exporter, folder: &Path) -> Result<ExitCode> {
    let follower = Follower::new(exporter, folder)?;
    let views = follower.write_views()?;
    info!("following {}; all tables in DuckDB: duckdb -init {}", folder.display(), views.display());
    block_on(1, async move {
        let end = CancellationToken::new();
        end_on_signals(end.clone())?;
        let until = end.clone();
        let mut following = tokio::task::spawn_blocking(move || follow_until(follower, &until));
        tokio::select! {
            ended = &mut following => return ended?.map(|()| ExitCode::SUCCESS),
            () = end.cancelled() => {}
        }
        match tokio::time::timeout(PATIENCE, following).await {
            Ok(ended) => ended??,
            Err(_) => info!("the hour that is being exported will be exported again"),
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What is wrong is logged once, and tried again.
fn follow_until(mut follower: Follower, end: &CancellationToken) -> Result<()> {
    let (mut failed, mut has_new) = (None, false);
    while !end.is_cancelled() {
        let done = match follower.next(now_ns()) {
            Ok(None) if has_new => follower.write_views().map(|_| None),
            done => done,
        };
        match done {
            Ok(Some(hour)) => {
                let archive = hour.archive.display().to_string();
                let start = rfc3339(hour.hour.saturating_mul(HOUR_NS));
                info!(
                    "{archive}: the hour from {start}: {} events in {} files",
                    hour.exported.events,
                    hour.exported.parts.len()
                );
                report(&archive, &hour.exported);
                (failed, has_new) = (None, true);
                continue;
            }
            Ok(None) => (failed, has_new) = (None, false),
            Err(error) => {
                let text = error.to_string();
                if failed.as_ref() != Some(&text) {
                    warn!("{text}; it will be tried again");
                }
                failed = Some(text);
            }
        }
        tokio::runtime::Handle::current().block_on(async {
            let _ = tokio::time::timeout(LOOK, end.cancelled()).await;
        });
    }
    Ok(())
}

/// A line for each table: its name, rows, files and bytes.
fn summary(parts: &[ExportedPart]) -> String {
    let mut tables = BTreeMap::<&str, (u64, u64, u64)>::new();
    for part in parts {
        let (rows, files, bytes) = tables.entry(part.table).or_default();
        (*rows, *files, *bytes) = (*rows + part.rows, *files + 1, *bytes + part.bytes);
    }
    let line = |(name, (rows, files, bytes)): (&str, (u64, u64, u64))| {
        format!("{name:<15} {rows:>12} rows {files:>6} files {bytes:>14} bytes\n")
    };
    tables.into_iter().map(line).collect()
}
