//! peer-observer watches Bitcoin nodes from the inside and tells people when their network is attacked or behaves oddly.

mod allocator;
mod cli;
mod config;
mod confine;
mod doctor;
mod logging;
mod runtime;
mod supervisor;
mod tracepoints;
mod verbs;

use std::process::ExitCode;

use clap::Parser;
use tracing::error;

use crate::cli::{Cli, Verb};

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.logging);
    allocator::stop_threads();
    let color = cli.logging.color;
    // Each starts the threads when what comes before them is done.
    let outcome = match cli.verb {
        Verb::Run(args) => verbs::run::run(args, color),
        Verb::Watch(args) => verbs::watch::run(args, color),
        Verb::Metrics(args) => verbs::metrics::run(args, color),
        Verb::Web(args) => verbs::web::run(args, color),
        Verb::Extract(args) => verbs::extract::run(args, color),
        Verb::Doctor(args) => verbs::doctor::run(args, color),
        Verb::Demo(args) => verbs::demo::run(args, color),
    };
    outcome.unwrap_or_else(|cause| {
        error!("{cause:#}");
        ExitCode::from(2)
    })
}
