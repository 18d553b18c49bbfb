//! What a tool is: something that uses events. Each is one file in `tools/` and one row of its table.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use alert_state::Store;
use anyhow::Result;
use bus::{Bus, Playback, Subscription, WhenFull};
use event::Filter;
use event::pb::observer::Selection;
use node::Target;
use tokio_util::sync::CancellationToken;

use crate::doctor::Advice;
use crate::options::Part;
use crate::publishers::Publishers;

/// A row of the table of tools.
#[derive(Clone, Copy)]
pub struct ToolEntry {
    /// Name of its command, of its section in the configuration file, and of its account.
    pub name: &'static str,
    /// What its command does.
    pub about: &'static str,
    /// What it does with events, in the list of `--tools`.
    pub summary: &'static str,
    /// When `run` starts it although `--tools` does not name it.
    pub starts: Starts,
    /// `demo` starts it.
    pub demo: bool,
    /// Its options.
    pub options: Part<Box<dyn Tool>>,
}

/// When `run` starts a tool that `--tools` does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    /// If the configuration has its section, or one of its options is given.
    WithSection,
    /// If events do not go to a NATS server.
    WithoutNats,
    /// Never.
    Never,
}

/// A tool whose options are checked.
pub trait Tool: Send {
    /// The nodes are started by this program, for itself.
    fn for_own_nodes(&mut self) {}

    /// The queue that it wants for its events.
    fn queue(&self) -> Queue;

    /// Files that it reads while it runs, and so must still be able to read when the process has given up its privileges.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Folders in which it makes, writes and removes files while it runs, and so must still be able to when the process has given up its
    /// privileges. They are there after [`Tool::start`].
    fn folders(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Where it listens. It gets a listener there.
    fn listens(&self) -> Option<SocketAddr> {
        None
    }

    /// Whether it is of use also when no events come any more, until somebody ends it.
    fn stays(&self) -> bool {
        self.listens().is_some()
    }

    /// What it wants to know of the time before its start.
    fn history(&self) -> Option<History> {
        None
    }

    /// Where it writes archives, with which other tools can begin.
    fn archive(&self) -> Option<PathBuf> {
        None
    }

    /// Where it keeps alerts, and what people decide about them: other tools of the process share that.
    fn keeps_alerts(&self) -> Option<KeptAt> {
        None
    }

    /// Whether it shows the alerts that another tool keeps.
    fn shows_alerts(&self) -> bool {
        false
    }

    /// Whether it does something in the world with each event, such as writing it to a file. Then it is no tool to look at the past with.
    fn acts(&self) -> bool {
        false
    }

    /// Whether it draws conclusions from what does not happen.
    fn concludes(&self) -> bool {
        true
    }

    /// What it does with standard output.
    fn stdout(&self) -> Stdout {
        Stdout::Unused
    }

    /// Does what must be done before any thread is started and before privileges are given up, such as reading files. No event comes yet.
    ///
    /// # Errors
    /// It cannot work.
    fn start(self: Box<Self>, place: Place) -> Result<Service>;
}

/// What a tool does with standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdout {
    /// Nothing.
    Unused,
    /// It prints lines for people there, between which there may be others.
    Lines,
    /// It has it for itself.
    Owned,
}

/// Where alerts are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptAt {
    /// In a file.
    File(PathBuf),
    /// Nowhere, when this process has ended.
    Memory,
}

/// What a tool wants to know of the time before its start. Before its first live event, it gets events of an archive.
#[derive(Clone, Debug)]
pub struct History {
    /// The archives, a folder or a file; none for those that the same configuration writes.
    pub from: Option<PathBuf>,
    /// How long before its start they may have happened. Of many events, those of the last minutes.
    pub longest: Duration,
}

/// The queue between the bus and a tool.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Events that wait at most, or KiB of large ones.
    pub capacity: usize,
    /// What happens when that many wait.
    pub when_full: WhenFull,
}

