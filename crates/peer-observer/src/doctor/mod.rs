//! What of a node can be observed from here, and the exact line that would enable the rest.
//!
//! Everything is tried as the extractors would, but nothing is changed and nothing costly asked: a call of an RPC with too many
//! parameters shows whether it is allowed, a connection to the P2P port is closed at once.

mod advice;
mod conf;
mod connection;
mod ebpf;
mod ipc;
mod log;
mod nats;
mod render;
mod report;
mod rpc;
mod sockets;
mod tracepoints;

use std::net::SocketAddr;

use extractor_ebpf::kernel::KernelSupport;
use futures_util::future::join_all;
use node::{Located, Target};

pub use self::advice::{Advice, advice};
pub use self::log::all_lines as log_lines;
pub use self::render::text;
pub use self::report::{Check, Remedy};

use crate::extractors::p2p;

use self::report::{DEBUG_LOG, NodeReport, Report, State, TRACEPOINTS};

/// Examines the nodes, this machine, and the NATS server if there is one.
pub async fn examine(targets: &[(String, Target)], nats: Option<&bus::nats::Options>) -> Report {
    let this = KernelSupport::this();
    let followable = this.obstacle().is_none();
    let examine = |(index, (name, target)): (usize, (String, Target))| {
        let offset = u16::try_from(index).unwrap_or(u16::MAX);
        let listening = SocketAddr::new(p2p::LISTEN.ip(), p2p::LISTEN.port().saturating_add(offset));
        examine_node(name, target, listening, followable)
    };
    let nodes = join_all(targets.iter().cloned().enumerate().map(examine)).await;
    let mut machine = ebpf::checks(&this);
    if let Some(options) = nats {
        let check = nats::check(options).await;
        let is_there = check.state != State::Missing;
        machine.push(check);
        if let Some(stream) = options.stream.as_ref().filter(|_| is_there) {
            machine.push(nats::check_stream(options, stream).await);
        }
    }
    let remedies = if nodes.is_empty() { no_nodes() } else { Vec::new() };
    Report { nodes, machine, remedies }
}

fn no_nodes() -> Vec<Remedy> {
    vec![
        Remedy::new(
            "found no Bitcoin node: no process named bitcoind, bitcoin-node, bitcoin-qt or bitcoin-gui in /proc, and no data \
             in ~/.bitcoin, /var/lib/bitcoind or /var/lib/bitcoin; start one, or say where it is:",
        )
        .line("peer-observer doctor --datadir /path/to/.bitcoin")
        .line("peer-observer doctor --rpc HOST:PORT --rpc-user NAME"),
        Remedy::new("or name nodes in /etc/peer-observer/peer-observer.toml:")
            .line("[[node]]")
            .line("name = \"my-node\"")
            .line("datadir = \"/path/to/.bitcoin\""),
    ]
}

async fn examine_node(name: String, target: Target, listening: SocketAddr, followable: bool) -> NodeReport {
    let remote = target.is_remote();
    let located = tokio::task::spawn_blocking(move || target.locate()).await;
    let located = match located {
        Ok(Ok(located)) => located,
        Ok(Err(error)) => {
            let checks = vec![Check::failed("node", State::Missing, &error)];
            return NodeReport { name, what: "not found".to_owned(), checks, notes: Vec::new() };
        }
        Err(_) => Located::default(), // the program is ending
    };
    let rpc = rpc::examine(&located).await;
    let mut checks = Vec::new();
    if remote {
        checks.push(Check::elsewhere(TRACEPOINTS, "ebpf"));
        checks.push(rpc.check);
        checks.push(Check::elsewhere(DEBUG_LOG, "log"));
    } else {
        checks.push(tracepoints::check(&located, followable));
        checks.push(rpc.check);
        checks.push(log::file(&located));
        if located.debug_log.is_some() || located.log_output.is_some() {
            checks.push(log::categories(&located, rpc.logging.as_ref()));
            checks.extend(located.log_options.as_ref().map(|options| log::options(&located, options)));
        }
    }
    let (p2p, accepts) = sockets::p2p(&located).await;
    checks.push(p2p);
    checks.push(connection::check(&located, listening, accepts, rpc.version.as_deref()).await);
    if !remote {
        checks.push(ipc::check(&located).await);
    }
    NodeReport { name, what: describe(&located, rpc.version.as_deref()), notes: notes(&located), checks }
}

fn describe(located: &Located, version: Option<&str>) -> String {
    let parts = [
        version.map(str::to_owned),
        located.chain.map(|chain| chain.to_string()),
        located.pid.map(|pid| format!("process {pid}")),
        located.datadir.as_ref().map(|datadir| datadir.display().to_string()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was noticed while locating the node, without that which the checks find out anyway.
fn notes(located: &Located) -> Vec<String> {
    let checked = ["cannot read ", "the RPC server is off", "no cookie file"];
    let notes = located.notes.iter().filter(|note| !checked.iter().any(|start| note.starts_with(start)));
    notes.cloned().collect()
}

#[cfg(test)]
mod tests;
