//! Runs what a process consists of, and ends it in order: extractors first, then what carries their events away.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::{Bus, Reason, WhenFull};
use event::Filter;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::publishers::Publishers;
use crate::tool::{Queue, Service};

/// How long extractors and tools may take to end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(8);

/// Everything that runs in this process.
pub struct Supervisor {
    /// The bus of this process.
    pub bus: Bus,
    /// Ends extractors, and everything else after them.
    pub shutdown: CancellationToken,
    /// Makes publishers for extractors.
    pub publishers: Publishers,
    extractors: JoinSet<(String, Result<()>)>,
    tools: JoinSet<(String, Result<()>)>,
}

/// How it ended.
pub struct Outcome {
    /// An extractor or tool failed.
    pub failed: bool,
}

impl Outcome {
    /// 0, or 2 when something could not be done.
    pub fn exit_code(&self) -> ExitCode {
        if self.failed { ExitCode::from(2) } else { ExitCode::SUCCESS }
    }
}

/// Begins the end of the process when a signal comes. The second one ends it at once, with exit code 130.
async fn end_on_signals(mut interrupt: Signal, mut terminate: Signal, shutdown: CancellationToken) {
    let mut received = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    received().await;
    shutdown.cancel();
    received().await;
    std::process::exit(130)
}

impl Supervisor {
    /// Nothing runs yet. SIGINT and SIGTERM will end it in order; the second one at once.
    pub fn new() -> Result<Self> {
        let shutdown = CancellationToken::new();
        let interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        bus::task::spawn("signals", end_on_signals(interrupt, terminate, shutdown.clone()));
        let bus = Bus::new();
        let publishers = Publishers::new(&bus, &shutdown);
        Ok(Self { bus, shutdown, publishers, extractors: JoinSet::new(), tools: JoinSet::new() })
    }

    /// Runs something that gives events.
    pub fn spawn_extractor(
        &mut self,
        name: impl Into<String>,
        running: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        let name = name.into();
        self.extractors.spawn(async move { (name, running.await) });
    }

    /// Runs something that uses events. It ends when the bus does.
    fn spawn_tool(&mut self, name: impl Into<String>, running: impl Future<Output = Result<()>> + Send + 'static) {
        let name = name.into();
        self.tools.spawn(async move { (name, running.await) });
    }

    /// Runs a tool on the events that a filter lets pass.
    pub fn run_tool(&mut self, name: &'static str, service: Service, filter: Filter, queue: Queue) {
        let events = self.bus.subscribe(name, filter, queue.capacity, queue.when_full);
        self.spawn_tool(name, service.run(events, self.bus.clone(), self.shutdown.clone()));
    }

    /// Publishes all events on a NATS server.
    pub fn forward(&mut self, options: bus::nats::Options) {
        let events = self.bus.subscribe("to-nats", Filter::default(), Queue::PLAIN.capacity, WhenFull::Block);
        let running = bus::nats::forward(events, options, self.bus.accounts().clone());
        self.spawn_tool("nats", async { Ok(running.await?) });
    }

    /// Waits until a signal comes, all extractors have ended, or a tool has; then ends everything in order.
    pub async fn run(mut self) -> Outcome {
        let mut outcome = Outcome { failed: false };
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                ended = self.extractors.join_next() => match ended {
                    Some(ended) => outcome.note(ended),
                    None => break,
                },
                ended = self.tools.join_next(), if !self.tools.is_empty() => {
                    // Nobody reads what is printed any more, or events cannot be carried away.
                    ended.into_iter().for_each(|ended| outcome.note(ended));
                    if self.tools.is_empty() || outcome.failed {
                        break;
                    }
                }
            }
        }
        self.shutdown.cancel();
        let ending = async {
            while let Some(ended) = self.extractors.join_next().await {
                outcome.note(ended);
            }
            self.publishers.end().await;
            self.bus.end();
            while let Some(ended) = self.tools.join_next().await {
                outcome.note(ended);
            }
        };
        if tokio::time::timeout(SHUTDOWN_PATIENCE, ending).await.is_err() {
            warn!("not everything ended within {} s", SHUTDOWN_PATIENCE.as_secs());
        }
        log_losses(&self.bus);
        outcome
    }
}

impl Outcome {
    fn note(&mut self, ended: Result<(String, Result<()>), JoinError>) {
        match ended {
            Ok((_, Ok(()))) => {}
            Ok((name, Err(cause))) => {
                error!("{name} ended: {cause:#}");
                self.failed = true;
            }
            Err(cause) => {
                error!("an extractor or a tool ended unexpectedly: {cause}");
                self.failed = true;
            }
        }
    }
}

/// Logs what was lost in this process, at each stage and why.
fn log_losses(bus: &Bus) {
    let mut lost = false;
    for stage in bus.accounts().stages() {
        for reason in Reason::ALL {
            let count = stage.dropped(reason);
            if count > 0 {
                lost = true;
                warn!("lost {count} events at {} ({})", stage.name(), reason.name());
            }
        }
    }
    if !lost {
        info!("ended, lost no events");
    }
}
