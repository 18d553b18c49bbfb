//! Peers of one provider answer getaddr with the same few addresses.

use std::collections::VecDeque;
use std::net::IpAddr;

use event::message::Message;
use event::pb::alerts::{Severity, TextKind};
use ipnet::IpNet;
use model::{Context, Observer, Peer, Peers, bounded};
use smol_str::SmolStr;

use super::asked::answer;
use crate::counting::{hash, ns};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::{host_of, routed_ip};
use crate::settings::Values;
use crate::sink::Sink;
use crate::statistics::median;
use crate::subject::Subject;

/// Answers that are remembered.
const MAX_ANSWERS: usize = 256;
/// Addresses of an answer at most, whatever is set.
const MAX_ADDRESSES: f64 = 200.0;

parameters! {
    /// Peers of one autonomous system whose answers are alike.
    peers: 5.0, "peers", 2.0..=200.0, "A node asks only those that it connects to itself, some in a day. In September 2026 there were 897 of them in AS63949 (BNOC).";
    /// Addresses of an answer at most.
    addresses: 100.0, "addresses", 11.0..=MAX_ADDRESSES, "Nodes that have been there for some hours answer with hundreds; those with 16 to 60, and 2,006 different ones in all.";
    /// How much of the smaller answer is in the other one as well: the median of all pairs.
    overlap: 0.2, "share", 0.01..=1.0, "Two honest nodes answer with a small random part of 60,000 addresses: less than one of fifty is in both.";
    /// For how long answers are remembered.
    window: 604_800.0, "s", 3_600.0..=2_592_000.0, "Outbound connections change slowly.";
}

/// Finds groups of peers that answer getaddr alike.
pub(crate) struct GetaddrOverlap {
    me: Me,
    parameters: Parameters,
    answers: VecDeque<Answer>,
    evidence: Evidence,
    /// A new answer came.
    is_new: bool,
    /// What was found last.
    found: Vec<Found>,
}

/// An answer to getaddr.
struct Answer {
    group: Group,
    peer: SmolStr,
    agent: SmolStr,
    at_ns: u64,
    /// Hashes of its addresses, sorted.
    addresses: Vec<u64>,
}

/// Whose a peer is: an autonomous system, or a /16 or /32 if that is not known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    As(u32),
    Net(IpNet),
}

/// Answers of a group.
struct Found {
    group: Group,
    peers: f64,
    overlap: f64,
    agent: SmolStr,
    agent_share: f64,
}

impl Detector for GetaddrOverlap {
    const ROW: Row = Row {
        name: "getaddr_overlap",
        family: "addresses",
        severity: Severity::Warning,
        title: "peers of one provider answer getaddr with the same few addresses",
        sees: "Small answers to the node's getaddr, of which several peers of one autonomous system (without a map, of one /16 of IPv4 \
               or /32 of IPv6) have a large part in common, and which user agent they have. Up to 256 answers of a week.",
        misses: "Peers that nobody asks: a node asks only those that it connects to. Groups that answer with many addresses, or \
                 with fewer than 11. New nodes of one owner that know the same few others are taken for such a group.",
        timing: Timing { after: 0, hold: 3_600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["gossiped_as"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let (answers, evidence, found) = Default::default();
        Self { me, parameters, answers, evidence, is_new: false, found }
    }
}

impl Group {
    fn of(peer: &Peer<Details>) -> Option<Self> {
        let ip = routed_ip(peer)?;
        let net = |bits| IpNet::new(ip, bits).ok().map(|net| Self::Net(net.trunc()));
        match (peer.asn, ip) {
            (Some(asn), _) => Some(Self::As(asn)),
            (None, IpAddr::V4(_)) => net(16),
            (None, IpAddr::V6(_)) => net(32),
        }
    }

    fn subject(self) -> Subject {
        match self {
            Self::As(asn) => Subject::As(asn),
            Self::Net(net) => Subject::Subnet(net),
        }
    }
}

/// How much of the smaller list is in the other one.
fn overlap(one: &[u64], other: &[u64]) -> f64 {
    let (smaller, larger) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let both = smaller.iter().filter(|hash| larger.binary_search(hash).is_ok()).count();
    if smaller.is_empty() { 0.0 } else { both as f64 / smaller.len() as f64 }
}

impl Found {
    /// Of the answers of one group; none if a single peer gave them.
    fn of(group: Group, answers: &[&Answer]) -> Option<Self> {
        let pairs = answers
            .iter()
            .enumerate()
            .flat_map(|(index, one)| answers.iter().skip(index + 1).map(move |other| (one, other)));
        let overlap = median(pairs.map(|(one, other)| overlap(&one.addresses, &other.addresses)));
        let count = |agent: &SmolStr| answers.iter().filter(|answer| answer.agent == *agent).count();
        let (most, agent) = answers.iter().map(|answer| (count(&answer.agent), &answer.agent)).max()?;
        let peers = answers.len() as f64;
        (answers.len() > 1).then(|| Self {
            group,
            peers,
            overlap,
            agent: agent.clone(),
            agent_share: most as f64 / peers,
        })
    }
}

impl GetaddrOverlap {
    /// Compares the answers of each group anew.
    fn compare(&mut self) {
        let mut groups: Vec<Group> = self.answers.iter().map(|answer| answer.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let of = |group: Group| {
            let answers: Vec<&Answer> = self.answers.iter().filter(|answer| answer.group == group).collect();
            Found::of(group, &answers)
        };
        self.found = groups.into_iter().filter_map(of).collect();
    }
}

impl Observer<Sink, Details> for GetaddrOverlap {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Some((addresses, count)) = answer(message, peer) else { return };
        let (Some(group), true) = (Group::of(peer), count as f64 <= self.parameters.addresses) else { return };
        let mut addresses: Vec<u64> = addresses.map(|address| hash((address.bytes, address.port))).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let peer_ip = SmolStr::new(host_of(peer));
        self.answers.retain(|known| known.peer != peer_ip);
        let agent = peer.user_agent.clone().unwrap_or_default();
        let answer = Answer { group, peer: peer_ip, agent, at_ns: context.time_ns, addresses };
        bounded::push(&mut self.answers, answer, MAX_ANSWERS);
        self.evidence.note(context);
        self.is_new = true;
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { peers: least, overlap: threshold, window, .. } = self.parameters;
        let from_ns = context.time_ns.saturating_sub(ns(window));
        let before = self.answers.len();
        self.answers.retain(|answer| answer.at_ns >= from_ns);
        if std::mem::take(&mut self.is_new) || self.answers.len() < before {
            self.compare();
        }
        let evidence = &self.evidence;
        for Found { group, peers, overlap, agent, agent_share } in &self.found {
            context.report(self.me, (peers / least).min(overlap / threshold), || {
                Finding::new(
                    group.subject(),
                    "{peers} of {subject} answered getaddr with few addresses of which {overlap} are the same, and {agent_share} of \
                     them have the user agent {agent}.",
                )
                .compared("peers", *peers, "peers", least)
                .compared("overlap", *overlap, "share", threshold)
                .number("agent_share", *agent_share, "share")
                .text("agent", TextKind::UserAgent, agent)
                .evidence(evidence)
            });
        }
    }
}
