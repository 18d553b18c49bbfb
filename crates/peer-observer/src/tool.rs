//! What a tool is: something that uses events. Each is one file in `tools/` and one row of its table.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;

use anyhow::Result;
use bus::{Bus, Subscription, WhenFull};
use tokio_util::sync::CancellationToken;

use crate::doctor::Advice;
use crate::options::Part;

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
    /// The queue that it wants for its events.
    fn queue(&self) -> Queue;

    /// Files that it reads while it runs, and so must still be able to read when the process has given up its privileges.
    fn files(&self) -> Vec<PathBuf> {
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
    /// Why tracepoints will report nothing of nodes, as far as that is known.
    pub advice: Advice,
    /// They come from standard input: they may have happened long ago.
    pub is_recorded: bool,
}

type Run = Box<dyn FnOnce(Subscription, Bus, CancellationToken) -> Running + Send>;
type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A tool that is ready to run.
pub struct Service {
    /// What it serves, in one word, and where.
    pub serves: Option<(&'static str, String)>,
    run: Run,
}

impl Service {
    /// A tool that does this with its events until the subscription ends, which it does soon after the token is cancelled.
    pub fn new<F>(run: impl FnOnce(Subscription, Bus, CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self { serves: None, run: Box::new(|events, bus, shutdown| Box::pin(run(events, bus, shutdown))) }
    }

    /// The same, with what it serves and where.
    #[must_use]
    pub fn serving(self, what: &'static str, url: impl Into<String>) -> Self {
        Self { serves: Some((what, url.into())), ..self }
    }

    /// Runs it.
    ///
    /// # Errors
    /// It cannot go on.
    pub async fn run(self, events: Subscription, bus: Bus, shutdown: CancellationToken) -> Result<()> {
        (self.run)(events, bus, shutdown).await
    }
}
