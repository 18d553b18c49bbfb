//! `archive import`: archives of what was recorded otherwise.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use archive::{ImportOptions, Imported, Progress, import};
use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::nodes::host_name;
use crate::logging;
use crate::output::{Form, print};
use crate::runtime::{block_on, end_on_signals};

/// How often progress is shown on a terminal, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);
/// Columns of the bar.
const BAR: usize = 30;

#[derive(Args)]
pub struct ImportArgs {
    /// Logs (plain, .gz, .zst, .xz) and archives, or folders with them
    #[arg(required = true, value_name = "PATH")]
    path: Vec<PathBuf>,
    /// The folder to write to, which is made if it is not there
    #[arg(long, required = true, value_name = "DIR")]
    to: PathBuf,
    /// The node whose logs these are; otherwise the names of their folders say it
    #[arg(long, value_parser = node_name, value_name = "NAME")]
    node: Option<String>,
    /// Level of compression by zstd, from -7 (fast) to 22 (small)
    #[arg(long, default_value_t = 1, value_parser = level, allow_negative_numbers = true, value_name = "LEVEL")]
    level: i32,
    /// Threads that do the work [default: as many as there are processors, up to 12]
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZero<usize>>,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Form,
}

fn node_name(name: &str) -> Result<String, node::NameError> {
    node::validate_name(name).map(|()| name.to_owned())
}

/// A level of compression. Archives without any have no index, which importing again needs.
fn level(text: &str) -> Result<i32, String> {
    let level = text.parse().ok().filter(|level| (-7..=22).contains(level) && *level != 0);
    level.ok_or_else(|| "write a number from -7 to 22, but not 0".to_owned())
}

/// Imports, and says what was.
///
/// # Errors
/// Nothing can be written, or what is there can't be read.
pub fn run(args: ImportArgs) -> Result<ExitCode> {
    let mut folder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(folder.recursive(true), 0o700)
        .create(&args.to)
        .with_context(|| format!("cannot make the folder {}", args.to.display()))?;
    let options = ImportOptions {
        paths: args.path,
        node: args.node,
        default_node: host_name(),
        to: args.to,
        level: args.level,
        threads: args.threads,
        batch: ImportOptions::BATCH,
    };
    let imported = block_on(1, with_progress(options))?;
    print(&match args.output {
        Form::Text => imported.to_string(),
        Form::Json => serde_json::to_string(&imported)? + "\n",
    })?;
    Ok(if imported.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Imports in threads of its own, and shows how far that is. The first signal ends it in order, the second one at once.
async fn with_progress(options: ImportOptions) -> Result<Imported> {
    let end = CancellationToken::new();
    end_on_signals(end.clone())?;
    let (progress, stop) = (Arc::<Progress>::default(), Arc::<AtomicBool>::default());
    let mut work = {
        let (progress, stop) = (Arc::clone(&progress), Arc::clone(&stop));
        tokio::task::spawn_blocking(move || import(&options, &progress, &stop))
    };
    let display = Display::new();
    let mut ticks = tokio::time::interval(display.pace());
    ticks.tick().await;
    loop {
        tokio::select! {
            done = &mut work => {
                display.clear();
                return Ok(done.context("a thread ended early")??);
            }
            _ = ticks.tick() => display.show(&progress),
            () = end.cancelled(), if !stop.load(Ordering::Relaxed) => {
                stop.store(true, Ordering::Relaxed);
                info!("stopping: the files that are being written are completed");
            }
        }
    }
}

/// Shows progress: as a line that changes on a terminal, as lines of the log elsewhere.
struct Display {
    start: Instant,
    /// What is logged is held back while there is a line that changes.
    hold: Option<logging::Hold>,
}

impl Display {
    fn new() -> Self {
        Self { start: Instant::now(), hold: stderr().is_terminal().then(logging::hold) }
    }

    fn pace(&self) -> Duration {
        if self.hold.is_some() { ON_TERMINAL } else { ELSEWHERE }
    }

    fn show(&self, progress: &Progress) {
        let Some(text) = text(progress, self.start.elapsed()) else { return };
        let Some(hold) = &self.hold else { return info!("{text}") };
        let mut out = String::from("\r\x1b[K");
        for line in hold.take() {
            let _ = writeln!(out, "{line}");
        }
        out += &bar(progress);
        out += &text;
        // That standard error is gone cannot be reported there.
        let _ = stderr().write_all(out.as_bytes());
    }

    fn clear(&self) {
        if self.hold.is_some() {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }
}

fn share(progress: &Progress) -> Option<f64> {
    progress.bytes().map(|(read, total)| read as f64 / total.max(1) as f64)
}

fn bar(progress: &Progress) -> String {
    let done = (share(progress).unwrap_or_default() * BAR as f64) as usize;
    format!("[{}{}] ", "#".repeat(done), " ".repeat(BAR.saturating_sub(done)))
}

/// `42 %, 3 of 7 files, 95 MB/s, 1min 20s left`
fn text(progress: &Progress, elapsed: Duration) -> Option<String> {
    let ((read, _), (done, files)) = (progress.bytes()?, progress.files());
    let share = share(progress)?;
    let speed = read as f64 / elapsed.as_secs_f64().max(0.001) / 1e6;
    let mut text = format!("{:.0} %, {done} of {files} files, {speed:.0} MB/s", (share * 100.0).floor());
    if share > 0.0 {
        let left = Duration::from_secs_f64(elapsed.as_secs_f64() * (1.0 - share) / share);
        let _ = write!(text, ", {} left", humantime::format_duration(Duration::from_secs(left.as_secs())));
    }
    Some(text)
}
