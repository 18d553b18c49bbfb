//! A peer whose user agent and service flags do not fit together.

use std::net::IpAddr;

use event::message::{Message, Payload};
use event::pb::alerts::{Severity, TextKind};
use model::bounds::SECOND;
use model::connectivity::P2P_V2;
use model::{Change, Context, Observer, Peer, Peers};
use smol_str::SmolStr;

use crate::counting::Frequent;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::{Details, ids};
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew, routed_ip};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Subnets that are counted.
const MAX_SUBNETS: usize = 512;

const NETWORK: u64 = 1;

/// Services, and the first major version of Bitcoin Core that offers them; of 0.x.y that is x.
const SINCE: [(u64, u32); 4] = [(P2P_V2, 26), (1 << 6, 21), (1 << 10, 16), (1 << 3, 13)];
/// Wallets: they serve no blocks, and do not speak transport v2.
const WALLETS: [&str; 6] = ["bitcoinj", "breadwallet", "multibit", "electrum", "bitcoin wallet", "bitcoin-wallet"];
/// Nodes that do not speak transport v2.
const WITHOUT_V2: [&str; 2] = ["bcoin", "bitcore"];

parameters! {
    /// Connections with such a version message from one /24 of IPv4 or /64 of IPv6 within the window.
    connections: 3.0, "connections", 1.0..=1e6, "A patched node may be odd once; 23,567 in a fortnight claimed to be versions from 0.7 to 0.18 with transport v2, for 25 s each.";
    /// A single one is enough if it lasts so long.
    age: 1_800.0, "s", 10.0..=1e6, "Who is disguised and stays listens.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "So that a visit every twenty minutes is enough.";
}

/// What does not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// A name that resembles Bitcoin Core's.
    AlmostCore,
    /// Bitcoin Core, older than a service that it offers.
    OlderThanServices,
    /// Bitcoin Core without any service.
    WithoutServices,
    /// A wallet that offers what nodes do, or a node what it cannot.
    CannotServe,
    /// No name at all.
    NoName,
}

impl Oddity {
    /// That of a version message.
    fn of(agent: &str, services: u64) -> Option<Self> {
        if agent.is_empty() {
            return Some(Self::NoName);
        }
        if let Some(version) = agent.strip_prefix("/Satoshi:") {
            // Bitcoin Knots has offered some services before Bitcoin Core did.
            let is_older =
                |(flag, since): &(u64, u32)| services & flag != 0 && major(version).is_some_and(|major| major < *since);
            return match services {
                0 => Some(Self::WithoutServices),
                _ if !agent.contains("Knots") && SINCE.iter().any(is_older) => Some(Self::OlderThanServices),
                _ => None,
            };
        }
        let lower = agent.to_ascii_lowercase();
        let has = |names: &[&str]| names.iter().any(|name| lower.contains(name));
        if lower.trim_start_matches('/').starts_with("satoshi") || lower.starts_with("/sat0shi") {
            return Some(Self::AlmostCore);
        }
        let cannot = has(&WALLETS) && services & (NETWORK | P2P_V2) != 0 || has(&WITHOUT_V2) && services & P2P_V2 != 0;
        cannot.then_some(Self::CannotServe)
    }

    fn name(self) -> &'static str {
        match self {
            Self::AlmostCore => "almost_core",
            Self::OlderThanServices => "older_than_its_services",
            Self::WithoutServices => "core_without_services",
            Self::CannotServe => "offers_what_it_cannot",
            Self::NoName => "no_name",
        }
    }
}

/// The major version of Bitcoin Core in "27.1.0/" or "0.13.2/".
fn major(version: &str) -> Option<u32> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().ok());
    match (parts.next()??, parts.next()) {
        (0, Some(minor)) => minor,
        (major, _) => Some(major),
    }
}

/// Finds peers that are not what they claim to be.
pub(crate) struct DisguisedAgent {
    me: Me,
    parameters: Parameters,
    subnets: Frequent<IpAddr, Of>,
}

/// Of a subnet.
struct Of {
    connections: Noted,
    oddity: Oddity,
    agent: SmolStr,
}

impl Detector for DisguisedAgent {
    const ROW: Row = Row {
        name: "disguised_agent",
        family: "spies",
        severity: Severity::Info,
        title: "peers claim to be what they are not",
        sees: "Version messages whose user agent does not fit their service flags: Bitcoin Core older than a service that it offers, or \
               without any; wallets that offer blocks or transport v2; names that resemble Bitcoin Core's; and no name. By /24 of IPv4 \
               and /64 of IPv6, of peers without such by peer.",
        misses: "Whoever copies both from a real node. Patched nodes may offer services before Bitcoin Core did. Connections for private \
                 broadcast have no services, but do not claim to be Bitcoin Core.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &["subnet_spy", "listen_only"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), subnets: Frequent::new(MAX_SUBNETS) }
    }
}

