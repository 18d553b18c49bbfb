//! Most of what is gossiped is in one autonomous system.

use event::message::Message;
use event::pb::alerts::Severity;
use model::bounded::RecentMap;
use model::{Change, Context, Observer, Peer, Peers};

use super::asked::gossip;
use crate::counting::{Frequent, Sliding, ns};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew, share_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Autonomous systems that are counted.
const MAX_AS: usize = 128;
/// Addresses that are known, so that each counts once.
const MAX_KNOWN: usize = 8_192;
/// Addresses of a message that are looked up: nodes pass on ten at most, and a flood is not to cost much.
const MAX_LOOKED_UP: usize = 10;

parameters! {
    /// Share of one autonomous system of the different addresses that are gossiped within the window.
    share: 0.5, "share", 0.05..=1.0, "The largest hosting providers have about a tenth of all nodes each; 99 % of 158,450 addresses that one honeypot heard of were in one (sample of an archive).";
    /// How many they must be.
    least: 200.0, "addresses", 10.0..=1e6, "So that a single message does not decide.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "Nodes hear of some hundred different addresses an hour.";
}

/// Finds an autonomous system that most gossiped addresses are in.
pub(crate) struct GossipedAs {
    me: Me,
    parameters: Parameters,
    all: Sliding,
    systems: Frequent<u32, Noted>,
    known: RecentMap<()>,
}

impl Detector for GossipedAs {
    const ROW: Row = Row {
        name: "gossiped_as",
        family: "addresses",
        severity: Severity::Warning,
        title: "most gossiped addresses are in one autonomous system",
        sees: "The autonomous systems of the different IP addresses in addr and addrv2 within an hour, by the asmap file: the first ten \
               addresses of each message. Answers to a getaddr of the node are left out.",
        misses: "Without an asmap file everything, and what is in no autonomous system, such as Tor. Addresses that were invented over all \
                 of the internet.",
        timing: Timing { after: 60, hold: 600, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["address_flood", "unique_addresses", "getaddr_overlap"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let known = RecentMap::new(MAX_KNOWN, ns(parameters.window));
        Self { me, parameters, all: Sliding::new(parameters.window), systems: Frequent::new(MAX_AS), known }
    }
}

impl Observer<Sink, Details> for GossipedAs {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Some(addresses) = gossip(message, peer) else { return };
        if !context.enrichment.has_asmap() {
            return;
        }
        let (now_ns, window) = (context.time_ns, self.parameters.window);
        for address in addresses.take(MAX_LOOKED_UP) {
            let Some(asn) = address.ip().and_then(|ip| context.enrichment.asn_of(ip)) else { continue };
            if !self.known.touch(self.known.key((address.bytes, address.port)), now_ns, || ()).1 {
                continue;
            }
            self.all.add(now_ns, 1.0);
            self.systems.count(asn, || Noted::new(window)).add(1.0, context);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.all.clear();
            self.systems.clear();
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { share: threshold, least, window } = self.parameters;
        let now_ns = context.time_ns;
        let all = self.all.sum(now_ns);
        for (asn, noted) in self.systems.iter_mut() {
            let addresses = noted.sum(now_ns);
            let share = share_of(addresses, all);
            context.report(self.me, (share / threshold).min(addresses / least), || {
                Finding::new(
                    Subject::As(*asn),
                    "{share} of the addresses that peers gossiped within {window} are in {subject}: {addresses} that differ.",
                )
                .compared("share", share, "share", threshold)
                .compared("addresses", addresses, "addresses", least)
                .number("window", window, "s")
                .evidence(&noted.evidence)
            });
        }
        self.systems.retain(|_, noted| noted.sum(now_ns) > 0.0);
    }
}
