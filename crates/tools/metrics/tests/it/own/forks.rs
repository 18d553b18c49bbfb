//! What the tool `chain` learns.

use super::*;

fn node(name: &str, reachable: bool, tips: &str) -> (&'static str, String) {
    let state = format!(r#""reachable":{reachable},"other_rules":false,"tips":[{tips}],"again":false"#);
    event("chain_node", &format!(r#""network":"main","name":"{name}","implementation":"core",{state}"#))
}

fn tip(height: u32, status: &str) -> String {
    format!(r#"{{"hash":"{}","height":{height},"status":"{status}"}}"#, "ab".repeat(32))
}

fn activity(change: &str) -> (&'static str, String) {
    event("chain_activity", &format!(r#""network":"main","id":1,"node":"alice",{change}"#))
}

#[test]
fn tips_of_nodes() {
    let of = ["main", "bob"];
    let mut play = Play::new();
    let tips = [tip(7, "ACTIVE"), tip(5, "VALID_FORK"), tip(4, "VALID_FORK"), tip(6, "INVALID")].join(",");
    play.at(0.0, node("bob", true, &tips));
    play.is(ids::CHAIN_NODE_REACHABLE, &of, 1.0).is(ids::CHAIN_TIP_HEIGHT, &of, 7.0);
    play.is(ids::CHAIN_TIPS, &["main", "bob", "valid-fork"], 2.0);
    play.is(ids::CHAIN_TIPS, &["main", "bob", "invalid"], 1.0);
    play.at(1.0, node("bob", false, &tip(8, "ACTIVE")));
    play.has(ids::CHAIN_NODE_REACHABLE, 0).is(ids::CHAIN_TIP_HEIGHT, &of, 8.0);
    play.is(ids::CHAIN_TIPS, &["main", "bob", "valid-fork"], 0.0);
    // The tool does not run any more, or does not ask it any more.
    play.tick(200.0);
    assert!(play.node.store().series(ids::CHAIN_TIP_HEIGHT).is_empty());
    assert!(play.node.store().series(ids::CHAIN_TIPS).is_empty());
    // That a node has tips does not show that the one that is observed is there.
    play.is(ids::NODE_UP, &[], 0.0);
}

#[test]
fn activity_and_depths() {
    let (a, b) = ("aa".repeat(32), "bb".repeat(32));
    let reorg = format!(
        r#""reorg":{{"old_hash":"{a}","old_height":12,"new_hash":"{b}","new_height":13,"common_ancestor":"{a}","common_height":10}}"#
    );
    let mut play = Play::new();
    play.at(0.0, activity(&reorg)).at(1.0, activity(r#""reachability":{"reachable":false}"#));
    play.at(2.0, activity(r#""reachability":{"reachable":true}"#));
    play.at(3.0, activity(r#""lag":{"lagging":true,"node_height":1,"best_height":9}"#));
    play.is(ids::CHAIN_REORG_DEPTH, &["main"], 1.0).sums_to(ids::CHAIN_REORG_DEPTH, &["main"], 2.0);
    for kind in ["reorg", "unreachable", "reachable", "lagging"] {
        play.is(ids::CHAIN_ACTIVITY, &["main", kind], 1.0);
    }
}
