//! What came of attempts to reach gossiped addresses: by network, by autonomous system, and by who gossiped them.

use std::collections::{BTreeMap, VecDeque};

use event::message::AddressNetwork;
use event::pb::connectivity::Attempt;
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::pb::observer::observer::ObserverEvent;
use event::pb::observer::{Count, Status};
use event::{Body, Record, Source as Interface};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::Observer;
use model::bounded::{RecentMap, median, push};
use model::bounds::{MAX_ADDR, MAX_TEXT, MAX_USER_AGENT};
use model::connectivity::{Claim, OUTCOMES, claim, is_reachable, outcome, outcome_name, source};
use model::text::cut;
use networks::Enrichment;
use smol_str::SmolStr;

use super::node::{Context, Peers};
use super::peer::Details;
use super::series::{Coverage, SECOND, Series};
use super::types::Types;

/// The maximum number of attempts kept.
const MAX_RECENT: usize = 100;
/// The maximum number of sources. There can be as many as peers; when there are more, the half that was not heard for
/// longest goes.
const MAX_SOURCES: usize = 1_000;
/// The maximum number of autonomous systems that are counted one by one; there are some 12,000 with nodes or addresses
/// of nodes.
const MAX_SYSTEMS: usize = 20_000;
/// Half of the number of addresses whose outcome is remembered at most, and for how long at least.
const OUTCOMES_KEPT: (usize, u64) = (50_000, 86_400 * SECOND);
/// The maximum number of reasons for which an address was not tried.
const MAX_REASONS: usize = 32;

/// Number of addresses that were tried, and of those at which a node answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub tried: u64,
    pub reachable: u64,
}

impl Share {
    fn add(&mut self, reachable: bool) {
        self.tried = self.tried.saturating_add(1);
        self.reachable = self.reachable.saturating_add(u64::from(reachable));
    }
}

/// A peer that gossiped addresses, or the node itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    /// Addresses whose outcome is known, tried or known from before.
    pub share: Share,
    /// The node's id of the peer when it was last heard; None for the node itself.
    pub peer: Option<u64>,
    pub tor_exit: bool,
    pub last_ns: u64,
}

/// An attempt.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    pub tried_ns: u64,
    pub addr: SmolStr,
    pub network: AddressNetwork,
    pub asn: Option<u32>,
    pub outcome: &'static str,
    pub reason: SmolStr,
    pub duration_ns: u64,
    pub source: SmolStr,
    pub peer: Option<u64>,
    pub timestamp: u32,
    pub claimed: u64,
    pub claim: Option<Claim>,
    pub version: Option<Version>,
}

/// What a node said of itself.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub services: u64,
    pub user_agent: SmolStr,
    pub start_height: i32,
    pub clock_offset: i64,
}

/// The number of outcomes: those that this version knows, and the others together.
pub(crate) const OUTCOME_NUMBER: usize = OUTCOMES.len() + 1;

/// Attempts of one node's addresses.
#[derive(Debug)]
pub(crate) struct Connectivity {
    pub coverage: Coverage,
    /// By network and outcome.
    pub outcomes: [[u64; OUTCOME_NUMBER]; AddressNetwork::ALL.len()],
    /// Addresses heard of again whose outcome was known.
    pub known: u64,
    pub claims: [u64; Claim::ALL.len()],
    /// By number of the autonomous system.
    pub systems: HashMap<u32, Share, RandomState>,
    /// By the address of the source without its port.
    pub sources: HashMap<SmolStr, Source, RandomState>,
    /// Addresses that were not tried, by reason; None if that was not reported.
    pub skipped: Option<BTreeMap<SmolStr, u64>>,
    pub tried: Series,
    pub reachable: Series,
    pub recent: VecDeque<Recent>,
    /// Whether a node was at an address, by [`Connectivity::key`].
    outcomes_of: RecentMap<bool>,
}

impl Default for Connectivity {
    fn default() -> Self {
        Self {
            coverage: Coverage::default(),
            outcomes: [[0; OUTCOME_NUMBER]; AddressNetwork::ALL.len()],
            known: 0,
            claims: [0; Claim::ALL.len()],
            systems: HashMap::default(),
            sources: HashMap::default(),
            skipped: None,
            tried: Series::sum(),
            reachable: Series::sum(),
            recent: VecDeque::new(),
            outcomes_of: RecentMap::new(OUTCOMES_KEPT.0, OUTCOMES_KEPT.1),
        }
    }
}

impl Observer<Types, Details> for Connectivity {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(Body::Connectivity(connectivity)) => {
                if let Some(ConnectivityEvent::Attempt(attempt)) = &connectivity.connectivity_event {
                    self.attempt(attempt, context.enrichment, context.time_ns);
                }
            }
            Some(Body::Observer(observer)) => {
                if let Some(ObserverEvent::Status(status)) = &observer.observer_event
                    && status.extractor == Interface::Connectivity.name()
                {
                    self.status(status, &record.envelope().node);
                }
            }
            _ => {}
        }
    }
}

