//! Many connections from one subnet.

use std::net::IpAddr;

use event::pb::alerts::Severity;
use model::{Change, Context, Observer, Peers};

use crate::counting::{Frequent, Sliding};
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{Noted, begins_anew, routed_ip, share_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Subnets that are counted.
const MAX_SUBNETS: usize = 1_024;

parameters! {
    /// Connections that one /24 of IPv4 or /64 of IPv6 opens within the window.
    connections: 100.0, "connections", 2.0..=1e6, "In the flood of 2022-11-16 three groups of networks had more than 100 in five minutes each (b10c, observation 05).";
    /// The window.
    window: 300.0, "s", 10.0..=86_400.0, "The same.";
}

/// Finds subnets that open many connections.
pub(crate) struct SubnetFlood {
    me: Me,
    parameters: Parameters,
    subnets: Frequent<IpAddr, Noted>,
    all: Sliding,
}

impl Detector for SubnetFlood {
    const ROW: Row = Row {
        name: "subnet_flood",
        family: "connections",
        severity: Severity::Warning,
        title: "one subnet opens many connections",
        sees: "Inbound connections of each /24 of IPv4 and /64 of IPv6 within five minutes. The 1,024 subnets with the most \
               are counted.",
        misses: "Peers behind Tor, I2P and CJDNS, and who has many subnets. A provider's NAT may be the subnet of many honest \
                 peers, but they do not reconnect all the time.",
        timing: Timing { after: 0, hold: 300, warm_up: 60 },
        parameters: Parameters::ALL,
        related: &["inbound_flood"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, subnets: Frequent::new(MAX_SUBNETS), all: Sliding::new(parameters.window) }
    }
}

impl SubnetFlood {
    fn judge(
        me: Me,
        parameters: Parameters,
        (subnet, noted): (IpAddr, &mut Noted),
        all: f64,
        context: &mut Context<Sink>,
    ) {
        let Parameters { connections, window } = parameters;
        let opened = noted.sum(context.time_ns);
        let share = share_of(opened, all);
        let evidence = &noted.evidence;
        context.report(me, opened / connections, || {
            Finding::new(
                Subject::subnet(subnet),
                "{subject} opened {opened} within {window}, {share} of all inbound ones.",
            )
            .compared("opened", opened, "connections", connections)
            .number("window", window, "s")
            .number("share", share, "share")
            .evidence(evidence)
        });
    }
}

impl Observer<Sink, Details> for SubnetFlood {
    fn change(&mut self, change: &Change, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let id = match change {
            Change::PeerOpened { id } => id,
            change if begins_anew(change) => {
                self.subnets.clear();
                self.all.clear();
                return;
            }
            _ => return,
        };
        let Some(peer) = peers.get(*id).filter(|peer| peer.inbound == Some(true) && !peer.own) else { return };
        self.all.add(context.time_ns, 1.0);
        let Some(ip) = routed_ip(peer) else { return };
        let window = self.parameters.window;
        let subnet = networks::subnet(ip);
        let noted = self.subnets.count(subnet, || Noted::new(window));
        noted.add(1.0, context);
        // The threshold is crossed now; what goes on is reported by the tick.
        if (0.0..1.0).contains(&(noted.sum(context.time_ns) - self.parameters.connections)) {
            let all = self.all.sum(context.time_ns);
            Self::judge(self.me, self.parameters, (subnet, noted), all, context);
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let all = self.all.sum(context.time_ns);
        for (subnet, noted) in self.subnets.iter_mut() {
            Self::judge(self.me, self.parameters, (*subnet, noted), all, context);
        }
        // A subnet without any connection in the window makes room.
        let now_ns = context.time_ns;
        self.subnets.retain(|_, noted| noted.sum(now_ns) > 0.0);
    }
}
