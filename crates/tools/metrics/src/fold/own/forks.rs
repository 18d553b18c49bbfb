//! What the tool `chain` learns: tips of nodes, and what changes.

use std::collections::BTreeMap;

use event::pb::chain::activity::Change;
use event::pb::chain::chain::ChainEvent;
use event::pb::chain::{Activity, Node, Status};
use event::text::tip_status;
use event::{Body, Record};

use super::SECOND;
use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// Nodes of all networks that are remembered at most.
const MAX_NODES: usize = 4_096;
/// Bytes of a name at most.
const MAX_NAME: usize = 200;
/// The tool publishes each node once a minute: one that it does not any more has no gauges after this time, in nanoseconds.
const GONE_NS: u64 = 150 * SECOND;

const STATUSES: [Status; 6] =
    [Status::Active, Status::Invalid, Status::HeadersOnly, Status::ValidHeaders, Status::ValidFork, Status::Unknown];

/// When each node was published last, by network and name.
#[derive(Debug, Default)]
pub(super) struct Forks(BTreeMap<(String, String), u64>);

impl Observer<Store> for Forks {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::Chain(chain)) = record.body() else { return };
        match &chain.chain_event {
            Some(ChainEvent::Node(node)) => self.node(node, context.time_ns, context.sink),
            Some(ChainEvent::Activity(activity)) => count(activity, context.sink),
            Some(ChainEvent::Header(_)) | None => {}
        }
    }

    fn tick(&mut self, _: &mut Peers, context: &mut Context) {
        let now_ns = context.time_ns;
        self.0.retain(|(network, name), seen_ns| {
            let stays = now_ns.saturating_sub(*seen_ns) < GONE_NS;
            if !stays {
                remove(network, name, context.sink);
            }
            stays
        });
    }
}

impl Forks {
    fn node(&mut self, node: &Node, time_ns: u64, store: &mut Store) {
        if node.network.len() > MAX_NAME || node.name.len() > MAX_NAME {
            return;
        }
        let key = (node.network.clone(), node.name.clone());
        if self.0.len() >= MAX_NODES && !self.0.contains_key(&key) {
            return;
        }
        self.0.insert(key, time_ns);
        let of = [node.network.as_str(), node.name.as_str()];
        let number = |is: bool| f64::from(u8::from(is));
        store.set(ids::CHAIN_NODE_REACHABLE, &of, number(node.reachable));
        store.set(ids::CHAIN_NODE_OTHER_RULES, &of, number(node.other_rules));
        match node.tips.iter().find(|tip| tip.status() == Status::Active) {
            Some(tip) => store.set(ids::CHAIN_TIP_HEIGHT, &of, tip.height.into()),
            None => store.remove(ids::CHAIN_TIP_HEIGHT, &of),
        }
        for status in STATUSES {
            let count = node.tips.iter().filter(|tip| tip.status() == status).count() as f64;
            let more = if status == Status::Unknown { f64::from(node.more_tips.unwrap_or_default()) } else { 0.0 };
            store.set(ids::CHAIN_TIPS, &[of[0], of[1], tip_status(status)], count + more);
        }
    }
}

fn remove(network: &str, name: &str, store: &mut Store) {
    for id in [ids::CHAIN_NODE_REACHABLE, ids::CHAIN_NODE_OTHER_RULES, ids::CHAIN_TIP_HEIGHT] {
        store.remove(id, &[network, name]);
    }
    for status in STATUSES {
        store.remove(ids::CHAIN_TIPS, &[network, name, tip_status(status)]);
    }
}

fn count(activity: &Activity, store: &mut Store) {
    let kind = match &activity.change {
        Some(Change::ActiveTipChanged(_)) => "active_tip_changed",
        Some(Change::Reorg(reorg)) => {
            let depth = reorg.old_height.saturating_sub(reorg.common_height);
            store.observe(ids::CHAIN_REORG_DEPTH, &[&activity.network], depth.into());
            "reorg"
        }
        Some(Change::TipAdded(_)) => "tip_added",
        Some(Change::TipStatusChanged(_)) => "tip_status_changed",
        Some(Change::InvalidBlock(_)) => "invalid_block",
        Some(Change::Reachability(change)) => {
            if change.reachable {
                "reachable"
            } else {
                "unreachable"
            }
        }
        Some(Change::Lag(lag)) => {
            if lag.lagging {
                "lagging"
            } else {
                "caught_up"
            }
        }
        Some(Change::SamePool(_)) => "same_pool",
        None => return,
    };
    store.inc(ids::CHAIN_ACTIVITY, &[&activity.network, kind]);
}
