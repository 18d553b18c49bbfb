//! Our own families of what the tool `chain` learns: tips of nodes, forks, reorganizations.

use super::families;
use crate::buckets::REORG_DEPTHS;

families! { super::own::END;
    CHAIN_NODE_REACHABLE = gauge "peerobserver_chain_node_reachable" [network, chain_node] untrusted [network, chain_node]
        "Whether a node or server that the tool chain asks for its tips has answered.";
    CHAIN_NODE_OTHER_RULES = gauge "peerobserver_chain_node_other_rules" [network, chain_node] untrusted [network, chain_node]
        "Whether it has headers that do not satisfy Bitcoin's proof of work, and so do not count.";
    CHAIN_TIP_HEIGHT = gauge "peerobserver_chain_tip_height" [network, chain_node] untrusted [network, chain_node]
        "The height of its active tip.";
    CHAIN_TIPS = gauge "peerobserver_chain_tips" [network, chain_node, status] untrusted [network, chain_node]
        "Its tips by status: active, invalid, headers-only, valid-headers, valid-fork, unknown. Those that an event had no room for are unknown.";
    CHAIN_ACTIVITY = counter "peerobserver_chain_activity_total" [network, kind] untrusted [network]
        "What changed: active_tip_changed, reorg, tip_added, tip_status_changed, invalid_block, unreachable, reachable, lagging, caught_up, same_pool.";
    CHAIN_REORG_DEPTH = histogram(REORG_DEPTHS) "peerobserver_chain_reorg_depth_blocks" [network] untrusted [network]
        "Blocks that a node left in a reorganization.";
}
