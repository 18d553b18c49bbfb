//! Reads the ring, and publishes what is in it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use bus::BatchWriter;
use decode::tracepoint::{self, Known};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::unix::AsyncFd;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::account::{Ledger, Passed};
use crate::beat::Beat;
use crate::losses::Losses;
use crate::program::{Tracer, identity};
use crate::route::{Route, Router, is_alive};

/// A ring must hold what comes during a pause, also while events come as fast as two processors can fire them: 1.6 GB/s.
const BYTES_PER_MICROSECOND: u64 = 1600;
/// How often nodes are looked for, and accounts are brought up to date.
const LOOK: Duration = Duration::from_secs(1);
/// How many events are published at once, and about how many bytes they have: what a processor still has in its cache when it is sent. Less would wake
/// the server more often.
const BATCH: usize = 2048;
const BATCH_BYTES: usize = 512 << 10;

/// Reads the ring until shutdown.
pub(crate) struct Consumer {
    tracer: Tracer,
    router: Router,
    output: Output,
    losses: Losses,
    ledger: Option<Ledger>,
    /// Most bytes that waited in the ring since the accounts were last brought up to date.
    peak: u64,
    /// How long to wait before more is read, while there is something to read. Reading events one by one would cost the node and us a wake-up each.
    pause: Duration,
    next_look: Instant,
    shutdown: CancellationToken,
}

impl Consumer {
    pub(crate) fn new(tracer: Tracer, router: Router, shutdown: CancellationToken) -> Self {
        let pause = tracer.latency.min(Duration::from_micros(tracer.ring.size() as u64 / BYTES_PER_MICROSECOND));
        let (output, losses, next_look) = (Output::default(), Losses::default(), Instant::now());
        Self { tracer, router, output, losses, ledger: None, peak: 0, pause, next_look, shutdown }
    }

