//! Where the events of a process come from. Every tool takes any of it.

use anyhow::Result;
use bus::nats;
use clap::ValueEnum;
use event::Filter;

use crate::confine::Keeps;
use crate::observation::{Observation, Prepared};
use crate::replay::{Replay, stay};
use crate::selections;
use crate::supervisor::Supervisor;
use crate::tool::Scene;

/// Where events come from.
pub enum Input {
    /// Nodes that are observed from here.
    Nodes(Observation),
    /// What others publish on a NATS server.
    Nats(nats::Options),
    /// Standard input, in this form.
    Stdin(Form),
    /// Archives.
    Archives(Replay),
}

/// The form of events on standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    #[default]
    Auto,
    Json,
    Protobuf,
}

/// An input that has used its privileges.
pub enum PreparedInput {
    /// See [`Input::Nodes`].
    Nodes(Prepared),
    /// See [`Input::Nats`].
    Nats(nats::Options),
    /// See [`Input::Stdin`].
    Stdin(Form),
    /// See [`Input::Archives`].
    Archives(Replay),
}

impl Input {
    /// What is known of the events that will come, of which tools get those that a filter lets pass. `is_shown`: tools show what was so at a time,
    /// for which archives are looked at. `concludes`: tools draw conclusions from what does not happen.
    pub fn scene(&mut self, filter: &Filter, is_shown: bool, concludes: bool) -> Scene {
        let scene = match self {
            Self::Nodes(observation) => {
                let targets = observation.nodes.iter().map(|node| (node.name.clone(), node.target.clone())).collect();
                Scene {
                    nodes: observation.names(),
                    targets,
                    advice: observation.advice(),
                    logs: observation.logs(),
                    ..Scene::default()
                }
            }
            Self::Nats(options) => Scene {
                is_remote: options.subjects != nats::Subjects::Flat,
                stream: options.stream.clone(),
                ..Scene::default()
            },
            Self::Stdin(_) => Scene { is_recorded: true, ..Scene::default() },
            Self::Archives(replay) => {
                let playback = is_shown.then(|| replay.playback());
                let selections = if concludes { replay.selections() } else { Vec::new() };
                Scene { is_recorded: true, playback, selections, ..Scene::default() }
            }
        };
        selections::log(&scene.selections);
        Scene { filter: filter.clone(), ..scene }
    }

    /// Whether it can wait for a slow tool, so that nothing need be dropped.
    pub fn can_wait(&self) -> bool {
        matches!(self, Self::Stdin(_) | Self::Archives(_))
    }

    /// Does what takes privileges, and gives them up, before any thread is started.
    ///
    /// # Errors
    /// The nodes cannot be observed, or privileges not be given up.
    pub fn prepare(self, keeps: &Keeps) -> Result<PreparedInput> {
        Ok(match self {
            Self::Nodes(observation) => {
                let mut prepared = observation.prepare()?;
                prepared.confine(keeps)?;
                PreparedInput::Nodes(prepared)
            }
            Self::Nats(options) => PreparedInput::Nats(options),
            Self::Stdin(form) => PreparedInput::Stdin(form),
            Self::Archives(replay) => PreparedInput::Archives(replay),
        })
    }
}

impl PreparedInput {
    /// Starts it. `stays`: what was read is still looked at when the input has ended, until a signal comes. `consumer`: as which consumer a stream
    /// is read; none if no tool can do that.
    pub fn start(self, supervisor: &mut Supervisor, stays: bool, consumer: Option<String>) {
        let (bus, shutdown) = (supervisor.bus.clone(), supervisor.shutdown.clone());
        match self {
            Self::Nodes(prepared) => prepared.start(supervisor),
            Self::Nats(options) => {
                if let (Some(name), Some(consumer)) = (options.stream.clone(), consumer) {
                    let stream = nats::StreamOptions { name, consumer };
                    let (reading, acknowledging) = nats::read_stream(bus, options, stream, shutdown);
                    supervisor.spawn_extractor("nats", async { Ok(reading.await?) });
                    supervisor.spawn_last("acknowledgements", acknowledging);
                } else {
                    supervisor.spawn_extractor("nats", async move { Ok(nats::read(bus, options, shutdown).await?) });
                }
            }
            Self::Stdin(form) => {
                let form = match form {
                    Form::Auto => watch::Input::Auto,
                    Form::Json => watch::Input::Json,
                    Form::Protobuf => watch::Input::Protobuf,
                };
                supervisor.spawn_extractor("standard input", async move {
                    watch::read(std::io::stdin(), form, bus, shutdown.clone()).await?;
                    if stays {
                        stay("standard input", &shutdown).await;
                    }
                    Ok(())
                });
            }
            Self::Archives(replay) => supervisor.spawn_extractor("replay", replay.run(bus, shutdown, stays)),
        }
    }
}
