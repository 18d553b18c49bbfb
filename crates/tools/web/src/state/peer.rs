//! What is known of one peer.

use std::collections::VecDeque;
use std::net::IpAddr;

use event::message::Message;
use event::pb::rpc_extractor::PeerInfo;
use smol_str::SmolStr;

use super::names;
use super::rate::{Rate, Samples};
use super::said::Said;
use super::text::cut;
use super::types::{Type, Types};
use networks::{Facts, SetMask};

/// Messages that are kept.
const MAX_SAID: usize = 200;
/// Pings that are kept.
const MAX_PINGS: usize = 200;
/// Entries of debug.log that are kept, and bytes of each.
const MAX_LOG: (usize, usize) = (50, 300);
/// Misbehaviours that are kept.
const MAX_MISBEHAVIOURS: usize = 50;
/// Steps of traffic that are kept: an hour.
const MAX_TRAFFIC: usize = 360;
/// Nanoseconds of such a step.
pub(crate) const TRAFFIC_STEP_NS: u64 = 10_000_000_000;

/// One peer of a node: a connection.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    pub id: u64,
    /// Address and port as the node writes them.
    pub addr: SmolStr,
    pub ip: Option<IpAddr>,
    pub sets: SetMask,
    /// Autonomous system by the asmap file.
    pub asn: Option<u32>,
    pub network: &'static str,
    pub connection_type: &'static str,
    pub inbound: Option<bool>,
    pub transport: SmolStr,
    pub user_agent: Option<SmolStr>,
    pub version: Option<u32>,
    pub services: Option<u64>,
    pub relay: Option<bool>,
    pub starting_height: Option<i64>,

    /// When it was first seen, and when it connected, nanoseconds since the UNIX epoch.
    pub first_seen_ns: u64,
    pub connected_ns: Option<u64>,
    /// When it was last heard of.
    pub seen_ns: u64,
    pub end: Option<End>,
    /// It was chosen to be evicted.
    pub evicted: bool,
    /// Polls in a row that did not have it any more.
    pub absent: u8,

    /// The last answer of getpeerinfo.
    pub polled: Option<Box<Polled>>,
    /// What tracepoints told. None as long as they told nothing.
    pub traced: Option<Box<Traced>>,
    /// Lengths of pings, by whoever told: time, seconds.
    pub pings: VecDeque<(u64, f32)>,
    pub misbehaviours: VecDeque<Misbehaviour>,
    pub misbehaved: u64,
    pub log: VecDeque<Entry>,
    pub addresses: Gossip,
    pub txs: Txs,
    /// Fee rate of its last feefilter, sat/kvB.
    pub fee_filter: Option<i64>,
    pub synced_header: Option<u32>,
}

/// How a connection ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub at_ns: u64,
    /// "closed", "evicted", "disappeared" or "node_restarted".
    pub how: &'static str,
    pub reason: Option<&'static str>,
    pub text: Option<SmolStr>,
}

/// What getpeerinfo told last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polled {
    pub last_send: i64,
    pub last_received: i64,
    pub last_transaction: i64,
    pub last_block: i64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub ping: f64,
    pub min_ping: f64,
    pub ping_wait: f64,
    pub hb_to: bool,
    pub hb_from: bool,
    pub synced_headers: i64,
    pub synced_blocks: i64,
    pub inflight: u32,
    pub addr_relay: bool,
    pub addr_processed: u64,
    pub addr_rate_limited: u64,
    pub permissions: Vec<SmolStr>,
    pub min_fee_filter: f64,
    pub inv_to_send: u64,
    pub cpu_load: f64,
    pub time_offset: i64,
    pub mapped_as: u32,
    pub connection_time: i64,
    /// Bytes by type of message: sent, received.
    pub by_type: Vec<(Type, u64, u64)>,
}

/// What tracepoints told of a peer.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    pub messages: [u64; 2],
    pub bytes: [u64; 2],
    pub rates: [Rate; 2],
    pub by_type: Vec<Count>,
    pub said: VecDeque<Said>,
    pub traffic: Traffic,
    pub last_ns: [u64; 2],
    pub replies: Vec<Replies>,
}