    /// # Errors
    /// The ring cannot be awaited.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        self.tracer.started();
        let wakes = self.tracer.ring.wakes()?;
        let mut beat = Beat::new(self.pause)?;
        while !self.shutdown.is_cancelled() {
            if Instant::now() >= self.next_look {
                self.look().await;
                self.next_look = Instant::now() + LOOK;
            }
            if self.read_on().await {
                let (written, read) = (self.tracer.ring.written(), self.tracer.ring.read());
                if written.wrapping_sub(read) < self.tracer.ring.size() as u64 / 8 {
                    beat.next().await?;
                } else {
                    yield_now().await;
                }
                continue;
            }
            self.tracer.shared.want_wake();
            if !self.read_on().await {
                self.wait(wakes.as_ref(), &mut beat).await?;
            }
        }
        // After this nothing more comes, so that the accounts are even at the end.
        self.tracer.detach();
        while self.read().await {}
        self.settle(true);
        Ok(())
    }

    /// Waits until there may be something to read, or something else to do.
    async fn wait(&mut self, wakes: Option<&AsyncFd<OwnedFd>>, beat: &mut Beat) -> io::Result<()> {
        let woken = async {
            let Some(wakes) = wakes else { return beat.next().await };
            beat.stop()?;
            wakes.readable().await?.clear_ready();
            Ok(())
        };
        tokio::select! {
            woken = woken => woken,
            () = sleep_until(self.next_look) => Ok(()),
            () = self.shutdown.cancelled() => Ok(()),
        }
    }

    /// Publishes what is in the ring now. Returns whether there was anything; then whoever sends it may be on this thread, and is to get its turn.
    async fn read_on(&mut self) -> bool {
        let (begin, end) = (self.tracer.ring.read(), self.tracer.ring.written());
        while self.read().await && self.tracer.ring.read() < end {
            // Who sends the events may be on this thread.
            yield_now().await;
        }
        self.tracer.ring.read() != begin
    }

    /// Publishes a batch of what is in the ring. Returns whether there was anything.
    async fn read(&mut self) -> bool {
        let (begin, written) = (self.tracer.ring.read(), self.tracer.ring.written());
        self.peak = self.peak.max(written.wrapping_sub(begin));
        let total = self.tracer.shared.counts.iter().map(|(_, count)| count.lost()).sum();
        self.losses.notice(&self.tracer.shared, total, || self.tracer.ring.written());
        let offset = realtime_offset();
        let (mut events, mut bytes) = (0, 0);
        while events < BATCH
            && bytes < BATCH_BYTES
            && let Some(record) = self.tracer.ring.next(written)
        {
            events += 1;
            bytes += record.len();
            if let Some(process) = self.output.take(&mut self.router, record, offset).await {
                self.tracer.shared.ignore(process);
            }
            self.tracer.ring.pass();
        }
        self.tracer.ring.give_back();
        self.output.batches.flush().await;
        self.place_losses().await;
        self.tracer.ring.read() != begin
    }

    /// Leaves gaps where the ring was read up to a loss.
    async fn place_losses(&mut self) {
        while let Some(loss) = self.losses.due(self.tracer.ring.read()) {
            let route = loss.process.map_or(Route::Ignored, |process| self.router.route(process).0);
            let index = match route {
                Route::Node(index) => index,
                Route::Ignored if loss.process.is_none() => 0,
                Route::Ignored => continue,
            };
            leave_gap(&mut self.router, index, loss.events).await;
        }
    }

    /// Notices what changed: nodes that were started or ended, programs that were replaced.
    async fn look(&mut self) {
        self.forget_ended().await;
        if let Some(binary) = self.router.every_process_of().map(Path::to_owned) {
            if let Err(error) = self.attach("all", &binary) {
                debug!("{error}");
            }
            self.router.present().for_each(|node| node.report(None));
        } else {
            (0..self.router.nodes.len()).for_each(|index| self.look_for(index));
        }
        self.settle(false);
    }

    /// Forgets the processes that have ended, once all that they did is read.
    async fn forget_ended(&mut self) {
        let ended = self.router.ended();
        let written = self.tracer.ring.written();
        while !ended.is_empty() && self.tracer.ring.read() < written && self.read().await {}
        for process in ended {
            self.tracer.shared.forget(process);
            self.losses.forget(process);
            if let Some(publisher) = self.router.forget(process) {
                publisher.end().await;
            }
        }
    }

    /// Attaches to the programs of a node, unless it runs and they are attached already.
    fn look_for(&mut self, index: usize) {
        let Some(node) = self.router.nodes.get_mut(index) else { return };
        if node.is_settled(|id| self.tracer.is_attached(id)) {
            node.report(None);
            return;
        }
        let programs = node.programs();
        let name = node.publisher.node().to_owned();
        let mut trouble = programs.is_empty().then(|| match node.process.filter(|process| is_alive(*process)) {
            Some(process) => {
                format!("tracepoints: the program of process {process} cannot be seen; name it with --binary")
            }
            None => "tracepoints: the node is not running, and its program is not known; start it, or name its program with --binary"
                .to_owned(),
        });
        let mut attached = false;
        for program in programs {
            match self.attach(&name, &program) {
                Ok(()) => attached = true,
                Err(error) => trouble = Some(format!("tracepoints: {error}")),
            }
        }
        let Some(node) = self.router.nodes.get_mut(index) else { return };
        let trouble = trouble.filter(|_| !attached);
        node.report(trouble.as_deref().map(|text| text.split_once("; ").map_or(text, |(what, _)| what)));
        match trouble {
            Some(text) => node.warnings.trouble(&name, text),
            None => node.warnings.over(),
        }
    }

    fn attach(&mut self, name: &str, program: &Path) -> Result<(), crate::Error> {
        if identity(program).is_ok_and(|id| self.tracer.is_attached(id)) {
            return Ok(());
        }
        let attachment = self.tracer.attach(program)?;
        info!("node {name}: following {} tracepoints of {}", attachment.tracepoints.len(), program.display());
        if !attachment.missing.is_empty() {
            let missing: Vec<_> = attachment.missing.iter().map(|tracepoint| tracepoint.name()).collect();
            warn!(
                "node {name}: {} does not have {}: it is of an older version, or built without them; their events are not seen",
                program.display(),
                missing.join(", ")
            );
        }
        Ok(())
    }

    /// Brings the accounts up to date. `last`: nothing more comes, and all was read.
    fn settle(&mut self, last: bool) {
        let Some(node) = self.router.nodes.first() else { return };
        let ledger = self.ledger.get_or_insert_with(|| Ledger::new(node.publisher.process_accounts()));
        ledger.settle(&self.tracer.shared.counts, &self.output.passed, &self.tracer.ring, last);
        ledger.ring(&self.tracer.ring, std::mem::take(&mut self.peak));
    }
}

