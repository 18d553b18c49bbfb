//! Addresses are gossiped that nobody can connect to.

use event::message::{AddressNetwork, Message};
use event::pb::alerts::Severity;
use model::bounded::RecentMap;
use model::{Change, Context, Observer, Peer, Peers};

use super::asked::gossip;
use crate::counting::{Sliding, ns};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew, share_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Addresses of the window that are known as such, so that each counts once.
const MAX_KNOWN: usize = 2_048;

parameters! {
    /// Share of addresses that are not routed on the internet, of all that are gossiped within the window.
    share: 0.05, "share", 0.0001..=1.0, "Of addresses that are drawn at random, as in July 2021, one in seven is in reserved space (arXiv 2108.00815); nodes pass on none.";
    /// How many different ones they must be.
    least: 50.0, "addresses", 1.0..=1e9, "Some spies gossip one and the same private address in each connection (10.1.1.71 of LinkingLion).";
    /// The window.
    window: 600.0, "s", 60.0..=86_400.0, "Nodes hear of about one address a second.";
}

/// Finds gossip of addresses that are not routed.
pub(crate) struct UnroutableAddresses {
    me: Me,
    parameters: Parameters,
    all: Sliding,
    unroutable: Noted,
    known: RecentMap<()>,
}

impl Detector for UnroutableAddresses {
    const ROW: Row = Row {
        name: "unroutable_addresses",
        family: "addresses",
        severity: Severity::Warning,
        title: "addresses are gossiped that are not routed",
        sees: "Different addresses of private, reserved and other ranges that are not routed on the internet, and of Tor before v3, \
               as a share of all that are gossiped in addr and addrv2 within ten minutes.",
        misses: "Invented addresses in ranges that are routed: unreachable_addresses may find those.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["address_flood", "unique_addresses"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let (all, unroutable) = (Sliding::new(parameters.window), Noted::new(parameters.window));
        let known = RecentMap::new(MAX_KNOWN, ns(parameters.window));
        Self { me, parameters, all, unroutable, known }
    }
}

impl Observer<Sink, Details> for UnroutableAddresses {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Some(addresses) = gossip(message, peer) else { return };
        let now_ns = context.time_ns;
        let (mut all, mut new) = (0.0, 0.0);
        for address in addresses {
            all += 1.0;
            let is_unroutable = address.network == AddressNetwork::TorV2
                || address.ip().is_some_and(|ip| networks::special(ip).is_some());
            if is_unroutable && self.known.touch(self.known.key(address.bytes), now_ns, || ()).1 {
                new += 1.0;
            }
        }
        self.all.add(now_ns, all);
        if new > 0.0 {
            self.unroutable.add(new, context);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.all.clear();
            self.unroutable.clear();
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { share: threshold, least, window } = self.parameters;
        let (all, unroutable) = (self.all.sum(context.time_ns), self.unroutable.sum(context.time_ns));
        let share = share_of(unroutable, all);
        let evidence = &self.unroutable.evidence;
        context.report(self.me, (share / threshold).min(unroutable / least), || {
            Finding::new(
                Subject::Node,
                "Peers of {subject} gossiped {unroutable} that are not routed within {window}, {share} of all.",
            )
            .compared("unroutable", unroutable, "addresses", least)
            .compared("share", share, "share", threshold)
            .number("window", window, "s")
            .evidence(evidence)
        });
    }
}
