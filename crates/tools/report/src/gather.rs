//! Reads archives, once and in bounded memory, and keeps what a report has.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use alert_state::Incident;
use event::filter::ip_of;
use event::message::{Message, Payload};
use event::names;
use event::pb::alerts::{Reference, SubjectKind};
use event::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{Log, LogLevel};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::text::{Line as TextLine, LogText, Look};
use event::{Body, Direction, Filter, Kind, Record};
use networks::Enrichment;
use redact::Redactor;
use smol_str::SmolStr;
use store::archive::{Archive, ArchiveError, Place};

use crate::hosts::Hosts;
use crate::plan::{MAX_EVENTS, Plan};
use crate::scope::{Scope, Seen, host, routed};
use crate::series::Series;

/// Log lines that are kept of the beginning, and as many of the end.
const MAX_LINES: usize = 100;
/// Bytes of a log line.
const MAX_LINE: usize = 500;
/// Events that prove something.
const MAX_EVIDENCE: usize = 100;
/// Blocks that it is about.
const MAX_HASHES: usize = 8;
/// Own addresses of nodes.
const MAX_OWN: usize = 1_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What archives show of an incident.
#[derive(Debug)]
pub(crate) struct Facts {
    pub plan: Plan,
    pub series: Series,
    pub hosts: Hosts,
    pub lines: Lines,
    /// Each event that proves an alert; none if it was not found.
    pub evidence: Vec<(Reference, Option<String>)>,
    /// How many others prove it.
    pub more_evidence: usize,
    /// Addresses of the nodes, by themselves.
    pub own: HashSet<IpAddr>,
    /// Events that were read, and places that could not be.
    pub events: u64,
    pub damaged: u64,
    /// There were more events than are read.
    pub is_cut: bool,
    /// An archive says that it left out some events on purpose.
    pub is_selection: bool,
}

/// Lines of debug.log that belong to an incident: the first and the last ones.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub first: Vec<Line>,
    pub last: VecDeque<Line>,
    /// How many are between.
    pub between: u64,
}

/// A line of debug.log.
#[derive(Debug)]
pub(crate) struct Line {
    pub time_ns: u64,
    pub node: Arc<str>,
    pub text: String,
}

impl Lines {
    fn push(&mut self, line: Line) {
        if self.first.len() < MAX_LINES {
            self.first.push(line);
            return;
        }
        if self.last.len() >= MAX_LINES {
            self.last.pop_front();
            self.between += 1;
        }
        self.last.push_back(line);
    }

    /// Shows nodes under other names.
    pub fn rename(&mut self, name: impl Fn(&str) -> Option<Arc<str>>) {
        for line in self.first.iter_mut().chain(&mut self.last) {
            line.node = name(&line.node).unwrap_or_default();
        }
    }

    fn sort(&mut self) {
        self.first.sort_by_key(|line| line.time_ns);
        self.last.make_contiguous().sort_by_key(|line| line.time_ns);
    }
}

struct Gather<'a> {
    scope: &'a Scope,
    enrichment: &'a Enrichment,
    redactor: Option<&'a mut Redactor>,
    /// Hashes of blocks that it is about.
    hashes: Vec<&'a str>,
    wanted: HashMap<(&'a str, u64, u64), usize>,
    facts: Facts,
}

