//! What is known of one node.

use bus::Loss;
use event::message::{Message, Payload};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as ValidationEvent;
use event::pb::log_extractor::Log as LogLine;
use event::pb::log_extractor::log::LogEvent;
use event::pb::observer::observer::ObserverEvent;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::text::{LogText, log_category};
use event::{Body, Kind, Record, Source};

use networks::Facts;

use super::about::{About, Process};
use super::addresses::Addresses;
use super::addrman::Addrman;
use super::blocks::Blocks;
use super::lines::Lines;
use super::mempool::Mempool;
use super::messages::Messages;
use super::peers::Peers;
use super::pings::Pings;
use super::rate::Rate;
use super::requests::Requests;
use super::said::{About as What, Items, Said};
use super::series::SECOND;
use super::sources::Sources;
use super::transactions::Transactions;
use super::types::Types;

/// What a node's parts get to know besides the event.
pub(crate) struct Scope<'a> {
    pub time_ns: u64,
    pub facts: &'a Facts,
    pub types: &'a mut Types,
}

/// What is known of one node.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub about: About,
    pub sources: Sources,
    pub peers: Peers,
    pub requests: Requests,
    /// By tracepoints.
    pub messages: Messages,
    /// By getpeerinfo.
    pub polled: Messages,
    /// Messages and bytes: in, out.
    pub rates: [[Rate; 2]; 2],
    pub addresses: Addresses,
    pub transactions: Transactions,
    pub blocks: Blocks,
    pub mempool: Mempool,
    pub lines: Lines,
    pub pings: Pings,
    pub addrman: Addrman,
    sequence: u64,
}

impl Node {
    /// Folds an event.
    pub fn fold(&mut self, record: &Record, mut scope: Scope) {
        let envelope = record.envelope();
        self.sources.event(envelope.kind, envelope.run, scope.time_ns);
        if envelope.kind.source() == Some(Source::Ebpf) && self.peers.note_run(envelope.run, scope.time_ns) {
            self.requests.forget();
        }
        if envelope.kind == Kind::Message {
            if let Some(message) = Message::of(record) {
                self.message(&message, envelope.sequence, &mut scope);
            }
            return;
        }
        match record.body() {
            Some(Body::EbpfExtractor(ebpf)) => {
                if let Some(event) = &ebpf.ebpf_event {
                    self.traced(event, &mut scope);
                }
            }
            Some(Body::RpcExtractor(rpc)) => {
                if let Some(event) = &rpc.rpc_event {
                    self.polled(event, &mut scope);
                }
            }
            Some(Body::LogExtractor(line)) => self.logged(line, envelope.kind, &mut scope),
            Some(Body::P2pExtractor(p2p)) => {
                if let Some(P2pEvent::PingDuration(ping)) = &p2p.p2p_event {
                    self.pings.own(scope.time_ns, ping.duration as f64 / SECOND as f64);
                }
            }
            Some(Body::Observer(observer)) => {
                match &observer.observer_event {
                    Some(ObserverEvent::Status(status)) => self.sources.status(status, envelope.run, scope.time_ns),
                    Some(ObserverEvent::Process(process)) => {
                        let restarted = self.about.starts.process(process.started_ns);
                        self.restarted(restarted);
                        self.about.process = Some(Process::read(process, scope.time_ns, self.about.process.as_ref()));
                    }
                    None => {}
                }
                return;
            }
            _ => {}
        }
        self.about.starts.seen = true;
    }

    fn message(&mut self, message: &Message, sequence: u64, scope: &mut Scope) {
        let time_ns = scope.time_ns;
        self.about.starts.seen = true;
        let kind = scope.types.number(message.command);
        let inbound = message.inbound;
        self.messages.add(kind, inbound, 1, message.size, time_ns);
        if let Some([messages, bytes]) = self.rates.get_mut(usize::from(!inbound)) {
            messages.add(time_ns, 1);
            bytes.add(time_ns, message.size);
        }
        self.sequence += 1;
        let sequence = if sequence == 0 { self.sequence } else { sequence };
        let answer = self.requests.message(message, time_ns, sequence);
        self.blocks.message(message, time_ns);
        let Some(peer) = self.peers.of_message(message, time_ns, scope.facts) else { return };
        self.transactions.message(message, peer, time_ns);
        let addresses = self.addresses.message(message, peer, time_ns);
        let mut items = Items::default();
        if let Payload::Inv(all) | Payload::GetData(all) | Payload::NotFound(all) = message.payload {
            all.for_each(|(item, _)| items.add(item));
        }
        items.others = items.others.saturating_add(addresses);
        match message.payload {
            Payload::Version(version) if inbound => peer.introduced(&version),
            Payload::FeeFilter(fee) if inbound => peer.fee_filter = Some(fee),
            _ => {}
        }
        if let Some(answer) = &answer {
            peer.answered(answer.asked, answer.by_peer, answer.seconds);
            if answer.asked == event::requests::Asked::Ping && answer.by_peer {
                peer.ping(time_ns, answer.seconds);
                self.pings.peers.add(time_ns, answer.seconds);
            }
        }
        let said = Said {
            at_ns: time_ns,
            sequence,
            reply_to: answer.map(|answer| (answer.sequence, answer.seconds as f32)),
            size: u32::try_from(message.size).unwrap_or(u32::MAX),
            kind,
            inbound,
            about: What::of(message, items),
        };
        peer.message(message, kind, said);
    }

