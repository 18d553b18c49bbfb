//! Where the events of a process come from. Every tool takes any of it.

use std::path::PathBuf;

use anyhow::Result;
use bus::nats;
use clap::ValueEnum;
use tracing::info;

use crate::confine::Connect;
use crate::observation::{Observation, Prepared};
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
}

impl Input {
    /// What is known of the events that will come.
    pub fn scene(&self) -> Scene {
        match self {
            Self::Nodes(observation) => {
                Scene { nodes: observation.names(), advice: observation.advice(), is_recorded: false }
            }
            Self::Nats(_) => Scene::default(),
            Self::Stdin(_) => Scene { is_recorded: true, ..Scene::default() },
        }
    }

    /// Whether it can wait for a slow tool, so that nothing need be dropped.
    pub fn can_wait(&self) -> bool {
        matches!(self, Self::Stdin(_))
    }

    /// Does what takes privileges, and gives them up, before any thread is started. `files` must stay readable.
    ///
    /// # Errors
    /// The nodes cannot be observed, or privileges not be given up.
    pub fn prepare(self, files: &[PathBuf], connect: &Connect) -> Result<PreparedInput> {
        Ok(match self {
            Self::Nodes(observation) => {
                let mut prepared = observation.prepare()?;
                prepared.confine(files, connect)?;
                PreparedInput::Nodes(prepared)
            }
            Self::Nats(options) => PreparedInput::Nats(options),
            Self::Stdin(form) => PreparedInput::Stdin(form),
        })
    }
}

impl PreparedInput {
    /// Starts it. `stays`: what was read is still looked at when the input has ended, until a signal comes.
    pub fn start(self, supervisor: &mut Supervisor, stays: bool) {
        let (bus, shutdown) = (supervisor.bus.clone(), supervisor.shutdown.clone());
        match self {
            Self::Nodes(prepared) => prepared.start(supervisor),
            Self::Nats(options) => {
                supervisor.spawn_extractor("nats", async move { Ok(nats::read(bus, options, shutdown).await?) });
            }
            Self::Stdin(form) => {
                let form = match form {
                    Form::Auto => watch::Input::Auto,
                    Form::Json => watch::Input::Json,
                    Form::Protobuf => watch::Input::Protobuf,
                };
                supervisor.spawn_extractor("standard input", async move {
                    watch::read(std::io::stdin(), form, bus, shutdown.clone()).await?;
                    if stays && !shutdown.is_cancelled() {
                        info!("standard input has ended; what it held is shown until SIGINT or SIGTERM");
                        shutdown.cancelled().await;
                    }
                    Ok(())
                });
            }
        }
    }
}