/// Reads what archives have of an incident. With a redactor, what is kept is what the public may see.
///
/// # Errors
/// An archive cannot be opened.
pub(crate) fn gather(
    places: &[Place],
    incident: &Incident,
    scope: &Scope,
    enrichment: &Enrichment,
    mut redactor: Option<&mut Redactor>,
) -> Result<Facts, ArchiveError> {
    let all: Vec<&Reference> = incident.alerts.iter().flat_map(|alert| &alert.evidence).collect();
    let mut evidence: Vec<(Reference, Option<String>)> = Vec::new();
    let mut wanted = HashMap::new();
    let mut more_evidence = HashSet::new();
    for reference in all {
        let key = (reference.node.as_str(), reference.run, reference.sequence);
        if wanted.contains_key(&key) {
            continue;
        }
        if evidence.len() >= MAX_EVIDENCE {
            more_evidence.insert(key);
            continue;
        }
        wanted.insert(key, evidence.len());
        evidence.push((reference.clone(), None));
    }
    let plan = Plan::new(places, scope, &evidence)?;
    if let Some(redactor) = redactor.as_deref_mut() {
        // Own addresses must be known before anything is shown.
        read(places, &plan, scope, |record, _| record.into_iter().for_each(|record| redactor.see(record)))?;
    }
    let blocks = incident.alerts.iter().map(|alert| &alert.subject).filter(|s| s.kind() == SubjectKind::Block);
    let hashes = blocks.map(|subject| subject.text.as_str()).filter(|hash| hash.len() == 64).take(MAX_HASHES).collect();
    let facts = Facts {
        series: Series::new(scope.from_ns, scope.to_ns),
        hosts: Hosts::default(),
        lines: Lines::default(),
        more_evidence: more_evidence.len(),
        evidence,
        own: HashSet::new(),
        events: 0,
        damaged: 0,
        is_cut: plan.cut_ns.is_some(),
        is_selection: false,
        plan: Plan::default(),
    };
    let mut gather = Gather { scope, enrichment, redactor, hashes, wanted, facts };
    let is_cut = read(places, &plan, scope, |record, is_evidence| match record {
        Some(record) => gather.add(record, is_evidence),
        None => gather.facts.damaged += 1,
    })?;
    let mut facts = gather.facts;
    facts.plan = plan;
    facts.is_cut |= is_cut;
    facts.lines.sort();
    Ok(facts)
}

/// Reads the events of a plan, with whether each is wanted as evidence only; none where something cannot be read. Returns whether there
/// were more than are read.
fn read(
    places: &[Place],
    plan: &Plan,
    scope: &Scope,
    mut take: impl FnMut(Option<&Arc<Record>>, bool),
) -> Result<bool, ArchiveError> {
    let filter = Filter { nodes: scope.nodes.clone(), ..Filter::default() };
    let in_time = Filter { since_ns: Some(scope.from_ns), until_ns: Some(scope.to_ns), ..filter.clone() };
    let mut open: Option<(usize, Archive)> = None;
    let mut events = 0;
    for piece in &plan.pieces {
        let Some(place) = places.get(piece.place) else { continue };
        let archive = match &open {
            Some((number, archive)) if *number == piece.place => archive.clone(),
            _ => Archive::open(place.clone())?,
        };
        let filter = if piece.is_evidence { &filter } else { &in_time };
        for record in archive.records_in(&piece.range, filter.clone()) {
            take(record.ok().map(Arc::new).as_ref(), piece.is_evidence);
            events += 1;
            // Where no index has counted them, there may be more than was thought.
            if events > MAX_EVENTS + MAX_EVENTS / 2 {
                return Ok(true);
            }
        }
        open = Some((piece.place, archive));
    }
    Ok(false)
}

