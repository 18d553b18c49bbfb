//! What a file has: counts, sizes, times, nodes, runs, and what is missing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use event::filter::Kinds;
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Observer, Selection};
use event::quote::Plain;
use event::selection::SelectionText;
use event::time::rfc3339;
use event::{Body, Filter, Kind};
use serde::Serialize;
use store::archive::{Archive, Damage, Form, Index, Summary};

/// What a file has.
#[derive(Clone, Debug, Serialize)]
pub struct Info {
    /// Where it is.
    pub file: PathBuf,
    /// How it ends: `complete`, `unfinished` (its writer was killed, or writes still), `damaged`, or `plain` (not compressed, so it has no end that
    /// could be missing).
    pub status: &'static str,
    /// Who wrote it, by its form.
    pub form: Origin,
    /// When it was begun, RFC 3339; absent if it has no header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// It has no raw transactions, and no transactions of blocks.
    pub low_data: bool,
    /// Which events it has; absent if all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its content.
    pub content_bytes: u64,
    /// Parts that can be read without the others.
    pub frames: usize,
    /// Events.
    pub events: u64,
    /// Time of the earliest event, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest: Option<String>,
    /// Time of the latest event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// Events by node.
    pub nodes: BTreeMap<String, Totals>,
    /// Events by kind, and P2P messages by type and direction.
    pub kinds: Vec<Group>,
    /// Sequence numbers by run.
    pub runs: Vec<RunRange>,
    /// What was left out of the events of each node on purpose, as it is recorded; empty if nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<Selected>,
    /// Events that the archiver knew to be missing.
    pub gaps: u64,
    /// What of the file cannot be read.
    pub missing: Vec<MissingPart>,
}

/// What was left out of a node's events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Selected {
    /// The node.
    pub node: String,
    /// In words: `only kind rpc`.
    pub text: String,
    /// What let events pass.
    #[serde(flatten)]
    pub selection: Selection,
}

/// Whose form a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Frames with an index.
    Indexed,
    /// One or more zstd frames.
    Zstd,
    /// Not compressed.
    Raw,
    /// With the header of archives before 2026.
    Former,
}

/// Some events and their bytes before compression, with the lengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Events.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The events of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The kind.
    pub kind: String,
    /// The type of the P2P message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// How many, and how large.
    #[serde(flatten)]
    pub totals: Totals,
}

/// The sequence numbers of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRange {
    /// The node.
    pub node: String,
    /// The run.
    pub run: u64,
    /// The lowest sequence number.
    pub first: u64,
    /// The highest.
    pub last: u64,
    /// Numbers between them that no event has: lost, or not selected.
    pub absent: u64,
}

/// A part of a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingPart {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Events in it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// What is wrong with it: `cut`, `damaged`, `foreign`, ...
    pub fault: &'static str,
    /// The same as a sentence.
    #[serde(skip)]
    pub text: String,
}

impl From<&Damage> for MissingPart {
    fn from(damage: &Damage) -> Self {
        let Damage { offset, bytes, events, fault } = damage;
        Self { offset: *offset, bytes: *bytes, events: *events, fault: fault.name(), text: damage.to_string() }
    }
}

impl Selected {
    fn new((node, selection): (Arc<str>, Selection)) -> Self {
        Self { node: node.to_string(), text: SelectionText(&selection).to_string(), selection }
    }
}

/// Damaged places, and statements of what was left out, that are listed of a file; there may be very many.
const MAX_MISSING: usize = 1000;

impl Info {
    /// What a file has: by its index, if it has one and not everything is to be read; else by reading all of it.
    pub fn read(archive: &Archive, everything: bool) -> Self {
        let by_index = archive.index().filter(|_| archive.has_table() && !everything);
        match by_index {
            Some(index) => {
                let mut info = Self::of(archive, index, Vec::new());
                info.gaps = gaps(archive);
                info.selections = archive.selections().into_iter().map(Selected::new).collect();
                info
            }
            None => Self::scan(archive),
        }
    }

