//! `health`: asks the tools that serve something whether they answer, for containers, which have nothing else to ask with.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use tracing::error;

use crate::config::raw::{Groups, RawConfig};
use crate::logging::Color;
use crate::output::print;
use crate::parts::Parts;

pub const NAME: &str = "health";

/// How long each step of an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

const GROUPS: Groups = Groups { files: true, choice: true, node: false, extractors: false, own: false, tools: true };

#[derive(Args)]
struct HealthArgs {
    /// The tools to ask [default: those that run starts and that serve something]
    tool: Vec<String>,
}

pub fn command(parts: &Parts) -> Command {
    let command = GROUPS.augment::<HealthArgs>(parts, Command::new(NAME));
    let command = command.about("Ask the tools on this machine that serve something whether they answer");
    command.mut_arg("tool", |arg| arg.value_parser(PossibleValuesParser::new(parts.tool_values())))
}

/// 0 if all answer, 1 if one does not.
pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    let HealthArgs { tool: named } = HealthArgs::from_arg_matches(matches)?;
    let raw = RawConfig::read(parts, GROUPS, None, matches, color)?;
    let Some(raw) = raw.print_if_asked()? else { return Ok(ExitCode::SUCCESS) };
    let tools = raw.check()?.tools;
    let is_asked = |name: &str, starts: bool| if named.is_empty() { starts } else { named.iter().any(|n| n == name) };
    let asked = tools.iter().filter(|tool| is_asked(tool.entry.name, tool.starts));
    let asked: Vec<_> = asked.filter_map(|tool| Some((tool.entry.name, tool.tool.listens()?))).collect();
    ensure!(!asked.is_empty(), "no tool here serves anything: name one, such as peer-observer health web");
    let mut healthy = true;
    for (name, address) in asked {
        match answers(reached_at(address)) {
            Ok(()) => print(&format!("{name} answers at {address}\n"))?,
            Err(cause) => {
                error!("{name} at {address}: {cause:#}");
                healthy = false;
            }
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// An address at which one that listens is reached from its own machine.
fn reached_at(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Any answer to a request will do, also that one has to log in. A server with TLS answers that this is none.
fn answers(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("cannot connect")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).context("cannot send a request")?;
    let read = stream.read(&mut [0]).context("no answer")?;
    ensure!(read > 0, "it closed the connection without an answer");
    Ok(())
}
