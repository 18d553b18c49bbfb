//! One process at work: events come from one input and go to tools, and perhaps on to a NATS server.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use bus::{Pace, nats};
use event::Filter;
use event::time::now_ns;
use tracing::warn;

use crate::config::nats::files;
use crate::config::s3::S3Options;
use crate::confine::{Connect, Keeps};
use crate::input::{Input, PreparedInput};
use crate::kept;
use crate::problems::Problems;
use crate::replay::{self, Replay};
use crate::runtime::block_on;
use crate::supervisor::Supervisor;
use crate::tool::{Place, Queue, Scene, Service, Tool};
use crate::tools::state::folder_of;

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
    /// A folder with archives that tools may begin with, if they are not configured otherwise.
    pub archive: Option<PathBuf>,
    /// The account at a store where such archives may be.
    pub s3: S3Options,
    /// A file in which another process may keep alerts.
    pub alerts: Option<PathBuf>,
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
        let Self { mut input, tools, forward, filter, alerts, .. } = self;
        let mut problems = Problems::default();
        let mut summary = String::new();
        let mut scene = scene(&mut input, &tools, &filter);
        scene.alerts = problems.note(kept::open(tools.iter().map(|(_, tool)| &**tool), alerts, &scene)).flatten();
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
            Input::Nats(options) => {
                let stream = options.stream.as_ref().map(|stream| format!(", by the stream {stream}"));
                summary += &format!("events come from {}{}\n", options.shown_url(), stream.unwrap_or_default());
            }
            Input::Stdin(_) => summary += "events come from standard input\n",
            Input::Archives(replay) => summary += &format!("events come from {}\n", replay.describe()),
        }
        problems.into_result()?;
        Ok(summary + "nothing is wrong\n")
    }

    /// Does it until a signal comes, or the input ends.
    ///
    /// # Errors
    /// It could not be begun.
    pub fn run(self) -> Result<ExitCode> {
        let Self { mut input, tools, forward, filter, archive, s3, alerts, one_extractor } = self;
        let mut needed: Vec<PathBuf> = forward.iter().flat_map(files).collect();
        needed.extend(tools.iter().flat_map(|(_, tool)| tool.files()));
        let mut folders: Vec<PathBuf> = tools.iter().flat_map(|(_, tool)| tool.folders()).collect();
        if let Input::Nodes(observation) = &input {
            folders.extend(observation.folders());
        }
        let wait = one_extractor || input.can_wait();
        let stays = tools.iter().any(|(_, tool)| tool.stays());
        let mut scene = scene(&mut input, &tools, &filter);
        scene.alerts = kept::open(tools.iter().map(|(_, tool)| &**tool), alerts, &scene)?;
        folders.extend(scene.alerts.as_ref().and_then(|store| folder_of(store.file()?)));
        // Before any of them writes to it.
        let histories: Vec<_> =
            tools.iter().map(|(_, tool)| history(&**tool, &input, archive.as_ref(), &s3, &filter)).collect();
        needed.extend(histories.iter().flatten().map(|(folder, _)| folder.clone()));
        let input_stream = scene.stream.clone();
        let begun = tools.into_iter().map(|(name, tool)| Begun::new(name, tool, scene.clone()));
        let begun = begun.collect::<Result<Vec<_>>>()?;
        let doing = doing(&input, &begun, forward.as_ref());
        let connect = if one_extractor { Connect::to_nats(forward.as_ref()) } else { Connect::Anywhere };
        let input = input.prepare(&Keeps { files: needed, folders, connect })?;
        let threads = match &input {
            PreparedInput::Nodes(prepared) if one_extractor => prepared.threads(),
            _ => 2,
        };
        block_on(threads, async move {
            let mut supervisor = Supervisor::new()?;
            // Under flat subjects, nothing of what tools publish is sent: it is for the other tools of this process.
            if let PreparedInput::Nats(options) = &input
                && options.subjects != nats::Subjects::Flat
                && begun.iter().any(|tool| tool.service.publishes || tool.service.reports)
            {
                supervisor.publish_results(options.clone());
            }
            let consumer = begun.iter().find_map(|tool| tool.service.consumer.clone());
            let stream = [&input_stream, &forward.as_ref().and_then(|options| options.stream.clone())];
            if let (Some(stream), None) = (stream.into_iter().flatten().next(), &consumer) {
                warn!("the stream {stream} is of no use here: only `peer-observer archive` reads it, from NATS");
            }
            for (Begun { name, queue, service, .. }, history) in begun.into_iter().zip(histories) {
                let queue = if wait { queue.blocking() } else { queue };
                supervisor.run_tool(name, service, filter.clone(), queue, history.map(|(_, history)| history));
            }
            if let Some(options) = forward {
                supervisor.forward(options);
            }
            input.start(&mut supervisor, stays, consumer);
            Ok(supervisor.run(doing).await.exit_code())
        })
    }
}

/// What a process does, on one line for people.
fn doing(input: &Input, tools: &[Begun], forward: Option<&nats::Options>) -> String {
    let input = match input {
        Input::Nodes(observation) if observation.nodes.is_empty() => "observing all processes of a program".to_owned(),
        Input::Nodes(observation) => format!("observing {}", observation.names().join(", ")),
        Input::Nats(options) => format!("events from {}", options.shown_url()),
        Input::Stdin(_) => "events from standard input".to_owned(),
        Input::Archives(replay) => format!("events from {}", replay.describe()),
    };
    let tools = tools.iter().map(|tool| tool.name.to_owned());
    let to: Vec<_> = tools.chain(forward.map(nats::Options::shown_url)).collect();
    if to.is_empty() { input } else { format!("{input}, for {}", to.join(", ")) }
}

fn scene(input: &mut Input, tools: &[(&'static str, Box<dyn Tool>)], filter: &Filter) -> Scene {
    let stays = tools.iter().any(|(_, tool)| tool.stays());
    input.scene(filter, stays, tools.iter().any(|(_, tool)| tool.concludes()))
}

/// The archives that a tool begins with, and what of them it gets.
fn history(
    tool: &dyn Tool,
    input: &Input,
    archive: Option<&PathBuf>,
    s3: &S3Options,
    filter: &Filter,
) -> Option<(PathBuf, replay::History)> {
    let wanted = tool.history().filter(|_| !input.can_wait())?;
    let is_named = wanted.from.is_some();
    let folder = wanted.from.or_else(|| archive.cloned())?;
    match s3.archives(std::slice::from_ref(&folder)) {
        Ok(places) => {
            let replay = Replay::new(places, Pace::Fast, filter.clone());
            Some((folder, replay.before_now(wanted.longest, now_ns())))
        }
        Err(cause) => {
            if is_named {
                warn!("no history: {cause:#}");
            }
            None
        }
    }
}
