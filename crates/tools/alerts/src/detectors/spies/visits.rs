//! Short visits of peers that have something in common: a subnet, or an autonomous system.

use std::collections::VecDeque;
use std::net::IpAddr;

use event::message::{Message, Payload};
use event::pb::alerts::TextKind;
use model::{Change, CloseReason, Context, Peer, Peers, bounded};
use smol_str::SmolStr;

use crate::counting::{Distinct, Sliding};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding};
use crate::noted::{routed_ip, share_of};
use crate::sink::Sink;
use crate::statistics::median;
use crate::subject::Subject;

/// The last visits of which it is known how long they took.
const MAX_SECONDS: usize = 32;
/// Share of the visits in which nothing was announced or requested.
const QUIET: f64 = 0.9;

/// What makes visits those of a spy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub visits: f64,
    pub agents: f64,
    pub seconds: f64,
    pub window: f64,
}

/// Where a peer of the network is that introduces itself with this message, after it has connected to the node: the event that shows a
/// visit, as its end is noticed when others happen.
#[inline]
pub(super) fn introduced(message: &Message, peer: &Peer<Details>) -> Option<IpAddr> {
    match message.payload {
        Payload::Version(_) if message.inbound && peer.inbound == Some(true) && !peer.own => routed_ip(peer),
        _ => None,
    }
}

/// Visits within a window.
#[derive(Debug)]
pub(super) struct Visits {
    all: Sliding,
    quiet: Sliding,
    seconds: VecDeque<f64>,
    agents: Distinct,
    addresses: Distinct,
    agent: SmolStr,
    pub evidence: Evidence,
}

/// A visit that is over: an inbound connection of which messages were seen.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub peer: &'a Peer<Details>,
    pub seconds: f64,
}

impl<'a> Visit<'a> {
    /// That which this change ends, if it is one.
    pub fn of(change: &Change, peers: &'a Peers<Details>) -> Option<Self> {
        let Change::PeerClosed { connection, why } = change else { return None };
        let peer = peers.find(connection.id)?;
        let is_visit =
            peer.inbound == Some(true) && !peer.own && peer.has_messages && *why != CloseReason::NodeRestarted;
        let since_ns = connection.opened_ns.or(peer.connected_ns)?;
        is_visit.then(|| Self { peer, seconds: connection.closed_ns.saturating_sub(since_ns) as f64 / 1e9 })
    }

    /// Whether the peer announced and requested nothing.
    pub fn is_quiet(&self) -> bool {
        self.peer.details.spies.traffic.is_quiet()
    }

    /// The user agent.
    pub fn agent(&self) -> &'a str {
        self.peer.user_agent.as_deref().unwrap_or_default()
    }
}

impl Visits {
    pub fn new(window: f64) -> Self {
        Self {
            all: Sliding::new(window),
            quiet: Sliding::new(window),
            seconds: VecDeque::new(),
            agents: Distinct::new(window),
            addresses: Distinct::new(window),
            agent: SmolStr::default(),
            evidence: Evidence::default(),
        }
    }

    /// Adds one.
    pub fn add(&mut self, visit: &Visit, context: &Context<Sink>) {
        let now_ns = context.time_ns;
        self.all.add(now_ns, 1.0);
        self.quiet.add(now_ns, f64::from(u8::from(visit.is_quiet())));
        bounded::push(&mut self.seconds, visit.seconds, MAX_SECONDS);
        self.agents.add(now_ns, visit.agent());
        self.addresses.add(now_ns, visit.peer.ip);
        self.agent = visit.peer.user_agent.clone().unwrap_or_default();
    }

    pub fn count(&mut self, now_ns: u64) -> f64 {
        self.all.sum(now_ns)
    }

    /// How much they look like a spy's: 1 if each limit is reached.
    pub fn score(&mut self, limits: &Limits, now_ns: u64) -> f64 {
        let all = self.all.sum(now_ns);
        if all == 0.0 {
            return 0.0;
        }
        let quiet = self.quiet.sum(now_ns) / all;
        let seconds = median(self.seconds.iter().copied());
        let score = (all / limits.visits).min(self.agents.count(now_ns).round() / limits.agents);
        // Neither is a matter of more or less: visits that are longer, or take part, are those of nodes.
        if seconds <= limits.seconds && quiet >= QUIET { score } else { 0.0 }
    }

    /// What is reported of them.
    pub fn finding(&mut self, subject: Subject, limits: &Limits, share: f64, now_ns: u64) -> Finding {
        let all = self.all.sum(now_ns);
        let quiet = share_of(self.quiet.sum(now_ns), all);
        Finding::new(
            subject,
            "{subject} made {visits} to the node within {window}, {share} of all: from {addresses} with {agents}, half of them shorter \
             than {lifetime}, and in {quiet} no transaction was announced or requested.",
        )
        .compared("visits", all, "visits", limits.visits)
        .compared("agents", self.agents.count(now_ns).round(), "user_agents", limits.agents)
        .compared("lifetime", median(self.seconds.iter().copied()), "s", limits.seconds)
        .compared("quiet", quiet, "share", QUIET)
        .number("addresses", self.addresses.count(now_ns).round(), "addresses")
        .number("share", share, "share")
        .number("window", limits.window, "s")
        .text("agent", TextKind::UserAgent, &self.agent)
        .evidence(&self.evidence)
    }
}
