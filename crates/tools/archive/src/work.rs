//! Events on their way to files: which file, what is safe, and what becomes of them while nothing can be written.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Bus, Checkpoint, Delivery, Reason, Subscription};
use event::Record;
use event::selection::Selections;
use store::archive::{MAX_RECORD, Writer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::archiver::Options;
use crate::counts::Counts;
use crate::files::{Retention, retain};
use crate::gaps::{self, Gaps};
use crate::known::Known;
use crate::pending::Pending;
use crate::reporting::Reporting;
use crate::upload::Uploads;

/// How long to wait before it is tried again to write.
const RETRY: Duration = Duration::from_secs(1);
/// Frames of a file at most, whatever its size: the index of them is kept in memory.
const MAX_FRAMES: usize = 50_000;
/// How often old files are looked for.
const RETAIN: Duration = Duration::from_secs(60);

/// An archiver at work.
pub(crate) struct Work {
    options: Options,
    writer: Option<Writer>,
    /// Writing failed, and is tried again later.
    failed: Option<Failed>,
    gaps: Gaps,
    /// What was left out, as each file states it.
    selections: Selections,
    /// Whom its counts are reported with, unless extractors of this process do that.
    pub report: Option<Reporting>,
    uploads: Uploads,
    /// Of events that come from a stream, which can wait.
    stream: Option<Pending>,
    /// Closed when the files of a process before this one are complete.
    recovered: watch::Receiver<()>,
    shutdown: CancellationToken,
    counts: Counts,
    retained: Instant,
}

struct Failed {
    since: Instant,
    retry: Instant,
    reason: Reason,
}

impl Work {
    /// Nothing is written yet. `recovered` is closed when the files of a process before this one are complete.
    pub fn new(
        mut options: Options,
        uploads: Uploads,
        recovered: watch::Receiver<()>,
        shutdown: CancellationToken,
        bus: &Bus,
    ) -> Self {
        options.files.low_data = options.selection.low_data;
        options.files.selection = options.selection.text();
        let passes = options.filter.pass().into_iter().chain(options.selection.pass());
        let mut selections = Selections::new(passes, options.selection.low_data);
        options.inherited.iter().for_each(|(node, selection)| selections.inherit(node, selection));
        Self {
            options,
            writer: None,
            failed: None,
            gaps: Gaps::default(),
            selections,
            report: None,
            uploads,
            stream: None,
            recovered,
            shutdown,
            counts: Counts::new(bus),
            retained: Instant::now(),
        }
    }

    /// Begins the first file, as far as that is possible.
    pub fn begin_first(&mut self) {
        if let Err(error) = self.begin() {
            self.fail(&error);
        }
    }

    /// Where the file is that is being written.
    pub fn path(&self) -> Option<PathBuf> {
        self.writer.as_ref().map(|writer| writer.path().to_owned())
    }

    /// Writes events until none come any more.
    pub async fn write_all(mut self, mut events: Subscription) {
        let mut items = VecDeque::new();
        // Events that wait when everything ends.
        let mut left = 0;
        loop {
            self.attend();
            if !self.take(&mut items).await {
                break;
            }
            let wake = self.wake();
            let waits = !items.is_empty();
            tokio::select! {
                more = events.next_many(), if !waits => {
                    if more.is_empty() {
                        break;
                    }
                    items = more;
                }
                () = self.shutdown.cancelled(), if waits => {
                    while !items.is_empty() {
                        left += items.iter().filter(|item| matches!(item, Delivery::Event(_))).count();
                        items = events.next_many().await;
                    }
                    break;
                }
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
        self.end(left);
    }

    /// Writes items, unless they come from a stream and must wait. Returns whether there is more to be done.
    async fn take(&mut self, items: &mut VecDeque<Delivery>) -> bool {
        while self.stream.is_none() || self.failed.is_none() {
            let Some(item) = items.pop_front() else { break };
            match item {
                Delivery::Event(record) => self.select(record),
                Delivery::Mark(_) => {}
                Delivery::Lost(loss) => {
                    let bus::Loss { node, run, missing, time_ns, stage } = &*loss;
                    self.write(Arc::new(gaps::record(Arc::clone(node), *run, *missing, *time_ns, stage, None)));
                }
                Delivery::Checkpoint(checkpoint) => {
                    if !self.take_checkpoint(checkpoint).await {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn select(&mut self, record: Arc<Record>) {
        if let Some(report) = &mut self.report {
            report.see(&record);
        }
        match event::selection::of(&record) {
            // Of events that are published again. It is stated in each file, with what is left out here.
            Some(selection) => self.selections.inherit(&record.envelope().node, selection),
            None if self.options.selection.matches(&record) => self.write(record),
            None => {}
        }
    }

    /// Confirms it once all before it is safe. The first one comes before all events, and shows that they come from a stream. Returns false if
    /// everything ends before it is known what is in the archive already.
    async fn take_checkpoint(&mut self, checkpoint: Checkpoint) -> bool {
        if self.stream.is_none() {
            let recovered = async { while self.recovered.changed().await.is_ok() {} };
            if self.shutdown.run_until_cancelled(recovered).await.is_none() {
                return false;
            }
            let store::archive::Options { directory, base, .. } = &self.options.files;
            self.stream = Some(Pending::new(Known::read(directory, base, self.path().as_deref())));
        }
        if let Some(stream) = &mut self.stream {
            stream.push_checkpoint(checkpoint);
        }
        true
    }

    /// When something is due although no event comes.
    fn wake(&self) -> Instant {
        let due = self.writer.as_ref().and_then(Writer::due);
        let retry = self.failed.as_ref().map(|failed| failed.retry);
        let latest = Instant::now() + RETAIN;
        [due, retry].into_iter().flatten().fold(latest, Instant::min)
    }

    /// Does what is due: completes a frame or a file, tries again to write, and removes old files.
    fn attend(&mut self) {
        let now = Instant::now();
        if self.failed.as_ref().is_some_and(|failed| failed.retry <= now) {
            self.retry();
        }
        if self.failed.is_none()
            && let Some(writer) = &mut self.writer
            && writer.due().is_some_and(|due| due <= now)
            && let Err(error) = writer.sync()
        {
            self.fail(&error);
        }
        self.write_pending();
        self.look_at_file();
        if now.duration_since(self.retained) >= RETAIN {
            self.retain();
        }
    }

    fn write(&mut self, record: Arc<Record>) {
        if self.stream.as_ref().is_some_and(|stream| stream.known.has(&record)) {
            return; // it came again
        }
        self.counts.stage.add_in(1);
        if record.bytes().len() > MAX_RECORD && self.options.selection.bytes(&record).len() > MAX_RECORD {
            return self.counts.add_lost(1, Reason::TooLarge); // no reader would take it
        }
        if self.failed.as_ref().is_some_and(|failed| failed.retry <= Instant::now()) {
            self.retry();
        }
        if let Some(stream) = &mut self.stream {
            stream.push(record);
            return self.write_pending();
        }
        match self.failed {
            None => self.append(&record),
            Some(_) => self.lose(&record),
        }
    }

    /// Gives the writer what it does not have of a stream.
    fn write_pending(&mut self) {
        while self.failed.is_none() && self.writer.is_some() {
            let Some(record) = self.stream.as_mut().and_then(Pending::next) else { return };
            self.append(&record);
        }
    }

    fn append(&mut self, record: &Record) {
        let Some(writer) = &mut self.writer else { return self.lose(record) };
        let bytes = self.options.selection.bytes(record);
        self.selections.before(record).iter().for_each(|selection| writer.state(selection));
        let durable = writer.durable();
        match writer.append_as(record, &bytes) {
            Ok(()) if writer.durable() == durable => {}
            Ok(()) => self.look_at_file(),
            // The event itself is kept with its frame.
            Err(error) => self.fail(&error),
        }
    }

    /// Counts what became durable, and begins the next file if this one is full.
    fn look_at_file(&mut self) {
        self.report();
        if self.failed.is_none() && self.is_file_full() {
            self.next_file();
        }
    }

    /// An event that cannot be kept.
    fn lose(&mut self, record: &Record) {
        self.gaps.note(record);
        let reason = self.failed.as_ref().map_or(Reason::Full, |failed| failed.reason);
        self.counts.add_lost(1, reason);
    }

    fn is_file_full(&self) -> bool {
        let Options { max_file_bytes, max_file_age, .. } = self.options;
        self.writer.as_ref().is_some_and(|writer| {
            let has_events = writer.durable().events > 0 || writer.pending() > 0;
            let frames = writer.index().frames.len();
            writer.durable().bytes >= max_file_bytes
                || frames >= MAX_FRAMES
                || (writer.age() >= max_file_age && has_events)
        })
    }

    /// Counts what became durable.
    fn report(&mut self) {
        let Some(writer) = &self.writer else { return };
        let events = self.counts.add_durable(writer);
        if let Some(stream) = &mut self.stream {
            stream.are_safe(events);
        }
    }

    fn begin(&mut self) -> Result<(), store::archive::ArchiveError> {
        self.writer = Some(Writer::create(&self.options.files, event::time::now_ns())?);
        self.counts.begin_file();
        self.selections.begin();
        Ok(())
    }

    /// Completes the file and begins the next one.
    fn next_file(&mut self) {
        self.complete();
        if let Err(error) = self.begin() {
            self.fail(&error);
        }
        self.retain();
    }

    fn complete(&mut self) {
        let Some(writer) = &mut self.writer else { return };
        let ended = writer.end_frame();
        self.report();
        let Some(writer) = self.writer.take() else { return };
        if let Err(error) = ended {
            warn!("{error}");
            return self.give_up(&writer, reason_of(&error));
        }
        let path = writer.path().to_owned();
        match writer.finish() {
            Ok(_) => self.uploads.completed(),
            Err(error) => warn!("{error}; what {} has is safe, and will be completed later", path.display()),
        }
    }

    /// A writer is gone, with events that are not safe. Those of a stream are kept for the next one.
    fn give_up(&mut self, writer: &Writer, reason: Reason) {
        match &mut self.stream {
            Some(stream) => stream.take_back(),
            None if writer.pending() > 0 => {
                warn!("{} events are not in the archive", writer.pending());
                self.counts.add_lost(writer.pending(), reason);
            }
            None => {}
        }
    }

    fn retain(&mut self) {
        self.retained = Instant::now();
        let Options { keep_bytes, keep_age, .. } = self.options;
        let current = self.path();
        let retention = Retention { bytes: keep_bytes, age: keep_age };
        let is_safe = |path: &Path, bytes| self.uploads.is_safe(path, bytes);
        retain(&self.options.files.directory, &self.options.files.base, retention, current.as_deref(), is_safe);
    }

    /// Writing is not possible now. Says so the first time.
    fn fail(&mut self, error: &store::archive::ArchiveError) {
        let now = Instant::now();
        let reason = reason_of(error);
        match &mut self.failed {
            Some(failed) => failed.retry = now + RETRY,
            none => {
                warn!("the archive gets no more events until it can be written again: {error}");
                *none = Some(Failed { since: now, retry: now + RETRY, reason });
            }
        }
        self.counts.set_full(reason == Reason::Full);
        if reason != Reason::Full
            && let Some(writer) = self.writer.take()
        {
            // This file may be beyond help. Another one is begun.
            self.give_up(&writer, reason);
        }
    }

    /// Tries again to write.
    fn retry(&mut self) {
        let written = match &mut self.writer {
            Some(writer) => writer.sync(),
            None => self.begin(),
        };
        if let Err(error) = written {
            return self.fail(&error);
        }
        let Some(Failed { since, reason, .. }) = self.failed.take() else { return };
        self.counts.set_full(false);
        self.report();
        info!("the archive can be written again, after {} s", since.elapsed().as_secs());
        for gap in self.gaps.take(reason.name()) {
            if self.failed.is_none() {
                self.write(Arc::new(gap));
            }
        }
    }

    /// Completes the last file.
    fn end(&mut self, waiting: usize) {
        if self.failed.is_some() {
            self.retry();
        }
        self.write_pending();
        self.complete();
        let unsafe_yet = self.stream.as_ref().map_or(0, Pending::len);
        self.counts.stage.add_filtered(unsafe_yet as u64);
        let left = unsafe_yet + waiting;
        if left > 0 {
            info!("{left} events cannot be written now: the stream keeps them for the next start");
        }
    }
}

fn reason_of(error: &store::archive::ArchiveError) -> Reason {
    if error.is_full() { Reason::Full } else { Reason::Unreadable }
}