impl Gather<'_> {
    fn add(&mut self, record: &Arc<Record>, is_evidence: bool) {
        let envelope = record.envelope();
        let shown = match &mut self.redactor {
            Some(redactor) => redactor.redact(record).map(Arc::new),
            None => Some(Arc::clone(record)),
        };
        let Some(shown) = shown else { return };
        if let Some(index) = self.wanted.get(&(&*envelope.node, envelope.run, envelope.sequence))
            && let Some((_, found)) = self.facts.evidence.get_mut(*index)
        {
            *found = Some(cut(TextLine { record: &shown, look: Look::default() }.to_string()));
        }
        if is_evidence {
            return;
        }
        self.facts.events += 1;
        self.facts.is_selection |= envelope.kind == Kind::Selection;
        let is_tied = self.peer(record, &shown);
        self.facts.series.add(record, is_tied);
        if envelope.kind == Kind::Message {
            return; // what there is of it is counted, and its body need not be decoded
        }
        match record.body() {
            Some(Body::RpcExtractor(rpc)) => self.rpc(record, &shown, rpc.rpc_event.as_ref()),
            Some(Body::LogExtractor(log)) => self.log(record, &shown, log, is_tied),
            _ => {}
        }
    }

    /// Notes what a peer did. Returns whether it belongs to the incident.
    fn peer(&mut self, record: &Record, shown: &Record) -> bool {
        let envelope = record.envelope();
        let (node, Some(id)) = (&envelope.node, envelope.peer) else { return false };
        if let Some(addr) = record.addr().filter(|addr| !addr.is_empty()) {
            let agent = agent_of(record);
            self.meet(node, id, (addr, shown.addr().unwrap_or_default()), None, agent.as_deref(), envelope.time_ns);
        } else if let Some(agent) = agent_of(record) {
            self.learn(node, id, None, Some(&agent));
        }
        let hosts = &mut self.facts.hosts;
        if let Some(agent) = agent_of(shown)
            && let Some(host) = hosts.host_mut(node, id)
        {
            host.learn_agent(&agent);
        }
        if let Some(host) = hosts.host_mut(node, id) {
            host.last_ns = host.last_ns.max(envelope.time_ns);
        }
        match envelope.kind {
            Kind::Message => self.message(record, node, id),
            Kind::MessageReceived | Kind::MessageSent => {
                let (Some(direction), Some(message_type)) = (envelope.direction, &envelope.message_type) else {
                    return hosts.peer(node, id).is_some_and(|peer| peer.is_tied);
                };
                if let Some([_, logged]) = hosts.host_mut(node, id).map(|host| &mut host.traffic) {
                    logged.add(direction, message_type, envelope.size.unwrap_or_default());
                }
            }
            Kind::InboundConnection => hosts.learn_direction(node, id, true),
            Kind::OutboundConnection => hosts.learn_direction(node, id, false),
            Kind::PeerConnected => self.connected(record, node, id),
            Kind::ClosedConnection | Kind::PeerDisconnected => hosts.close(node, id, seconds(record)),
            _ => {}
        }
        self.facts.hosts.peer(node, id).is_some_and(|peer| peer.is_tied)
    }

    fn message(&mut self, record: &Record, node: &Arc<str>, id: u64) {
        let Some(message) = Message::of(record) else { return };
        let hosts = &mut self.facts.hosts;
        match names::connection_type_of_message(&message) {
            "inbound" => hosts.learn_direction(node, id, true),
            names::UNKNOWN => {}
            _ => hosts.learn_direction(node, id, false),
        }
        let Some(host) = hosts.host_mut(node, id) else { return };
        let direction = if message.inbound { Direction::Inbound } else { Direction::Outbound };
        let [traced, _] = &mut host.traffic;
        traced.add(direction, message.message_type, message.size);
        let delivers = matches!(
            message.payload,
            Payload::Tx(_) | Payload::Block(_) | Payload::CompactBlock(_) | Payload::BlockTxn(_)
        );
        if message.inbound && delivers {
            host.delivered += 1;
        }
    }

    fn connected(&mut self, record: &Record, node: &Arc<str>, id: u64) {
        let Some(Body::LogExtractor(Log { log_event: Some(LogEvent::PeerConnected(peer)), .. })) = record.body() else {
            return;
        };
        if let Some(kind) = &peer.connection_type {
            self.facts.hosts.learn_direction(node, id, kind == "inbound");
        }
        self.learn(node, id, peer.mapped_as.filter(|asn| *asn != 0), None);
    }

    /// A connection with an address: as it is, and as it is shown.
    fn meet(
        &mut self,
        node: &Arc<str>,
        id: u64,
        (addr, shown): (&str, &str),
        asn: Option<u32>,
        agent: Option<&str>,
        time_ns: u64,
    ) {
        if self.facts.hosts.peer(node, id).is_some_and(|peer| peer.addr == addr) {
            return self.learn(node, id, asn, agent);
        }
        let ip = routed(addr);
        let key = key_of(addr);
        // The pseudonym of an address that is routed is, too.
        let shown = if ip.is_some() { ip_of(shown).map_or_else(|| shown.into(), ip_text) } else { key_of(shown) };
        self.facts.hosts.meet(node, id, addr, (&key, &shown), time_ns);
        if let Some(host) = self.facts.hosts.host_mut(node, id) {
            host.ip = ip;
        }
        self.learn(node, id, asn.or_else(|| self.enrichment.asn_of(ip?)), agent);
    }

    /// What is known of a connection tells whether it belongs to the incident.
    fn learn(&mut self, node: &Arc<str>, id: u64, asn: Option<u32>, agent: Option<&str>) {
        let hosts = &mut self.facts.hosts;
        if let (Some(asn), Some(host)) = (asn, hosts.host_mut(node, id)) {
            host.asn = Some(asn);
        }
        let Some(peer) = hosts.peer(node, id) else { return };
        let (was_tied, addr) = (peer.is_tied, peer.addr.clone());
        if was_tied || !self.scope.has_peers() {
            return;
        }
        let asn = hosts.host_mut(node, id).and_then(|host| host.asn);
        let seen = Seen { node, id, addr: &addr, ip: routed(&addr), asn, agent };
        if !self.scope.ties(&seen) {
            return;
        }
        let is_blamed = self.scope.blames(&seen);
        hosts.tie(node, id, is_blamed);
    }

    fn rpc(&mut self, record: &Record, shown: &Record, event: Option<&RpcEvent>) {
        let envelope = record.envelope();
        match event {
            Some(RpcEvent::PeerInfos(peers)) => {
                let public = match shown.body() {
                    Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                        Some(RpcEvent::PeerInfos(public)) => public,
                        _ => return,
                    },
                    _ => return,
                };
                let public: HashMap<u32, _> = public.infos.iter().map(|info| (info.id, info)).collect();
                for info in &peers.infos {
                    let Some(public) = public.get(&info.id) else { continue };
                    let (node, id) = (&envelope.node, u64::from(info.id));
                    let asn = Some(info.mapped_as).filter(|asn| *asn != 0);
                    let addrs = (info.address.as_str(), public.address.as_str());
                    self.meet(node, id, addrs, asn, Some(&info.subversion), envelope.time_ns);
                    self.facts.hosts.learn_direction(node, id, info.inbound);
                    if let Some(host) = self.facts.hosts.host_mut(node, id) {
                        host.learn_agent(&public.subversion);
                        host.is_protected |= !info.permissions.is_empty();
                        host.last_ns = host.last_ns.max(envelope.time_ns);
                    }
                    self.own(&info.address_bind);
                }
            }
            Some(RpcEvent::NetworkInfo(info)) => info.local_addresses.iter().for_each(|own| self.own(&own.address)),
            _ => {}
        }
    }

    fn own(&mut self, address: &str) {
        if self.facts.own.len() < MAX_OWN {
            self.facts.own.extend(ip_of(address));
        }
    }

    fn log(&mut self, record: &Record, shown: &Record, log: &Log, is_tied: bool) {
        let kind = record.envelope().kind;
        let is_warning = matches!(log.log_level(), LogLevel::Warning | LogLevel::Error);
        let is_of_block = || {
            let text = text_of(log, kind);
            self.hashes.iter().any(|hash| text.contains(hash))
        };
        if matches!(kind, Kind::MessageReceived | Kind::MessageSent)
            || !(is_tied || is_warning || (!self.hashes.is_empty() && is_of_block()))
        {
            return;
        }
        let Some(Body::LogExtractor(log)) = shown.body() else { return };
        let text = cut(text_of(log, kind));
        let envelope = record.envelope();
        self.facts.lines.push(Line { time_ns: envelope.time_ns, node: Arc::clone(&envelope.node), text });
    }
}

