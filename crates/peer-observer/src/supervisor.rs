//! Starts the parts of a process, and ends them in order: extractors first, then what carries their events away.

use std::future::Future;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bus::{Bus, Publisher, Reason, WhenFull};
use event::Filter;
use node::Target;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::cli::{Color, Extractor, OutputFormat};
use crate::config::{Config, ObservedNode, SHUTDOWN_PATIENCE};

/// Events that wait for a part at the most.
const QUEUE: usize = 1 << 14;

/// Everything that runs in this process.
pub struct Supervisor {
    pub bus: Bus,
    /// Ends extractors, and everything else after them.
    pub shutdown: CancellationToken,
    extractors: JoinSet<(String, Result<()>)>,
    tools: JoinSet<(String, Result<()>)>,
    publishers: Vec<Publisher>,
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
        Ok(Self {
            bus: Bus::new(),
            shutdown,
            extractors: JoinSet::new(),
            tools: JoinSet::new(),
            publishers: Vec::new(),
        })
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
    pub fn publisher(&mut self, node: &str, extractor: &'static str) -> Publisher {
        let publisher = Publisher::new(&self.bus, node, extractor);
        tokio::spawn(publisher.clone().tell_status(self.shutdown.clone()));
        self.publishers.push(publisher.clone());
        publisher
    }

    /// Starts the extractors of all nodes of a configuration.
    ///
    /// # Errors
    /// There is no node.
    pub fn observe_all(&mut self, mut config: Config) -> Result<()> {
        if config.nodes.is_empty() {
            bail!(
                "found no Bitcoin node on this machine, neither running nor by its data directory: start it, \
                 or say where it is with --datadir, --conf or --rpc (peer-observer doctor tells more)"
            );
        }
        for node in std::mem::take(&mut config.nodes) {
            info!("observing {} ({})", node.name, describe(&node.target));
            self.observe(node, &config);
        }
        Ok(())
    }

    /// Starts the extractors of a node.
    pub fn observe(&mut self, node: ObservedNode, config: &Config) {
        let ObservedNode { name, target, extract } = node;
        for extractor in extract {
            let shutdown = self.shutdown.clone();
            match extractor {
                Extractor::Rpc => {
                    let (publisher, options) = (self.publisher(&name, "rpc"), config.rpc.clone());
                    let part = extractor_rpc::run(target.clone(), options, publisher, shutdown);
                    self.spawn_extractor(&format!("{name}/rpc"), async { Ok(part.await?) });
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
            for publisher in &self.publishers {
                publisher.end().await;
            }
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
