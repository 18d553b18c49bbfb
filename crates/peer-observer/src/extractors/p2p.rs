//! The extractor `p2p`: a P2P connection of our own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use bus::Publisher;
use clap::{ArgAction, Args};
use event::Source;
use extractor_p2p::{Listener, Ways};
use node::Target;
use reach::Proxies;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::extractor::{Extractor, ExtractorEntry, PerNode, Running};
use crate::options::{Check, Context, Part};
use crate::values::{ListenAddress, ProxyAddress, Span, no_contact};

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "p2p",
    summary: "A P2P connection of our own: answer times, addresses, announcements",
    expected: Some(Source::P2p),
    options: Part::of::<P2pOptions>("p2p"),
};

/// Where the first node connects to, unless something else is configured. Nothing else uses this loopback address, so that a node's
/// `-whitelist` can name it.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 28_333);

/// Section `[p2p]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "P2P connection")]
#[serde(default, deny_unknown_fields)]
struct P2pOptions {
    /// Where the first node connects to (addnode=ADDRESS in its bitcoin.conf); other nodes have the ports after it [default: 127.0.0.2:28333]
    #[arg(id = "p2p_listen", long = "p2p-listen", env = "PEER_OBSERVER_P2P_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<ListenAddress>,
    /// Ask each node by RPC to connect (addnode ADDRESS onetry), again after each of its restarts
    #[arg(
        id = "p2p_addnode",
        long = "p2p-addnode",
        env = "PEER_OBSERVER_P2P_ADDNODE",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    addnode: bool,
    /// Where the operators of other nodes can reach you, in what nodes see us as: /peer-observer:VERSION(TEXT)/
    #[arg(id = "p2p_contact", long = "p2p-contact", env = "PEER_OBSERVER_P2P_CONTACT", value_name = "TEXT")]
    contact: Option<String>,
    /// A SOCKS5 proxy to reach nodes at --p2p by their names or IP addresses
    #[arg(id = "p2p_proxy", long = "p2p-proxy", env = "PEER_OBSERVER_P2P_PROXY", value_name = "HOST:PORT")]
    proxy: Option<ProxyAddress>,
    /// A SOCKS5 proxy, that of Tor, to reach nodes at --p2p that are onion services
    #[arg(id = "p2p_onion", long = "p2p-onion", env = "PEER_OBSERVER_P2P_ONION", value_name = "HOST:PORT")]
    onion: Option<ProxyAddress>,
    /// The SAM bridge of an I2P router, to reach nodes at --p2p that are I2P destinations
    #[arg(id = "p2p_i2psam", long = "p2p-i2psam", env = "PEER_OBSERVER_P2P_I2PSAM", value_name = "HOST:PORT")]
    i2psam: Option<ProxyAddress>,
    /// Pause between two pings [default: 1s]
    #[arg(
        id = "p2p_ping_interval",
        long = "p2p-ping-interval",
        env = "PEER_OBSERVER_P2P_PING_INTERVAL",
        value_name = "DURATION"
    )]
    ping_interval: Option<Span>,
}

impl Check<Extractor> for P2pOptions {
    fn check(&self, _: &Context) -> Result<Extractor> {
        let contact = self.contact.as_deref();
        let user_agent = extractor_p2p::user_agent(contact)
            .with_context(|| no_contact("p2p", contact, extractor_p2p::MAX_CONTACT))?;
        Ok(Extractor::PerNode(Box::new(P2p::new(self.clone(), user_agent))))
    }
}

struct P2p {
    options: P2pOptions,
    user_agent: String,
    /// The nodes are started by this program, for itself.
    own_nodes: bool,
    /// By node: where it connects to.
    listeners: HashMap<String, Listener>,
    /// Nodes that have a port.
    ports: u16,
}

impl P2p {
    fn new(options: P2pOptions, user_agent: String) -> Self {
        Self { options, user_agent, own_nodes: false, listeners: HashMap::new(), ports: 0 }
    }

    /// Whether nodes with this target may connect to us.
    fn listens(&self, target: &Target) -> bool {
        self.options.listen.is_some() || self.options.addnode || target.p2p.is_none()
    }

    /// The address that the next node connects to.
    fn next_address(&mut self) -> SocketAddr {
        let first = self.options.listen.map_or(LISTEN, |ListenAddress(address)| address);
        let port = if first.port() == 0 { 0 } else { first.port().saturating_add(self.ports) };
        self.ports = self.ports.saturating_add(1);
        SocketAddr::new(first.ip(), port)
    }

    fn ways(&self, node: &str, target: &Target) -> Result<Ways> {
        if self.own_nodes {
            let listener =
                Listener::bind(SocketAddr::new(LISTEN.ip(), 0)).context("cannot listen for the demo's nodes")?;
            return Ok(Ways { listener: Some(listener), addnode: true, ..Ways::default() });
        }
        let P2pOptions { addnode, proxy, onion, i2psam, .. } = &self.options;
        let address = |option: &Option<ProxyAddress>| option.clone().map(|ProxyAddress(address)| address);
        let proxies = Proxies {
            proxy: address(proxy),
            onion: address(onion),
            i2psam: address(i2psam),
            cjdnsreachable: true,
            ..Proxies::default()
        };
        let listener = self.listeners.get(node).cloned();
        Ok(Ways { listener, addnode: *addnode, dial: target.p2p.clone(), proxies })
    }
}

impl PerNode for P2p {
    fn is_usual(&self, target: &Target) -> bool {
        self.own_nodes || self.options.listen.is_some() || self.options.addnode || target.p2p.is_some()
    }

    fn for_own_nodes(&mut self) {
        self.own_nodes = true;
    }

    fn prepare(&mut self, node: &str, target: &Target) -> Result<()> {
        if self.listens(target) {
            let address = self.next_address();
            let listener = Listener::bind(address).with_context(|| {
                format!("cannot listen at {address} for its P2P connection; choose another address with --p2p-listen")
            })?;
            self.listeners.insert(node.to_owned(), listener);
        }
        Ok(())
    }

    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
        let ways = match self.ways(publisher.node(), &target) {
            Ok(ways) => ways,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        let mut options = extractor_p2p::Options::new(ways);
        options.user_agent.clone_from(&self.user_agent);
        if let Some(Span(interval)) = self.options.ping_interval {
            options.ping_interval = interval;
        }
        let running = extractor_p2p::run(target, options, publisher, shutdown);
        Box::pin(async { Ok(running.await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_has_its_port() {
        let mut p2p = P2p::new(P2pOptions::default(), String::new());
        assert_eq!([p2p.next_address(), p2p.next_address()].map(|address| address.port()), [28_333, 28_334]);
    }

    #[test]
    fn a_node_that_is_dialled_is_listened_for_only_if_that_is_configured() {
        let target = Target { p2p: Some(node::HostPort::new("192.0.2.1", 8333)), ..Target::default() };
        let listen = Some(ListenAddress(SocketAddr::new(LISTEN.ip(), 0)));
        for (listen, expected) in [(None, false), (listen, true)] {
            let mut p2p = P2p::new(P2pOptions { listen, ..P2pOptions::default() }, String::new());
            p2p.prepare("alice", &target).unwrap();
            let ways = p2p.ways("alice", &target).unwrap();
            assert_eq!((ways.listener.is_some(), ways.dial.is_some()), (expected, true));
        }
    }
}
