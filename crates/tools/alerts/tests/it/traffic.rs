//! What honest and other peers send, for the tests of several families.

use std::collections::BTreeSet;

use alerts::{Engine, Settings};
use networks::{Enrichment, Files};
use serde_json::{Value, json};

use super::play::{Event, NOON, Play, closed, message, opened};

/// A map in which 8.0.0.0/8 is AS64500 and all else AS64501: a default, thirteen matches of a byte each, and a return.
const ASMAP: &str = "cffb657f80fd01f607d81f607f80fd01f607d81f607f80fd01f6ffdfff7f7f08793f03";

/// A play in which addresses have autonomous systems.
pub fn with_asmap(set: &[&str]) -> Play {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("asmap.dat");
    std::fs::write(&path, hex::decode(ASMAP).unwrap()).unwrap();
    let enrichment = Enrichment::read(&Files { sets: Vec::new(), asmap: Some(path) }, None).unwrap();
    let mut settings = Settings::default();
    set.iter().for_each(|text| settings.set_text(text).unwrap());
    Play::of(Engine::new(settings, enrichment, Vec::new()))
}

/// The names of the detectors of a family that reported something, in their order.
pub fn found(play: &Play, family: &str) -> Vec<String> {
    let names: BTreeSet<String> =
        play.alerts().iter().filter(|alert| alert.family == family).map(|alert| alert.detector.clone()).collect();
    names.into_iter().collect()
}

/// The beginning of the play, seconds since the UNIX epoch.
pub fn noon() -> u64 {
    event::time::parse_rfc3339(NOON).unwrap() / 1_000_000_000
}

/// A number that looks random, the same for the same `of`.
pub fn random(of: u64) -> u64 {
    let mixed = (of ^ of >> 30).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 16
}

/// A hash, as JSON has it.
pub fn hash(of: u64) -> String {
    format!("{:016x}", random(of).wrapping_mul(0x1_0001).wrapping_add(of)).repeat(4)
}

/// An inv, getdata or the like with `count` entries of a kind from number `first` on.
pub fn items(peer: u64, addr: &str, inbound: bool, message_type: &str, kind: &str, first: u64, count: u64) -> Event {
    let items: Vec<Value> = (first..first + count).map(|of| json!({ kind: hash(of) })).collect();
    let (name, mut body) = message(peer, addr, inbound, message_type, json!({ "items": items }));
    body["meta"]["size"] = (3 + 36 * count).into();
    (name, body)
}

/// A version message.
pub fn version(peer: u64, addr: &str, agent: &str, services: u64, nonce: u64) -> Event {
    let address = json!({ "timestamp": 0, "services": 0, "port": 0, "ipv4": "0.0.0.0" });
    message(
        peer,
        addr,
        true,
        "version",
        json!({
            "version": 70_016, "services": services, "timestamp": noon(), "receiver": address, "sender": address,
            "nonce": nonce, "user_agent": agent, "start_height": 900_000, "relay": true,
        }),
    )
}

/// Addresses, each as (time, services 1033, port 8333, ip), in an addr or addrv2.
pub fn gossip(peer: u64, addr: &str, entries: impl IntoIterator<Item = (u64, String)>) -> Event {
    let entry = |(time, ip): (u64, String)| {
        let network = if ip.contains(':') { "ipv6" } else { "ipv4" };
        json!({ "timestamp": time, "services": 1033, "port": 8333, network: ip })
    };
    message(peer, addr, true, "addrv2", json!({ "addresses": entries.into_iter().map(entry).collect::<Vec<_>>() }))
}

/// An address that is routed.
pub fn routed(of: u64) -> String {
    let number = random(of);
    format!("{}.{}.{}.{}", 11 + number % 80, number >> 8 & 255, number >> 16 & 255, number >> 24 & 255)
}

/// Events that begin before others have ended, to be put in order.
#[derive(Default)]
pub struct Timetable(Vec<(f64, Event)>);

impl Timetable {
    pub fn at(&mut self, seconds: f64, event: Event) -> &mut Self {
        self.0.push((seconds, event));
        self
    }

    /// A visit of a spy: it opens a connection, introduces itself, listens, and leaves.
    pub fn visit(&mut self, at: f64, seconds: f64, peer: u64, addr: &str, agent: &str) {
        self.at(at, opened(peer, addr));
        self.at(at + seconds * 0.1, version(peer, addr, agent, 0xc09, random(peer) | 1));
        self.at(at + seconds * 0.2, items(peer, addr, false, "inv", "wtx", peer * 100, 3));
        self.leaves(at, at + seconds, peer, addr);
    }

    /// The end of a connection that was opened at a moment.
    pub fn leaves(&mut self, opened: f64, at: f64, peer: u64, addr: &str) {
        let (kind, mut end) = closed(peer, addr);
        end["time_established"] = (noon() + opened as u64).into();
        self.at(at, (kind, end));
    }

    /// What a node of the network does that takes part: it is announced transactions, requests one, and announces others.
    pub fn takes_part(&mut self, at: f64, peer: u64, addr: &str) {
        let of = peer * 1_000_000 + at as u64 * 10;
        self.at(at, items(peer, addr, false, "inv", "wtx", of, 4));
        self.at(at + 0.1, items(peer, addr, true, "getdata", "wtx", of, 1));
        self.at(at + 0.2, items(peer, addr, true, "inv", "wtx", of + 5, 2));
    }

    /// All of it happens.
    pub fn play(mut self, play: &mut Play) {
        self.0.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        self.0.into_iter().for_each(|(at, event)| {
            play.at(at, event);
        });
    }
}
