//! Nodes claim transport v2, and do not speak it.

use std::net::IpAddr;

use event::Record;
use event::pb::alerts::Severity;
use event::pb::connectivity::{Attempt, Outcome};
use model::connectivity::P2P_V2;
use model::{Context, Observer, Peers, connectivity};

use crate::counting::{Distinct, Frequent};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, attempted};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Subnets that are counted.
const MAX_SUBNETS: usize = 256;

parameters! {
    /// Addresses of one /24 of IPv4 or /64 of IPv6 within the window.
    addresses: 3.0, "addresses", 1.0..=300.0, "A single node may be behind something that passes on v1 only, or was too slow for v2 once.";
    /// The window.
    window: 86_400.0, "s", 3_600.0..=604_800.0, "The connectivity check tries an address again after hours.";
}

/// Finds subnets whose nodes claim transport v2 without speaking it.
pub(crate) struct BogusV2 {
    me: Me,
    parameters: Parameters,
    subnets: Frequent<IpAddr, Of>,
}

/// Of a subnet.
struct Of {
    attempts: Noted,
    addresses: Distinct,
}

impl Detector for BogusV2 {
    const ROW: Row = Row {
        name: "bogus_transport",
        family: "protocol",
        severity: Severity::Info,
        title: "nodes of a subnet claim transport v2 and do not speak it",
        sees: "Nodes that the connectivity check reached over transport v1 only, although their own version message has the flag of transport \
               v2: by /24 of IPv4 and /64 of IPv6. Whoever believes the flag connects twice, and a private broadcast may leave its proxy the \
               second time (Bitcoin Core #35319).",
        misses: "Without the connectivity check everything. What others gossip of a node's services is not counted, as it may be old.",
        timing: Timing { after: 0, hold: 3_600, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["bogus_services"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), subnets: Frequent::new(MAX_SUBNETS) }
    }
}

impl BogusV2 {
    fn note(&mut self, attempt: &Attempt, context: &Context<Sink>) {
        let is_bogus = connectivity::outcome(attempt) == Some(Outcome::V1)
            && attempt.version.as_ref().is_some_and(|version| version.services & P2P_V2 != 0);
        let Some(ip) = ip(attempt).filter(|ip| is_bogus && networks::special(*ip).is_none()) else { return };
        let window = self.parameters.window;
        let make = || Of { attempts: Noted::new(window), addresses: Distinct::new(window) };
        let of = self.subnets.count(networks::subnet(ip), make);
        of.attempts.add(1.0, context);
        of.addresses.add(context.time_ns, (ip, attempt.address.port));
    }
}

/// The IP address that was tried.
fn ip(attempt: &Attempt) -> Option<IpAddr> {
    use event::pb::bitcoin_primitives::address::Address;
    match attempt.address.address.as_ref()? {
        Address::Ipv4(text) | Address::Ipv6(text) => text.parse().ok(),
        _ => None,
    }
}

impl Observer<Sink, Details> for BogusV2 {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(attempt) = attempted(record) {
            self.note(attempt, context);
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { addresses: least, window } = self.parameters;
        let now_ns = context.time_ns;
        for (subnet, of) in self.subnets.iter_mut() {
            let addresses = of.addresses.count(now_ns).round();
            context.report(self.me, addresses / least, || {
                Finding::new(
                    Subject::subnet(*subnet),
                    "Nodes of {subject} claim transport v2 and do not speak it: {addresses} within {window}.",
                )
                .compared("addresses", addresses, "addresses", least)
                .number("window", window, "s")
                .evidence(&of.attempts.evidence)
            });
        }
        self.subnets.retain(|_, of| of.attempts.sum(now_ns) > 0.0);
    }
}
