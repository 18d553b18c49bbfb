//! Fires Bitcoin Core's tracepoints with real payloads, at a chosen rate, from several threads; prints what it fired and what that cost as
//! one line of JSON.
//!
//! At a rate, each thread sleeps (clock_nanosleep, to an absolute time) until its next event is due, but at least a millisecond: then all
//! are fired that have become due. So one thread fires up to 1,000 events a second one by one, and more in groups. What is late is caught up.
//!
//! The two clocks that measure the cost are read before and after each group, and what reading them takes is taken off.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Barrier, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bus::task;
use clap::Parser;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};
use testbed::tracepoint::{Actor, Mix, Plan, Probe, Report};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// How long tracers may take to attach.
const ATTACHED_WITHIN: Duration = Duration::from_secs(10);
/// Events between two looks at the clock, without a rate.
const GROUP: u64 = 64;

/// Set when it is to end early.
static STOP: AtomicBool = AtomicBool::new(false);

/// Fires the tracepoints that Bitcoin Core has.
#[derive(Debug, Parser)]
#[command(args_override_self = true)]
struct Options {
    /// What to fire: real, all-types, small, removed, connections, blocks or utxocache
    #[arg(long, default_value_t)]
    mix: Mix,
    /// Events per second of all threads together; 0: as fast as possible
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// For how long [default: one round of the mix in each thread]
    #[arg(long, conflicts_with = "events")]
    seconds: Option<f64>,
    /// How many, of all threads together
    #[arg(long)]
    events: Option<u64>,
    /// How many threads; each has a peer of its own, with its number as id
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// Bytes of the payloads of the mixes small and blocks
    #[arg(long)]
    payload_bytes: Option<usize>,
    /// Fire so many at once, then wait as the rate demands
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    burst: u64,
    /// Begin when these tracepoints are traced, within 10 s [without a list: those of the mix]
    #[arg(long, value_name = "TRACEPOINT", value_delimiter = ',', num_args = 0..=1, require_equals = true, value_parser = probe)]
    wait_traced: Option<Vec<Probe>>,
    /// Another seed gives other payloads
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Put the time (CLOCK_REALTIME in nanoseconds) into the nonces of pings and pongs
    #[arg(long)]
    latency: bool,
    /// Write a line of JSON for each event after it was fired
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Stay until standard input is closed
    #[arg(long)]
    hold: bool,
    /// Ignored: so that it looks like a node
    #[arg(long, value_name = "DIR")]
    datadir: Option<PathBuf>,
}

fn probe(name: &str) -> Result<Probe> {
    Probe::named(name).with_context(|| format!("there is no tracepoint {name}"))
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tracepoint-load: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let (end, ended) = channel();
    stop_at_sigterm(end.clone())?;
    let plan = Plan::new(options.mix, options.seed, options.payload_bytes)?;
    let round = plan.round as u64 * u64::from(options.threads);
    let events = match (options.events, options.seconds) {
        (Some(events), _) => Some(events),
        (None, Some(seconds)) if options.rate > 0 => Some((options.rate as f64 * seconds) as u64),
        (None, Some(_)) => None,
        (None, None) => Some(round),
    };
    let journal = options
        .journal
        .as_ref()
        .map(|path| File::create(path).map(Mutex::new).with_context(|| format!("can't write {}", path.display())));
    let job = Job {
        options,
        plan,
        events,
        journal: journal.transpose()?,
        ready: Barrier::new(options.threads as usize + 1),
        start: OnceLock::new(),
    };
    let report = thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads)
            .map(|thread| {
                scope.spawn({
                    let job = &job;
                    move || job.fire(thread)
                })
            })
            .collect();
        let attached = job.wait_traced();
        let start = now();
        // On failure there is no start, and the threads end.
        if attached.is_ok() {
            let _ = job.start.set(start);
        }
        job.ready.wait();
        attached?;
        let mut all = Fired::default();
        for thread in threads {
            let Ok(fired) = thread.join() else { bail!("a thread panicked") };
            all.add(&fired?);
        }
        Ok(all.report(start, options.threads))
    })?;
    println!("{}", serde_json::to_string(&report)?);
    if options.hold {
        hold(end, &ended)?;
    }
    Ok(())
}

