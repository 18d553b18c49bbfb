//! The thread that reads the ring.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Acquire;
use std::thread;
use std::time::{Duration, Instant};

use bus::{Accounts, Reason, Stage};
use decode::tracepoint::{self, PerTracepoint};
use event::Content;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::losses::Losses;
use crate::program::{Tracer, identity};
use crate::ring::Progress;
use crate::route::{Route, Router, is_alive};
use crate::shared::layout::Count;

/// Pause while there is something to read. Reading events one by one would cost the node and us a wake-up each.
const PACE: Duration = Duration::from_millis(4);
/// How often nodes are looked for, and accounts are settled.
const LOOK: Duration = Duration::from_secs(1);
/// Events that are published at once, at the most, and their bytes.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 4 << 20;

/// Reads the ring until it is told to stop. It blocks: run it in a thread of its own.
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
    /// Rings at shutdown.
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
        let output = Output {
            runtime,
            batches: Vec::new(),
            published: PerTracepoint::default(),
            others: PerTracepoint::default(),
        };
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
        // Nothing comes any more after this, so that the accounts are even.
        self.tracer.detach();
        while self.read() {}
        self.settle();
    }

    /// Publishes a batch of what is in the ring. Whether there was anything.
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
            if let Some(node) = self.router.nodes.get(index) {
                self.output.runtime.block_on(node.publisher.lost(loss.events));
            }
        }
    }

    /// Finds out what changed: nodes that were started or ended, programs that were replaced.
    fn look(&mut self) {
        self.forget_ended();
        if let Some(binary) = self.router.every_process_of().map(Path::to_owned) {
            if let Err(error) = self.attach("all", &binary) {
                debug!("{error}");
            }
        } else {
            (0..self.router.nodes.len()).for_each(|index| self.look_for(index));
        }
        self.settle();
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

    fn look_for(&mut self, index: usize) {
        let Some(node) = self.router.nodes.get_mut(index) else { return };
        if node.is_settled(|id| self.tracer.is_attached(id)) {
            return;
        }
        let programs = node.programs();
        let name = node.publisher.node().to_owned();
        let mut trouble = programs.is_empty().then(|| match node.process.filter(|process| is_alive(*process)) {
            Some(process) => format!("tracepoints: what process {process} runs cannot be seen; say which with --binary"),
            None => "tracepoints: the node is not running, and its program is not known; start it, or say which with --binary"
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
        match trouble {
            Some(text) if !attached => node.warnings.trouble(&name, text),
            _ => node.warnings.over(),
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
                "node {name}: {} does not have {}: it is of an older version, or built without; what they tell is not seen",
                program.display(),
                missing.join(", ")
            );
        }
        Ok(())
    }

    /// Brings the accounts up to date.
    fn settle(&mut self) {
        let Some(node) = self.router.nodes.first() else { return };
        let ledger = self.ledger.get_or_insert_with(|| Ledger::new(node.publisher.accounts().clone()));
        ledger.settle(&self.tracer.shared.counts, &self.output);
        let ring = &self.tracer.ring;
        let waiting = ring.written().wrapping_sub(ring.read());
        for (kind, bytes) in
            [("waiting", waiting), ("peak", std::mem::take(&mut self.peak)), ("size", ring.size() as u64)]
        {
            ledger.accounts.level("ring_buffer_bytes", kind, bytes as f64);
        }
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
    published: PerTracepoint<u64>,
    /// Events of processes that are none of ours.
    others: PerTracepoint<u64>,
}

impl Output {
    fn take(&mut self, router: &mut Router, record: &[u8], offset: u64, ignore: impl FnOnce(u32) -> bool) {
        let seen = match tracepoint::decode(record) {
            Ok(seen) => seen,
            Err(error) => {
                debug!("{error}");
                return;
            }
        };
        let (route, new) = router.route(seen.process);
        let node = match route {
            Route::Node(node) => node,
            Route::Ignored => {
                if new {
                    ignore(seen.process);
                }
                self.others[seen.tracepoint] += 1;
                return;
            }
        };
        let known = router.nodes.get(node).is_some_and(|node| node.process == Some(seen.process) && node.busy);
        if !known {
            self.flush(router);
            self.begin(router, node, seen.process);
        }
        if self.batches.len() <= node {
            self.batches.resize_with(node + 1, Vec::new);
        }
        if let Some(batch) = self.batches.get_mut(node) {
            batch.push((seen.monotonic_ns.wrapping_add(offset), seen.content));
            self.published[seen.tracepoint] += 1;
        }
    }

    /// The first event of a process.
    fn begin(&self, router: &mut Router, index: usize, process: u32) {
        let Some(node) = router.nodes.get_mut(index) else { return };
        if node.busy {
            info!("node {}: it was restarted, as process {process}", node.publisher.node());
            self.runtime.block_on(node.publisher.new_run());
        }
        node.process = Some(process);
        node.busy = true;
    }

    fn flush(&mut self, router: &Router) {
        for (batch, node) in self.batches.iter_mut().zip(&router.nodes) {
            if !batch.is_empty() {
                self.runtime.block_on(node.publisher.publish_all(batch.drain(..)));
            }
        }
    }
}

/// What of the counts is in the accounts of this process already.
struct Ledger {
    accounts: Accounts,
    stage: Arc<Stage>,
    entered: PerTracepoint<[u64; 6]>,
}

impl Ledger {
    const NAMES: [&'static str; 6] = [
        "tracepoint_seen",
        "tracepoint_published",
        "tracepoint_dropped",
        "tracepoint_fault",
        "tracepoint_unread",
        "tracepoint_of_others",
    ];

    fn new(accounts: Accounts) -> Self {
        Self { stage: accounts.stage("tracepoints"), accounts, entered: PerTracepoint::default() }
    }

    fn settle(&mut self, counts: &PerTracepoint<Count>, output: &Output) {
        for (tracepoint, count) in counts.iter() {
            let (dropped, fault) = (count.dropped.load(Acquire), count.fault.load(Acquire));
            let (published, others) = (output.published[tracepoint], output.others[tracepoint]);
            let now = [count.seen.load(Acquire), published, dropped, fault, count.unread.load(Acquire), others];
            let entered = &mut self.entered[tracepoint];
            let mut new = [0; 6];
            for (((new, now), entered), name) in new.iter_mut().zip(now).zip(entered).zip(Self::NAMES) {
                *new = now - *entered;
                *entered = now;
                if *new > 0 {
                    self.accounts.count(name, tracepoint.name(), *new as f64);
                }
            }
            let [seen, published, dropped, fault, _, others] = new;
            self.stage.add_in(seen.saturating_sub(others));
            self.stage.add_out(published);
            self.stage.add_dropped(Reason::Full, dropped);
            self.stage.add_dropped(Reason::Unreadable, fault);
        }
    }
}
