//! One node is reached on two networks.

use std::collections::VecDeque;

use event::message::Message;
use event::pb::alerts::{Severity, TextKind};
use model::{Context, Observer, Peer, bounded};

use super::asked::answer;
use crate::counting::{hash, ns};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::share_of;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Answers that are remembered, with so many of their addresses each: what Bitcoin Core sends at most.
const MAX_ANSWERS: usize = 32;
const MAX_ADDRESSES: usize = 1_000;

parameters! {
    /// Addresses that both answers have.
    common: 8.0, "addresses", 3.0..=1_000.0, "Two answers of one node are random parts of a thousand of its 60,000 addresses: some 16 are in both.";
    /// Share of them with the same time.
    share: 0.75, "share", 0.1..=1.0, "Two nodes heard of an address at different times, or from others; one node has a single time for it (Delving Bitcoin 2466).";
    /// For how long answers are remembered.
    window: 86_400.0, "s", 600.0..=604_800.0, "Bitcoin Core answers the same for a day.";
}

/// Finds peers on different networks that are one node.
pub(crate) struct SameTimestamps {
    me: Me,
    parameters: Parameters,
    answers: VecDeque<Answer>,
}

/// An answer to getaddr.
struct Answer {
    network: &'static str,
    at_ns: u64,
    /// Hashes of its addresses, sorted, and their times.
    addresses: Vec<(u32, u32)>,
    evidence: Evidence,
}

impl Detector for SameTimestamps {
    const ROW: Row = Row {
        name: "same_timestamps",
        family: "addresses",
        severity: Severity::Info,
        title: "one node is reached on two networks",
        sees: "Answers to the node's getaddr from peers on different networks, such as IPv4 and Tor, that have addresses in common with the \
               same times, to the second: they are one node, or copies of one, which somebody could tell from both of its addresses.",
        misses: "Nodes that answer with times that are changed or rounded. The 32 last answers are compared, and only peers that the \
                 node connects to are asked.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["getaddr_overlap"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), answers: VecDeque::new() }
    }
}

/// How many addresses both have, and how many of those with the same time.
fn common(one: &[(u32, u32)], other: &[(u32, u32)]) -> (f64, f64) {
    let (mut both, mut same) = (0.0, 0.0);
    for (address, time) in one {
        if let Ok(index) = other.binary_search_by_key(address, |(address, _)| *address) {
            both += 1.0;
            same += f64::from(u8::from(other.get(index).is_some_and(|(_, other)| other == time)));
        }
    }
    (both, same)
}

impl Observer<Sink, Details> for SameTimestamps {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Some((addresses, _)) = answer(message, peer) else { return };
        let Parameters { common: least, share: threshold, window } = self.parameters;
        let mut addresses: Vec<(u32, u32)> = addresses
            .take(MAX_ADDRESSES)
            .map(|address| (hash((address.bytes, address.port)) as u32, address.timestamp))
            .collect();
        addresses.sort_unstable();
        addresses.dedup_by_key(|(address, _)| *address);
        let from_ns = context.time_ns.saturating_sub(ns(window));
        self.answers.retain(|answer| answer.at_ns >= from_ns);
        for other in self.answers.iter().filter(|other| other.network != peer.network) {
            let (both, same) = common(&addresses, &other.addresses);
            let share = share_of(same, both);
            context.report(self.me, (both / least).min(share / threshold), || {
                Finding::new(
                    Subject::peer(peer),
                    "{subject} of the network {network} is the same node as a peer of the network {other}: {common} are in the answers of both, {share} \
                     of them with the same time.",
                )
                .compared("common", both, "addresses", least)
                .compared("share", share, "share", threshold)
                .text("network", TextKind::Word, peer.network)
                .text("other", TextKind::Word, other.network)
                .evidence(&other.evidence)
            });
        }
        let mut evidence = Evidence::default();
        evidence.note(context);
        let answer = Answer { network: peer.network, at_ns: context.time_ns, addresses, evidence };
        bounded::push(&mut self.answers, answer, MAX_ANSWERS);
    }
}
