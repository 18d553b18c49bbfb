//! How things stand: peers, address manager, chain, process.

use super::*;

#[test]
fn peers_of_getpeerinfo() {
    let noon = time::parse_rfc3339(NOON).unwrap() / SECOND;
    let listens = format!(
        r#""address":"198.51.100.1:5","network":"ipv4","inbound":true,"connection_type":"inbound","transport_protocol_type":"v2","mapped_as":7,"relay_transactions":true,"connection_time":{},"bytes_sent_per_message":{{"inv":9}}"#,
        noon - 600
    );
    let young = listens.replace(&(noon - 600).to_string(), &(noon - 599).to_string());
    let asks = listens.replace(r#"{"inv":9}"#, r#"{"inv":9,"tx":1}"#);
    let announces = format!(r#"{listens},"bytes_received_per_message":{{"inv":1}}"#);
    let elsewhere = listens
        .replace("198.51.100.1", "203.0.113.1")
        .replace(r#""mapped_as":7"#, r#""mapped_as":8"#)
        .replace(r#""inv":9"#, "");
    let unmapped = r#""address":"[2001:db8::1]:5","network":"ipv6","connection_type":"block-relay-only","transport_protocol_type":"v1""#;
    let onion = r#""address":"x.onion:5","network":"onion","connection_type":"manual","transport_protocol_type":"v1""#;
    let odd = r#""address":"x","network":"x\n","connection_type":"x","transport_protocol_type":"x""#;
    let mut play = Play::new();
    play.at(0.0, peer_infos(&[&listens, &young, &asks, &announces, &elsewhere, unmapped, onion, odd]));
    play.is(ids::PEERS, &["inbound", "inbound", "ipv4", "v2"], 5.0).is(ids::PEERS_LISTEN_ONLY, &[], 1.0);
    play.is(ids::PEERS, &["outbound", "unknown", "unknown", "unknown"], 1.0).has(ids::PEERS, 4);
    for (asn, direction, peers) in [("7", "inbound", 4.0), ("8", "inbound", 1.0), ("0", "outbound", 1.0)] {
        play.is(ids::AS_PEERS, &[asn, direction, "node"], peers);
    }
    play.has(ids::AS_PEERS, 3).is(ids::AS_DISTINCT, &["inbound", "node"], 2.0).is(
        ids::AS_LARGEST,
        &["inbound", "node"],
        4.0,
    );
    play.is(ids::AS_DIVERSITY, &["inbound", "node"], 0.4).is(ids::AS_UNMAPPED, &["outbound", "node"], 1.0);
    play.is(ids::GROUP_PEERS, &["198.51.0.0/16", "inbound"], 4.0).is(ids::GROUP_DISTINCT, &["inbound"], 2.0);
    play.is(ids::GROUP_LARGEST, &["inbound"], 4.0).is(ids::GROUP_LARGEST, &["outbound"], 1.0);
    play.at(10.0, peer_infos(&[unmapped])).has(ids::AS_PEERS, 0).has(ids::AS_UNMAPPED, 0).has(ids::PEERS, 1);
}

#[test]
fn our_own_connection_is_no_peer() {
    let own = r#""id":1,"address":"127.0.0.2:28333","network":"not_publicly_routable","connection_type":"manual","transport_protocol_type":"v2""#;
    let other = r#""id":2,"address":"198.51.100.1:5","network":"ipv4","connection_type":"manual","transport_protocol_type":"v2","mapped_as":7"#;
    let manual = |network| ["outbound", "manual", network, "v2"];
    let mut play = Play::new();
    play.at(0.0, peer_infos(&[own, other])).is(ids::PEERS, &manual("not_publicly_routable"), 1.0).has(ids::PEERS, 2);
    play.at(5.0, event("connection_expected", r#""way":"LISTENING","our_address":"127.0.0.2:28333""#));
    play.at(10.0, peer_infos(&[own, other])).is(ids::PEERS, &manual("ipv4"), 1.0).has(ids::PEERS, 1);
    play.is(ids::GROUP_DISTINCT, &["outbound"], 1.0).has(ids::AS_PEERS, 1);
    // The original counts it.
    play.is(ids::RPC_PEER_INFO_NUM_PEERS, &[], 2.0);
}

/// The case rpc-01: inbound peers through Tor have the address of the proxy (bitcoinknots/bitcoin issue 220).
#[test]
fn inbound_peers_through_tor_are_in_no_group() {
    let answer = include_str!("../../cases/rpc-01/getpeerinfo.json");
    for (proxy, lists) in [("127.0.0.1", 0.0), ("172.18.0.3", 0.0)] {
        let answer: serde_json::Value = serde_json::from_str(&answer.replace("127.0.0.1", proxy)).unwrap();
        let peers: Vec<String> = answer
            .as_array()
            .unwrap()
            .iter()
            .map(|peer| {
                format!(
                    r#""id":{},"address":{},"network":{},"inbound":{},"connection_type":{},"mapped_as":0"#,
                    peer["id"], peer["addr"], peer["network"], peer["inbound"], peer["connection_type"]
                )
            })
            .collect();
        let mut play = Play::new();
        play.at(0.0, peer_infos(&peers.iter().map(String::as_str).collect::<Vec<_>>()));
        for direction in ["inbound", "outbound"] {
            play.is(ids::GROUP_LARGEST, &[direction], 0.0).is(ids::GROUP_DISTINCT, &[direction], 0.0);
        }
        play.has(ids::GROUP_PEERS, 0).has(ids::AS_PEERS, 0);
        play.is(ids::PEERS_SET, &["linkinglion", "inbound"], lists);
        play.is(ids::PEERS, &["inbound", "inbound", "onion", "unknown"], 6.0);
        play.is(ids::PEERS, &["outbound", "outbound-full-relay", "onion", "unknown"], 1.0);
    }
}

#[test]
fn the_address_manager() {
    let noon = time::parse_rfc3339(NOON).unwrap() / SECOND;
    let entry = |age: i64, network: &str, source: &str| {
        format!(r#"{{"address":"1.2.3.4","network":"{network}","source":"{source}","time":{}}}"#, noon as i64 - age)
    };
    let (a, b, c) = (entry(100, "ipv4", "x"), entry(90_000, "onion", "x"), entry(-5, "new network", "y"));
    let mut play = Play::new();
    play.at(
        0.0,
        event("addrman", &format!(r#""new":{{"1":{{"entries":{{"0":{a},"1":{b}}}}},"9":{{"entries":{{"0":{c}}}}}}}"#)),
    );
    play.is(ids::ADDRMAN_ENTRIES, &["new", "ipv4"], 1.0).is(ids::ADDRMAN_ENTRIES, &["new", "unknown"], 1.0);
    play.has(ids::ADDRMAN_ENTRIES, 3).is(ids::ADDRMAN_AGE, &["new", "50"], 100.0).is(
        ids::ADDRMAN_AGE,
        &["new", "90"],
        90_000.0,
    );
    for (age, entries) in [("future", 1.0), ("1h", 1.0), ("1d", 0.0), ("7d", 1.0), ("30d", 0.0), ("older", 0.0)] {
        play.is(ids::ADDRMAN_ENTRIES_BY_AGE, &["new", age], entries).is(
            ids::ADDRMAN_ENTRIES_BY_AGE,
            &["tried", age],
            0.0,
        );
    }
    play.is(ids::ADDRMAN_SOURCE_SHARE, &["new"], 2.0 / 3.0).has(ids::ADDRMAN_SOURCE_SHARE, 1);
}

#[test]
fn restarts_and_the_tip() {
    let uptime = |seconds: u32| ("uptime", seconds.to_string());
    let started = || line("node_started", r#""version":"v31""#);
    let noon = time::parse_rfc3339(NOON).unwrap() / SECOND;
    let process = |after: i64| {
        event("node_process", &format!(r#""pid":1,"started_ns":{}"#, (noon as i64 + after) * SECOND as i64))
    };
    let table: Vec<(Steps, f64, i64)> = vec![
        (vec![(0.0, uptime(100)), (10.0, uptime(110)), (20.0, uptime(119))], 0.0, -100),
        (vec![(0.0, uptime(100)), (10.0, uptime(2))], 1.0, 8),
        (vec![(0.0, started()), (5.0, uptime(5))], 0.0, 0),
        (vec![(0.0, process(-500)), (1.0, started()), (5.0, uptime(4))], 1.0, 1),
        (vec![(0.0, tip(7, A)), (100.0, started()), (110.0, uptime(9))], 1.0, 100),
        (
            vec![
                (0.0, process(-9)),
                (100.0, process(99)),
                (100.5, started()),
                (110.0, uptime(10)),
                (120.0, uptime(20)),
            ],
            1.0,
            99,
        ),
        (
            vec![(0.0, uptime(500)), (100.0, started()), (110.0, uptime(10)), (300.0, started()), (310.0, uptime(5))],
            2.0,
            300,
        ),
        (vec![(0.0, uptime(100)), (4_000.0, uptime(101))], 0.0, 3_899), // the machine slept
    ];
    for (steps, restarts, start) in table {
        let mut play = Play::new();
        for (seconds, (kind, body)) in &steps {
            play.at(*seconds, (kind, body.clone()));
        }
        play.is(ids::NODE_RESTARTS, &[], restarts).is(ids::NODE_START_TIME, &[], (noon as i64 + start) as f64);
    }
    let info =
        |hash: &str| event("blockchain_info", &format!(r#""chain":"main","time":1700000000,"bestblockhash":"{hash}""#));
    let mut play = Play::new();
    play.at(0.0, info(A)).is(ids::TIP_TIME, &[], 1_700_000_000.0).has(ids::TIP_CHANGED, 0).has(ids::NODE_INFO, 0);
    play.at(1.0, event("network_info", r#""version":310000,"subversion":"/Satoshi:31.0.0/""#));
    play.is(ids::NODE_INFO, &["310000", "/Satoshi:31.0.0/", "main"], 1.0);
    // What waits to be announced is reported from v32 on.
    play.has(ids::INV_BACKLOG, 0).has(ids::TX_SEND_RATE, 0);
    let new = r#""version":320000,"subversion":"/Satoshi:32.0.0/","tx_send_rate":14.0,"inbound_backlog":5,"outbound_backlog":0"#;
    play.at(2.0, event("network_info", new)).is(ids::INV_BACKLOG, &["inbound"], 5.0);
    play.is(ids::INV_BACKLOG, &["outbound"], 0.0).is(ids::TX_SEND_RATE, &[], 14.0);
    play.at(5.0, info("@bb")).is(ids::TIP_CHANGED, &[], noon as f64 + 5.0);
    play.at(6.0, tip(8, "@bb")).is(ids::TIP_CHANGED, &[], noon as f64 + 5.0).is(ids::TIP_TIME, &[], noon as f64 - 20.0);
}

#[test]
fn the_process_of_the_node() {
    let process = |started: u64, user: f64| {
        event(
            "node_process",
            &format!(
                r#""pid":1,"started_ns":{started},"threads":[{{"name":"b-net","count":1,"cpu_user_seconds":{user}}},{{"name":"b-gone","count":0,"cpu_system_seconds":2.0}}],"memory":{{"resident":5,"anonymous":4,"virtual":9,"swap":0}},"open_files":7,"max_open_files":1024,"read_bytes":1,"written_bytes":2,"major_faults":3,"filesystems":[{{"name":"datadir","size":100,"available":40}},{{"name":"blocks","size":7,"available":7}}],"directories":[{{"name":"blocks","bytes":60}}],"debug_log_bytes":11"#
            ),
        )
    };
    let mut play = Play::new();
    play.at(0.0, process(1, 10.0)).at(10.0, process(1, 12.0));
    play.is(ids::THREAD_CPU, &["b-net", "user"], 12.0).is(ids::THREAD_CPU, &["b-gone", "system"], 2.0);
    play.is(ids::THREADS, &["b-net"], 1.0).has(ids::THREADS, 1).is(ids::NODE_MEMORY, &["virtual"], 9.0);
    play.is(ids::NODE_FILES, &[], 7.0).is(ids::NODE_IO, &["write"], 2.0).is(ids::NODE_PAGE_FAULTS, &[], 3.0);
    play.is(ids::DISK_AVAILABLE, &[], 40.0).is(ids::DIRECTORY_SIZE, &["debug_log"], 11.0);
    play.at(20.0, process(2, 1.0)).is(ids::THREAD_CPU, &["b-net", "user"], 1.0);
    play.at(21.0, event("logging", r#""categories":{"net":true,"mempool":false}"#));
    play.is(ids::LOG_CATEGORY_ENABLED, &["net"], 1.0).has(ids::LOG_CATEGORY_ENABLED, 1);
}
