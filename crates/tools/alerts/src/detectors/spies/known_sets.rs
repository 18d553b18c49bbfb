//! Peers that are in a list of known networks.

use std::net::IpAddr;

use event::pb::alerts::{Severity, TextKind};
use model::{Change, Context, Observer, Peers};
use smol_str::SmolStr;

use crate::counting::Frequent;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Subnets that are counted.
const MAX_SUBNETS: usize = 512;
/// The set whose addresses honest peers use.
const TOR_EXIT: &str = "tor_exit";

parameters! {
    /// Connections from one /24 of IPv4 or /64 of IPv6 that is in a set, within the window.
    connections: 3.0, "connections", 1.0..=1e6, "Lists are too wide now and then: a single connection says little.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "As for the subnets of spies.";
}

/// Finds peers that are in sets of networks.
pub(crate) struct KnownSets {
    me: Me,
    parameters: Parameters,
    subnets: Frequent<IpAddr, Of>,
}

/// Of a subnet.
struct Of {
    opened: Noted,
    set: SmolStr,
}

impl Detector for KnownSets {
    const ROW: Row = Row {
        name: "known_set",
        family: "spies",
        severity: Severity::Info,
        title: "peers of a known set of networks connect",
        sees: "Inbound connections from addresses in the sets of networks that are built in (LinkingLion, bitprojects) or configured, by \
               /24 of IPv4 and /64 of IPv6. Exits of Tor are left out.",
        misses: "Whoever moved since the list was made: subnet_spy finds spies without a list.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["subnet_spy", "subnet_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), subnets: Frequent::new(MAX_SUBNETS) }
    }
}

impl Observer<Sink, Details> for KnownSets {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let id = match change {
            Change::PeerOpened { id } => id,
            change if begins_anew(change) => return self.subnets.clear(),
            _ => return,
        };
        let Some(peer) = peers.get(*id).filter(|peer| peer.inbound == Some(true) && !peer.own) else { return };
        let set = context.enrichment.names(peer.sets).find(|name| *name != TOR_EXIT);
        let (Some(ip), Some(set)) = (peer.ip, set) else { return };
        let window = self.parameters.window;
        let make = || Of { opened: Noted::new(window), set: SmolStr::default() };
        let of = self.subnets.count(networks::subnet(ip), make);
        of.opened.add(1.0, context);
        of.set = SmolStr::new(set);
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { connections: least, window } = self.parameters;
        let now_ns = context.time_ns;
        for (subnet, of) in self.subnets.iter_mut() {
            let opened = of.opened.sum(now_ns);
            context.report(self.me, opened / least, || {
                Finding::new(
                    Subject::subnet(*subnet),
                    "{subject}, which is in the set {set}, opened {opened} within {window}.",
                )
                .compared("opened", opened, "connections", least)
                .number("window", window, "s")
                .text("set", TextKind::Free, &of.set)
                .evidence(&of.opened.evidence)
            });
        }
        self.subnets.retain(|_, of| of.opened.sum(now_ns) > 0.0);
    }
}