    fn scan(archive: &Archive) -> Self {
        let (mut summary, mut missing, mut gaps, mut selections) = (Summary::default(), Vec::new(), 0, Vec::new());
        let mut records = archive.records(Filter::default());
        for record in records.by_ref() {
            match record {
                Ok(record) => {
                    let length = record.bytes().len() as u64;
                    summary.add(&record, length + u64::from(length.max(1).ilog2() / 7) + 1);
                    gaps += missing_by(&record);
                    if let Some(selection) = event::selection::of(&record) {
                        let of_node = Selected::new((Arc::clone(&record.envelope().node), selection.clone()));
                        if selections.len() < MAX_MISSING && !selections.contains(&of_node) {
                            selections.push(of_node);
                        }
                    }
                }
                Err(damage) if missing.len() < MAX_MISSING => missing.push(MissingPart::from(&damage)),
                Err(_) => {}
            }
        }
        let content = records.content_read();
        summary.end_frame(0, archive.size(), content);
        let mut info = Self::of(archive, summary.index(), missing);
        (info.content_bytes, info.gaps, info.selections) = (content, gaps, selections);
        info
    }

    fn of(archive: &Archive, index: &Index, missing: Vec<MissingPart>) -> Self {
        let header = archive.header();
        let frames = &index.frames;
        let counts = || frames.iter().flat_map(|frame| &frame.counts);
        let (mut nodes, mut kinds) = (BTreeMap::<String, Totals>::new(), BTreeMap::<_, Totals>::new());
        for count in counts() {
            let direction = count.inbound.map(|inbound| if inbound { "inbound" } else { "outbound" });
            let message = count.message_type.map(|message| index.name(message).to_owned());
            let of_node = nodes.entry(index.name(count.node).to_owned()).or_default();
            let of_kind = kinds.entry((index.name(count.kind).to_owned(), message, direction)).or_default();
            for totals in [of_node, of_kind] {
                totals.events += count.events;
                totals.bytes += count.bytes;
            }
        }
        let group = |((kind, message, direction), totals)| Group { kind, message, direction, totals };
        let mut kinds: Vec<Group> = kinds.into_iter().map(group).collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.totals.bytes));
        Self {
            file: archive.path().to_owned(),
            status: status(archive, &missing),
            form: origin(archive),
            created: header.map(|header| rfc3339(header.created.saturating_mul(1_000_000_000))),
            low_data: header.is_some_and(|header| header.low_data == Some(true)),
            selection: header.and_then(|header| header.selection.clone()),
            bytes: archive.size(),
            content_bytes: frames.iter().map(|frame| frame.content).sum(),
            frames: archive.parts().iter().filter(|part| part.kind == store::archive::PartKind::Frame).count(),
            events: frames.iter().map(|frame| frame.events).sum(),
            earliest: frames.iter().map(|frame| frame.earliest_ns).min().map(rfc3339),
            latest: frames.iter().map(|frame| frame.latest_ns).max().map(rfc3339),
            nodes,
            kinds,
            runs: runs(index),
            selections: Vec::new(),
            gaps: 0,
            missing,
        }
    }
}

impl Info {
    /// In a line, and one for each part that is missing: whether all of the file can be read.
    pub fn verdict(&self) -> String {
        let name = self.file.display().to_string();
        let gaps = if self.gaps > 0 { format!(", {} missing as the archiver knew", self.gaps) } else { String::new() };
        let line = format!("{}: {}, {} events{gaps}\n", Plain(&name), self.status, self.events);
        self.missing.iter().fold(line, |text, part| text + "  missing: " + &part.text + "\n")
    }
}

fn status(archive: &Archive, missing: &[MissingPart]) -> &'static str {
    if missing.iter().any(|part| part.fault != "cut") {
        return "damaged";
    }
    match archive.form() {
        _ if !missing.is_empty() => "unfinished",
        Form::Raw => "plain",
        Form::Zstd if archive.has_table() || origin(archive) != Origin::Indexed && archive.parts().len() == 1 => {
            "complete"
        }
        Form::Zstd => "unfinished",
    }
}

fn origin(archive: &Archive) -> Origin {
    match archive.form() {
        _ if archive.has_former_header() => Origin::Former,
        Form::Raw => Origin::Raw,
        Form::Zstd if archive.index().is_some() => Origin::Indexed,
        Form::Zstd => Origin::Zstd,
    }
}

fn runs(index: &Index) -> Vec<RunRange> {
    let mut runs = BTreeMap::<(&str, u64), (u64, u64, u64)>::new();
    for run in index.frames.iter().flat_map(|frame| &frame.runs).filter(|run| run.events > 0) {
        let (first, last, events) = runs.entry((index.name(run.node), run.run)).or_insert((run.first, run.last, 0));
        (*first, *last) = ((*first).min(run.first), (*last).max(run.last));
        *events += run.events;
    }
    let range = |((node, run), (first, last, events)): ((&str, u64), (u64, u64, u64))| {
        let numbers = last.saturating_sub(first).saturating_add(1);
        RunRange { node: node.to_owned(), run, first, last, absent: numbers.saturating_sub(events) }
    };
    runs.into_iter().map(range).collect()
}