    fn traced(&mut self, event: &EbpfEvent, scope: &mut Scope) {
        match event {
            EbpfEvent::Connection(connection) => {
                if let Some(event) = &connection.event
                    && let Some(gone) = self.peers.traced(event, scope.time_ns, scope.facts)
                {
                    self.requests.ended(gone);
                }
            }
            EbpfEvent::Mempool(mempool) => {
                if let Some(event) = &mempool.event {
                    self.mempool.traced(event, scope.time_ns);
                    self.transactions.mempool(event, scope.time_ns);
                }
            }
            EbpfEvent::Validation(validation) => {
                if let Some(ValidationEvent::BlockConnected(connected)) = &validation.event {
                    self.blocks.connected(connected, scope.time_ns);
                }
            }
            EbpfEvent::Message(_) | EbpfEvent::Utxocache(_) => {}
        }
    }

    fn polled(&mut self, event: &RpcEvent, scope: &mut Scope) {
        let time_ns = scope.time_ns;
        match event {
            RpcEvent::PeerInfos(infos) => {
                let gone = self.peers.polled(infos, time_ns, scope.facts, scope.types, &mut self.polled);
                gone.iter().for_each(|peer| self.requests.ended(*peer));
                for info in infos.infos.iter().filter(|info| info.ping_time > 0.0 && !self.addresses.traced.any()) {
                    self.pings.peers.add(time_ns, info.ping_time);
                }
            }
            RpcEvent::Uptime(uptime) => {
                let restarted = self.about.starts.uptime(*uptime, time_ns);
                self.restarted(restarted);
            }
            RpcEvent::NetworkInfo(info) => self.about.network(info),
            RpcEvent::BlockchainInfo(info) => {
                self.about.blockchain(info, time_ns);
                if let Some(best) = self.about.best_block {
                    self.blocks.polled(best, info.blocks, time_ns);
                }
            }
            RpcEvent::NetTotals(totals) => self.about.net_totals(totals, time_ns),
            RpcEvent::MempoolInfo(info) => self.mempool.info(info, time_ns),
            RpcEvent::OrphanTxs(orphans) => self.mempool.orphans(orphans),
            RpcEvent::EstimateSmartFee(estimate) => self.mempool.estimate(estimate),
            RpcEvent::AddrmanInfo(info) => self.addrman.info(info),
            RpcEvent::Addrman(raw) => self.addrman.raw(raw, scope.facts, time_ns),
            RpcEvent::Logging(logging) => {
                self.lines.categories(logging.categories.iter().map(|(name, on)| (name, *on)));
            }
            RpcEvent::MemoryInfo(_) | RpcEvent::ChainTxStats(_) => {}
        }
    }

    fn logged(&mut self, line: &LogLine, kind: Kind, scope: &mut Scope) {
        let time_ns = scope.time_ns;
        self.lines.add(line, kind, time_ns);
        let Some(entry) = &line.log_event else { return };
        match entry {
            LogEvent::NodeStarted(_) => {
                let restarted = self.about.starts.started(time_ns).then_some(time_ns);
                self.restarted(restarted);
            }
            LogEvent::UpdateTip(tip) => {
                self.about.update_tip(tip, time_ns);
            }
            LogEvent::AddrProcessed(told) => {
                self.addresses.logged(told, self.peers.get_mut(told.peer_id), time_ns);
            }
            LogEvent::MempoolAccepted(told) => {
                self.mempool.log_accepted(told, time_ns);
                let peer = told.peer_id.and_then(|id| self.peers.get_mut(id));
                self.transactions.log_accepted(told, peer, time_ns);
            }
            LogEvent::MempoolRejected(told) => {
                self.mempool.log_rejected(told, time_ns);
                let peer = told.peer_id.and_then(|id| self.peers.get_mut(id));
                self.transactions.log_rejected(told, peer, time_ns);
            }
            LogEvent::AddrmanChange(change) => self.addrman.changed(change.action()),
            _ => {}
        }
        self.blocks.logged(entry, time_ns);
        if let Some(gone) = self.peers.logged(entry, time_ns, scope.facts) {
            self.requests.ended(gone);
        }
        if let Some(id) = peer_of(entry)
            && let Some(peer) = self.peers.find_mut(id)
        {
            let text = LogText { log: line, kind }.to_string();
            peer.logged(time_ns, &log_category(line), &text);
        }
    }

    fn restarted(&mut self, at_ns: Option<u64>) {
        if let Some(at_ns) = at_ns {
            self.peers.restarted(at_ns);
            self.requests.forget();
        }
    }

    /// Events of this node did not arrive.
    pub fn lost(&mut self, loss: &Loss) {
        self.sources.lost(loss);
    }

    /// Lets time pass.
    pub fn tick(&mut self, now_ns: u64) {
        let gone = self.peers.tick(now_ns);
        gone.iter().for_each(|peer| self.requests.ended(*peer));
        self.requests.tick(now_ns);
    }
}

/// The peer that an entry of debug.log is about.
fn peer_of(entry: &LogEvent) -> Option<u64> {
    match entry {
        LogEvent::PeerConnected(told) => Some(told.peer_id),
        LogEvent::PeerDisconnected(told) => told.peer_id,
        LogEvent::Misbehaving(told) => Some(told.peer_id),
        LogEvent::AddrProcessed(told) => Some(told.peer_id),
        LogEvent::EvictionSelected(told) => Some(told.peer_id),
        LogEvent::HeaderSeen(told) => told.peer_id,
        LogEvent::MempoolAccepted(told) => told.peer_id,
        LogEvent::MempoolRejected(told) => told.peer_id,
        LogEvent::BlockDownloadStalled(told) => told.peer_id,
        LogEvent::MutatedBlock(told) => told.peer_id,
        LogEvent::UnknownLogMessage(told) => peer_in(&told.raw_message),
        _ => None,
    }
}

/// The number after `peer=`.
fn peer_in(text: &str) -> Option<u64> {
    let (_, after) = text.rsplit_once("peer=")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).map_or(after, |end| after.get(..end).unwrap_or_default());
    digits.parse().ok()
}
