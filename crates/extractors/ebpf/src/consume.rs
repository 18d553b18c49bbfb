//! The thread that reads the ring.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use decode::tracepoint;
use event::Content;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::account::{Ledger, Passed};
use crate::losses::Losses;
use crate::program::{Tracer, identity};
use crate::ring::Progress;
use crate::route::{Route, Router, is_alive};

/// Pause while there is something to read. Reading events one by one would cost the node and us a wake-up each.
const PACE: Duration = Duration::from_millis(4);
/// How often nodes are looked for, and accounts are brought up to date.
const LOOK: Duration = Duration::from_secs(1);
/// How many events are published at once at most, and how many bytes they have in the ring.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 4 << 20;

/// Reads the ring until shutdown. It blocks, and so has a thread of its own.
pub(crate) struct Consumer {
    tracer: Tracer,
    router: Router,
    output: Output,
    losses: Losses,
    ledger: Option<Ledger>,
    /// Most bytes that waited in the ring since the accounts were last brought up to date.
    peak: u64,
    next_look: Instant,
    shutdown: CancellationToken,
    /// Becomes readable at shutdown.
    wake: OwnedFd,
}

impl Consumer {
    pub(crate) fn new(
        tracer: Tracer,
        router: Router,
        runtime: Handle,
        shutdown: CancellationToken,
        wake: OwnedFd,
    ) -> Self {
        let output = Output { runtime, batches: Vec::new(), passed: Passed::default() };
        let (losses, next_look) = (Losses::default(), Instant::now());
        Self { tracer, router, output, losses, ledger: None, peak: 0, next_look, shutdown, wake }
    }

    pub(crate) fn run(mut self) {
        self.tracer.started();
        while !self.shutdown.is_cancelled() {
            if Instant::now() >= self.next_look {
                self.look();
                self.next_look = Instant::now() + LOOK;
            }
            if self.read() {
                let (written, read) = (self.tracer.ring.written(), self.tracer.ring.read());
                if written.wrapping_sub(read) < self.tracer.ring.size() as u64 / 8 {
                    thread::sleep(PACE);
                }
                continue;
            }
            self.tracer.shared.want_wake();
            if !self.read() {
                self.tracer.ring.wait(self.next_look.saturating_duration_since(Instant::now()), &self.wake);
            }
        }
        // After this nothing more comes, so that the accounts are even at the end.
        self.tracer.detach();
        while self.read() {}
        self.settle(true);
    }

    /// Publishes a batch of what is in the ring. Returns whether there was anything.
    fn read(&mut self) -> bool {
        let waiting = self.tracer.ring.written().wrapping_sub(self.tracer.ring.read());
        self.peak = self.peak.max(waiting);
        let total = self.tracer.shared.counts.iter().map(|(_, count)| count.lost()).sum();
        self.losses.notice(&self.tracer.shared, total, || self.tracer.ring.written());
        let offset = realtime_offset();
        let (router, output, shared) = (&mut self.router, &mut self.output, &self.tracer.shared);
        let (mut events, mut bytes) = (0, 0);
        let any = self.tracer.ring.consume(|record| {
            output.take(router, record, offset, |process| shared.ignore(process));
            events += 1;
            bytes += record.len();
            if events >= BATCH || bytes >= BATCH_BYTES { Progress::Enough } else { Progress::More }
        });
        self.output.flush(&self.router);
        self.place_losses();
        any
    }

    /// Leaves gaps where the ring was read up to a loss.
    fn place_losses(&mut self) {
        while let Some(loss) = self.losses.due(self.tracer.ring.read()) {
            let route = loss.process.map_or(Route::Ignored, |process| self.router.route(process).0);
            let index = match route {
                Route::Node(index) => index,
                Route::Ignored if loss.process.is_none() => 0,
                Route::Ignored => continue,
            };
            self.output.leave_gap(&self.router, index, loss.events);
        }
    }

