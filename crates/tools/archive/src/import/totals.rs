//! What was imported, and what was not.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use decode::log::Guesses;
use event::quote::Plain;
use serde::Serialize;
use tracing::{info, warn};

use crate::info::Size;

/// What became of a file.
#[derive(Default)]
pub(super) struct FileTotals {
    pub lines: u64,
    pub bytes: u64,
    pub events: u64,
    pub untyped: u64,
    pub is_archive: bool,
    /// Events that the directory had already.
    pub known: u64,
    /// Times of the earliest and the latest event that were written, in nanoseconds since the UNIX epoch.
    pub span_ns: Option<(u64, u64)>,
    pub guesses: Guesses,
}

impl FileTotals {
    /// Adds those of a later part.
    pub(super) fn add(&mut self, later: Self) {
        self.lines += later.lines;
        self.bytes += later.bytes;
        self.events += later.events;
        self.untyped += later.untyped;
        self.is_archive |= later.is_archive;
        self.known += later.known;
        self.span_ns = joined(self.span_ns, later.span_ns);
        let (guesses, other) = (&mut self.guesses, later.guesses);
        guesses.foreign_prefix = guesses.foreign_prefix.take().or(other.foreign_prefix);
        guesses.old_times |= other.old_times;
    }

    /// Logs what was assumed about a file.
    pub(super) fn report(&self, name: &std::path::Display) {
        if let Some(prefix) = &self.guesses.foreign_prefix {
            info!("{name}: other text stands before the node's time, such as {prefix:?}; the node's time is taken");
        }
        if self.guesses.old_times {
            warn!(
                "{name}: its times have the form from before v0.17; they are taken for UTC, and few entries are known"
            );
        }
    }
}

/// What was imported.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Imported {
    /// Files that were read to their end: logs.
    pub logs: u64,
    /// And archives.
    pub archives: u64,
    /// Lines of the logs.
    pub lines: u64,
    /// Bytes of the logs, as plain text.
    pub log_bytes: u64,
    /// Events that were written.
    pub events: u64,
    /// Of them, entries of logs that were parsed into fields.
    pub typed: u64,
    /// Of them, entries of logs of which nothing but the text is known.
    pub untyped: u64,
    /// Events that were not written, since they were imported before.
    pub known: u64,
    /// Time of the earliest event that was written, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest: Option<String>,
    /// Time of the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// Events by node.
    pub nodes: BTreeMap<String, u64>,
    /// Files that were written.
    pub files: Vec<PathBuf>,
    /// Bytes of them.
    pub bytes: u64,
    /// Files in the directories given that are empty, or do not have the name of a log or an archive.
    pub passed_over: u64,
    /// Files that were not read to their end, and why.
    pub left_out: Vec<LeftOut>,
    /// It was stopped before all was read.
    pub stopped: bool,
    /// Seconds that it took.
    pub seconds: f64,
    #[serde(skip)]
    pub(super) span_ns: Option<(u64, u64)>,
}

/// A file that was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub reason: String,
    /// Events of it that were written before.
    pub events: u64,
}

/// The earliest and latest of two spans.
pub(super) fn joined(a: Option<(u64, u64)>, b: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (a, b) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (one, other) => one.or(other),
    }
}

impl Imported {
    /// Adds a file; `left_out` says why it was not read to its end.
    pub(super) fn add(
        &mut self,
        file: PathBuf,
        node: &str,
        totals: &FileTotals,
        left_out: Option<String>,
        is_whole: bool,
    ) {
        if let Some(reason) = left_out {
            self.left_out.push(LeftOut { file, reason, events: totals.events });
        }
        if is_whole {
            *(if totals.is_archive { &mut self.archives } else { &mut self.logs }) += 1;
        }
        self.lines += totals.lines;
        self.log_bytes += totals.bytes;
        self.events += totals.events;
        self.known += totals.known;
        if !totals.is_archive {
            self.untyped += totals.untyped;
            self.typed += totals.events.saturating_sub(totals.untyped);
        }
        self.span_ns = joined(self.span_ns, totals.span_ns);
        if totals.events > 0 {
            *self.nodes.entry(node.to_owned()).or_default() += totals.events;
        }
    }

    /// Nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.left_out.is_empty() && !self.stopped
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let speed = if self.seconds > 0.0 { (self.log_bytes as f64 / self.seconds) as u64 } else { 0 };
        writeln!(f, "read      {} logs, {} archives in {:.1} s", self.logs, self.archives, self.seconds)?;
        if self.lines > 0 {
            let (size, speed) = (Size(self.log_bytes), Size(speed));
            writeln!(f, "lines     {}, {size} of text ({speed}/s)", self.lines)?;
        }
        write!(f, "events    {}", self.events)?;
        if self.typed + self.untyped > 0 {
            let share = 100.0 * self.typed as f64 / (self.typed + self.untyped) as f64;
            write!(f, "; of the entries of logs {} typed ({share:.1} %), {} as text", self.typed, self.untyped)?;
        }
        writeln!(f)?;
        if self.known > 0 {
            writeln!(f, "known     {} events are not written again", self.known)?;
        }
        if let (Some(earliest), Some(latest)) = (&self.earliest, &self.latest) {
            writeln!(f, "from      {earliest}\nuntil     {latest}")?;
        }
        for (node, events) in &self.nodes {
            writeln!(f, "node      {} {events} events", Plain(node))?;
        }
        writeln!(f, "written   {} files, {}", self.files.len(), Size(self.bytes))?;
        if self.passed_over > 0 {
            writeln!(f, "ignored   {} files, which are empty or have no name of a log", self.passed_over)?;
        }
        for LeftOut { file, reason, events } in &self.left_out {
            let path = file.display().to_string();
            let before =
                if *events > 0 { format!(" ({events} events before that are written)") } else { String::new() };
            writeln!(f, "left out  {}: {reason}{before}", Plain(&path))?;
        }
        if self.stopped {
            writeln!(f, "stopped   before all was read; run it again to go on")?;
        }
        Ok(())
    }
}