/// Messages of one type in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub kind: Type,
    pub inbound: bool,
    pub count: u64,
    pub bytes: u64,
    pub last_ns: u64,
}

/// Answers of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Replies {
    pub asked: event::requests::Asked,
    /// The node asked, the peer answers.
    pub by_peer: bool,
    pub samples: Samples,
}

/// Bytes in and out, messages in and out, in steps of ten seconds.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub last: u64,
    pub steps: VecDeque<[u32; 4]>,
}

/// Something that a peer did wrong.
#[derive(Clone, Debug)]
pub(crate) struct Misbehaviour {
    pub at_ns: u64,
    pub message: SmolStr,
    pub action: &'static str,
}

/// An entry of debug.log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub at_ns: u64,
    pub category: SmolStr,
    pub text: SmolStr,
}

/// Addresses that went by a peer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gossip {
    /// Messages and entries that it sent.
    pub messages: u64,
    pub received: u64,
    pub sent: u64,
    pub own: u64,
    pub last_ns: u64,
    /// By debug.log, where nobody else tells.
    pub logged: u64,
    pub logged_limited: u64,
}

/// Transactions that went by a peer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Txs {
    pub announced: u64,
    pub first: u64,
    pub requested: u64,
    pub delivered: u64,
    pub duplicates: u64,
    pub unrequested: u64,
    pub not_found: u64,
    pub sent: u64,
    /// Announcements to it, and requests of it.
    pub told: u64,
    pub asked: u64,
}

impl Peer {
    /// One that was not known before.
    pub fn new(id: u64, addr: &str, time_ns: u64, facts: &Facts) -> Self {
        let mut peer = Self { id, first_seen_ns: time_ns, seen_ns: time_ns, ..Self::default() };
        (peer.network, peer.connection_type) = (names::UNKNOWN, names::UNKNOWN);
        peer.set_addr(addr, facts);
        peer
    }

    /// Sets what follows from an address.
    pub fn set_addr(&mut self, addr: &str, facts: &Facts) {
        self.addr = cut(addr, 128);
        self.ip = event::filter::ip_of(&self.addr);
        self.sets = self.ip.map(|ip| facts.sets_of(ip)).unwrap_or_default();
        self.asn = self.ip.and_then(|ip| facts.asn_of(ip)).filter(|asn| *asn != 0);
        if self.network == names::UNKNOWN {
            self.network = names::network_of_text(&self.addr);
        }
    }

    /// Sets the kind of its connection.
    pub fn set_type(&mut self, connection_type: &'static str) {
        if connection_type != names::UNKNOWN {
            self.connection_type = connection_type;
            self.inbound = Some(connection_type == "inbound");
        }
    }

    /// Takes note of a message.
    pub fn message(&mut self, message: &Message, kind: Type, said: Said) {
        let (side, inbound, time_ns) = (usize::from(!message.inbound), message.inbound, said.at_ns);
        self.seen_ns = self.seen_ns.max(time_ns);
        let traced = self.traced.get_or_insert_default();
        if let (Some(messages), Some(bytes)) = (traced.messages.get_mut(side), traced.bytes.get_mut(side)) {
            *messages += 1;
            *bytes = bytes.saturating_add(message.size);
        }
        if let (Some(rate), Some(last_ns)) = (traced.rates.get_mut(side), traced.last_ns.get_mut(side)) {
            rate.add(time_ns, 1);
            *last_ns = time_ns.max(*last_ns);
        }
        traced.traffic.add(time_ns, message.size, inbound);
        match traced.by_type.iter_mut().find(|count| count.kind == kind && count.inbound == inbound) {
            Some(count) => {
                count.count += 1;
                count.bytes = count.bytes.saturating_add(message.size);
                count.last_ns = time_ns;
            }
            None => traced.by_type.push(Count { kind, inbound, count: 1, bytes: message.size, last_ns: time_ns }),
        }
        push(&mut traced.said, said, MAX_SAID);
    }

