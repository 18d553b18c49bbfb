//! `metrics`: numbers for Prometheus, of events from NATS or of the node on this machine.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Color, RunArgs, Tool};
use crate::config::MetricsConfig;
use crate::runtime::block_on;
use crate::supervisor::Supervisor;
use crate::verbs;

pub fn run(args: RunArgs, color: Color) -> Result<ExitCode> {
    let told = verbs::run::told(&args)?;
    if told.print_if_asked(&args.config)? {
        return Ok(ExitCode::SUCCESS);
    }
    let Some(options) = told.nats()? else {
        let mut config = told.check()?;
        config.tools = Some(vec![Tool::Metrics]);
        return verbs::run::live(config, &args, color);
    };
    let metrics = told.check_without_nodes()?.metrics.unwrap_or_default();
    block_on(from_nats(&args, options, metrics))
}

async fn from_nats(args: &RunArgs, options: bus::nats::Options, metrics: MetricsConfig) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    supervisor.serve_metrics(metrics.begin()?, args.filter.filter());
    supervisor.read(&options).await?;
    Ok(supervisor.run().await.exit_code())
}
