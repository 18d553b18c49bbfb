//! Starts the parts of a process, and ends them in order: extractors first, then what carries their events away.

use std::future::Future;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use bus::{Bus, Publisher, Reason, WhenFull};
use event::Filter;
use extractor_ebpf::Nodes;
use node::Target;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::cli::{Color, Extractor, OutputFormat};
use crate::config::{Config, ObservedNode, SHUTDOWN_PATIENCE};
use crate::tracepoints::{Following, Whose};

/// What the tracepoint extractor is called.
const EBPF: &str = "ebpf";

/// Events that wait for a part at the most.
const QUEUE: usize = 1 << 14;

/// The same for those that serve pages, which may be busy with one for some time.
const SERVED_QUEUE: usize = 1 << 16;

/// Everything that runs in this process.
pub struct Supervisor {
    pub bus: Bus,
    /// Ends extractors, and everything else after them.
    pub shutdown: CancellationToken,
    extractors: JoinSet<(String, Result<()>)>,
    tools: JoinSet<(String, Result<()>)>,
    publishers: Publishers,
}

/// Makes publishers that tell their status, and ends them. The tracepoint extractor makes them for processes as they come.
#[derive(Clone)]
struct Publishers {
    bus: Bus,
    shutdown: CancellationToken,
    runtime: Handle,
    made: Arc<Mutex<Vec<Publisher>>>,
}

impl Publishers {
    fn publisher(&self, node: &str, extractor: &'static str) -> Publisher {
        let publisher = Publisher::new(&self.bus, node, extractor);
        self.runtime.spawn(publisher.clone().tell_status(self.shutdown.clone()));
        self.made().push(publisher.clone());
        publisher
    }