impl Connectivity {
    fn attempt(&mut self, attempt: &Attempt, enrichment: &Enrichment, time_ns: u64) {
        let (outcome, network) = (outcome(attempt), attempt.address.network());
        let reachable = is_reachable(outcome);
        let source = cut(&source(attempt), MAX_ADDR);
        self.gossiped(&source, attempt, reachable, time_ns);
        let addr = attempt.address.text_with_port();
        if let Some(key) = addr.rsplit_once(':').and_then(|(host, port)| Some(self.key(host, port.parse().ok()?))) {
            self.outcomes_of.put(key, time_ns, reachable);
        }
        if attempt.cached {
            self.known = self.known.saturating_add(1);
            return;
        }
        self.coverage.note(time_ns);
        let place = outcome.and_then(|outcome| OUTCOMES.iter().position(|known| *known == outcome));
        let counts = self.outcomes.get_mut(network as usize);
        if let Some(count) = counts.and_then(|counts| counts.get_mut(place.unwrap_or(OUTCOMES.len()))) {
            *count += 1;
        }
        let claim = claim(attempt);
        if let Some(count) = claim.and_then(|claim| self.claims.get_mut(claim as usize)) {
            *count += 1;
        }
        let by_map = || event::filter::ip_of(&addr).and_then(|ip| enrichment.asn_of(ip));
        let asn = attempt.asn.or_else(by_map).filter(|asn| *asn != 0);
        if let Some(asn) = asn
            && (self.systems.len() < MAX_SYSTEMS || self.systems.contains_key(&asn))
        {
            self.systems.entry(asn).or_default().add(reachable);
        }
        self.tried.add(time_ns, 1.0);
        self.reachable.add(time_ns, f64::from(u8::from(reachable)));
        let recent = Recent {
            tried_ns: attempt.tried_ns,
            addr: cut(&addr, MAX_ADDR),
            network,
            asn,
            outcome: outcome_name(outcome),
            reason: cut(attempt.reason.as_deref().unwrap_or_default(), MAX_TEXT),
            duration_ns: attempt.duration_ns,
            source,
            peer: attempt.source_peer_id,
            timestamp: attempt.address.timestamp,
            claimed: attempt.address.services,
            claim,
            version: attempt.version.as_ref().map(|version| Version {
                services: version.services,
                user_agent: cut(&version.user_agent, MAX_USER_AGENT),
                start_height: version.start_height,
                clock_offset: version.clock_offset,
            }),
        };
        push(&mut self.recent, recent, MAX_RECENT);
    }

    /// The key of an address: an IP address, with or without brackets, or a name.
    fn key(&self, host: &str, port: u16) -> u64 {
        match event::filter::ip_of(host) {
            Some(ip) => self.outcomes_of.key((ip, port)),
            None => self.outcomes_of.key((host, port)),
        }
    }

    /// Whether a node was at an address when it was last tried. None if it was not, or that was too long ago.
    pub fn outcome_of(&self, host: &str, port: u16) -> Option<bool> {
        self.outcomes_of.get(self.key(host, port)).copied()
    }

    fn gossiped(&mut self, name: &SmolStr, attempt: &Attempt, reachable: bool, time_ns: u64) {
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(name) {
            let median_ns = median(self.sources.values().map(|source| source.last_ns));
            self.sources.retain(|_, source| source.last_ns > median_ns);
        }
        let source = self.sources.entry_ref(name).or_default();
        source.share.add(reachable);
        source.peer = attempt.source_peer_id;
        source.tor_exit |= attempt.source_tor_exit == Some(true);
        source.last_ns = time_ns;
    }

    /// Handles a status of the check: what it did not try. It may have the counts of other nodes, too.
    fn status(&mut self, status: &Status, node: &str) {
        if status.counts.is_empty() && status.shared.is_none() {
            return; // It says nothing of counts.
        }
        let label = |count: &Count, name: &str| {
            count.labels.iter().find(|label| label.name == name).map(|label| label.value.clone())
        };
        let shared = status.shared.iter().flat_map(|shared| &shared.counts);
        let counts = status.counts.iter().chain(shared).filter(|count| {
            count.name == bus::counters::CONNECTIVITY_SKIPPED.name && label(count, "node").is_none_or(|of| of == node)
        });
        let skipped = counts.filter_map(|count| Some((cut(&label(count, "reason")?, 32), count.value as u64)));
        self.skipped = Some(skipped.take(MAX_REASONS).collect());
    }
}