impl DisguisedAgent {
    fn judge(me: Me, parameters: Parameters, (subnet, of): (IpAddr, &mut Of), context: &mut Context<Sink>) {
        let Parameters { connections: least, window, .. } = parameters;
        let connections = of.connections.sum(context.time_ns);
        context.report(me, connections / least, || {
            Finding::new(
                Subject::subnet(subnet),
                "{subject} opened {connections} within {window} whose user agent ({agent}) and services do not fit: {oddity}.",
            )
            .compared("connections", connections, "connections", least)
            .number("window", window, "s")
            .text("oddity", TextKind::Word, of.oddity.name())
            .text("agent", TextKind::UserAgent, &of.agent)
            .evidence(&of.connections.evidence)
        });
    }

    fn judge_peer(&self, peer: &Peer<Details>, context: &mut Context<Sink>) {
        let Some(oddity) = peer.details.spies.oddity.filter(|_| !peer.own) else { return };
        let least = self.parameters.age;
        let age = (context.time_ns.saturating_sub(peer.first_seen_ns) / SECOND) as f64;
        context.report(self.me, age / least, || {
            Finding::new(
                Subject::peer(peer),
                "{subject} has been there for {age}, and its user agent ({agent}) and services do not fit: {oddity}.",
            )
            .compared("age", age, "s", least)
            .text("oddity", TextKind::Word, oddity.name())
            .text("agent", TextKind::UserAgent, peer.user_agent.as_deref().unwrap_or_default())
        });
    }
}

impl Observer<Sink, Details> for DisguisedAgent {
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<Details>, context: &mut Context<Sink>) {
        let Payload::Version(version) = message.payload else { return };
        if !message.inbound || peer.own {
            return;
        }
        let oddity = Oddity::of(version.user_agent, version.services);
        peer.details.spies.oddity = oddity;
        let (Some(oddity), Some(ip)) = (oddity, routed_ip(peer)) else { return };
        let Self { me, parameters, subnets } = self;
        let subnet = networks::subnet(ip);
        let make = || Of { connections: Noted::new(parameters.window), oddity, agent: SmolStr::default() };
        let of = subnets.count(subnet, make);
        of.connections.add(1.0, context);
        (of.oddity, of.agent) = (oddity, peer.user_agent.clone().unwrap_or_default());
        // The threshold is crossed now; what goes on is reported by the tick.
        if (0.0..1.0).contains(&(of.connections.sum(context.time_ns) - parameters.connections)) {
            Self::judge(*me, *parameters, (subnet, of), context);
        }
    }

    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.subnets.clear();
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        for (subnet, of) in self.subnets.iter_mut() {
            Self::judge(self.me, self.parameters, (*subnet, of), context);
        }
        for id in ids(peers) {
            if let Some(peer) = peers.get(id) {
                self.judge_peer(peer, context);
            }
        }
        let now_ns = context.time_ns;
        self.subnets.retain(|_, of| of.connections.sum(now_ns) > 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oddities() {
        let table = [
            ("/Satoshi:31.0.0/", 0xc09, None),
            ("/Satoshi:27.1.0/Knots:20240801/", 0xc09, None),
            ("/Satoshi:0.21.2/", 0x449, None),
            ("/Satoshi:25.0.0(home)/", 0x409, None),
            ("/bitcoinj:0.16.2/Bitcoin Wallet:9.0/", 0, None),
            ("/pynode:0.0.1/", 0, None),
            ("/btcd:0.24.2/", 0x4d, None),
            ("/Satoshi:25.0.0/", 0xc09, Some(Oddity::OlderThanServices)),
            ("/Satoshi:0.18.1/", 0x809, Some(Oddity::OlderThanServices)),
            ("/Satoshi:0.12.1/", 0x9, Some(Oddity::OlderThanServices)),
            ("/Satoshi:0.20.0/", 0x449, Some(Oddity::OlderThanServices)),
            ("/Satoshi:28.0.0/", 0, Some(Oddity::WithoutServices)),
            ("/Sat0shi:28.0.0/", 0xc09, Some(Oddity::AlmostCore)),
            ("/Satoshi2:28.0.0/", 0xc09, Some(Oddity::AlmostCore)),
            ("Satoshi:28.0.0", 0xc09, Some(Oddity::AlmostCore)),
            ("/bitcoinj:0.16.2/", 1, Some(Oddity::CannotServe)),
            ("/bcoin:2.2.0/", 0x809, Some(Oddity::CannotServe)),
            ("", 0xc09, Some(Oddity::NoName)),
        ];
        for (agent, services, expected) in table {
            assert_eq!(Oddity::of(agent, services), expected, "{agent} {services:x}");
        }
    }
}
