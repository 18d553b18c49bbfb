//! What each scenario does to real nodes, by what they themselves report: RPCs and debug.log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{Network, Node, Plan, Scenario, Strength, Traffic, eventually, scenarios};

/// Everything is to be seen within 30 seconds; machines may be busy.
const SOON: Duration = Duration::from_secs(90);

/// What a node reports of itself now.
struct Report {
    log: String,
    peers: Vec<Value>,
    tips: Vec<Value>,
    mempool: u64,
    orphans: usize,
}

impl Report {
    async fn of(node: &Node) -> Self {
        let tips = node.rpc("getchaintips", json!([])).await.unwrap();
        // Only since v29.
        let orphans = node.rpc("getorphantxs", json!([])).await.ok();
        Self {
            log: fs::read_to_string(node.debug_log()).unwrap(),
            peers: node.peers().await.unwrap(),
            tips: tips.as_array().unwrap().clone(),
            mempool: node.mempool().await.unwrap().len() as u64,
            orphans: orphans.map_or(0, |orphans| orphans.as_array().unwrap().len()),
        }
    }

    fn logged(&self, words: &[&str]) -> bool {
        self.log.lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    fn of_scenario(&self, scenario: Scenario) -> impl Iterator<Item = &Value> {
        self.peers.iter().filter(move |peer| {
            let addr = peer["addr"].as_str().and_then(|addr| addr.rsplit_once(':'));
            addr.is_some_and(|(ip, _)| ip.parse().is_ok_and(|ip| scenario.owns(ip)))
        })
    }

    fn has_tip(&self, status: &str, length: u64) -> bool {
        self.tips.iter().any(|tip| tip["status"] == status && tip["branchlen"].as_u64() >= Some(length))
    }

    /// The numbers of all peers of a scenario until now.
    fn ids(&self, scenario: Scenario) -> BTreeSet<u64> {
        let greeted = self.log.lines().filter(|line| line.contains("receive version message: "));
        let id = |line: &str| {
            let (_, rest) = line.rsplit_once("peer=")?;
            let (id, rest) = rest.split_once(|c: char| !c.is_ascii_digit())?;
            let (ip, _) = rest.split_once("peeraddr=")?.1.rsplit_once(':')?;
            scenario.owns(ip.parse().ok()?).then_some(())?;
            id.parse().ok()
        };
        greeted.filter_map(id).collect()
    }

    /// Messages that it got from peers of a scenario, by type.
    fn received_from(&self, scenario: Scenario) -> BTreeMap<String, u64> {
        let ids = self.ids(scenario);
        let mut counts = BTreeMap::new();
        for line in self.log.lines() {
            let Some((_, message)) = line.split_once("] received: ") else { continue };
            let (message_type, rest) = message.split_once(' ').unwrap();
            let (_, id) = rest.rsplit_once("peer=").unwrap();
            if ids.contains(&id.parse().unwrap()) {
                *counts.entry(message_type.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

fn bytes(peer: &Value, message_type: &str) -> u64 {
    peer["bytesrecv_per_msg"][message_type].as_u64().unwrap_or(0)
}

/// A scenario, what is to be seen of it at some node, and how that is seen.
type Effect = (Scenario, &'static str, fn(&Report) -> bool);

const EFFECTS: [Effect; 23] = [
    (scenarios::BLOCKS, "compact blocks", |node| node.logged(&["Successfully reconstructed block"])),
    (scenarios::TRANSACTIONS, "a mempool", |node| node.mempool > 0),
    (scenarios::HONEST, "many peers", |node| node.of_scenario(scenarios::HONEST).count() >= 10),
    (scenarios::HONEST, "several user agents", |node| {
        node.of_scenario(scenarios::HONEST).map(|peer| peer["subver"].to_string()).collect::<BTreeSet<_>>().len() >= 4
    }),
    (scenarios::HONEST, "peers through Tor", |node| node.peers.iter().any(|peer| peer["network"] == "onion")),
    (scenarios::HONEST, "known blocks of a peer", |node| {
        node.of_scenario(scenarios::HONEST).any(|peer| peer["synced_headers"].as_u64() > Some(100))
    }),
    (scenarios::HONEST, "delivered transactions", |node| {
        node.of_scenario(scenarios::HONEST).any(|peer| bytes(peer, "tx") > 0 && bytes(peer, "inv") > 0)
    }),
    (scenarios::HONEST, "accepted addresses", |node| {
        node.of_scenario(scenarios::HONEST)
            .any(|peer| peer["addr_processed"].as_u64() > Some(0) && peer["addr_rate_limited"] == 0)
    }),
    (scenarios::OUTBOUND, "outbound peers", |node| {
        node.of_scenario(scenarios::OUTBOUND).any(|peer| peer["connection_type"] == "outbound-full-relay")
    }),
    (scenarios::OUTBOUND, "many addresses from one that was asked", |node| {
        node.of_scenario(scenarios::OUTBOUND).any(|peer| peer["addr_processed"].as_u64() > Some(100))
    }),
    (scenarios::REPLACEMENT, "a replacement", |node| node.logged(&["[mempool] replac"])),
    (scenarios::FEE_SPIKE, "a full mempool", |node| node.mempool >= 40),
    (scenarios::REORG, "a fork of two blocks", |node| node.has_tip("valid-fork", 2)),
    (scenarios::SPY, "many short connections", |node| node.ids(scenarios::SPY).len() >= 10),
    (scenarios::ADDR_FLOOD, "limited addresses", |node| {
        node.of_scenario(scenarios::ADDR_FLOOD).any(|peer| peer["addr_rate_limited"].as_u64() > Some(5000))
    }),
    (scenarios::STALLING, "blocks that are waited for", |node| {
        node.of_scenario(scenarios::STALLING).any(|peer| peer["inflight"] != json!([]))
    }),
    (scenarios::STALLING, "headers without blocks", |node| node.has_tip("headers-only", 2)),
    (scenarios::MUTATED_BLOCK, "mutated blocks", |node| node.logged(&["Received mutated block from peer="])),
    (scenarios::MUTATED_BLOCK, "a punishment", |node| node.logged(&["Misbehaving: peer=", "mutated block"])),
    (scenarios::ODDITIES, "an inv too large", |node| node.logged(&["Misbehaving: peer=", "inv message size = 50001"])),
    (scenarios::UNREQUESTED, "the same block again and again", |node| {
        let counts = node.received_from(scenarios::UNREQUESTED);
        ["block", "blocktxn", "pong", "notfound"].iter().all(|name| counts.get(*name) >= Some(&10))
    }),
    (scenarios::INVALID_TRANSACTIONS, "rejections", |node| {
        let reasons = ["min relay fee not met", "bad-txns-in-belowout", "dust", "non-final"];
        reasons.iter().all(|reason| node.logged(&["[mempoolrej] ", reason]))
    }),
    (scenarios::ORPHANS, "orphans", |node| node.orphans > 10 || node.logged(&["[txpackages] stored orphan tx"])),
];

/// One after another, until all were seen.
async fn wait_for(network: &Network, effects: &[Effect]) {
    let begin = Instant::now();
    let mut missing: Vec<_> = effects.iter().collect();
    while !missing.is_empty() && begin.elapsed() < SOON {
        for node in network.nodes() {
            let report = Report::of(node).await;
            missing.retain(|(scenario, what, is_seen)| {
                let seen = is_seen(&report);
                if seen {
                    println!("{:5.1} s, {}: {}: {what}", begin.elapsed().as_secs_f32(), node.name(), scenario.name);
                }
                !seen
            });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let missing: Vec<_> = missing.iter().map(|(scenario, what, _)| format!("{}: {what}", scenario.name)).collect();
    assert!(missing.is_empty(), "not within {SOON:?}: {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scenario_shows_soon() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(3, dir.path()).await.unwrap();
    let plan = Plan { seed: 1, ..Plan::default() };
    let traffic = Traffic::start(&network, plan.clone()).await.unwrap();
    wait_for(&network, &EFFECTS).await;
    for scenario in plan.scenarios.iter().filter(|scenario| !scenario.from.is_empty()) {
        assert!(traffic.sent().messages(scenario.name, "version") > 0, "{}", scenario.name);
    }
    // What is counted here is what the nodes say that they have got.
    let counted = |node: &Node| {
        let rows = traffic.sent().rows().into_iter().filter(|row| row.by == "addr_flood" && *row.to == *node.name());
        rows.map(|row| (row.message_type, row.messages)).collect::<BTreeMap<_, _>>()
    };
    for node in network.nodes() {
        eventually("the same counts", SOON, || async {
            let received = Report::of(node).await.received_from(scenarios::ADDR_FLOOD);
            (!received.is_empty() && received == counted(node)).then_some(())
        })
        .await
        .unwrap();
    }
    traffic.stop().await;
    network.stop().await.unwrap();
}

const WEAK: [Effect; 3] = [
    (scenarios::ADDR_FLOOD, "limited addresses", |node| {
        node.of_scenario(scenarios::ADDR_FLOOD).any(|peer| peer["addr_rate_limited"].as_u64() > Some(50))
    }),
    (scenarios::REORG, "a replaced block", |node| node.logged(&["[validation] BlockDisconnected: block hash="])),
    (scenarios::STALLING, "a block that comes late", |node| {
        node.of_scenario(scenarios::STALLING).any(|peer| bytes(peer, "block") > 0)
            || node.received_from(scenarios::STALLING).contains_key("block")
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn weak_forms_do_less() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(1, dir.path()).await.unwrap();
    let weak = |(scenario, _, _)| Scenario { strength: Strength::Weak, ..scenario };
    let plan = Plan { seed: 2, scenarios: WEAK.map(weak).to_vec() };
    let traffic = Traffic::start(&network, plan).await.unwrap();
    wait_for(&network, &WEAK).await;
    traffic.stop().await;
    network.stop().await.unwrap();
}

#[test]
fn a_name_and_an_address_tell_the_scenario() {
    let names: BTreeSet<_> = scenarios::ALL.iter().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), scenarios::ALL.len());
    let from: Vec<_> = scenarios::ALL.iter().flat_map(|scenario| scenario.from).collect();
    assert_eq!(BTreeSet::from_iter(&from).len(), from.len());
}
