//! What is known of a node, derived once from its events, for all tools.
//!
//! A [`Model`] folds the events of one node, in the order in which they come, into its peers, restarts, requests and blocks, and says
//! what each event changed. A tool's [`Observer`]s get the messages, events, [`Change`]s, ticks and losses: a family of series, the
//! state of a page, a detector. All of it is bounded ([`bounds`]), as events carry untrusted input.

pub mod blocks;
pub mod bounded;
pub mod bounds;
mod change;
pub mod connectivity;
pub mod liveness;
mod observer;
mod origin;
pub mod peers;
mod rate;
mod relay;
mod requests;
mod restarts;
mod run;
pub mod text;

use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as Validation;
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::observer::observer::ObserverEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Kind, Source};
use networks::Enrichment;

pub use blocks::Blocks;
pub use change::{Answer, Change, CloseReason, ClosedConnection, Unanswered};
pub use liveness::{Condition, Liveness, NodeState, SourceState};
pub use observer::{Context, Observer};
pub use origin::{Origin, Origins};
pub use peers::{Peer, Peers};
pub use rate::Rate;
pub use relay::{Announced, Relayed};
pub use requests::Requests;
pub use restarts::Restarts;

// For `observers!`.
#[doc(no_inline)]
pub use bus::Loss;
#[doc(no_inline)]
pub use event::Record;
#[doc(no_inline)]
pub use event::message::Message;

use peers::Effects;
use relay::Relay;
use run::Run;

/// What is known of one node. `P` is what a tool keeps of each peer besides.
#[derive(Debug)]
pub struct Model<P = ()> {
    /// Whether the node and its sources are there.
    pub liveness: Liveness,
    /// Starts of the node.
    pub restarts: Restarts,
    /// Requests that wait for an answer.
    pub requests: Requests,
    /// Peers.
    pub peers: Peers<P>,
    /// Blocks.
    pub blocks: Blocks,
    /// What has reported.
    pub origins: Origins,
    /// What the node announces to us, and since when it has that.
    relay: Relay,
    /// Run of the tracepoint extractor.
    run: Run,
    /// Messages that were seen.
    messages: u64,
    /// What the event at hand changed. Kept for its memory.
    changes: Vec<Change>,
}

impl<P> Default for Model<P> {
    fn default() -> Self {
        Self {
            liveness: Liveness::default(),
            restarts: Restarts::default(),
            requests: Requests::default(),
            peers: Peers::default(),
            blocks: Blocks::default(),
            origins: Origins::default(),
            relay: Relay::default(),
            run: Run::default(),
            messages: 0,
            changes: Vec::new(),
        }
    }
}

/// What stays the same while an event, a tick or a loss is handed to the observers.
struct Occasion<'a> {
    time_ns: u64,
    run: u64,
    sequence: u64,
    enrichment: &'a Enrichment,
}

impl<P: Default> Model<P> {
    /// Folds an event. `time_ns` is when it happened, nanoseconds since the UNIX epoch: that of its envelope, unless the tool knows that
    /// this cannot be true.
    pub fn fold<S>(
        &mut self,
        record: &Record,
        time_ns: u64,
        enrichment: &Enrichment,
        sink: &mut S,
        observers: &mut impl Observer<S, P>,
    ) {
        let envelope = record.envelope();
        let mut occasion = Occasion { time_ns, run: envelope.run, sequence: envelope.sequence, enrichment };
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        for origin in self.origins.note(record).iter() {
            observers.begin(origin, sink);
        }
        self.peers.enrich(enrichment);
        if envelope.kind.source() == Some(Source::Ebpf) && self.run.is_new(envelope.run) {
            changes.push(Change::TracepointsRestarted);
            self.requests.forget();
            let Self { peers, requests, restarts, .. } = self;
            peers.new_run(restarts.logged_ns, &mut Effects { time_ns, enrichment, requests, changes: &mut changes });
        }
        if envelope.kind == Kind::Message
            && let Some(message) = Message::of(record)
        {
            self.messages += 1;
            if occasion.sequence == 0 {
                occasion.sequence = self.messages;
            }
            self.message(&message, &occasion, &mut changes, sink, observers);
        } else {
            self.event(record, &occasion, &mut changes);
            let (peers, mut context) = self.hand_over(&occasion, &changes, sink, observers);
            observers.event(record, peers, &mut context);
        }
        self.changes = changes;
    }

    #[inline]
    fn message<S>(
        &mut self,
        message: &Message,
        occasion: &Occasion,
        changes: &mut Vec<Change>,
        sink: &mut S,
        observers: &mut impl Observer<S, P>,
    ) {
        let Occasion { time_ns, run, sequence, enrichment } = *occasion;
        let Self { liveness, restarts, requests, peers, blocks, relay, .. } = self;
        liveness.message(run, time_ns, changes);
        restarts.seen();
        requests.message(message, time_ns, sequence, changes);
        blocks.message(message, time_ns, changes);
        relay.message(message, time_ns);
        peers.message(message, &mut Effects { time_ns, enrichment, requests, changes });
        let (peers, mut context) = self.hand_over(occasion, changes, sink, observers);
        if let Some(peer) = peers.find_mut(message.peer) {
            observers.message(message, peer, &mut context);
        }
    }

