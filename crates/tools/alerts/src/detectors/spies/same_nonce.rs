//! Peers at several places have one program: their version messages have the same nonce.

use std::net::IpAddr;

use event::message::{Message, Payload};
use event::pb::alerts::{Severity, TextKind};
use model::{Change, Context, Observer, Peer, Peers};
use smol_str::SmolStr;

use super::visits::introduced;
use crate::counting::{Distinct, Frequent};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Nonces that are remembered.
const MAX_NONCES: usize = 512;

parameters! {
    /// Subnets (/24 of IPv4, /64 of IPv6) that use one nonce within the window.
    subnets: 3.0, "subnets", 2.0..=300.0, "A nonce is a random number of 64 bits for one connection: a second use is no accident, but a proxy may have two addresses.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "As for the subnets of spies.";
}

/// Finds nonces that are used at several places.
pub(crate) struct SameNonce {
    me: Me,
    parameters: Parameters,
    nonces: Frequent<u64, Of>,
}

/// Of a nonce.
struct Of {
    uses: Noted,
    subnets: Distinct,
    /// The first subnet, by which the operator is called.
    first: IpAddr,
    agent: SmolStr,
}

impl Detector for SameNonce {
    const ROW: Row = Row {
        name: "same_nonce",
        family: "spies",
        severity: Severity::Info,
        title: "peers at several places use the same nonce",
        sees: "The nonce in version messages of inbound peers, which nodes draw anew for each connection to notice one with themselves: the \
               same one from several /24 of IPv4 or /64 of IPv6. The alert is about the first of them.",
        misses: "Without the tracepoints of messages everything; and all that draw nonces. Of 0 nothing is reported.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["subnet_spy", "one_operator"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), nonces: Frequent::new(MAX_NONCES) }
    }
}

impl Observer<Sink, Details> for SameNonce {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Payload::Version(version) = message.payload else { return };
        let Some(ip) = introduced(message, peer).filter(|_| version.nonce != 0) else { return };
        let (window, now_ns, subnet) = (self.parameters.window, context.time_ns, networks::subnet(ip));
        let make = || Of {
            uses: Noted::new(window),
            subnets: Distinct::new(window),
            first: subnet,
            agent: SmolStr::default(),
        };
        let of = self.nonces.count(version.nonce, make);
        of.uses.add(1.0, context);
        of.subnets.add(now_ns, subnet);
        of.agent = peer.user_agent.clone().unwrap_or_default();
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.nonces.clear();
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { subnets: least, window } = self.parameters;
        let now_ns = context.time_ns;
        for (_, of) in self.nonces.iter_mut() {
            let subnets = of.subnets.count(now_ns).round();
            if subnets < 2.0 {
                continue;
            }
            context.report(self.me, subnets / least, || {
                Finding::new(
                    Subject::subnet(of.first),
                    "Peers of {subject} and others, {subnets} in all, used one and the same nonce within {window}; their user agent is {agent}.",
                )
                .compared("subnets", subnets, "subnets", least)
                .number("window", window, "s")
                .text("agent", TextKind::UserAgent, &of.agent)
                .evidence(&of.uses.evidence)
            });
        }
        self.nonces.retain(|_, of| of.uses.sum(now_ns) > 0.0);
    }
}