impl Queue {
    /// For what prints or carries events away.
    pub const PLAIN: Self = Self { capacity: 1 << 14, when_full: WhenFull::DropNewest };
    /// For what serves pages, and may be busy with one for some time. What it misses, it shows.
    pub const SERVED: Self = Self { capacity: 1 << 16, when_full: WhenFull::DropNewest };

    /// The same, but publishers wait when it is full.
    #[must_use]
    pub fn blocking(self) -> Self {
        Self { when_full: WhenFull::Block, ..self }
    }
}

/// What a tool starts with.
pub struct Place {
    /// A listener at [`Tool::listens`].
    pub listener: Option<TcpListener>,
    /// What is known of the events that will come.
    pub scene: Scene,
}

/// What is known of events before they come.
#[derive(Clone, Default)]
pub struct Scene {
    /// Names of the nodes, as far as they are known.
    pub nodes: Vec<String>,
    /// The nodes that this process observes, with their names.
    pub targets: Vec<(String, Target)>,
    /// Why tracepoints will report nothing of nodes, as far as that is known.
    pub advice: Advice,
    /// They come from standard input: they may have happened long ago.
    pub is_recorded: bool,
    /// They come from a NATS server to which tools publish what they find and how they are.
    pub is_remote: bool,
    /// Set if they are those of archives.
    pub playback: Option<Playback>,
    /// The stream that keeps them on the NATS server that they come from.
    pub stream: Option<String>,
    /// Which of them tools get.
    pub filter: Filter,
    /// What was left out of the events of each node when they were recorded.
    pub selections: Vec<(Arc<str>, Selection)>,
    /// What is kept of alerts, for the tools that keep and show it.
    pub alerts: Option<Store>,
    /// Where this process keeps logs.
    pub logs: Option<PathBuf>,
}

type Run = Box<dyn FnOnce(Subscription, Bus, Publishers, CancellationToken) -> Running + Send>;
type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A tool that is ready to run.
pub struct Service {
    /// What it serves, in one word, and where.
    pub serves: Option<(&'static str, String)>,
    /// It publishes events itself.
    pub publishes: bool,
    /// It publishes its status and its counts, where no extractor of this process does.
    pub reports: bool,
    /// It keeps events for good and confirms checkpoints: as which consumer of a stream.
    pub consumer: Option<String>,
    run: Run,
}

impl Service {
    /// A tool that does this with its events until the subscription ends, which it does soon after the token is cancelled.
    pub fn new<F>(run: impl FnOnce(Subscription, Bus, CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let run: Run = Box::new(|events, bus, _, shutdown| Box::pin(run(events, bus, shutdown)));
        Self { serves: None, publishes: false, reports: false, consumer: None, run }
    }

    /// The same for a tool that publishes events itself: where its own events come from, or to the NATS server that they come from.
    pub fn publishing<F>(run: impl FnOnce(Subscription, Publishers, CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let run: Run = Box::new(|events, _, publishers, shutdown| Box::pin(run(events, publishers, shutdown)));
        Self { serves: None, publishes: true, reports: false, consumer: None, run }
    }

    /// The same for a tool that `reports` by the publishers that it gets, if it is to do so.
    pub fn reporting<F>(
        reports: bool,
        run: impl FnOnce(Subscription, Bus, Option<Publishers>, CancellationToken) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let run: Run = Box::new(move |events, bus, publishers, shutdown| {
            Box::pin(run(events, bus, reports.then_some(publishers), shutdown))
        });
        Self { serves: None, publishes: false, reports, consumer: None, run }
    }

    /// The same, with what it serves and where.
    #[must_use]
    pub fn serving(self, what: &'static str, url: impl Into<String>) -> Self {
        Self { serves: Some((what, url.into())), ..self }
    }

    /// The same, which can read a stream as this consumer.
    #[must_use]
    pub fn consuming(self, consumer: Option<String>) -> Self {
        Self { consumer, ..self }
    }

    /// Runs it.
    ///
    /// # Errors
    /// It cannot go on.
    pub async fn run(
        self,
        events: Subscription,
        bus: Bus,
        publishers: Publishers,
        shutdown: CancellationToken,
    ) -> Result<()> {
        (self.run)(events, bus, publishers, shutdown).await
    }
}
