//! Every kind of event has rows, and they say what the event says.

use std::collections::{BTreeMap, BTreeSet};

use event::json::from_json;
use event::{Filter, NodeNames};
use export::{Exporter, TABLES};
use parquet::record::Field;
use serde_json::Value;
use store::archive::{Archive, Options, Writer};

use super::read::{field, hash, rows, text};

/// Every kind of event, as the event crate's own golden file has it.
const SAMPLES: &str = include_str!("../../../../event/tests/it/samples.jsonl");

#[test]
fn every_kind_of_event_has_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&Options::new(folder.path()), 1_790_000_000_000_000_000).unwrap();
    let mut names = NodeNames::default();
    for line in SAMPLES.lines() {
        writer.append(&from_json(line, &mut names).unwrap()).unwrap();
    }
    let path = writer.path().to_owned();
    writer.finish().unwrap();
    let to = folder.path().join("export");
    let exported = Exporter::new(&to, TABLES, Filter::default()).export(&Archive::open(path).unwrap()).unwrap();
    assert_eq!((exported.events, exported.damaged), (SAMPLES.lines().count() as u64, 0));

    // By time: which other tables have rows of an event.
    let mut tables = BTreeMap::<String, BTreeSet<&str>>::new();
    for table in TABLES {
        let rows = rows(&to, table.name);
        let said: u64 = exported.parts.iter().filter(|part| part.table == table.name).map(|part| part.rows).sum();
        assert_eq!(rows.len() as u64, said, "{}", table.name);
        assert!(!rows.is_empty(), "{} has no rows", table.name);
        for row in &rows {
            assert_eq!(text(row, "node").as_deref(), Some("alice"));
            if table.name != "events" {
                tables.entry(field(row, "sequence").to_string()).or_default().insert(table.name);
            }
        }
    }
    let events = rows(&to, "events");
    assert_eq!(events.len(), SAMPLES.lines().count());
    for row in &events {
        let kind = text(row, "kind").unwrap();
        let others = tables.get(&field(row, "sequence").to_string());
        // A list of nothing has no rows.
        let is_empty = kind == "message" || kind.ends_with("announcement");
        match text(row, "json") {
            Some(json) => {
                let json: Value = serde_json::from_str(&json).unwrap();
                assert_eq!((json["kind"].as_str(), others), (Some(&*kind), None), "{row}");
            }
            None => assert!(others.is_some() || is_empty, "{row} has no rows"),
        }
    }

    // Hashes are shown as JSON shows them.
    let added = SAMPLES.lines().find(|line| line.contains(r#""kind":"mempool_added""#)).unwrap();
    let added: Value = serde_json::from_str(added).unwrap();
    let mempool = rows(&to, "mempool");
    let row = mempool.iter().find(|row| text(row, "event").unwrap() == "added").unwrap();
    assert_eq!(hash(row, "txid").as_deref(), added["body"]["txid"].as_str());
    assert_eq!(*field(row, "fee"), Field::Long(added["body"]["fee"].as_i64().unwrap()));
}
