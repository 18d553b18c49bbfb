//! Events of the tool `chain`. Blocks are public; who is asked for them, where and in which version is not.

use bytes::Bytes;
use event::pb::chain::activity::Change;
use event::pb::chain::chain::ChainEvent;
use event::pb::chain::{
    ActiveTipChanged, Activity, Chain, Header, Lag, Node, Reachability, Reorg, SamePool, Tip, TipStatusChanged,
};

use super::own::Own;
use super::{Names, Redactor, same, shape, words};

/// What the sources of tips are. Which program a node runs is not shown.
const IMPLEMENTATIONS: [&str; 5] = ["electrum", "esplora", "mempool.space", "fork-observer", "block-dn"];

/// Stands where pseudonyms of other things have the number of a network.
const NAME: u32 = u32::MAX - 1;

/// Bytes of a header.
const HEADER: usize = 80;

impl Redactor {
    pub(super) fn chain(&self, chain: &Chain) -> Option<Chain> {
        let Chain { chain_event } = chain;
        let event = match chain_event.as_ref()? {
            ChainEvent::Node(node) => ChainEvent::Node(self.chain_node(node)),
            ChainEvent::Header(header) => ChainEvent::Header(self.chain_header(header)),
            ChainEvent::Activity(activity) => ChainEvent::Activity(self.chain_activity(activity)?),
        };
        Some(Chain { chain_event: Some(event) })
    }

    fn chain_node(&self, node: &Node) -> Node {
        let Node {
            network,
            name,
            implementation,
            version: _,
            transport: _,
            reachable,
            other_rules,
            tips,
            more_tips,
            tip_changed_ns,
            answered_ns,
            remote_source: _,
            description: _,
            problem: _,
            again,
        } = node;
        Node {
            network: self.chain_name(network),
            name: self.chain_name(name),
            implementation: words::one_of(implementation, &IMPLEMENTATIONS).to_owned(),
            version: None,
            transport: None,
            reachable: *reachable,
            other_rules: *other_rules,
            tips: tips.iter().map(|one| tip(&self.own, one)).collect(),
            more_tips: *more_tips,
            tip_changed_ns: tip_changed_ns.map(|time_ns| self.at(time_ns)),
            answered_ns: answered_ns.map(|time_ns| self.at(time_ns)),
            remote_source: None,
            description: None,
            problem: None,
            again: *again,
        }
    }

    fn chain_header(&self, header: &Header) -> Header {
        let Header { network, height, header, first_node, first_seen_ns, miner, pool, active, again, hash } = header;
        let is_shown = header.len() == HEADER && !self.own.in_bytes(header);
        Header {
            network: self.chain_name(network),
            height: *height,
            header: if is_shown { header.clone() } else { Bytes::new() },
            first_node: first_node.as_deref().map(|name| self.chain_name(name)),
            first_seen_ns: first_seen_ns.map(|time_ns| self.at(time_ns)),
            // The text of a coinbase is anybody's.
            miner: miner.as_deref().filter(|_| *pool == Some(true)).map(|pool| self.pool(pool)),
            pool: *pool,
            active: *active,
            again: *again,
            hash: self.own.hash(hash),
        }
    }

    fn chain_activity(&self, activity: &Activity) -> Option<Activity> {
        let Activity { network, id, node, change } = activity;
        let own = &self.own;
        let change = match change.as_ref()? {
            Change::ActiveTipChanged(ActiveTipChanged { old_hash, old_height, new_hash, new_height }) => {
                Change::ActiveTipChanged(ActiveTipChanged {
                    old_hash: own.hash(old_hash),
                    old_height: *old_height,
                    new_hash: own.hash(new_hash),
                    new_height: *new_height,
                })
            }
            Change::Reorg(Reorg { old_hash, old_height, new_hash, new_height, common_ancestor, common_height }) => {
                Change::Reorg(Reorg {
                    old_hash: own.hash(old_hash),
                    old_height: *old_height,
                    new_hash: own.hash(new_hash),
                    new_height: *new_height,
                    common_ancestor: own.hash(common_ancestor),
                    common_height: *common_height,
                })
            }
            Change::TipAdded(one) => Change::TipAdded(tip(own, one)),
            Change::TipStatusChanged(TipStatusChanged { tip: one, old_status }) => {
                Change::TipStatusChanged(TipStatusChanged { tip: tip(own, one), old_status: *old_status })
            }
            Change::InvalidBlock(one) => Change::InvalidBlock(tip(own, one)),
            Change::Reachability(Reachability { reachable, reason: _ }) => {
                Change::Reachability(Reachability { reachable: *reachable, reason: None })
            }
            Change::Lag(lag) => Change::Lag(same!(lag => Lag { lagging, node_height, best_height })),
            Change::SamePool(SamePool { height, pool, hashes }) => {
                Change::SamePool(SamePool { height: *height, pool: self.pool(pool), hashes: own.hashes(hashes) })
            }
        };
        Some(Activity {
            network: self.chain_name(network),
            // Otherwise those who get the same from two sources know by it that it is the same.
            id: self.pseudonyms.activity(network, *id),
            node: self.chain_name(node),
            change: Some(change),
        })
    }

    /// The name of a network or of a source of tips. One that could be an address or a host's, or that is not to be shown, has a pseudonym in its
    /// place.
    fn chain_name(&self, name: &str) -> String {
        let shown = match &self.names {
            Names::Own => {
                let is_shown = self.nodes.contains_key(name) || name == shape::plain_name(name);
                (is_shown && !self.own.in_text(name)).then_some(name)
            }
            Names::Given(names) => names.get(name).map(String::as_str),
        };
        if let Some(shown) = shown {
            return shown.to_owned();
        }
        let pseudonym = hex::encode(self.pseudonyms.other(NAME, name.as_bytes()));
        format!("other-{}", pseudonym.get(..8).unwrap_or_default())
    }

    /// The name of a pool.
    fn pool(&self, name: &str) -> String {
        self.scrubbed(shape::plain_name(name))
    }
}

fn tip(own: &Own, tip: &Tip) -> Tip {
    let Tip { hash, height, status } = tip;
    Tip { hash: own.hash(hash), height: *height, status: *status }
}
