//! The last events, from which those that prove an alert are copied while they are there.

use std::collections::VecDeque;
use std::sync::Arc;

use event::pb::alerts::Reference;
use event::text::{Line, Look};
use event::{Body, Kind, Record};
use model::text::cut;
use smol_str::SmolStr;

use super::series::SECOND;

/// Events that are kept at most, and about how many bytes they may take.
const MAX_RECENT: usize = 8_192;
const MAX_BYTES: u64 = 32 << 20;
/// Those of larger messages are not kept, in bytes.
const MAX_SIZE: u64 = 16_384;
/// What an event takes, about: each one, for each byte of a message, and if it is the answer of an RPC.
const BASE: u64 = 1_024;
const PER_BYTE: u64 = 8;
const OF_RPC: u64 = 64 << 10;
/// Events of an alert that are kept at most, and bytes of the text of each.
const MAX_PROOF: usize = 48;
const MAX_TEXT: usize = 400;
/// Events around one that proves an alert: so many before and after it, within this time, in nanoseconds. They are
/// about the same peer, if it is about one.
const AROUND: usize = 3;
const AROUND_NS: u64 = 5 * SECOND;
/// How far away from it they are looked for, in events.
const REACH: usize = 256;

/// An event that proves an alert, or one around it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proof {
    pub node: SmolStr,
    pub run: u64,
    pub sequence: u64,
    pub time_ns: u64,
    pub kind: Kind,
    pub peer: Option<u64>,
    /// As `peer-observer watch` writes it, without time and node.
    pub text: SmolStr,
    /// It is one that the alert refers to.
    pub is_proof: bool,
}

/// The last events.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    events: VecDeque<Arc<Record>>,
    bytes: u64,
}

impl Recent {
    /// Takes an event.
    pub fn take(&mut self, record: &Arc<Record>) {
        let envelope = record.envelope();
        if envelope.kind == Kind::Status || envelope.size.is_some_and(|size| size > MAX_SIZE) {
            return;
        }
        self.bytes += cost(record);
        self.events.push_back(Arc::clone(record));
        while self.bytes > MAX_BYTES || self.events.len() > MAX_RECENT {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= cost(&oldest);
        }
    }

    /// Adds the events that are referred to and that are not among the known ones, with those around them.
    pub fn find(&self, references: &[Reference], known: &mut Vec<Proof>) {
        let is_known = |reference: &&Reference| known.iter().any(|one| one.is_proof && is_it(reference, one));
        let mut wanted: Vec<(u64, &Reference)> = references
            .iter()
            .filter(|reference| !is_known(reference))
            .map(|reference| (reference.sequence, reference))
            .collect();
        wanted.sort_by_key(|(sequence, _)| *sequence);
        for (place, record) in self.events.iter().enumerate() {
            let envelope = record.envelope();
            let from = wanted.partition_point(|(sequence, _)| *sequence < envelope.sequence);
            let same = wanted.iter().skip(from).take_while(|(sequence, _)| *sequence == envelope.sequence);
            let is_meant = |reference: &Reference| reference.run == envelope.run && *reference.node == *envelope.node;
            if known.len() < MAX_PROOF && same.into_iter().any(|(_, reference)| is_meant(reference)) {
                self.around(place, record, known);
            }
        }
        known.sort_by_key(|one| (one.time_ns, one.run, one.sequence));
    }

    /// Adds an event and those around it.
    fn around(&self, place: usize, record: &Record, known: &mut Vec<Proof>) {
        let own = record.envelope();
        let belongs = |other: &&Arc<Record>| {
            let other = other.envelope();
            let about = own.peer.is_none() && other.run == own.run || own.peer.is_some() && other.peer == own.peer;
            other.node == own.node && about && other.time_ns.abs_diff(own.time_ns) <= AROUND_NS
        };
        let before = self.events.range(place.saturating_sub(REACH)..place).rev().filter(belongs).take(AROUND);
        let after = self.events.range(place..).skip(1).take(REACH).filter(belongs).take(AROUND);
        add(known, proof(record, true));
        before.chain(after).for_each(|other| add(known, proof(other, false)));
    }
}

/// How many bytes an event takes, about.
fn cost(record: &Record) -> u64 {
    let size = record.envelope().size.unwrap_or_default();
    let of_rpc = if matches!(record.body(), Some(Body::RpcExtractor(_))) { OF_RPC } else { 0 };
    BASE + PER_BYTE * size + of_rpc
}

fn add(known: &mut Vec<Proof>, new: Proof) {
    let same = |one: &&mut Proof| (&one.node, one.run, one.sequence) == (&new.node, new.run, new.sequence);
    let is_full = known.len() >= MAX_PROOF;
    match known.iter_mut().find(same) {
        Some(one) => one.is_proof |= new.is_proof,
        None if is_full => {}
        None => known.push(new),
    }
}

fn is_it(reference: &Reference, one: &Proof) -> bool {
    (reference.run, reference.sequence) == (one.run, one.sequence) && *reference.node == *one.node
}

fn proof(record: &Record, is_proof: bool) -> Proof {
    let envelope = record.envelope();
    let line = Line { record, look: Look::default() }.to_string();
    // The time and the name of the node have fields of their own.
    let rest = line.split_once(' ').map_or("", |(_, rest)| rest);
    let node = event::quote::Plain(&envelope.node).to_string();
    let text = rest.strip_prefix(&*node).unwrap_or(rest).trim_start();
    Proof {
        node: SmolStr::new(&envelope.node),
        run: envelope.run,
        sequence: envelope.sequence,
        time_ns: envelope.time_ns,
        kind: envelope.kind,
        peer: envelope.peer,
        text: cut(text, MAX_TEXT),
        is_proof,
    }
}