    /// Notes an event that is no message.
    fn event(&mut self, record: &Record, occasion: &Occasion, changes: &mut Vec<Change>) {
        let Occasion { time_ns, run, enrichment, .. } = *occasion;
        self.peers.settle(time_ns, changes);
        self.blocks.settle(time_ns, changes);
        self.relay.settle(time_ns, &self.blocks, changes);
        self.liveness.event(record.envelope().kind, run, time_ns, changes);
        let Self { liveness, restarts, requests, peers, blocks, relay, .. } = self;
        let restarts_before = restarts.count;
        let mut effects = Effects { time_ns, enrichment, requests, changes };
        match record.body() {
            Some(Body::EbpfExtractor(ebpf)) => match &ebpf.ebpf_event {
                Some(EbpfEvent::Connection(connection)) => {
                    if let Some(event) = &connection.event {
                        peers.traced(event, &mut effects);
                    }
                }
                Some(EbpfEvent::Validation(validation)) => {
                    if let Some(Validation::BlockConnected(connected)) = &validation.event {
                        blocks.connected(connected, time_ns, effects.changes);
                    }
                }
                Some(EbpfEvent::Block(block)) => {
                    if let Some(event) = &block.event {
                        blocks.arrived(event, time_ns, effects.changes);
                    }
                }
                Some(EbpfEvent::Mempool(mempool)) => {
                    if let Some(event) = &mempool.event {
                        relay.mempool(event, time_ns);
                    }
                }
                _ => {}
            },
            Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                Some(RpcEvent::PeerInfos(infos)) => peers.polled(infos, &mut effects),
                Some(RpcEvent::Uptime(uptime)) => restarts.uptime(*uptime, time_ns, effects.changes),
                Some(RpcEvent::BlockchainInfo(info)) => blocks.polled(info, time_ns),
                _ => {}
            },
            Some(Body::LogExtractor(line)) => match &line.log_event {
                Some(LogEvent::NodeStarted(_)) => {
                    restarts.logged(time_ns, effects.changes);
                    effects.requests.forget();
                    peers.restarted(time_ns, &mut effects);
                }
                Some(entry) => {
                    blocks.logged(entry, time_ns, effects.changes);
                    relay.logged(entry, time_ns);
                    peers.logged(entry, &mut effects);
                }
                None => {}
            },
            Some(Body::P2pExtractor(p2p)) => {
                if let Some(event) = &p2p.p2p_event {
                    peers.own(event, run, time_ns);
                    relay.p2p(event, time_ns, blocks, effects.changes);
                }
            }
            Some(Body::IpcExtractor(ipc)) => {
                if let Some(IpcEvent::BlockTip(tip)) = &ipc.ipc_event {
                    blocks.ipc_tip(tip, run, time_ns, effects.changes);
                }
            }
            Some(Body::Observer(observer)) => match &observer.observer_event {
                Some(ObserverEvent::Process(process)) if process.started_ns > 0 => {
                    restarts.process(process.started_ns, effects.changes);
                }
                Some(ObserverEvent::Status(status)) => liveness.status(status, run, time_ns, effects.changes),
                Some(ObserverEvent::Process(_) | ObserverEvent::Gap(_) | ObserverEvent::Selection(_)) | None => {}
            },
            _ => {}
        }
        // What extractors report of themselves, and of others, does not show that the node is there.
        if !matches!(record.body(), Some(Body::Observer(_) | Body::Connectivity(_) | Body::Alerts(_) | Body::Chain(_)))
        {
            restarts.seen();
        }
        if restarts.count > restarts_before
            && let Some(started_ns) = restarts.started_ns
        {
            effects.requests.forget();
            peers.restarted(started_ns, &mut effects);
        }
    }

    /// Hands all changes to the observers. Returns what they get of anything else.
    #[inline]
    fn hand_over<'a, S>(
        &'a mut self,
        occasion: &Occasion<'a>,
        changes: &'a [Change],
        sink: &'a mut S,
        observers: &mut impl Observer<S, P>,
    ) -> (&'a mut Peers<P>, Context<'a, S>) {
        let Occasion { time_ns, run, sequence, enrichment } = *occasion;
        let Self { liveness, restarts, requests, peers, blocks, origins, .. } = self;
        let origins = *origins;
        let mut context = Context {
            sink,
            time_ns,
            run,
            sequence,
            enrichment,
            changes,
            liveness,
            restarts,
            requests,
            blocks,
            origins,
        };
        for change in changes {
            observers.change(change, peers, &mut context);
        }
        (peers, context)
    }

    /// Lets time pass: to be called at least every few seconds, with the time in nanoseconds since the UNIX epoch.
    pub fn tick<S>(&mut self, now_ns: u64, enrichment: &Enrichment, sink: &mut S, observers: &mut impl Observer<S, P>) {
        let mut changes = std::mem::take(&mut self.changes);
        changes.clear();
        let Self { liveness, requests, peers, blocks, relay, .. } = self;
        liveness.tick(now_ns, &mut changes);
        peers.enrich(enrichment);
        // Requests before peers: what timed out did so before its connection fell silent.
        requests.tick(now_ns, &mut changes);
        peers.tick(&mut Effects { time_ns: now_ns, enrichment, requests, changes: &mut changes });
        blocks.tick(now_ns, &mut changes);
        relay.tick(now_ns, blocks, &mut changes);
        let occasion = Occasion { time_ns: now_ns, run: 0, sequence: 0, enrichment };
        let (peers, mut context) = self.hand_over(&occasion, &changes, sink, observers);
        observers.tick(peers, &mut context);
        self.changes = changes;
    }

    /// Hands over that events of the node did not arrive.
    pub fn lost<S>(&mut self, loss: &Loss, enrichment: &Enrichment, sink: &mut S, observers: &mut impl Observer<S, P>) {
        let occasion = Occasion { time_ns: loss.time_ns, run: loss.run, sequence: 0, enrichment };
        let (_, mut context) = self.hand_over(&occasion, &[], sink, observers);
        observers.lost(loss, &mut context);
    }
}
