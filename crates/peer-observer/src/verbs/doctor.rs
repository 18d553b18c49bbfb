//! `doctor`: tells what can be observed here, and how to get the rest.

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Color, DoctorArgs, ReportFormat};
use crate::config::Told;
use crate::doctor::{examine, text};
use crate::runtime::block_on;

pub fn run(args: DoctorArgs, color: Color) -> Result<ExitCode> {
    let told = Told::read(&args.config, &args.node, &args.nats)?;
    if told.print_if_asked(&args.config)? {
        return Ok(ExitCode::SUCCESS);
    }
    let config = told.check()?;
    let targets: Vec<_> = config.nodes.into_iter().map(|node| (node.name, node.target)).collect();
    block_on(async {
        let report = examine(&targets, config.nats.as_ref()).await;
        let text = match args.output {
            ReportFormat::Json => serde_json::to_string_pretty(&report)? + "\n",
            ReportFormat::Text => text(&report, color.decide(stdout().is_terminal())),
        };
        stdout().write_all(text.as_bytes())?;
        Ok(if report.anything_observable() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    })
}
