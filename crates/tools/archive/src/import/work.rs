//! The threads that do the work.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Instant;

use event::field::event::event::LOG_EXTRACTOR;
use event::time::rfc3339;
use event::{Kind, Record};
use store::archive::{ArchiveError, Options, Packed, Packer, files};
use tracing::warn;

use super::budget::Budget;
use super::decoded::Decoded;
use super::frames::Frames;
use super::log::Entries;
use super::plan::{Plan, Planned};
use super::source::{Abandon, Batch, Next, Part, Source};
use super::totals::{FileTotals, Imported, LeftOut, joined};
use crate::files::finish_old;
use crate::known::{Known, contain};

/// Threads, unless more are asked for: each takes some memory.
const MAX_THREADS: usize = 12;
/// Threads for a file that takes much memory to unpack: one unpacks, another one works on what was unpacked.
const FEW_THREADS: usize = 2;

/// What to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Logs and archives, or directories with them.
    pub paths: Vec<PathBuf>,
    /// Whose they all are; otherwise the names of their directories say it.
    pub node: Option<String>,
    /// Whose those are whose directory does not say it.
    pub default_node: String,
    /// Where the archives go, which must be there.
    pub to: PathBuf,
    /// Level of compression by zstd; 0 for none.
    pub level: i32,
    /// Threads that do the work; as many as there are processors if it is not given, but for memory no more than 12. 2 read a file
    /// that takes much memory to unpack.
    pub threads: Option<NonZero<usize>>,
    /// Bytes of a log that a thread takes at a time, which is what a frame is made of: [`ImportOptions::BATCH`].
    pub batch: usize,
}

impl ImportOptions {
    /// Bytes of a log that a thread takes at a time. Larger frames are not noticeably smaller when they are compressed.
    pub const BATCH: usize = 512 << 10;
}

/// How far an import has come.
#[derive(Debug, Default)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: AtomicU64,
    files: AtomicU64,
    done: AtomicU64,
}

impl Progress {
    /// Bytes of the files that were read, and that there are; none before these are known.
    pub fn bytes(&self) -> Option<(u64, u64)> {
        let total = self.total.load(Ordering::Relaxed);
        (total > 0).then(|| (self.read.load(Ordering::Relaxed).min(total), total))
    }

    /// Files that were dealt with, and that there are.
    pub fn files(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.files.load(Ordering::Relaxed))
    }
}

/// Imports files. When `stop` is set, what was read is written, and the files that are written are completed.
///
/// # Errors
/// The archives that are there can't be read, or new ones can't be written.
pub fn import(options: &ImportOptions, progress: &Progress, stop: &AtomicBool) -> Result<Imported, ArchiveError> {
    let start = Instant::now();
    let plan = Plan::new(&options.paths, options.node.as_deref(), &options.default_node);
    progress.total.store(plan.files.iter().map(|file| file.bytes).sum(), Ordering::Relaxed);
    progress.files.store(plan.files.len() as u64, Ordering::Relaxed);
    let mut imported = Imported { passed_over: plan.passed_over, ..Imported::default() };
    for (file, reason) in plan.refused {
        warn!("{}: {reason}; it is left out", file.display());
        imported.left_out.push(LeftOut { file, reason, events: 0 });
    }
    // What leaves little memory for anything else comes last, one after another.
    let (large, others): (Vec<_>, Vec<_>) = plan.files.into_iter().partition(Planned::takes_much);
    for files in rounds(others).into_iter().chain(large.into_iter().map(|file| VecDeque::from([file]))) {
        imported = import_files(options, files, imported, progress, stop)?;
    }
    imported.stopped = stop.load(Ordering::Relaxed);
    imported.seconds = start.elapsed().as_secs_f64();
    imported.files.sort();
    imported.left_out.sort_by(|a, b| a.file.cmp(&b.file));
    (imported.earliest, imported.latest) =
        imported.span_ns.map(|(earliest, latest)| (rfc3339(earliest), rfc3339(latest))).unzip();
    Ok(imported)
}

/// The files in rounds. Those that begin alike, as a log and a later copy of it do, are in different ones: when the second one is read, it is known
/// what the first one has.
fn rounds(files: Vec<Planned>) -> Vec<VecDeque<Planned>> {
    let (mut rounds, mut seen) = (Vec::<VecDeque<_>>::new(), HashMap::<u64, usize>::new());
    for file in files {
        let before = seen.entry(file.run).or_default();
        match rounds.get_mut(*before) {
            Some(round) => round.push_back(file),
            None => rounds.push(VecDeque::from([file])),
        }
        *before += 1;
    }
    rounds
}

