//! peer-observer watches Bitcoin nodes from the inside and tells people when their network is attacked or behaves oddly.

mod cli;
mod config;
mod doctor;
mod logging;
mod supervisor;
mod verbs;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing::error;

use crate::cli::{Cli, Verb};

/// Events are made in one thread and freed in another, which this allocator does two to three times as fast as the C library's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.logging);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            error!("cannot start: {cause}");
            return ExitCode::from(2);
        }
    };
    let outcome = runtime.block_on(async {
        let color = cli.logging.color;
        match cli.verb {
            Verb::Run(args) => verbs::run::run(args, color).await,
            Verb::Watch(args) => verbs::watch::run(args, color).await,
            Verb::Extract(args) => verbs::extract::run(args, color).await,
            Verb::Doctor(args) => verbs::doctor::run(args, color).await,
            Verb::Demo(args) => verbs::demo::run(args, color).await,
        }
    });
    // A thread may still wait for a terminal or for standard input; nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome.unwrap_or_else(|cause| {
        error!("{cause:#}");
        ExitCode::from(2)
    })
}
