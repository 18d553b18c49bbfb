//! A peer sends transactions whose parents are missing.

use std::collections::BTreeMap;

use event::Record;
use event::pb::alerts::Severity;
use event::pb::log_extractor::OrphanAction;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::OrphanTxs;
use event::pb::rpc_extractor::rpc::RpcEvent;
use model::bounds::MAX_OPEN;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{OfPeers, begins_anew, has_caught_up, is_own, logged, polled, reaches, subject_of, with_agent};
use crate::settings::Values;
use crate::sink::Sink;

parameters! {
    /// Orphans of one peer that are stored within the window.
    stored: 100.0, "transactions", 2.0..=1e9, "Nodes up to v29 hold 100 of all peers together; what is more pushes others out.";
    /// Orphans of one peer that the node holds.
    held: 75.0, "transactions", 2.0..=1e9, "Three quarters of what a node up to v29 holds.";
    /// The share of all orphans that this must be.
    share: 0.6, "share", 0.0..=1.0, "In a rush, and after a start, all peers send some.";
    /// The window.
    window: 300.0, "s", 10.0..=86_400.0, "Honest orphans find their parents within seconds.";
}

/// Finds peers that flood the node with orphans.
pub(crate) struct OrphanFlood {
    me: Me,
    parameters: Parameters,
    stored: OfPeers,
    /// What the node holds of each peer, and of all.
    held: BTreeMap<u64, f64>,
    all_held: f64,
}

impl Detector for OrphanFlood {
    const ROW: Row = Row {
        name: "orphan_flood",
        family: "mempool",
        severity: Severity::Warning,
        title: "a peer floods the node with transactions whose parents are missing",
        sees: "Orphan transactions of each peer that the node stores, by debug.log (category txpackages), or holds, by \
               getorphantxs, and the share of all of them (CVE-2024-52914).",
        misses: "Many peers that stay below the limit each. A node without both of these sources.",
        timing: Timing { after: 0, hold: 120, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["rejections", "message_handler_busy"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, stored: OfPeers::new(parameters.window), held: BTreeMap::new(), all_held: 0.0 }
    }
}

impl OrphanFlood {
    fn held(&mut self, orphans: &OrphanTxs) {
        self.held.clear();
        self.all_held = orphans.orphans.len() as f64;
        for id in orphans.orphans.iter().flat_map(|orphan| &orphan.from) {
            if self.held.len() < MAX_OPEN || self.held.contains_key(id) {
                *self.held.entry(*id).or_default() += 1.0;
            }
        }
    }

    fn judge(&self, id: u64, count: f64, all: f64, most: f64, peers: &Peers<Details>, context: &mut Context<Sink>) {
        let share = count / all.max(1.0);
        let least_share = self.parameters.share;
        context.report(self.me, reaches(share, least_share).min(count / most), || {
            let finding = Finding::new(
                subject_of(id, peers),
                "{subject} ({agent}) sent {count} whose parents are missing, {share} of all such ones.",
            );
            let finding = with_agent(finding, id, peers).compared("count", count, "transactions", most);
            finding.compared("share", share, "share", least_share)
        });
    }
}

impl Observer<Sink, Details> for OrphanFlood {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.stored.clear();
            self.held.clear();
        }
    }

    fn event(&mut self, record: &Record, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(RpcEvent::OrphanTxs(orphans)) = polled(record) {
            self.held(orphans);
        } else if let Some(LogEvent::OrphanTransaction(orphan)) = logged(record)
            && orphan.action() == OrphanAction::Stored
            && let Some(id) = orphan.peer_id.filter(|id| !is_own(*id, peers))
        {
            self.stored.add(id, 1.0, context);
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        if !has_caught_up(context) {
            return;
        }
        let Parameters { stored: most_stored, held: most_held, .. } = self.parameters;
        let all = self.stored.sum(context.time_ns);
        let stored: Vec<(u64, f64)> = self.stored.each(context.time_ns).map(|(id, count, _)| (id, count)).collect();
        for (id, count) in stored {
            self.judge(id, count, all, most_stored, peers, context);
        }
        for (id, count) in &self.held {
            self.judge(*id, *count, self.all_held, most_held, peers, context);
        }
    }
}