    /// Notices what changed: nodes that were started or ended, programs that were replaced.
    fn look(&mut self) {
        self.forget_ended();
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
    fn forget_ended(&mut self) {
        let ended = self.router.ended();
        let written = self.tracer.ring.written();
        while !ended.is_empty() && self.tracer.ring.read() < written && self.read() {}
        for process in ended {
            self.tracer.shared.forget(process);
            self.losses.forget(process);
            if let Some(node) = self.router.forget(process) {
                self.output.runtime.block_on(node.publisher.end());
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
struct Output {
    runtime: Handle,
    /// By node.
    batches: Vec<Vec<(u64, Content)>>,
    /// What became of the records so far.
    passed: Passed,
}

impl Output {
    fn take(&mut self, router: &mut Router, record: &[u8], offset: u64, ignore: impl FnOnce(u32) -> bool) {
        let seen = match tracepoint::decode(record) {
            Ok(seen) => seen,
            Err(error) => return self.undecodable(router, record, error, ignore),
        };
        let (route, new) = router.route(seen.process);
        let node = match route {
            Route::Node(node) => node,
            Route::Ignored => {
                if new {
                    ignore(seen.process);
                }
                self.passed.of_others.known[seen.tracepoint] += 1;
                return;
            }
        };
        self.enter(router, node, seen.process);
        if self.batches.len() <= node {
            self.batches.resize_with(node + 1, Vec::new);
        }
        if let Some(batch) = self.batches.get_mut(node) {
            batch.push((seen.monotonic_ns.wrapping_add(offset), seen.content));
            self.passed.published[seen.tracepoint] += 1;
        }
    }

    /// Counts a record that this program cannot decode, and leaves a gap in its place. The C program is a part of this one, so it should not happen.
    #[cold]
    fn undecodable(
        &mut self,
        router: &mut Router,
        record: &[u8],
        error: tracepoint::NotARecord,
        ignore: impl FnOnce(u32) -> bool,
    ) {
        let origin = tracepoint::origin_of(record).ok();
        let node = match origin.map(|origin| (origin.process, router.route(origin.process))) {
            Some((process, (Route::Ignored, new))) => {
                if new {
                    ignore(process);
                }
                *self.passed.of_others.of(origin.and_then(|origin| origin.tracepoint)) += 1;
                return;
            }
            Some((process, (Route::Node(node), _))) => {
                self.enter(router, node, process);
                node
            }
            None => 0,
        };
        if self.passed.nothing_is_undecodable() {
            warn!("tracepoints: {error}; such records are counted as undecodable (logged once)");
        }
        *self.passed.undecodable.of(origin.and_then(|origin| origin.tracepoint)) += 1;
        self.flush(router);
        self.leave_gap(router, node, 1);
    }

    /// Begins a run of a node, unless the process is the one that its present run is of.
    fn enter(&mut self, router: &mut Router, node: usize, process: u32) {
        let known = router.nodes.get(node).is_some_and(|node| node.process == Some(process) && node.busy);
        if !known {
            self.flush(router);
            self.begin(router, node, process);
        }
    }

    /// Takes note of the first event of a process.
    fn begin(&self, router: &mut Router, index: usize, process: u32) {
        let Some(node) = router.nodes.get_mut(index) else { return };
        if node.busy {
            info!("node {}: it was restarted, as process {process}", node.publisher.node());
            self.runtime.block_on(node.publisher.new_run());
        }
        node.process = Some(process);
        node.busy = true;
    }

    /// Makes readers miss events that were lost before they could be published.
    fn leave_gap(&self, router: &Router, node: usize, events: u64) {
        if let Some(node) = router.nodes.get(node) {
            self.runtime.block_on(node.publisher.lost(events));
        }
    }

    fn flush(&mut self, router: &Router) {
        for (batch, node) in self.batches.iter_mut().zip(&router.nodes) {
            if !batch.is_empty() {
                self.runtime.block_on(node.publisher.publish_all(batch.drain(..)));
            }
        }
    }
}
