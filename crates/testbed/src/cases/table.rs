//! The cases. Detectors that must find something are those whose rule it breaks; those that may, see a part of it.

use super::Case;
use crate::scenarios::{self as s, Scenario};

/// An attack that must be found within a minute.
const fn attack(scenario: Scenario, must: &'static [&'static str], may: &'static [&'static str]) -> Case {
    Case {
        scenario,
        before: &[],
        ends: &[],
        must,
        weak: must,
        may,
        lead: 660,
        lasts: 150,
        within: 60,
        config: "",
        connectivity: false,
    }
}

/// An attack whose detectors need longer by their own windows, at least in the weak form.
const fn slow(case: Case, within: u64, lasts: u64) -> Case {
    Case { within, lasts, ..case }
}

/// Something lively that is no attack.
const fn benign(scenario: Scenario, may: &'static [&'static str]) -> Case {
    Case { lasts: 240, ..attack(scenario, &[], may) }
}

/// All cases: attacks, and then what is none.
pub const ALL: &[Case] = &[
    // Addresses.
    attack(s::ADDR_FLOOD, &["address_flood"], &["future_addresses", "unroutable_addresses", "unique_addresses"]),
    attack(s::FUTURE_ADDRESSES, &["future_addresses"], &["address_flood", "inbound_flood", "as_visits"]),
    slow(attack(s::UNROUTABLE, &["unroutable_addresses"], &["address_flood", "inbound_flood", "as_visits"]), 180, 240),
    slow(attack(s::ONE_AS, &["gossiped_as"], &["address_flood", "inbound_flood", "as_visits"]), 150, 240),
    slow(attack(s::GHOSTS, &["getaddr_overlap"], &[]), 180, 240),
    attack(s::TWO_NETWORKS, &["same_timestamps"], &[]),
    // Spies.
    slow(attack(s::SPY, &["subnet_spy"], &["disguised_agent", "subnet_flood", "inbound_flood", "as_visits"]), 240, 300),
    slow(
        Case {
            weak: &["one_operator"],
            ..attack(
                s::SPREAD_SPY,
                &["one_operator", "as_spy"],
                &["subnet_spy", "subnet_flood", "disguised_agent", "inbound_flood", "as_visits"],
            )
        },
        240,
        300,
    ),
    attack(s::DISGUISED, &["disguised_agent"], &["subnet_spy"]),
    attack(s::SAME_NONCE, &["same_nonce"], &["inbound_flood"]),
    attack(s::KNOWN_SET, &["known_set"], &[]),
    // Connections.
    attack(s::INBOUND_FLOOD, &["inbound_flood"], &["slots_full"]),
    slow(attack(s::SUBNET_FLOOD, &["subnet_flood"], &["inbound_flood", "as_visits"]), 240, 300),
    slow(
        Case {
            config: "maxconnections=60",
            ..attack(s::PRESSURE, &["eviction_pressure"], &["slots_full", "inbound_flood", "as_visits", "inbound_drop"])
        },
        240,
        300,
    ),
    slow(attack(s::AS_VISITS, &["as_visits"], &["inbound_flood"]), 180, 240),
    Case {
        before: &[s::FLEET],
        ends: &[s::FLEET],
        lasts: 240,
        within: 180,
        ..attack(
            Scenario { name: "fleet_leaves", about: "Forty peers of one provider leave.", ..s::NOTHING },
            &["inbound_drop", "as_drop"],
            &[],
        )
    },
    Case {
        ends: &[s::CHOSEN],
        lasts: 240,
        within: 180,
        weak: &[],
        ..attack(
            Scenario { name: "outbound_lost", about: "The node loses its outbound peers.", ..s::NOTHING },
            &["outbound_drop"],
            &["outbound_replaced"],
        )
    },
    attack(s::LOCAL_PROBE, &["local_probe"], &[]),
    // Eclipse.
    Case {
        ends: &[s::CHOSEN],
        lead: 960,
        lasts: 300,
        within: 240,
        ..attack(s::CAPTURE, &["outbound_replaced", "outbound_concentrated"], &["outbound_drop"])
    },
    // Blocks.
    slow(attack(s::HEADER_SPAM, &["header_spam"], &["headers_ahead", "block_withheld", "double_block"]), 240, 300),
    slow(attack(s::WITHHELD, &["block_withheld"], &["double_block", "headers_ahead"]), 180, 240),
    attack(s::MUTATED_BLOCK, &["mutated_block"], &["block_repeated"]),
    attack(s::INVALID_BLOCK, &["invalid_block"], &["node_warning", "double_block"]),
    attack(s::REPEATED_BLOCK, &["block_repeated"], &["unrequested_data"]),
    attack(s::DOUBLE_BLOCK, &["double_block"], &[]),
    // One block is left now and then.
    Case { weak: &[], ..attack(s::REORG, &["reorg"], &["double_block", "invalid_block"]) },
    // Protocol.
    slow(attack(s::UNASKED_BLOCKS, &["unrequested_data"], &["block_repeated"]), 150, 240),
    attack(s::GETDATA_LOOP, &["getdata_loop"], &[]),
    attack(s::OVERSIZED, &["oversized_message"], &["address_flood"]),
    attack(s::MALFORMED, &["malformed_message"], &["oversized_message"]),
    attack(s::PING_SPAM, &["ping_spam"], &[]),
    attack(s::OLD_PING, &["old_ping"], &["ping_spam"]),
    attack(s::EMPTY_ADDRV2, &["empty_addresses"], &["malformed_message"]),
    attack(s::SENDCMPCT, &["sendcmpct_misuse"], &[]),
    attack(s::INV_BLOCKS, &["inv_blocks"], &["oversized_message"]),
    attack(s::BOGUS_SERVICES, &["bogus_services"], &["disguised_agent"]),
    // Mempool.
    slow(attack(s::REJECTIONS, &["rejections"], &["unrequested_data", "orphan_flood"]), 240, 300),
    slow(attack(s::ORPHAN_FLOOD, &["orphan_flood"], &["unrequested_data", "rejections"]), 150, 240),
    attack(s::CYCLING, &["replacement_cycling"], &["unrequested_data"]),
    slow(Case { config: "maxmempool=5", ..attack(s::STUFFING, &["mempool_jump"], &[]) }, 90, 150),
    // The log and the node.
    slow(
        attack(
            s::SELF_CONNECTIONS,
            &["self_connections"],
            &["log_rate_limit", "inbound_flood", "as_visits", "same_nonce"],
        ),
        90,
        150,
    ),
    slow(
        Case { ends: &[s::CHOSEN], ..attack(s::WRONG_CLOCKS, &["clock_off"], &["outbound_replaced", "outbound_drop"]) },
        180,
        240,
    ),
    attack(s::GONE, &["node_gone"], &[]),
    attack(s::CRASH, &["node_restarted"], &[]),
    attack(s::HANGS, &["source_silent"], &[]),
    // No attacks.
    benign(Scenario { name: "quiet", about: "Nothing besides ordinary life.", ..s::NOTHING }, &[]),
    benign(s::SYNC, &[]),
    benign(s::RESTART, &[]),
    benign(s::BURST, &[]),
    benign(s::FEE_SPIKE, &[]),
    benign(s::CRAWLERS, &[]),
    Case {
        before: &[s::FLEET],
        ..benign(Scenario { name: "large_fleet", about: "A large fleet of one provider is there.", ..s::NOTHING }, &[])
    },
    benign(s::THROUGH_TOR, &[]),
    Case {
        connectivity: true,
        ..benign(Scenario { name: "connectivity", about: "Our own connectivity check runs.", ..s::NOTHING }, &[])
    },
];