    fn made(&self) -> MutexGuard<'_, Vec<Publisher>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each one's last event tells that its run has ended.
    async fn end(&self) {
        let made = std::mem::take(&mut *self.made());
        for publisher in made {
            publisher.end().await;
        }
    }
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
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        let token = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            token.cancel();
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(130);
        });
        let bus = Bus::new();
        let publishers = Publishers {
            bus: bus.clone(),
            shutdown: shutdown.clone(),
            runtime: Handle::current(),
            made: Arc::default(),
        };
        Ok(Self { bus, shutdown, extractors: JoinSet::new(), tools: JoinSet::new(), publishers })
    }

    /// Starts a part that gives events.
    pub fn spawn_extractor(&mut self, name: &str, part: impl Future<Output = Result<()>> + Send + 'static) {
        let name = name.to_owned();
        self.extractors.spawn(async move { (name, part.await) });
    }

    /// Starts a part that uses events. It ends when the bus does.
    pub fn spawn_tool(&mut self, name: &str, part: impl Future<Output = Result<()>> + Send + 'static) {
        let name = name.to_owned();
        self.tools.spawn(async move { (name, part.await) });
    }

    /// A publisher for an extractor of a node, which tells its status until the end.
    pub fn publisher(&self, node: &str, extractor: &'static str) -> Publisher {
        self.publishers.publisher(node, extractor)
    }

    /// Starts the extractors of all nodes of a configuration, except that of tracepoints.
    pub fn observe_all(&mut self, mut config: Config) {
        for node in std::mem::take(&mut config.nodes) {
            info!("observing {} ({})", node.name, describe(&node.target));
            self.observe(node, &config);
        }
    }

    /// Starts the tracepoint extractor: one for all nodes.
    pub fn follow(&mut self, following: Following) {
        let Following { tracer, whose } = following;
        let nodes = match whose {
            Whose::These(nodes) => {
                let observed = nodes.into_iter().map(|node| {
                    let publisher = self.publisher(&node.name, EBPF);
                    extractor_ebpf::Observed { target: node.target, publisher }
                });
                Nodes::These(observed.collect())
            }
            Whose::All(binary) => {
                let publishers = self.publishers.clone();
                Nodes::All { binary, publisher: Box::new(move |name| publishers.publisher(name, EBPF)) }
            }
        };
        let part = extractor_ebpf::run(tracer, nodes, self.shutdown.clone());
        self.spawn_extractor(EBPF, async { Ok(part.await?) });
    }

    /// Starts the extractors of a node, except that of tracepoints.
    pub fn observe(&mut self, node: ObservedNode, config: &Config) {
        let ObservedNode { name, target, extract } = node;
        for extractor in extract {
            let shutdown = self.shutdown.clone();
            match extractor {
                Extractor::Ebpf => {}
                Extractor::Rpc => {
                    let (publisher, options) = (self.publisher(&name, "rpc"), config.rpc.clone());
                    let part = extractor_rpc::run(target.clone(), options, publisher, shutdown);
                    self.spawn_extractor(&format!("{name}/rpc"), async { Ok(part.await?) });
                }
                Extractor::Process => {
                    let publisher = self.publisher(&name, "process");
                    let part = extractor_process::run(
                        target.clone(),
                        extractor_process::Options::default(),
                        publisher,
                        shutdown,
                    );
                    self.spawn_extractor(&format!("{name}/process"), async { Ok(part.await?) });
                }
                Extractor::Log => {
                    let source = match &target.debug_log {
                        Some(path) if path.as_path() == Path::new("-") => extractor_log::Source::Stdin,
                        _ => extractor_log::Source::Node(target.clone()),
                    };
                    let publisher = self.publisher(&name, "log");
                    let options = extractor_log::Options { from_start: config.log_from_start, ..Default::default() };
                    let part = extractor_log::run(source, options, publisher, shutdown);
                    self.spawn_extractor(&format!("{name}/log"), async { Ok(part.await?) });
                }
            }
        }
    }

    /// Prints events to standard output.
    pub fn print(&mut self, filter: Filter, format: OutputFormat, color: Color, when_full: WhenFull) {
        let subscription = self.bus.subscribe("watch", filter, QUEUE, when_full);
        let stdout = std::io::stdout();
        let options = watch::Options {
            format: match format {
                OutputFormat::Text => watch::Format::Text,
                OutputFormat::Json => watch::Format::Json,
                OutputFormat::Protobuf => watch::Format::Protobuf,
            },
            color: color.decide(stdout.is_terminal()),
        };
        self.spawn_tool("watch", async move { Ok(watch::run(subscription, options, stdout).await?) });
    }

    /// Reads events from a NATS server.
    pub async fn read(&mut self, options: &bus::nats::Options) -> Result<()> {
        let reader = bus::nats::connect_reader(&self.bus, options).await?;
        let (bus, shutdown) = (self.bus.clone(), self.shutdown.clone());
        self.spawn_extractor("nats", async move { Ok(reader.run(bus, shutdown).await?) });
        Ok(())
    }

    /// Serves numbers.
    pub fn serve_metrics(&mut self, server: metrics::Server, filter: Filter) {
        // It would hold up those that need everything; what it misses, it shows.
        let subscription = self.bus.subscribe("metrics", filter, SERVED_QUEUE, WhenFull::DropNewest);
        let part = server.run(subscription, self.bus.clone());
        self.spawn_tool("metrics", async { Ok(part.await?) });
    }

    /// Serves pages.
    pub fn serve_web(&mut self, server: web::Server, filter: Filter) {
        let subscription = self.bus.subscribe("web", filter, SERVED_QUEUE, WhenFull::DropNewest);
        let part = server.run(subscription, self.bus.clone());
        self.spawn_tool("web", async { Ok(part.await?) });
    }

    /// Publishes all events on a NATS server.
    pub fn forward(&mut self, options: bus::nats::Options) {
        let subscription = self.bus.subscribe("to-nats", Filter::default(), QUEUE, WhenFull::Block);
        let part = bus::nats::forward(subscription, options, self.bus.accounts().clone());
        self.spawn_tool("nats", async { Ok(part.await?) });
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
        tell_losses(&self.bus);
        outcome
    }
}

impl Outcome {
    fn note(&mut self, ended: Result<(String, Result<()>), tokio::task::JoinError>) {
        match ended {
            Ok((_, Ok(()))) => {}
            Ok((name, Err(cause))) => {
                error!("{name} ended: {cause:#}");
                self.failed = true;
            }
            Err(cause) => {
                error!("a part ended unexpectedly: {cause}");
                self.failed = true;
            }
        }
    }
}

fn describe(target: &Target) -> String {
    let chain = target.chain.map(|chain| format!("{chain} "));
    let place = match (&target.datadir, &target.rpc) {
        (Some(datadir), _) => format!("in {}", datadir.display()),
        (None, Some(rpc)) => format!("at {rpc}"),
        (None, None) => "wherever it is".to_owned(),
    };
    format!("{}{place}", chain.unwrap_or_default())
}

/// Says what was lost in this process, at each stage and why.
fn tell_losses(bus: &Bus) {
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
