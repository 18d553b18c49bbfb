//! What the program logs about itself: on standard error, so that standard output holds data only.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Options of all commands.
#[derive(Args, Debug)]
pub struct LoggingArgs {
    /// What peer-observer logs about itself on standard error: error, warn, info, debug, trace, or by module
    #[arg(long, global = true, env = "PEER_OBSERVER_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
    /// Colors
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// When there are colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also in a file or a pipe
    Always,
    /// Nowhere
    Never,
}

impl Color {
    /// Whether there are colors on an output.
    #[must_use]
    pub fn decide(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

/// What is logged from a level on: our own messages, and those of libraries where they are warnings or errors.
pub fn filter(level: &str) -> String {
    format!("{level},async_nats=error,hyper=warn,object_store=warn,reqwest=warn")
}

/// Starts logging. Without `--log` and PEER_OBSERVER_LOG, our own messages from level info on are shown, and those of libraries from level
/// warn on.
pub fn start(args: &LoggingArgs) {
    let chosen = match args.log.as_deref().map(EnvFilter::try_new) {
        Some(Ok(chosen)) => chosen,
        Some(Err(_)) | None => EnvFilter::new(filter("info")),
    };
    let color = args.color.decide(stderr().is_terminal());
    let subscriber = tracing_subscriber::fmt().with_env_filter(chosen).with_writer(|| Output).with_ansi(color);
    // That standard error is gone cannot be reported there.
    subscriber.log_internal_errors(false).with_target(false).init();
    if let Some(Err(error)) = args.log.as_deref().map(EnvFilter::try_new) {
        tracing::warn!("cannot read the log filter {:?}: {error}; write it like info or bus=debug", args.log);
    }
}

/// Lines that are held back at most; the oldest go first.
const MAX_HELD: usize = 1_000;
/// So long a line that is held back counts as new.
const NEW: Duration = Duration::from_secs(10);

/// Lines that are held back while something draws on the terminal, and when the last one came. None if nothing does.
static HELD: Mutex<Option<Lines>> = Mutex::new(None);

#[derive(Default)]
struct Lines {
    lines: VecDeque<String>,
    last: Option<(Instant, String)>,
}

fn held() -> MutexGuard<'static, Option<Lines>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard error, or where lines are held back. Each message is written at once.
struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = held();
        let Some(held) = held.as_mut() else { return stderr().write(bytes) };
        for line in String::from_utf8_lossy(bytes).lines() {
            if held.lines.len() >= MAX_HELD {
                held.lines.pop_front();
            }
            held.lines.push_back(line.to_owned());
            held.last = Some((Instant::now(), without_colors(line)));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

/// Lines of the log are held back as long as this is there, if standard error is a terminal. What is left of them is printed afterwards.
pub struct Hold(());

/// Holds back what is logged, for those who draw on the terminal.
pub fn hold() -> Hold {
    if stderr().is_terminal() {
        held().get_or_insert_default();
    }
    Hold(())
}

impl Hold {
    /// Takes the lines that were held back, to print them.
    pub fn take(&self) -> Vec<String> {
        held().as_mut().map(|held| held.lines.drain(..).collect()).unwrap_or_default()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let lines = held().take().unwrap_or_default().lines;
        // That standard error is gone cannot be reported there.
        let _ = lines.iter().try_for_each(|line| writeln!(stderr(), "{line}"));
    }
}

/// The last line that was held back, if it is new, without colors and its time.
pub fn last_held() -> Option<String> {
    let held = held();
    let (at, line) = held.as_ref()?.last.as_ref()?;
    let text = line.split_once(' ').map_or(line.as_str(), |(_, text)| text.trim_start());
    (at.elapsed() < NEW).then(|| text.to_owned())
}

/// A line without the sequences that set colors. Nothing else in it can act on a terminal.
fn without_colors(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_taken_away() {
        assert_eq!(without_colors("\x1b[2m12:00\x1b[0m \x1b[33m WARN\x1b[0m it is so"), "12:00  WARN it is so");
    }
}
