//! Runs what a process consists of, and ends it in order: extractors first, then what carries their events away.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use bus::counters::PROGRAM;
use bus::{Bus, Reason, WhenFull};
use event::Filter;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::publishers::Publishers;
use crate::replay::History;
use crate::runtime::end_on_signals;
use crate::service_manager::ServiceManager;
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
    /// Where events of tools go, if not onto the bus.
    results: Option<(Bus, Publishers)>,
    extractors: JoinSet<(String, Result<()>)>,
    tools: JoinSet<(String, Result<()>)>,
    /// What ends after the tools.
    last: JoinSet<()>,
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

impl Supervisor {
    /// Nothing runs yet. SIGINT and SIGTERM will end it in order; the second one at once.
    pub fn new() -> Result<Self> {
        let shutdown = CancellationToken::new();
        end_on_signals(shutdown.clone())?;
        let bus = Bus::new();
        bus.accounts().count(&PROGRAM, [env!("VERSION")]).set(1.0);
        let publishers = Publishers::new(&bus, &shutdown);
        Ok(Self {
            bus,
            shutdown,
            publishers,
            results: None,
            extractors: JoinSet::new(),
            tools: JoinSet::new(),
            last: JoinSet::new(),
        })
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

    /// Runs something that ends when the tools have.
    pub fn spawn_last(&mut self, name: &'static str, running: impl Future<Output = ()> + Send + 'static) {
        self.last.spawn(bus::task::named(name, running));
    }

    /// Runs a tool on the events that a filter lets pass.
    ///
    /// `history` comes before all other events.
    pub fn run_tool(
        &mut self,
        name: &'static str,
        service: Service,
        mut filter: Filter,
        queue: Queue,
        history: Option<History>,
    ) {
        if service.publishes {
            // What kinds of events it needs it knows itself; those that are chosen are for what shows events.
            filter = Filter { kinds: Vec::new(), messages: Vec::new(), direction: None, ..filter };
        }
        let events = self.bus.subscribe(name, filter, queue.capacity, queue.when_full);
        let publishers = self.results.as_ref().map_or(&self.publishers, |(_, publishers)| publishers).clone();
        let (bus, shutdown) = (self.bus.clone(), self.shutdown.clone());
        self.spawn_tool(name, async move {
            let events = match history {
                Some(history) => events.after(history.start(&bus).await?, history.is_complete),
                None => events,
            };
            service.run(events, bus, publishers, shutdown).await
        });
    }

    /// Publishes the events of the tools that are run from now on, and nothing else, on a NATS server: for a process whose other events come
    /// from there.
    pub fn publish_results(&mut self, options: bus::nats::Options) {
        let bus = self.bus.beside();
        self.forward_all_of(&bus, options);
        let publishers = Publishers::new(&bus, &self.shutdown);
        self.results = Some((bus, publishers));
    }

    /// Publishes all events on a NATS server.
    pub fn forward(&mut self, options: bus::nats::Options) {
        self.forward_all_of(&self.bus.clone(), options);
    }

    fn forward_all_of(&mut self, bus: &Bus, options: bus::nats::Options) {
        let events = bus.subscribe("to-nats", Filter::default(), Queue::PLAIN.capacity, WhenFull::Block);
        let running = bus::nats::forward(events, options, bus.accounts().clone());
        self.spawn_tool("nats", async { Ok(running.await?) });
    }

    /// Waits until a signal comes, all extractors have ended, or a tool has; then ends everything in order. `doing` is what this process does, for
    /// people who ask the service manager.
    pub async fn run(mut self, doing: String) -> Outcome {
        let mut outcome = Outcome { failed: false };
        let mut manager = ServiceManager::of_environment(doing);
        manager.ready();
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                () = manager.beat(&self.bus) => {}
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
        manager.stopping();
        self.shutdown.cancel();
        let ending = async {
            while let Some(ended) = self.extractors.join_next().await {
                outcome.note(ended);
            }
            self.publishers.end().await;
            self.bus.end();
            if let Some((bus, publishers)) = &self.results {
                publishers.end().await;
                bus.end();
            }
            while let Some(ended) = self.tools.join_next().await {
                outcome.note(ended);
            }
            while self.last.join_next().await.is_some() {}
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
