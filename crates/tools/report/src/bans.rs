//! A ban list: the smallest networks that have those whose doing it is, and nobody else who was there.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write};
use std::net::IpAddr;
use std::time::Duration;

use event::quote::Plain;
use ipnet::IpNet;
use smol_str::SmolStr;

use crate::gather::Facts;
use crate::hosts::Host;
use crate::scope::{Scope, neighbourhood};
use crate::story::count;

/// Networks that are listed at most.
const MAX_BANS: usize = 1_000;
/// So many addresses of a /24, or of a /64, justify a ban of all of it, if nobody else was there. A /64 is what one machine gets.
const JUSTIFY: (usize, usize) = (4, 2);

/// A network to ban, and why.
#[derive(Clone, Debug)]
pub struct Ban {
    /// The network.
    pub net: IpNet,
    /// Addresses in it that belong to the incident.
    pub addresses: u64,
    /// Their connections, and those of them that ended.
    pub connections: u64,
    pub(crate) sessions: u64,
    pub(crate) mean_seconds: Option<u64>,
    /// Different user agents of them that were kept.
    pub agents: u64,
    /// Addresses in it that do not belong to the incident.
    pub innocents: u64,
    /// The /24 or /64 around it, and how many others a ban of that would hit.
    pub(crate) around: (IpNet, u64),
}

/// A ban list.
#[derive(Clone, Debug, Default)]
pub struct Bans {
    /// The networks, those with most connections first.
    pub list: Vec<Ban>,
    /// Networks for which there was no room.
    pub more: usize,
    /// Addresses that belong to the incident and are not banned: those that must not be, and those that also deliver what the node needs.
    pub protected: u64,
    pub(crate) useful: u64,
    /// Addresses that are not routed, so that they tell nobody from others.
    pub(crate) not_routed: u64,
    /// All were counted who were there.
    pub(crate) counts_all: bool,
}

/// The addresses of a /24 or /64.
#[derive(Default)]
struct Neighbours<'a> {
    guilty: Vec<(IpAddr, &'a Host)>,
    innocents: Vec<IpAddr>,
}

impl Bans {
    pub(crate) fn of(facts: &Facts, scope: &Scope) -> Self {
        let mut bans = Self::default();
        let mut places: BTreeMap<IpNet, Neighbours> = BTreeMap::new();
        for host in facts.hosts.all() {
            let Some(ip) = host.ip else {
                bans.not_routed += u64::from(host.is_blamed);
                continue;
            };
            let is_protected = host.is_protected || facts.own.contains(&ip);
            // Who is only in the same network, and relays, is no part of it.
            let is_useful = host.delivered > 0 && !scope.names(ip);
            let place = places.entry(neighbourhood(ip)).or_default();
            if host.is_blamed && !is_protected && !is_useful && host.inbound > 0 {
                place.guilty.push((ip, host));
                continue;
            }
            place.innocents.push(ip);
            bans.protected += u64::from(host.is_blamed && is_protected);
            bans.useful += u64::from(host.is_blamed && is_useful && !is_protected);
        }
        // Who was not counted may be in any network.
        bans.counts_all = facts.hosts.left_out() == 0 && !facts.is_cut;
        let owns = |net: &IpNet| facts.own.iter().any(|own| net.contains(own));
        for (net, neighbours) in places {
            let enough = if net.addr().is_ipv4() { JUSTIFY.0 } else { JUSTIFY.1 };
            let Neighbours { guilty, innocents } = neighbours;
            let justified = bans.counts_all && guilty.len() >= enough && innocents.is_empty() && !owns(&net);
            let single = || IpNet::aggregate(&guilty.iter().map(|(ip, _)| IpNet::from(*ip)).collect::<Vec<_>>());
            for ban in if justified { vec![net] } else { single() } {
                bans.list.push(Ban::of(ban, net, &guilty, &innocents));
            }
        }
        bans.list.sort_by_key(|ban| (std::cmp::Reverse(ban.connections), ban.net));
        bans.more = bans.list.len().saturating_sub(MAX_BANS);
        bans.list.truncate(MAX_BANS);
        bans
    }

    /// Plain networks, one a line, with the evidence in comments: a file for `--set NAME=FILE`.
    pub fn networks(&self, heading: &str) -> String {
        self.lines(heading, "", ToString::to_string)
    }

    /// A script with `bitcoin-cli setban`, for so long.
    pub fn commands(&self, heading: &str, time: Duration) -> String {
        self.lines(heading, "#!/bin/sh\n", |net| format!("bitcoin-cli setban \"{net}\" add {}", time.as_secs().max(1)))
    }

    fn lines(&self, heading: &str, start: &str, line: impl Fn(&IpNet) -> String) -> String {
        let mut text = start.to_owned();
        for heading in heading.lines() {
            let _ = writeln!(text, "# {}", Plain(heading));
        }
        for note in self.notes() {
            let _ = writeln!(text, "# {note}");
        }
        for ban in &self.list {
            let _ = writeln!(text, "\n# {ban}\n{}", line(&ban.net));
        }
        text
    }

    /// What is not in the list, and why.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.list.is_empty() {
            notes.push(
                "No network is listed: no inbound peer with a routed address is tied to the incident.".to_owned(),
            );
        }
        if !self.counts_all {
            notes.push(
                "Not all could be counted who were there, so that no /24 or /64 is listed as a whole.".to_owned(),
            );
        }
        for (count, why) in [
            (self.more as u64, "more networks had no room"),
            (self.protected, "addresses are left out since the node connected to them or gives them permissions"),
            (self.useful, "addresses are left out since they also delivered transactions or blocks"),
            (self.not_routed, "addresses are left out since they are not routed, so that others may have them too"),
        ] {
            if count > 0 {
                notes.push(format!("{count} {why}."));
            }
        }
        notes
    }
}

impl Ban {
    /// Of a network within the /24 or /64 `around` it, by all who were seen there.
    fn of(net: IpNet, around: IpNet, guilty: &[(IpAddr, &Host)], innocents: &[IpAddr]) -> Self {
        let hit: Vec<&Host> = guilty.iter().filter(|(ip, _)| net.contains(ip)).map(|(_, host)| *host).collect();
        let sum = |count: fn(&Host) -> u64| hit.iter().map(|host| count(host)).sum::<u64>();
        let mut agents: Vec<&SmolStr> = hit.iter().flat_map(|host| &host.agents).collect();
        agents.sort_unstable();
        agents.dedup();
        let sessions = sum(|host| host.closed);
        Self {
            net,
            addresses: hit.len() as u64,
            connections: sum(|host| host.connections),
            sessions,
            mean_seconds: sum(|host| host.seconds).checked_div(sessions),
            agents: agents.len() as u64,
            innocents: innocents.iter().filter(|ip| net.contains(*ip)).count() as u64,
            around: (around, innocents.len() as u64),
        }
    }
}

impl Display for Ban {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Self { net, addresses, connections, sessions, mean_seconds, agents, innocents, around } = self;
        let (addresses, connections) = (count(*addresses, "address"), count(*connections, "connection"));
        write!(f, "{net}: {addresses} seen, {connections}, {}", count(*sessions, "ended session"))?;
        if let Some(seconds) = mean_seconds {
            write!(f, " ({seconds} s on average)")?;
        }
        write!(f, ", {}, {}", count(*agents, "user agent"), count(*innocents, "innocent"))?;
        if around.0 != *net {
            write!(f, "; a ban of {} would hit {}", around.0, count(around.1, "other"))?;
        }
        Ok(())
    }
}
