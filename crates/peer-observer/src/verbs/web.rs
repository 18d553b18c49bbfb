//! `web`: pages that show the node and its network, of events from NATS or of the node on this machine.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Color, RunArgs, Tool};
use crate::config::Config;
use crate::supervisor::Supervisor;
use crate::verbs;

pub fn run(args: RunArgs, color: Color) -> Result<ExitCode> {
    let begin = |config: &mut Config| config.web.take().unwrap_or_default().begin(&config.networks);
    verbs::run::only(Tool::Web, &args, color, begin, Supervisor::serve_web)
}
