//! Which events a person wants: the same options in every command that has any.

use clap::Args;
use event::filter::{AddrPattern, Kinds};
use event::similar::similar;
use event::{Direction, Filter, message_types};
use smol_str::SmolStr;

/// Which events are wanted.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Filters (several values of one filter: any of them; several filters: all of them)")]
pub struct FilterArgs {
    /// Events of these nodes
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    node: Vec<String>,
    /// Events of these kinds, sources or subjects: message, rpc, netconn, update_tip, ...
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kind: Vec<Kinds>,
    /// P2P messages of these types: inv, tx, addrv2, ... (=TYPE for one that resembles a known type)
    #[arg(long, value_delimiter = ',', value_parser = message_type, value_name = "TYPE")]
    message: Vec<SmolStr>,
    /// Events about these peers, by the node's id
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    peer: Vec<u64>,
    /// Events about peers with these addresses: IP address, network (10.0.0.0/8), with port, or .onion or .b32.i2p name
    #[arg(long, value_delimiter = ',', value_name = "ADDR")]
    addr: Vec<AddrPattern>,
    /// P2P messages to the node (inbound) or from it (outbound)
    #[arg(long, value_name = "DIRECTION")]
    direction: Option<Direction>,
    /// Events from this time on: 2026-01-31T12:00:00Z, @1700000000, or 10m for ten minutes ago
    #[arg(long, value_parser = parse_when, value_name = "TIME")]
    since: Option<u64>,
    /// Events up to this time
    #[arg(long, value_parser = parse_when, value_name = "TIME")]
    until: Option<u64>,
}

/// A type of P2P messages. Peers may send any, but one that is almost a known one is taken for a typing error.
fn message_type(text: &str) -> Result<SmolStr, String> {
    let known = || message_types::ALL.iter().map(|message_type| message_type.name);
    if let Some(exact) = text.strip_prefix('=') {
        return Ok(exact.into());
    }
    match similar(text, known()) {
        Some(name) if name != text => {
            Err(format!("no known type of P2P messages; did you mean \"{name}\"? (if not, write ={text})"))
        }
        _ => Ok(text.into()),
    }
}

/// A time in nanoseconds since the UNIX epoch.
fn parse_when(text: &str) -> Result<u64, String> {
    event::time::parse_when(text, event::time::now_ns())
}

impl FilterArgs {
    /// The filter that these options describe.
    pub fn filter(self) -> Filter {
        Filter {
            nodes: self.node,
            kinds: self.kind,
            messages: self.message,
            peers: self.peer,
            addrs: self.addr,
            direction: self.direction,
            since_ns: self.since,
            until_ns: self.until,
        }
    }
}
