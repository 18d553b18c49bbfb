//! `web`: pages that show the node and its network, of events from NATS or of the node on this machine.

use std::process::ExitCode;

use anyhow::Result;
use web::Server;

use crate::cli::{Color, RunArgs, Tool};
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
        config.tools = Some(vec![Tool::Web]);
        return verbs::run::live(config, &args, color);
    };
    let mut config = told.check_without_nodes()?;
    let server = config.web.take().unwrap_or_default().begin(&config.networks)?;
    block_on(from_nats(&args, options, server))
}

async fn from_nats(args: &RunArgs, options: bus::nats::Options, server: Server) -> Result<ExitCode> {
    let mut supervisor = Supervisor::new()?;
    supervisor.serve_web(server, args.filter.filter());
    supervisor.read(&options).await?;
    Ok(supervisor.run().await.exit_code())
}
