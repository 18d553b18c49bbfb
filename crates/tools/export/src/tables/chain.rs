//! What the tool `chain` learned.

use bytes::Bytes;
use event::Body;
use event::pb::chain::activity::Change;
use event::pb::chain::chain::ChainEvent;
use event::pb::chain::{Activity, Header, Node, Tip};
use event::text::tip_status;

use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, flag, hash, int, nanoseconds, text, time, word};

pub(super) const TABLE: Table = Table {
    name: "chain",
    meaning: "A row for each tip of a node, header of the tree and change that the tool `chain` reported.",
    columns: COLUMNS,
    rows,
};

const COLUMNS: &[Column] = &[
    word(
        "what",
        "`node` (one of its tips; a node without tips has one row), `header`, or what changed: `active_tip_changed`, \
         `reorg`, `tip_added`, `tip_status_changed`, `invalid_block`, `reachable`, `unreachable`, `lagging`, \
         `caught_up`, `same_pool`",
    ),
    word("network", "network of the configuration"),
    word("chain_node", "the node in that network, of a header the first that had it; it need not be observed"),
    int("id", "of a change: +1 with each of a network"),
    int("height", "of the tip, the header or the new tip"),
    hash("hash", "of the same"),
    word("status", "of the tip: `active`, `invalid`, `headers-only`, `valid-headers`, `valid-fork`, `unknown`"),
    word("old_status", "of the tip before"),
    int("old_height", "of the tip before, or of the lagging node"),
    hash("old_hash", "of the tip before"),
    int("common_height", "of the last block that both branches of a reorg have"),
    hash("common_ancestor", "its hash"),
    text("header", "80 bytes in hexadecimal"),
    flag("active", "the header is in the chain with the most work"),
    word("miner", "who mined the header's block, or both blocks"),
    flag("reachable", "the node answered"),
    flag("other_rules", "the node's headers do not satisfy Bitcoin's proof of work"),
    flag("again", "nothing changed"),
    time("first_seen", "when the header came to be known, or the active tip became that"),
    text("problem", "why a node cannot be reached, or what it does not permit"),
];

/// A row before it is written.
#[derive(Default)]
struct Row<'a> {
    what: &'static str,
    network: &'a str,
    node: Option<&'a str>,
    id: Option<u64>,
    height: Option<u32>,
    hash: Option<&'a Bytes>,
    status: Option<&'static str>,
    old_status: Option<&'static str>,
    old_height: Option<u32>,
    old_hash: Option<&'a Bytes>,
    common: Option<(u32, &'a Bytes)>,
    header: Option<String>,
    active: Option<bool>,
    miner: Option<&'a str>,
    reachable: Option<bool>,
    other_rules: Option<bool>,
    again: Option<bool>,
    first_seen_ns: Option<u64>,
    problem: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn tip(self, tip: &'a Tip) -> Self {
        Self { height: Some(tip.height), hash: Some(&tip.hash), status: Some(tip_status(tip.status())), ..self }
    }

    fn change(what: &'static str, activity: &'a Activity) -> Self {
        Self { what, network: &activity.network, node: Some(&activity.node), id: Some(activity.id), ..Self::default() }
    }

    fn push(self, seen: &Seen, rows: &mut Rows) {
        let hash = |hash: Option<&'a Bytes>| hash.map_or(Value::Null, |hash| Value::Hash(hash));
        rows.push(
            seen,
            [
                self.what.into(),
                self.network.into(),
                self.node.into(),
                self.id.into(),
                self.height.into(),
                hash(self.hash),
                self.status.into(),
                self.old_status.into(),
                self.old_height.into(),
                hash(self.old_hash),
                self.common.map(|(height, _)| height).into(),
                hash(self.common.map(|(_, hash)| hash)),
                self.header.as_deref().map_or(Value::Null, Value::Text),
                self.active.into(),
                self.miner.into(),
                self.reachable.into(),
                self.other_rules.into(),
                self.again.into(),
                self.first_seen_ns.map_or(Value::Null, nanoseconds),
                self.problem.into(),
            ],
        );
    }
}

fn rows(seen: &Seen, rows: &mut Rows) {
    let Some(Body::Chain(chain)) = seen.body() else { return };
    match &chain.chain_event {
        Some(ChainEvent::Node(node)) => node_rows(node, seen, rows),
        Some(ChainEvent::Header(header)) => header_row(header).push(seen, rows),
        Some(ChainEvent::Activity(activity)) => activity_rows(activity, seen, rows),
        None => {}
    }
}

fn node_rows(node: &Node, seen: &Seen, rows: &mut Rows) {
    let row = || Row {
        what: "node",
        network: &node.network,
        node: Some(&node.name),
        reachable: Some(node.reachable),
        other_rules: Some(node.other_rules),
        again: Some(node.again),
        first_seen_ns: node.tip_changed_ns,
        problem: node.problem.as_deref(),
        ..Row::default()
    };
    if node.tips.is_empty() {
        row().push(seen, rows);
    }
    node.tips.iter().for_each(|tip| row().tip(tip).push(seen, rows));
}

fn header_row(header: &Header) -> Row<'_> {
    Row {
        what: "header",
        network: &header.network,
        node: header.first_node.as_deref(),
        height: Some(header.height),
        hash: Some(&header.hash),
        header: Some(hex::encode(&header.header)),
        active: Some(header.active),
        miner: header.miner.as_deref(),
        again: Some(header.again),
        first_seen_ns: header.first_seen_ns,
        ..Row::default()
    }
}

fn activity_rows(activity: &Activity, seen: &Seen, rows: &mut Rows) {
    let change = |what| Row::change(what, activity);
    let row = match &activity.change {
        Some(Change::ActiveTipChanged(tip)) => Row {
            height: Some(tip.new_height),
            hash: Some(&tip.new_hash),
            old_height: Some(tip.old_height),
            old_hash: Some(&tip.old_hash),
            ..change("active_tip_changed")
        },
        Some(Change::Reorg(reorg)) => Row {
            height: Some(reorg.new_height),
            hash: Some(&reorg.new_hash),
            old_height: Some(reorg.old_height),
            old_hash: Some(&reorg.old_hash),
            common: Some((reorg.common_height, &reorg.common_ancestor)),
            ..change("reorg")
        },
        Some(Change::TipAdded(tip)) => change("tip_added").tip(tip),
        Some(Change::TipStatusChanged(status)) => {
            Row { old_status: Some(tip_status(status.old_status())), ..change("tip_status_changed").tip(&status.tip) }
        }
        Some(Change::InvalidBlock(tip)) => change("invalid_block").tip(tip),
        Some(Change::Reachability(reachability)) => Row {
            reachable: Some(reachability.reachable),
            problem: reachability.reason.as_deref(),
            ..change(if reachability.reachable { "reachable" } else { "unreachable" })
        },
        Some(Change::Lag(lag)) => Row {
            height: Some(lag.best_height),
            old_height: Some(lag.node_height),
            ..change(if lag.lagging { "lagging" } else { "caught_up" })
        },
        Some(Change::SamePool(same)) => {
            for hash in &same.hashes {
                let row =
                    Row { height: Some(same.height), hash: Some(hash), miner: Some(&same.pool), ..change("same_pool") };
                row.push(seen, rows);
            }
            return;
        }
        None => return,
    };
    row.push(seen, rows);
}
