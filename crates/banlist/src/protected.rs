//! Ranges that are never banned.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv6Net};
use networks::ranges::special_within;

/// The widest networks that are banned: what a registry gives to one holder at most. A wider one is a mistake.
const WIDEST: (u8, u8) = (8, 16);

/// Ranges that are never banned, besides those that are not routed.
#[derive(Clone, Debug, Default)]
pub struct Protected(Vec<(IpNet, String)>);

impl Protected {
    /// Protects a range. `why` ends a sentence, such as "it is an exception".
    pub fn add(&mut self, range: IpNet, why: &str) {
        if !self.0.iter().any(|(known, _)| known.contains(&range)) {
            self.0.push((range.trunc(), why.to_owned()));
        }
    }

    /// Protects an address; of IPv6 the /64 around it, which is what one machine gets. One that is not routed needs no
    /// protection.
    pub fn add_address(&mut self, ip: IpAddr, why: &str) {
        let range = match ip.to_canonical() {
            IpAddr::V4(v4) => IpNet::from(IpAddr::V4(v4)),
            IpAddr::V6(v6) => Ipv6Net::new(v6, 64).map_or_else(|_| IpNet::from(IpAddr::V6(v6)), IpNet::V6),
        };
        if special_within(range).is_none() {
            self.add(range, why);
        }
    }

    /// What of a network may be banned, and why the rest may not: nothing of a network with addresses that are not routed,
    /// or that is very wide.
    pub fn allowed(&self, network: IpNet) -> (Vec<IpNet>, Vec<String>) {
        let widest = if network.addr().is_ipv4() { WIDEST.0 } else { WIDEST.1 };
        if let Some(special) = special_within(network) {
            let name = special.name().replace('_', " ");
            return (Vec::new(), vec![format!("it has addresses that are not routed ({name})")]);
        }
        if network.prefix_len() < widest {
            return (Vec::new(), vec![format!("it is wider than a /{widest}, the widest that is banned")]);
        }
        let (mut rest, mut why) = (vec![network], Vec::new());
        for (range, reason) in &self.0 {
            if range.contains(&network) {
                return (Vec::new(), vec![reason.clone()]);
            }
            if network.contains(range) {
                rest = rest.into_iter().flat_map(|part| without(part, *range)).collect();
                why.push(format!("{range} in it is not banned: {reason}"));
            }
        }
        (rest, why)
    }
}

/// The networks that make up one without a range of it.
fn without(network: IpNet, range: IpNet) -> Vec<IpNet> {
    if range.contains(&network) {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut around = network;
    while around.contains(&range) && around != range {
        let Ok(halves) = around.subnets(around.prefix_len().saturating_add(1)) else { break };
        let (with, apart): (Vec<IpNet>, Vec<IpNet>) = halves.partition(|half| half.contains(&range));
        parts.extend(apart);
        let Some(next) = with.first() else { break };
        around = *next;
    }
    if parts.is_empty() { vec![network] } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(protected: &Protected, network: &str) -> (Vec<String>, String) {
        let (parts, why) = protected.allowed(network.parse().unwrap());
        (parts.iter().map(ToString::to_string).collect(), why.join("; "))
    }

    #[test]
    fn what_is_never_banned() {
        let mut protected = Protected::default();
        protected.add_address("45.33.1.65".parse().unwrap(), "it is mine");
        protected.add_address("2a01:4f8:1:2:3::1".parse().unwrap(), "it is mine");
        protected.add_address("127.0.0.1".parse().unwrap(), "never asked");
        protected.add("8.8.0.0/16".parse().unwrap(), "it is an exception");
        for (network, why) in [
            ("10.1.2.3/32", "not routed (private)"),
            ("0.0.0.0/0", "not routed (this network)"),
            ("127.0.0.1/32", "not routed (loopback)"),
            ("fd00::/8", "not routed (unique local)"),
            ("44.0.0.0/7", "wider than a /8"),
            ("2a00::/12", "wider than a /16"),
            ("45.33.1.65/32", "it is mine"),
            ("2a01:4f8:1:2::/64", "it is mine"),
            ("8.8.8.0/24", "it is an exception"),
        ] {
            let (parts, reason) = allowed(&protected, network);
            assert!(parts.is_empty() && reason.contains(why), "{network}: {parts:?} {reason}");
        }
        assert_eq!(allowed(&protected, "45.34.0.0/16"), (vec!["45.34.0.0/16".to_owned()], String::new()));
        let (parts, reason) = allowed(&protected, "45.33.1.64/29");
        assert_eq!(parts, ["45.33.1.68/30", "45.33.1.66/31", "45.33.1.64/32"]);
        assert_eq!(reason, "45.33.1.65/32 in it is not banned: it is mine");
        let (parts, _) = allowed(&protected, "45.33.0.0/16");
        let parts: Vec<IpNet> = parts.iter().map(|part| part.parse().unwrap()).collect();
        let addresses: u64 = parts.iter().map(|part| 1u64 << (32 - part.prefix_len())).sum();
        assert_eq!(addresses, 65_535);
        assert!(!parts.iter().any(|part| part.contains(&"45.33.1.65".parse::<IpAddr>().unwrap())));
    }
}