/// Events that are missing by what the archiver wrote of it.
fn gaps(archive: &Archive) -> u64 {
    let filter = Filter { kinds: vec![Kinds::One(Kind::Gap)], ..Filter::default() };
    archive.records(filter).filter_map(Result::ok).map(|record| missing_by(&record)).sum()
}

fn missing_by(record: &event::Record) -> u64 {
    if record.envelope().kind != Kind::Gap {
        return 0;
    }
    match record.body() {
        Some(Body::Observer(Observer { observer_event: Some(ObserverEvent::Gap(gap)) })) => gap.missing,
        _ => 0,
    }
}

/// The name of a node, for people.
fn named(node: &str) -> &str {
    if node.is_empty() { "(without name)" } else { node }
}

/// A number of bytes for people.
pub(crate) struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (mut size, mut unit) = (self.0 as f64, "B");
        for next in ["KiB", "MiB", "GiB", "TiB"] {
            if size < 1024.0 {
                break;
            }
            (size, unit) = (size / 1024.0, next);
        }
        let digits = usize::from(size < 10.0 && unit != "B");
        write!(f, "{size:.digits$} {unit}")
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = self.file.display().to_string();
        writeln!(f, "{}: {}", Plain(&name), self.status)?;
        if let Some(created) = &self.created {
            writeln!(f, "  begun     {created}")?;
        }
        if self.form == Origin::Former {
            writeln!(f, "  form      with the header of archives before 2026")?;
        }
        if let Some(selection) = self.selection.as_ref().filter(|_| self.selections.is_empty()) {
            writeln!(f, "  selected  {}", Plain(selection))?;
        }
        for Selected { node, text, .. } in &self.selections {
            writeln!(f, "  selected  of {}: {text}", Plain(named(node)))?;
        }
        if self.low_data && self.selections.is_empty() {
            writeln!(f, "  low data  without raw transactions and the transactions of blocks")?;
        }
        write!(f, "  size      {}, of {} of content", Size(self.bytes), Size(self.content_bytes))?;
        if self.bytes > 0 {
            write!(f, " ({:.1}:1)", self.content_bytes as f64 / self.bytes as f64)?;
        }
        writeln!(f, ", in {} frames", self.frames)?;
        write!(f, "  events    {}", self.events)?;
        if let Some(per_event) = self.bytes.checked_div(self.events) {
            write!(f, ", {per_event} B each")?;
        }
        writeln!(f)?;
        if let (Some(earliest), Some(latest)) = (&self.earliest, &self.latest) {
            writeln!(f, "  from      {earliest}\n  until     {latest}")?;
        }
        if self.gaps > 0 {
            writeln!(f, "  missing   {} events, as the archiver knew", self.gaps)?;
        }
        for part in &self.missing {
            writeln!(f, "  missing   {}", part.text)?;
        }
        writeln!(f, "  {:<44} {:>12} {:>10} {:>6}", "kind", "events", "content", "share")?;
        let all = self.content_bytes.max(1) as f64;
        for Group { kind, message, direction, totals } in &self.kinds {
            let of_message = message.as_deref().map(|message| format!(" {}", Plain(message)));
            let name = format!("{kind}{} {}", of_message.unwrap_or_default(), direction.unwrap_or_default());
            let share = 100.0 * totals.bytes as f64 / all;
            writeln!(f, "  {name:<44} {:>12} {:>10} {share:>5.1}%", totals.events, Size(totals.bytes).to_string())?;
        }
        for (node, totals) in &self.nodes {
            writeln!(
                f,
                "  node {:<39} {:>12} {:>10}",
                Plain(named(node)).to_string(),
                totals.events,
                Size(totals.bytes).to_string()
            )?;
        }
        for RunRange { node, run, first, last, absent } in &self.runs {
            write!(f, "  run {run} of {}: {first} to {last}", Plain(node))?;
            writeln!(f, "{}", if *absent > 0 { format!(", {absent} of them not here") } else { String::new() })?;
        }
        Ok(())
    }
}
