//! Transactions pile up that wait to be announced.

use event::pb::alerts::{Severity, TextKind};
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Kind, Record};
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{begins_anew, polled};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Transactions that wait to be announced to one peer, or from v32 on to all inbound or all outbound ones.
    waiting: 20_000.0, "transactions", 100.0..=1e9, "Before v32 the queue of a peer holds 6,000 at 20 transactions a second, which fee spikes reach, and 20,000 at 34 a second; in February 2026 there were 60,000. From v32 on 20,000 are a delay of 24 minutes at 14 a second.";
}

/// Finds queues of announcements that grow.
pub(crate) struct InvBacklog {
    me: Me,
    parameters: Parameters,
    /// The longest queue, and of whom it is.
    peers: f64,
    inbound: f64,
    outbound: f64,
}

impl Detector for InvBacklog {
    const ROW: Row = Row {
        name: "inv_backlog",
        family: "load",
        severity: Severity::Warning,
        title: "transactions pile up that wait to be announced",
        sees: "Before v32 the longest queue of a peer (inv_to_send of getpeerinfo, from v31 on); from v32 on the backlogs of \
               inbound and outbound peers (inv_buckets of getnetworkinfo), which replace those queues.",
        misses: "Nodes before v31, which report neither. Whether the transactions are an attack or a rush.",
        timing: Timing { after: 20, hold: 120, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["message_handler_busy", "mempool_jump"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), peers: 0.0, inbound: 0.0, outbound: 0.0 }
    }
}

impl Observer<Sink, Details> for InvBacklog {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            (self.peers, self.inbound, self.outbound) = (0.0, 0.0, 0.0);
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, _: &mut Context<Sink>) {
        if record.envelope().kind == Kind::PeerInfos {
            let queues = peers.open().filter_map(|peer| peer.polled.as_ref()?.inv_to_send);
            self.peers = queues.max().unwrap_or_default() as f64;
        } else if let Some(RpcEvent::NetworkInfo(info)) = polled(record) {
            self.inbound = info.inbound_backlog.unwrap_or_default() as f64;
            self.outbound = info.outbound_backlog.unwrap_or_default() as f64;
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let threshold = self.parameters.waiting;
        let queues = [("one_peer", self.peers), ("inbound_peers", self.inbound), ("outbound_peers", self.outbound)];
        let Some((whom, waiting)) = queues.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)) else { return };
        context.report(self.me, waiting / threshold, || {
            Finding::new(Subject::Node, "At {subject}, {waiting} wait to be announced ({whom}).")
                .compared("waiting", waiting, "transactions", threshold)
                .text("whom", TextKind::Word, whom)
        });
    }
}
