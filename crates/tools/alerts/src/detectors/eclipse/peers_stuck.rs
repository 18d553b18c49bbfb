//! Peers that stay at one height while the chain grows.

use std::collections::BTreeSet;

use event::pb::alerts::Severity;
use model::bounds::SECOND;
use model::{Change, Context, Observer, Peers};

use crate::counting::Frequent;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::{has_caught_up, host_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Heights that are counted, and peers of each.
const MAX_HEIGHTS: usize = 64;
const MAX_PEERS: usize = 64;
/// After so long without a peer that claims a height, it is forgotten.
const FORGOTTEN_NS: u64 = 86_400 * SECOND;

parameters! {
    /// Peers with different addresses that claim the same height.
    peers: 10.0, "peers", 2.0..=64.0, "Some peers are always stuck by a fault of their own, each at another height.";
    /// Seconds from the first of them to the last.
    lasts: 7_200.0, "s", 60.0..=1e6, "A peer that catches up claims a height for as long as it is connected: others claim the same by chance within minutes only.";
    /// Blocks that the chain has beyond that height, at least.
    behind: 6.0, "blocks", 1.0..=1e5, "One block may be missing anywhere.";
    /// Blocks that the chain has beyond that height, at most.
    at_most: 8_064.0, "blocks", 1.0..=1e7, "Eight weeks: wallets and crawlers claim the same old height for years.";
}

/// Finds heights where peers are stuck.
pub(crate) struct PeersStuck {
    me: Me,
    parameters: Parameters,
    heights: Frequent<u32, Of>,
}

/// Of a height.
struct Of {
    first_ns: u64,
    last_ns: u64,
    peers: BTreeSet<String>,
    evidence: Evidence,
}

impl Detector for PeersStuck {
    const ROW: Row = Row {
        name: "peers_stuck",
        family: "eclipse",
        severity: Severity::Warning,
        title: "peers are stuck at one height",
        sees: "Heights that peers claim in their version messages, by the tracepoints: the same one for hours, by peers with \
               different addresses, although the chain has gone on. So peers of an implementation look that refuses a block \
               which others accept, as those with BIP 110 in August 2026.",
        misses: "Peers that claim what they like. Peers that stay connected: their height is that at the beginning.",
        timing: Timing { after: 0, hold: 7_200, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["rules_split"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), heights: Frequent::new(MAX_HEIGHTS) }
    }
}

impl Observer<Sink, Details> for PeersStuck {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Change::PeerIntroduced { id } = change else { return };
        let Some(peer) = peers.find(*id).filter(|peer| !peer.own) else { return };
        let claimed = peer.starting_height.and_then(|height| u32::try_from(height).ok());
        let tip = context.blocks.tips().back().and_then(|tip| tip.height);
        let (Some(height), Some(tip), true) = (claimed, tip, has_caught_up(context)) else { return };
        let Parameters { peers: threshold, lasts: most_lasts, behind, at_most } = self.parameters;
        let (now_ns, missing) = (context.time_ns, f64::from(tip.saturating_sub(height)));
        self.heights.retain(|_, of| now_ns.saturating_sub(of.last_ns) < FORGOTTEN_NS);
        if missing < behind || missing > at_most {
            return;
        }
        let make = || Of { first_ns: now_ns, last_ns: now_ns, peers: BTreeSet::new(), evidence: Evidence::default() };
        let of = self.heights.count(height, make);
        of.last_ns = of.last_ns.max(now_ns);
        if of.peers.len() < MAX_PEERS {
            of.peers.insert(host_of(peer));
        }
        of.evidence.note(context);
        let lasts = of.last_ns.saturating_sub(of.first_ns) as f64 / 1e9;
        let (count, evidence) = (of.peers.len() as f64, &of.evidence);
        context.report(self.me, (count / threshold).min(lasts / most_lasts), || {
            Finding::new(
                Subject::Network,
                "{count} have claimed the height {height} for {lasts}, although the chain has {missing} more.",
            )
            .compared("count", count, "peers", threshold)
            .number("height", f64::from(height), "")
            .compared("lasts", lasts, "s", most_lasts)
            .number("missing", missing, "blocks")
            .evidence(evidence)
        });
    }
}