/// Imports files at the same time. Adds to what was imported.
fn import_files(
    options: &ImportOptions,
    files: VecDeque<Planned>,
    imported: Imported,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Imported, ArchiveError> {
    let known = known(&options.to, files.iter().map(|file| file.node.as_str()))?;
    let all_cores = || available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let most = if files.iter().any(Planned::takes_much) { FEW_THREADS } else { usize::MAX };
    let threads = options.threads.map_or_else(all_cores, NonZero::get).min(most);
    let work = Work {
        options,
        threads,
        known,
        progress,
        stop,
        budget: Arc::default(),
        files: Mutex::new(Files { waiting: files, open: Vec::new() }),
        imported: Mutex::new(imported),
        failed: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work.run());
        }
    });
    if let Some(error) = work.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    Ok(work.imported.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What is there already, after what was killed is completed. `nodes` are those whose files are read.
fn known<'a>(directory: &Path, nodes: impl Iterator<Item = &'a str>) -> Result<Known, ArchiveError> {
    nodes.collect::<BTreeSet<_>>().into_iter().for_each(|node| finish_old(directory, node, None));
    Ok(Known::of_files(files([directory])?))
}

/// What all threads share.
struct Work<'a> {
    options: &'a ImportOptions,
    threads: usize,
    known: Known,
    progress: &'a Progress,
    stop: &'a AtomicBool,
    budget: Arc<Budget>,
    files: Mutex<Files>,
    imported: Mutex<Imported>,
    failed: Mutex<Option<ArchiveError>>,
}

/// The files that are not read to their end.
struct Files {
    waiting: VecDeque<Planned>,
    open: Vec<Arc<Source>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work<'_> {
    /// Works on batches until there is none left.
    fn run(&self) {
        let mut packer = None;
        while let Some((source, batch)) = self.next() {
            let _guard = Abandon { source: &source, stop: self.stop };
            let ready = match packer.take().map_or_else(|| Packer::new(self.options.level), Ok) {
                Ok(ready) => packer.insert(ready),
                Err(cause) => {
                    self.fail(self.compressing(cause));
                    return source.abandon();
                }
            };
            let Batch { number, content, .. } = &batch;
            match content {
                Part::Entries(entries) => self.entries(&source, *number, entries, ready),
                Part::Records(records) => self.records(&source, *number, records, ready),
                Part::End(outcome) => self.end(&source, *number, outcome),
            }
            // What it keeps for the next frame would be there once for each thread.
            packer = packer.filter(|_| !source.file.takes_much());
        }
    }

    fn compressing(&self, cause: io::Error) -> ArchiveError {
        ArchiveError::Io { doing: "compress for", path: self.options.to.clone(), cause }
    }

    /// A batch of some file; none at the end of all.
    fn next(&self) -> Option<(Arc<Source>, Batch)> {
        loop {
            let open = locked(&self.files).open.clone();
            for wait in [false, true] {
                for source in &open {
                    match source.next(wait, &self.budget, self.stop, &self.progress.read) {
                        Next::Batch(batch) => {
                            if matches!(batch.content, Part::End(_)) {
                                locked(&self.files).open.retain(|other| !Arc::ptr_eq(other, source));
                            }
                            return Some((Arc::clone(source), batch));
                        }
                        Next::Busy | Next::Ended => {}
                    }
                }
                if self.open_another() {
                    break;
                }
            }
            let files = locked(&self.files);
            if files.open.is_empty() && (files.waiting.is_empty() || self.stop.load(Ordering::Relaxed)) {
                return None;
            }
        }
    }

    /// Opens the next file, if there is one, and memory for it.
    fn open_another(&self) -> bool {
        let mut files = locked(&self.files);
        if files.open.len() >= self.threads || self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let Some(memory) = files.waiting.front().and_then(|file| self.budget.unpack(file.memory)) else { return false };
        let Some(file) = files.waiting.pop_front() else { return false };
        let options = Options { level: self.options.level, base: file.node.clone(), ..Options::new(&self.options.to) };
        files.open.push(Arc::new(Source::new(file, self.options.batch, options, memory)));
        true
    }

    fn fail(&self, error: ArchiveError) {
        self.stop.store(true, Ordering::Relaxed);
        locked(&self.failed).get_or_insert(error);
    }