/// Sets [`STOP`] at SIGTERM, and sends on `end`.
fn stop_at_sigterm(end: Sender<()>) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut sigterm = {
        let _inside = runtime.enter();
        signal(SignalKind::terminate())?
    };
    task::spawn_thread("sigterm", move || {
        runtime.block_on(sigterm.recv());
        STOP.store(true, Ordering::Relaxed);
        let _ = end.send(());
    })?;
    Ok(())
}

/// Waits until standard input is closed, or for SIGTERM.
fn hold(end: Sender<()>, ended: &Receiver<()>) -> Result<()> {
    task::spawn_thread("stdin", move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = end.send(());
    })?;
    let _ = ended.recv();
    Ok(())
}

/// What the threads share.
struct Job<'a> {
    options: &'a Options,
    plan: Plan,
    /// Number of events of all threads together; none if the time decides.
    events: Option<u64>,
    journal: Option<Mutex<File>>,
    ready: Barrier,
    /// When to begin, of CLOCK_MONOTONIC in nanoseconds.
    start: OnceLock<u64>,
}

impl Job<'_> {
    /// Waits until the tracepoints are traced that are to be.
    fn wait_traced(&self) -> Result<()> {
        let Some(wanted) = &self.options.wait_traced else { return Ok(()) };
        let wanted = if wanted.is_empty() { self.plan.probes().into_iter().collect() } else { wanted.clone() };
        let deadline = now() + ATTACHED_WITHIN.as_nanos() as u64;
        loop {
            let missing: Vec<_> = wanted.iter().filter(|probe| !probe.is_traced()).map(|probe| probe.name()).collect();
            if missing.is_empty() || STOP.load(Ordering::Relaxed) {
                return Ok(());
            }
            if now() >= deadline {
                bail!("not traced within {ATTACHED_WITHIN:?}: {}", missing.join(", "));
            }
            sleep_until(now() + MILLISECOND);
        }
    }

    /// Fires what one thread has to fire.
    fn fire(&self, thread: u32) -> Result<Fired> {
        let (threads, index) = (u64::from(self.options.threads), u64::from(thread));
        let quota = self.events.map_or(u64::MAX, |events| events / threads + u64::from(index < events % threads));
        let mut shooter = Shooter {
            job: self,
            actor: Actor::new(thread, self.options.latency),
            // Threads begin at different places, except where they are to fire a whole round.
            next: if self.plan.round == self.plan.events.len() {
                self.plan.events.len() * thread as usize / threads as usize
            } else {
                0
            },
            left: quota,
            fired: Fired::default(),
        };
        let reading = Clocks::overhead();
        self.ready.wait();
        let Some(start) = self.start.get().copied() else { return Ok(shooter.fired) };
        if self.options.rate == 0 {
            let end = self
                .options
                .seconds
                .filter(|_| self.events.is_none())
                .map_or(u64::MAX, |seconds| start + (seconds * SECOND as f64) as u64);
            shooter.fire_fast(end)?;
        } else {
            let interval = self.options.burst as f64 * (threads * SECOND) as f64 / self.options.rate as f64;
            let start = start + (interval * index as f64 / threads as f64) as u64;
            shooter.fire_at(start, interval, reading)?;
        }
        shooter.fired.end = now();
        Ok(shooter.fired)
    }
}

/// A thread that fires.
struct Shooter<'a> {
    job: &'a Job<'a>,
    actor: Actor,
    /// Index of the next event.
    next: usize,
    /// Events still to be fired.
    left: u64,
    fired: Fired,
}

