//! What the events tell: addresses that are gossiped, and what must be known of the nodes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use event::pb::p2p_extractor::P2p;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::rpc_extractor::Rpc;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Kind, Record};
use networks::Enrichment;
use node::Chain;
use reach::{Endpoint, Host};

use crate::budget::Neighbourhood;
use crate::engine::{Node, Shared, State, Waiting};
use crate::heard::{self, Heard};
use crate::skipped::Skipped;

/// Nodes that are known at most. Their names come with the events.
const MAX_NODES: usize = 256;
/// Own addresses that are known at most.
const MAX_OWN: usize = 1_024;

impl Shared {
    /// Takes what an event tells.
    pub(crate) fn take(&self, record: &Record) {
        match record.envelope().kind {
            Kind::BlockchainInfo => self.learn_chain(record),
            Kind::NetworkInfo | Kind::OwnAddress => self.learn_own(record),
            _ if heard::may_gossip(record) => self.hear(record),
            _ => {}
        }
    }

    fn learn_chain(&self, record: &Record) {
        let Some(Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::BlockchainInfo(info)) })) = record.body() else {
            return;
        };
        let Ok(chain) = info.chain.parse::<Chain>() else { return };
        let mut state = self.state.lock();
        if let Some(node) = self.node(&mut state, &record.envelope().node) {
            node.chain = Some(chain);
        }
        self.added.notify_one();
    }

    fn learn_own(&self, record: &Record) {
        let hosts: Vec<Host> = match record.body() {
            Some(Body::RpcExtractor(Rpc { rpc_event: Some(RpcEvent::NetworkInfo(info)) })) => {
                let addresses = info.local_addresses.iter();
                addresses.filter_map(|own| Endpoint::new(&own.address, 1).ok()).map(|own| own.host).collect()
            }
            Some(Body::P2pExtractor(P2p { p2p_event: Some(P2pEvent::OwnAddress(own)) })) => {
                heard::endpoint_of(&own.address).map(|own| own.host).into_iter().collect()
            }
            _ => return,
        };
        let mut state = self.state.lock();
        let room = MAX_OWN.saturating_sub(state.own.len());
        state.own.extend(hosts.into_iter().take(room));
    }

    /// The node of this name. None if there are too many.
    fn node<'a>(&self, state: &'a mut State, name: &Arc<str>) -> Option<&'a mut Node> {
        if !state.nodes.contains_key(name) {
            if state.nodes.len() >= MAX_NODES {
                return None;
            }
            let number = u16::try_from(state.nodes.len()).ok()?;
            let node = Node { number, publisher: (self.publishers)(name), chain: None };
            state.nodes.insert(Arc::clone(name), node);
        }
        state.nodes.get_mut(name)
    }

    /// Puts the addresses of an event into the queue.
    fn hear(&self, record: &Record) {
        let enrichment = self.enrichment.lock().clone();
        let tor_exit = |ip: IpAddr| {
            let is_known = enrichment.has("tor_exit") && networks::special(ip).is_none();
            is_known.then(|| enrichment.is_in(enrichment.sets_of(ip), "tor_exit"))
        };
        let mut state = self.state.lock();
        let name = &record.envelope().node;
        let Some(number) = self.node(&mut state, name).map(|node| node.number) else {
            self.warn_once(&format!(
                "addresses of more than {MAX_NODES} nodes come: those of the others are not tried"
            ));
            return;
        };
        let mut skipped: HashMap<Skipped, u32> = HashMap::new();
        let mut given_up: Vec<Heard> = Vec::new();
        heard::addresses(record, tor_exit, |heard| {
            let unfit = heard.as_ref().map_or(Some(Skipped::Network), |heard| self.unfit(&state, heard));
            match (heard, unfit) {
                (Some(heard), None) => {
                    let share = heard.by.share(number);
                    let waiting = Waiting { to: neighbourhood(&heard, &enrichment), heard };
                    given_up.extend(state.queue.push(share, waiting).map(|waiting| waiting.heard));
                }
                (_, why) => {
                    let count = skipped.entry(why.unwrap_or(Skipped::Network)).or_default();
                    *count = count.saturating_add(1);
                }
            }
        });
        for (why, count) in skipped {
            self.skip(&state, name, why, count);
        }
        for heard in given_up {
            self.skip(&state, &heard.by.node, Skipped::QueueFull, 1);
        }
        drop(state);
        self.added.notify_one();
    }

    /// Why an address is not tried, as far as that is known at once.
    fn unfit(&self, state: &State, heard: &Heard) -> Option<Skipped> {
        if let Err(forbidden) = self.options.ranges.check(&heard.endpoint) {
            return Some(forbidden.into());
        }
        if state.own.contains(&heard.endpoint.host) {
            return Some(Skipped::Own);
        }
        if let Err(error) = self.dialer.has_way(&heard.endpoint) {
            return Some(Skipped::of(&error));
        }
        self.private(self.chain(state.nodes.get(&heard.by.node)), &heard.endpoint)
    }
}

/// Whose neighbours the hosts of an address are.
fn neighbourhood(heard: &Heard, enrichment: &Enrichment) -> Neighbourhood {
    let ip = heard.endpoint.host.ip();
    Neighbourhood { group: ip.map(networks::group16), asn: ip.and_then(|ip| enrichment.asn_of(ip)) }
}