    /// Takes note of an answer.
    pub fn answered(&mut self, asked: event::requests::Asked, by_peer: bool, seconds: f64) {
        let replies = &mut self.traced.get_or_insert_default().replies;
        let at = replies.iter().position(|reply| reply.asked == asked && reply.by_peer == by_peer);
        let at = at.unwrap_or_else(|| {
            replies.push(Replies { asked, by_peer, samples: Samples::default() });
            replies.len() - 1
        });
        if let Some(reply) = replies.get_mut(at) {
            reply.samples.add(seconds, 128);
        }
    }

    /// Takes note of how long a ping took.
    pub fn ping(&mut self, time_ns: u64, seconds: f64) {
        push(&mut self.pings, (time_ns, seconds as f32), MAX_PINGS);
    }

    /// Takes note of an entry of debug.log.
    pub fn logged(&mut self, at_ns: u64, category: &str, text: &str) {
        let entry = Entry { at_ns, category: cut(category, 32), text: cut(text, MAX_LOG.1) };
        push(&mut self.log, entry, MAX_LOG.0);
    }

    /// Takes note of misbehaviour.
    pub fn misbehaved(&mut self, at_ns: u64, message: &str, action: &'static str) {
        // Tracepoint and debug.log tell of the same one.
        let same =
            |known: &Misbehaviour| known.at_ns.abs_diff(at_ns) < 2_000_000_000 && head_matches(&known.message, message);
        if let Some(known) = self.misbehaviours.iter_mut().rev().find(|known| same(known)) {
            if known.action == "noticed" {
                known.action = action;
            }
            return;
        }
        self.misbehaved += 1;
        push(&mut self.misbehaviours, Misbehaviour { at_ns, message: cut(message, 200), action }, MAX_MISBEHAVIOURS);
    }

    /// Takes over what getpeerinfo told. Returns how many more bytes went by, by type, since the poll before: sent, received.
    pub fn poll(&mut self, info: &PeerInfo, at_ns: u64, types: &mut Types) -> Vec<(Type, u64, u64)> {
        let before = self.polled.take().unwrap_or_default();
        let polled = Polled::read(info, types);
        self.absent = 0;
        self.seen_ns = self.seen_ns.max(at_ns);
        self.network = match names::network(&info.network) {
            names::UNKNOWN => self.network,
            network => network,
        };
        self.set_type(names::connection_type(&info.connection_type));
        self.inbound = Some(info.inbound);
        self.transport = cut(&info.transport_protocol_type, 16);
        if info.version != 0 {
            self.user_agent = Some(cut(&info.subversion, 256));
            self.version = Some(info.version);
            self.relay = Some(info.relay_transactions);
        }
        if let Ok(services) = u64::from_str_radix(&info.services, 16) {
            self.services = Some(services);
        }
        if info.starting_height > 0 {
            self.starting_height = Some(info.starting_height);
        }
        if self.connected_ns.is_none() {
            self.connected_ns = seconds_ns(info.connection_time);
        }
        if polled.ping > 0.0 && polled.ping.to_bits() != before.ping.to_bits() && self.traced.is_none() {
            self.ping(at_ns, polled.ping);
        }
        let grown = |(kind, sent, received): &(Type, u64, u64)| {
            let known = before.by_type.iter().find(|(known, ..)| known == kind);
            let (_, sent_before, received_before) = known.copied().unwrap_or_default();
            (*kind, sent.saturating_sub(sent_before), received.saturating_sub(received_before))
        };
        let grown = polled.by_type.iter().map(grown).collect();
        self.polled = Some(Box::new(polled));
        grown
    }

    /// Bytes of one type of message by getpeerinfo: sent, received.
    pub fn polled_bytes(&self, kind: Type) -> (u64, u64) {
        let by_type = self.polled.iter().flat_map(|polled| &polled.by_type);
        let of_kind = by_type.filter(|(of, ..)| *of == kind);
        of_kind.fold((0, 0), |sum, (_, sent, received)| (sum.0 + sent, sum.1 + received))
    }
}