impl Shooter<'_> {
    /// Without a rate.
    fn fire_fast(&mut self, end: u64) -> Result<()> {
        let clocks = Clocks::read();
        while self.left > 0 && now() < end && !STOP.load(Ordering::Relaxed) {
            self.group(GROUP)?;
        }
        self.fired.cost(clocks.elapsed());
        Ok(())
    }

    /// A burst each `interval` nanoseconds from `start` on.
    fn fire_at(&mut self, start: u64, interval: f64, reading: Clocks) -> Result<()> {
        let burst = self.job.options.burst;
        let mut bursts = 0;
        while self.left > 0 && !STOP.load(Ordering::Relaxed) {
            let due = start + (bursts as f64 * interval) as u64;
            let now = now();
            if now < due {
                // Short enough to notice the end.
                sleep_until(due.min(now + 100 * MILLISECOND));
                continue;
            }
            let many = ((now - start) as f64 / interval) as u64 + 1 - bursts;
            let clocks = Clocks::read();
            self.group(many.saturating_mul(burst))?;
            self.fired.cost(clocks.elapsed().minus(reading));
            bursts += many;
            if interval < MILLISECOND as f64 {
                sleep_until(now + MILLISECOND);
            }
        }
        Ok(())
    }

    /// Fires this many events, or what is left.
    fn group(&mut self, events: u64) -> Result<()> {
        let events = events.min(self.left);
        self.left -= events;
        for _ in 0..events {
            let Some(event) = self.job.plan.events.get(self.next) else { bail!("there is nothing to fire") };
            self.next += 1;
            if self.next == self.job.plan.events.len() {
                self.next = 0;
            }
            event.fire(&mut self.actor);
            if let Some(count) = self.fired.counts.get_mut(event.probe() as usize) {
                *count += 1;
            }
            self.fired.payload_bytes += event.size() as u64;
            if let Some(journal) = &self.job.journal {
                let line = format!("{}\n", event.journal(&self.actor));
                journal.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// What was fired, and what it cost.
#[derive(Default)]
struct Fired {
    counts: [u64; Probe::ALL.len()],
    payload_bytes: u64,
    spent: Clocks,
    /// When the last event was fired, of CLOCK_MONOTONIC in nanoseconds.
    end: u64,
}

impl Fired {
    fn cost(&mut self, time: Clocks) {
        self.spent.cpu += time.cpu;
        self.spent.wall += time.wall;
    }

    fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
        self.payload_bytes += other.payload_bytes;
        self.cost(other.spent);
        self.end = self.end.max(other.end);
    }

    fn report(&self, start: u64, threads: u32) -> Report {
        let events: u64 = self.counts.iter().sum();
        let each = |time: u64| if events == 0 { 0.0 } else { (time as f64 * 100.0 / events as f64).round() / 100.0 };
        let fired = Probe::ALL.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        Report {
            fired: fired.map(|(probe, count)| (probe.name().to_owned(), count)).collect(),
            events,
            payload_bytes: self.payload_bytes,
            threads,
            seconds: self.end.saturating_sub(start) as f64 / SECOND as f64,
            cpu_ns_per_event: each(self.spent.cpu),
            wall_ns_per_event: each(self.spent.wall),
            traced: Probe::ALL.iter().filter(|probe| probe.is_traced()).map(|probe| probe.name().to_owned()).collect(),
        }
    }
}

/// The thread's CPU time and real time, in nanoseconds.
#[derive(Clone, Copy, Default)]
struct Clocks {
    cpu: u64,
    wall: u64,
}

impl Clocks {
    fn read() -> Self {
        Self { cpu: read(ClockId::ThreadCPUTime), wall: now() }
    }

    fn elapsed(self) -> Self {
        Self::read().minus(self)
    }

    fn minus(self, other: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(other.cpu), wall: self.wall.saturating_sub(other.wall) }
    }

    /// What passes between two readings: the least of many.
    fn overhead() -> Self {
        let mut least = Self { cpu: u64::MAX, wall: u64::MAX };
        for _ in 0..1_000 {
            let one = Self::read().elapsed();
            least = Self { cpu: least.cpu.min(one.cpu), wall: least.wall.min(one.wall) };
        }
        least
    }
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec.cast_unsigned() * SECOND + time.tv_nsec.cast_unsigned()
}

/// CLOCK_MONOTONIC.
fn now() -> u64 {
    read(ClockId::Monotonic)
}

fn sleep_until(time: u64) {
    let time = Timespec { tv_sec: (time / SECOND).cast_signed(), tv_nsec: (time % SECOND).cast_signed() };
    // A signal may end it; the caller looks at the clock anyway.
    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &time);
}
