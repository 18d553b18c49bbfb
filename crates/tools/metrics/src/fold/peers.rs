//! What is known of the node's peers from their addresses, looked up once per peer.

use std::net::IpAddr;

use event::filter::ip_of;
use event::message::Message;
use event::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::{Body, Record};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smol_str::SmolStr;

use crate::facts::{Facts, Sets};

/// Peers that are remembered at the most; nodes have some hundred.
const MAX_PEERS: usize = 8_192;

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The node's id of it.
    pub id: u64,
    /// Address and port, as the node writes them.
    pub addr: SmolStr,
    /// Its IP address, if it has one.
    pub ip: Option<IpAddr>,
    /// The sets that its address is in.
    pub sets: Sets,
    /// Autonomous system by the asmap file; 0 if unmapped.
    pub asn: u32,
    /// When it was first seen, nanoseconds since the UNIX epoch.
    pub since_ns: u64,
    seen_ns: u64,
}

/// All peers of a node that were seen and are not known to be gone.
#[derive(Debug, Default)]
pub struct Peers {
    known: HashMap<u64, Peer, FixedState>,
    /// Of which [`Facts`] they know.
    generation: u64,
}

impl Peers {
    /// The peer of a message.
    pub fn of_message(&mut self, message: &Message, time_ns: u64, facts: &Facts) -> Peer {
        self.look(message.peer, message.addr, time_ns, facts)
    }

    /// The peer with an id and an address.
    pub fn look(&mut self, id: u64, addr: &str, time_ns: u64, facts: &Facts) -> Peer {
        if self.generation != facts.generation() {
            self.generation = facts.generation();
            self.known.clear();
        }
        if let Some(peer) = self.known.get_mut(&id)
            && peer.addr == addr
        {
            peer.seen_ns = time_ns;
            return peer.clone();
        }
        let ip = ip_of(addr);
        let sets = ip.map(|ip| facts.sets_of(ip)).unwrap_or_default();
        let asn = ip.and_then(|ip| facts.asn_of(ip)).unwrap_or(0);
        let peer = Peer { id, addr: addr.into(), ip, sets, asn, since_ns: time_ns, seen_ns: time_ns };
        if self.known.len() >= MAX_PEERS {
            self.forget_oldest();
        }
        self.known.insert(id, peer.clone());
        peer
    }

    /// The peer with an id, if it is known.
    pub fn get(&self, id: u64) -> Option<&Peer> {
        self.known.get(&id)
    }

    /// Takes note of a connection that was opened. That it was closed does not matter here: parts may ask afterwards.
    pub(super) fn event(&mut self, record: &Record, facts: &Facts) {
        let Some(Body::EbpfExtractor(ebpf)) = record.body() else { return };
        let Some(EbpfEvent::Connection(event)) = &ebpf.ebpf_event else { return };
        if let Some(Connection::Inbound(opened)) = &event.event {
            self.look(opened.conn.peer_id, &opened.conn.addr, record.envelope().time_ns, facts);
        }
    }

    fn forget_oldest(&mut self) {
        let mut seen: Vec<u64> = self.known.values().map(|peer| peer.seen_ns).collect();
        let middle = seen.len() / 2;
        let (_, median, _) = seen.select_nth_unstable(middle);
        let median = *median;
        self.known.retain(|_, peer| peer.seen_ns > median);
    }
}