impl Polled {
    fn read(info: &PeerInfo, types: &mut Types) -> Self {
        let mut by_type: Vec<(Type, u64, u64)> = Vec::new();
        let sent = info.bytes_sent_per_message.iter().map(|(name, bytes)| (name, *bytes, 0));
        let received = info.bytes_received_per_message.iter().map(|(name, bytes)| (name, 0, *bytes));
        for (name, sent, received) in sent.chain(received).take(256) {
            let kind = types.number(name);
            match by_type.iter_mut().find(|(known, ..)| *known == kind) {
                Some((_, out, into)) => {
                    *out = out.saturating_add(sent);
                    *into = into.saturating_add(received);
                }
                None => by_type.push((kind, sent, received)),
            }
        }
        Self {
            last_send: info.last_send,
            last_received: info.last_received,
            last_transaction: info.last_transaction,
            last_block: info.last_block,
            bytes_sent: info.bytes_sent,
            bytes_received: info.bytes_received,
            ping: info.ping_time,
            min_ping: info.minimum_ping,
            ping_wait: info.ping_wait,
            hb_to: info.bip152_hb_to,
            hb_from: info.bip152_hb_from,
            synced_headers: info.synced_headers,
            synced_blocks: info.synced_blocks,
            inflight: info.inflight.len() as u32,
            addr_relay: info.addr_relay_enabled,
            addr_processed: info.addr_processed,
            addr_rate_limited: info.addr_rate_limited,
            permissions: info.permissions.iter().take(16).map(|permission| cut(permission, 32)).collect(),
            min_fee_filter: info.minfeefilter,
            inv_to_send: info.inv_to_send,
            cpu_load: info.cpu_load,
            time_offset: info.time_offset,
            mapped_as: info.mapped_as,
            connection_time: info.connection_time,
            by_type,
        }
    }
}

impl Traffic {
    fn add(&mut self, time_ns: u64, size: u64, inbound: bool) {
        let step = time_ns / TRAFFIC_STEP_NS;
        if step > self.last || self.steps.is_empty() {
            let steps = if self.steps.is_empty() { 1 } else { step - self.last };
            if steps >= MAX_TRAFFIC as u64 {
                self.steps.clear();
            }
            (0..steps.min(MAX_TRAFFIC as u64)).for_each(|_| push(&mut self.steps, [0; 4], MAX_TRAFFIC));
            self.last = step;
        }
        let back = usize::try_from(self.last - step).unwrap_or(usize::MAX);
        let at = self.steps.len().checked_sub(back.saturating_add(1));
        if let Some([bytes_in, bytes_out, in_, out]) = at.and_then(|at| self.steps.get_mut(at)) {
            let (bytes, messages) = if inbound { (bytes_in, in_) } else { (bytes_out, out) };
            *bytes = bytes.saturating_add(u32::try_from(size).unwrap_or(u32::MAX));
            *messages = messages.saturating_add(1);
        }
    }

    /// The values of a step.
    pub fn get(&self, step: u64) -> Option<[u32; 4]> {
        let back = usize::try_from(self.last.checked_sub(step)?).ok()?;
        self.steps.get(self.steps.len().checked_sub(back + 1)?).copied()
    }
}

/// Nanoseconds since the UNIX epoch from seconds; none of 0.
pub(crate) fn seconds_ns(seconds: i64) -> Option<u64> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(|seconds| seconds.saturating_mul(1_000_000_000))
}

fn head_matches(known: &str, message: &str) -> bool {
    known.is_empty() || message.is_empty() || message.starts_with(known) || known.starts_with(message)
}

/// Appends; the oldest goes if there are too many.
pub(crate) fn push<T>(list: &mut VecDeque<T>, item: T, limit: usize) {
    if list.len() >= limit {
        list.pop_front();
    }
    list.push_back(item);
}

impl Peer {
    /// Takes over what its version message tells.
    pub fn introduced(&mut self, version: &event::message::Version) {
        self.user_agent = Some(cut(version.user_agent, 256));
        self.version = Some(version.version);
        self.services = Some(version.services);
        self.relay = Some(version.relay);
        self.starting_height = Some(i64::from(version.start_height));
    }
}