    fn entries(&self, source: &Source, number: u64, entries: &Entries, packer: &mut Packer) {
        let node: Arc<str> = source.file.node.as_str().into();
        let assumed = source.places.between(|places| places.carry);
        let mut decoded = Decoded::new(entries, &node, assumed);
        let turn = source.places.take(number, |places| {
            if !decoded.follows(places.carry) {
                decoded = Decoded::new(entries, &node, places.carry);
            }
            let numbering = places.numbering;
            places.numbering.skip(decoded.len(), &decoded.starts);
            places.carry = decoded.carry;
            numbering
        });
        let Some(mut numbering) = turn else { return };
        let mut totals = FileTotals { lines: entries.lines, bytes: entries.bytes(), ..FileTotals::default() };
        totals.guesses = std::mem::take(&mut decoded.guesses);
        let (mut frames, mut known) = (Frames::new(packer), (0, &[][..]));
        decoded.each(|event, log| {
            let envelope = &mut event.envelope;
            (envelope.run, envelope.sequence) = numbering.next(event.starts);
            if known.0 != envelope.run {
                known = (envelope.run, self.known.of_run(&node, envelope.run));
            }
            if contain(known.1, envelope.sequence) {
                totals.known += 1;
                return;
            }
            totals.untyped += u64::from(envelope.kind == Kind::UnknownLogMessage);
            frames.at(envelope.time_ns).add(LOG_EXTRACTOR, log, envelope, event.addr.as_deref());
        });
        let frames = frames.finish();
        self.write(source, number, frames, totals);
    }

    fn records(&self, source: &Source, number: u64, records: &[Record], packer: &mut Packer) {
        let node: Arc<str> = source.file.node.as_str().into();
        // What an archiver itself has to say of gaps belongs to no run.
        let has_place = |record: &Record| record.envelope().run != 0 || record.envelope().kind == Kind::Gap;
        let others = records.iter().filter(|record| !has_place(record)).count() as u64;
        let turn = source.places.take(number, |places| {
            let numbering = places.numbering;
            places.numbering.skip(others, &[]);
            numbering
        });
        let Some(mut numbering) = turn else { return };
        let mut totals = FileTotals { is_archive: true, ..FileTotals::default() };
        let (mut frames, mut is_known) = (Frames::new(packer), false);
        for record in records {
            let envelope = record.envelope();
            let (run, sequence) =
                if has_place(record) { (envelope.run, envelope.sequence) } else { numbering.next(false) };
            // What has no sequence number is known if what comes before it is.
            if sequence > 0 {
                let node = if envelope.node.is_empty() { &node } else { &envelope.node };
                is_known = contain(self.known.of_run(node, run), sequence);
            }
            if is_known {
                totals.known += 1;
                continue;
            }
            frames.at(envelope.time_ns).add_record(&record.placed(&node, run, sequence));
        }
        let frames = frames.finish();
        self.write(source, number, frames, totals);
    }

    /// Writes frames, when those of the batches before are.
    fn write(&self, source: &Source, number: u64, frames: io::Result<Vec<Packed>>, mut totals: FileTotals) {
        source.result.take(number, |written| {
            // After an error, what comes later would leave a gap.
            if written.failed {
                return;
            }
            let outcome = frames.map_err(|cause| self.compressing(cause)).and_then(|frames| {
                frames.into_iter().try_for_each(|frame| {
                    totals.events += frame.events();
                    totals.span_ns = joined(totals.span_ns, frame.span_ns());
                    written.output.write(frame)
                })
            });
            written.totals.add(totals);
            if let Err(error) = outcome {
                written.failed = true;
                self.fail(error);
            }
        });
    }

    /// Completes what is written of a file.
    fn end(&self, source: &Source, number: u64, outcome: &Result<(), String>) {
        let Planned { path, node, .. } = &source.file;
        source.result.take(number, |written| {
            if let Err(error) = written.output.finish() {
                self.fail(error);
            }
            let name = path.display();
            match outcome {
                Err(reason) => warn!("{name}: {reason}; the rest of it is left out"),
                Ok(()) => written.totals.report(&name),
            }
            let mut imported = locked(&self.imported);
            imported.files.append(&mut written.output.files);
            imported.bytes += written.output.bytes;
            let is_whole = outcome.is_ok() && !self.stop.load(Ordering::Relaxed);
            imported.add(path.clone(), node, &written.totals, outcome.clone().err(), is_whole);
        });
        self.progress.done.fetch_add(1, Ordering::Relaxed);
    }
}
