//! Attacks of several kinds, each on a real node of its own, are found within seconds, and nothing else is: a part of what `detect` measures.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use testbed::cases::ALL;
use testbed::scenarios;

/// One of each kind of event that detectors read, and what is none: a burst of blocks, crawlers, and peers through Tor.
const CASES: [&str; 12] = [
    "addr_flood",
    "spy",
    "local_probe",
    "mutated_block",
    "invalid_block",
    "getdata_loop",
    "ping_spam",
    "oversized",
    "cycling",
    "burst",
    "crawlers",
    "through_tor",
];

fn detect(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_detect")).args(arguments).output().unwrap()
}

#[test]
fn attacks_are_found_and_nothing_else_is() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_detect")).with_file_name("peer-observer");
    if !program.exists() {
        return testbed::skipped("there is no peer-observer beside the program; run cargo build -p peer-observer");
    }
    if let Err(why) = testbed::internet::possible() {
        return testbed::skipped(&format!("{why:#}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let how = ["--seed", "7", "--lead", "20", "--lasts", "25", "--form", "strong"];
    let recorded = detect(&[&["record", folder][..], &CASES, &how].concat());
    let log = String::from_utf8_lossy(&recorded.stderr);
    assert!(recorded.status.success() && log.is_empty(), "{log}");

    // The node's own peers connect within the minute before, and what the machine's disk has left says nothing of the detectors.
    let without = ["--set", "inbound_flood.enabled=false", "--set", "disk_full.enabled=false"];
    let measured = detect(&[&["measure", folder][..], &without].concat());
    assert!(measured.status.success(), "{}", String::from_utf8_lossy(&measured.stderr));
    let lines = String::from_utf8(measured.stdout).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let missed: Vec<_> = lines.iter().filter(|line| line["must"] == true && line["found"] == false).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    let wrong: Vec<_> = lines.iter().filter(|line| !line["false"].is_null()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let found = lines.iter().filter(|line| line["found"] == true).count();
    assert!(found >= 9, "{lines:#?}");
}

#[test]
fn labels_name_detectors_and_addresses_tell_whose_a_peer_is() {
    let detectors: BTreeSet<&str> = alerts::rows().map(|row| row.name).collect();
    let ordinary = [scenarios::INBOUND, scenarios::VISITORS, scenarios::CHOSEN];
    let mut names = BTreeSet::new();
    for case in ALL {
        assert!(names.insert(case.name()), "{} is there twice", case.name());
        for detector in case.must.iter().chain(case.weak).chain(case.may) {
            assert!(detectors.contains(detector), "{}: there is no detector {detector}", case.name());
        }
        assert!(case.weak.iter().all(|detector| case.must.contains(detector)), "{}", case.name());
        for other in ordinary {
            assert!(!case.scenario.from.iter().any(|byte| other.from.contains(byte)), "{} {}", case.name(), other.name);
        }
    }
    let attacks = ALL.iter().filter(|case| !case.must.is_empty()).count();
    assert!(attacks >= 16 && ALL.len() - attacks >= 8, "{attacks} of {}", ALL.len());
}