/// A text that is not too long.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_LINE));
    text
}

/// The text of an entry: as the node wrote it, where that was kept.
fn text_of(log: &Log, kind: Kind) -> String {
    match &log.raw_message {
        Some(text) if !text.is_empty() => event::quote::Plain(text).to_string(),
        _ => LogText { log, kind }.to_string(),
    }
}

/// What tells an address from others: the IP address if it is routed, a name without its port, and else all of it.
fn key_of(addr: &str) -> SmolStr {
    match routed(addr) {
        Some(ip) => ip_text(ip),
        None if ip_of(addr).is_none() => host(addr).into(),
        None => addr.into(),
    }
}

fn ip_text(ip: IpAddr) -> SmolStr {
    smol_str::format_smolstr!("{ip}")
}

/// The user agent that a peer names itself by in an event.
fn agent_of(record: &Record) -> Option<SmolStr> {
    match record.envelope().kind {
        Kind::Message if record.envelope().message_type.as_deref() == Some("version") => {
            let message = Message::of(record).filter(|message| message.inbound)?;
            match message.payload {
                Payload::Version(version) => Some(version.user_agent.into()),
                _ => None,
            }
        }
        Kind::VersionReceived => match record.body() {
            Some(Body::LogExtractor(Log { log_event: Some(LogEvent::VersionReceived(version)), .. })) => {
                version.user_agent.as_deref().map(SmolStr::new)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Seconds that a connection took which ended.
fn seconds(record: &Record) -> Option<u64> {
    let Some(Body::EbpfExtractor(ebpf)) = record.body() else { return None };
    let Some(EbpfEvent::Connection(connection)) = &ebpf.ebpf_event else { return None };
    let Some(Connection::Closed(closed)) = &connection.event else { return None };
    (record.envelope().time_ns / SECOND_NS).checked_sub(closed.time_established)
}
