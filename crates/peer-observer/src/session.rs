//! One process at work: events come from one input and go to tools, and perhaps on to a NATS server.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use bus::nats;
use event::Filter;

use crate::config::nats::files;
use crate::confine::Connect;
use crate::input::{Input, PreparedInput};
use crate::problems::Problems;
use crate::runtime::block_on;
use crate::supervisor::Supervisor;
use crate::tool::{Place, Queue, Scene, Service, Tool};

/// What a process does.
pub struct Session {
    /// Where events come from.
    pub input: Input,
    /// The tools that use them, by their names.
    pub tools: Vec<(&'static str, Box<dyn Tool>)>,
    /// A server that all events go on to.
    pub forward: Option<nats::Options>,
    /// Which events the tools get.
    pub filter: Filter,
    /// It is one extractor: it may be confined further, needs fewer threads, and what is printed of it is all.
    pub one_extractor: bool,
}

/// A tool that has its port and has read its files.
pub struct Begun {
    /// Its name.
    pub name: &'static str,
    /// The queue that it wants.
    pub queue: Queue,
    /// It serves something.
    pub serves: bool,
    /// The tool.
    pub service: Service,
}

impl Begun {
    /// Gives a tool its port and lets it read its files.
    ///
    /// # Errors
    /// The port is taken, or a file cannot be read.
    pub fn new(name: &'static str, tool: Box<dyn Tool>, scene: Scene) -> Result<Self> {
        let listens = tool.listens();
        Self::at(listens, name, tool, scene)
    }

    /// The same, with any port if its own is taken.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn anywhere(name: &'static str, tool: Box<dyn Tool>, scene: Scene) -> Result<Self> {
        let mut listens = tool.listens();
        if let Some(address) = listens.as_mut().filter(|address| TcpListener::bind(**address).is_err()) {
            address.set_port(0);
        }
        Self::at(listens, name, tool, scene)
    }

    fn at(listens: Option<SocketAddr>, name: &'static str, tool: Box<dyn Tool>, scene: Scene) -> Result<Self> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address).with_context(|| {
                format!("{name}: cannot listen on {address}; choose another address with --{name}-listen")
            })
        };
        let listener = listens.map(bind).transpose()?;
        let queue = tool.queue();
        Ok(Self { name, queue, serves: listens.is_some(), service: tool.start(Place { listener, scene })? })
    }
}

impl Session {
    /// Does all that [`Self::run`] does before it starts, and lets go of it again. Returns what would run, a line each.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(self) -> Result<String> {
        let Self { input, tools, forward, .. } = self;
        let mut problems = Problems::default();
        let mut summary = String::new();
        let scene = input.scene();
        for (name, tool) in tools {
            let began = problems.note(Begun::new(name, tool, scene.clone()));
            let serves = began.and_then(|tool| tool.service.serves).map(|(what, url)| format!(": {what}, {url}"));
            let _ = writeln!(summary, "tool {name}{}", serves.unwrap_or_default());
        }
        if let Some(options) = &forward {
            let _ = writeln!(summary, "events go to {}", options.shown_url());
        }
        match input {
            Input::Nodes(observation) => observation.check(&mut problems, &mut summary),
            Input::Nats(options) => summary += &format!("events come from {}\n", options.shown_url()),
            Input::Stdin(_) => summary += "events come from standard input\n",
        }
        problems.into_result()?;
        Ok(summary + "nothing is wrong\n")
    }

    /// Does it until a signal comes, or the input ends.
    ///
    /// # Errors
    /// It could not be begun.
    pub fn run(self) -> Result<ExitCode> {
        let Self { input, tools, forward, filter, one_extractor } = self;
        let mut needed: Vec<PathBuf> = forward.iter().flat_map(files).collect();
        needed.extend(tools.iter().flat_map(|(_, tool)| tool.files()));
        let wait = one_extractor || input.can_wait();
        let stays = tools.iter().any(|(_, tool)| tool.stays());
        let scene = input.scene();
        let begun = tools.into_iter().map(|(name, tool)| Begun::new(name, tool, scene.clone()));
        let begun = begun.collect::<Result<Vec<_>>>()?;
        let connect = if one_extractor { Connect::to_nats(forward.as_ref()) } else { Connect::Anywhere };
        let input = input.prepare(&needed, &connect)?;
        let threads = match &input {
            PreparedInput::Nodes(prepared) if one_extractor => prepared.threads(),
            _ => 2,
        };
        block_on(threads, async move {
            let mut supervisor = Supervisor::new()?;
            for Begun { name, queue, service, .. } in begun {
                let queue = if wait { queue.blocking() } else { queue };
                supervisor.run_tool(name, service, filter.clone(), queue);
            }
            if let Some(options) = forward {
                supervisor.forward(options);
            }
            input.start(&mut supervisor, stays);
            Ok(supervisor.run().await.exit_code())
        })
    }
}