/// Nanoseconds from the monotonic clock to that of the day.
fn realtime_offset() -> u64 {
    let ns = |clock| {
        let now = clock_gettime(clock);
        now.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
    };
    ns(ClockId::Realtime).wrapping_sub(ns(ClockId::Monotonic))
}

/// Turns records into events, and hands them to publishers in batches.
#[derive(Default)]
struct Output {
    batches: Batches,
    /// What the records so far had.
    known: Known,
    /// What became of the records so far.
    passed: Passed,
}

impl Output {
    /// Puts a record into the batch of its node. Returns its process, if that is a new one that is not observed.
    async fn take(&mut self, router: &mut Router, record: &[u8], offset: u64) -> Option<u32> {
        let seen = match tracepoint::read(record) {
            Ok(seen) => seen,
            Err(error) => return self.undecodable(router, record, error).await,
        };
        let (route, new) = router.route(seen.process);
        let Route::Node(node) = route else {
            self.passed.of_others.known[seen.tracepoint] += 1;
            return Some(seen.process).filter(|_| new);
        };
        if !router.is_present(node, seen.process) {
            self.batches.flush().await;
            begin(router, node, seen.process).await;
        }
        let batch = self.batches.of(router, node).await?;
        let time_ns = seen.monotonic_ns.wrapping_add(offset);
        match batch.push(time_ns, seen.kind(), |out| seen.encode(&mut self.known, out)) {
            Ok(()) => self.passed.published[seen.tracepoint] += 1,
            Err(error) => return self.undecodable(router, record, error).await,
        }
        None
    }

    /// Counts a record that this program cannot decode, and leaves a gap in its place. The C program is a part of this one, so it should not happen.
    #[cold]
    async fn undecodable(&mut self, router: &mut Router, record: &[u8], error: tracepoint::NotARecord) -> Option<u32> {
        let origin = tracepoint::origin_of(record).ok();
        let node = match origin.map(|origin| (origin.process, router.route(origin.process))) {
            Some((process, (Route::Ignored, new))) => {
                *self.passed.of_others.of(origin.and_then(|origin| origin.tracepoint)) += 1;
                return Some(process).filter(|_| new);
            }
            Some((process, (Route::Node(node), _))) => {
                if !router.is_present(node, process) {
                    self.batches.flush().await;
                    begin(router, node, process).await;
                }
                node
            }
            None => 0,
        };
        if self.passed.nothing_is_undecodable() {
            warn!("tracepoints: {error}; such records are counted as undecodable (logged once)");
        }
        *self.passed.undecodable.of(origin.and_then(|origin| origin.tracepoint)) += 1;
        self.batches.flush().await;
        leave_gap(router, node, 1).await;
        None
    }
}

/// Events that are not published yet: by node; none where nothing has come since the last flush.
#[derive(Default)]
struct Batches(Vec<Option<BatchWriter>>);

impl Batches {
    /// The batch of a node, a new one if there is none.
    async fn of(&mut self, router: &mut Router, node: usize) -> Option<&mut BatchWriter> {
        if self.0.len() <= node {
            self.0.resize_with(node + 1, || None);
        }
        let place = self.0.get_mut(node)?;
        if place.is_none() {
            *place = Some(router.nodes.get_mut(node)?.publisher.batch().await);
        }
        place.as_mut()
    }

    /// Publishes what they hold.
    async fn flush(&mut self) {
        for batch in &mut self.0 {
            if let Some(batch) = batch.take() {
                batch.publish().await;
            }
        }
    }
}

/// Begins a run of a node: it takes note of the first event of a process.
async fn begin(router: &mut Router, index: usize, process: u32) {
    let Some(node) = router.nodes.get_mut(index) else { return };
    if node.busy {
        info!("node {}: it was restarted, as process {process}", node.publisher.node());
        node.publisher.new_run().await;
    }
    node.process = Some(process);
    node.busy = true;
}

/// Makes readers miss events that were lost before they could be published.
async fn leave_gap(router: &mut Router, node: usize, events: u64) {
    if let Some(node) = router.nodes.get_mut(node) {
        node.publisher.lost(events).await;
    }
}
