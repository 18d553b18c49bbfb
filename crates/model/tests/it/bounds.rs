//! Whatever comes, and however much: nothing breaks, and all collections keep their limits.

use model::bounds::{MAX_BLOCKS, MAX_CLOSED, MAX_OPEN};
use proptest::prelude::*;

use super::*;

const SAMPLES: &str = include_str!("../../../event/tests/it/samples.jsonl");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Events of all kinds in any order, at any time, with changed bytes.
    #[test]
    fn no_event_breaks_anything(
        order in prop::collection::vec((0..200_usize, prop::option::of((any::<prop::sample::Index>(), any::<u8>())), prop_oneof![8 => (0..4_000_000_000_000_u64).prop_map(|ns| 1_769_860_800_000_000_000 + ns), 1 => any::<u64>(), 1 => Just(u64::MAX)], 0..3_u64), 1..60),
    ) {
        let samples: Vec<&str> = SAMPLES.lines().collect();
        let (mut model, enrichment, mut names) = (Model::<()>::default(), Enrichment::default(), NodeNames::default());
        let mut changes = Vec::new();
        for (sample, change, time_ns, run) in order {
            let record = json::from_json(samples[sample % samples.len()], &mut names).unwrap();
            let mut bytes = match record.body() {
                Some(body) => Record::new("".into(), run, 1, time_ns, body.clone()).bytes().to_vec(),
                None => record.bytes().to_vec(),
            };
            if let Some((at, byte)) = change {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(record) = Record::from_bytes(bytes.into(), &mut names) {
                model.fold(&record, record.envelope().time_ns, &enrichment, &mut changes, &mut Diary);
            }
            model.tick(time_ns, &enrichment, &mut changes, &mut Diary);
        }
    }

    /// A connection that was opened closes at most once, in whatever order its sources report it.
    #[test]
    fn openings_and_ends_are_paired(steps in prop::collection::vec((0..5_u8, 1..3_u64, 0..3_000_u64), 1..80)) {
        let mut play = Play::new();
        let mut now_ms = 0;
        for (step, peer, wait_ms) in steps {
            now_ms += wait_ms;
            let conn = format!(r#"{{"peer_id":{peer},"addr":"1.2.3.{peer}:8333","conn_type":"Inbound","network":1}}"#);
            let what = match step {
                0 => event("inbound_connection", &format!(r#""conn":{conn},"existing_connections":3"#)),
                1 => event("closed_connection", &format!(r#""conn":{conn},"time_established":1769860000"#)),
                2 => line("peer_connected", &format!(r#""peer_id":{peer},"addr":"1.2.3.{peer}:8333""#)),
                3 => line("peer_disconnected", &format!(r#""peer_id":{peer},"reason":"CLOSED""#)),
                _ => line("eviction_selected", &format!(r#""peer_id":{peer}"#)),
            };
            play.at(now_ms as f64 / 1e3, what);
        }
        play.tick(now_ms as f64 / 1e3 + 10.0);
        for peer in 1..3_u64 {
            let mut opened = 0_u32;
            let mut closed = 0_u32;
            for change in &play.changes {
                match change {
                    Change::PeerOpened { id } if *id == peer => opened += 1,
                    Change::PeerClosed { connection, .. } if connection.id == peer && connection.opened_ns.is_some() => {
                        closed += 1;
                    }
                    _ => {}
                }
            }
            let seen = play.changes.iter().filter(|change| matches!(change, Change::PeerSeen { id } if *id == peer)).count();
            prop_assert!(opened as usize <= seen, "{opened} opened, {seen} seen");
            prop_assert!(closed as usize <= seen, "{closed} closed, {seen} seen");
        }
    }
}

#[test]
fn a_flood_is_bounded() {
    let mut play = Play::new();
    for number in 0..5_000_u64 {
        let items = format!(r#""inv":{{"items":[{{"block":"@{:02x}"}}]}}"#, number % 256);
        play.at(number as f64 / 1e3, received(number, "inv", &items));
        play.changes.clear();
    }
    assert!(play.model.peers.open().len() <= MAX_OPEN);
    assert_eq!(play.model.peers.closed().len(), MAX_CLOSED);
    assert!(play.model.blocks.known().len() <= MAX_BLOCKS);
    // Those of which something was heard last are still there.
    assert!(play.model.peers.get(4_999).is_some() && play.model.peers.get(0).is_none());
}
