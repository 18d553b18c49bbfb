//! Readable names of connection types and networks, as getpeerinfo has them.

use event::message::{AddressNetwork, Message};
use event::pb::bitcoin_primitives::ConnType;
use event::pb::ebpf_extractor::connection::Connection;

/// What is not told.
pub(crate) const UNKNOWN: &str = "unknown";

/// Of a connection type by its name; `unknown` for what is none.
pub(crate) fn connection_type(name: &str) -> &'static str {
    const NAMES: [&str; 7] =
        ["inbound", "outbound-full-relay", "block-relay-only", "manual", "addr-fetch", "feeler", "private-broadcast"];
    known(&NAMES, name)
}

fn of_type(conn_type: ConnType, name: Option<&str>) -> &'static str {
    match conn_type {
        ConnType::Inbound => "inbound",
        ConnType::OutboundFullRelay => "outbound-full-relay",
        ConnType::BlockRelayOnly => "block-relay-only",
        ConnType::Feeler => "feeler",
        ConnType::Unknown => name.map_or(UNKNOWN, connection_type),
    }
}

/// Of the connection that a message came by.
pub(crate) fn of_message(message: &Message) -> &'static str {
    of_type(message.conn_type, message.conn_type_name)
}

/// Of a connection.
pub(crate) fn of_connection(connection: &Connection) -> &'static str {
    of_type(connection.conn_type(), connection.conn_type_name.as_deref())
}

/// Direction by whether it is inbound.
pub(crate) fn direction(inbound: bool) -> &'static str {
    if inbound { "inbound" } else { "outbound" }
}

/// Of a network by the number in tracepoints.
pub(crate) fn network_of_number(number: u32) -> &'static str {
    match number {
        0 => "not_publicly_routable",
        1 => "ipv4",
        2 => "ipv6",
        3 => "onion",
        4 => "i2p",
        5 => "cjdns",
        6 => "internal",
        _ => UNKNOWN,
    }
}

/// Of a network by its name.
pub(crate) fn network(name: &str) -> &'static str {
    known(&["ipv4", "ipv6", "onion", "i2p", "cjdns", "not_publicly_routable", "internal"], name)
}

/// Of the network of a gossiped address.
pub(crate) fn network_of_address(network: AddressNetwork) -> &'static str {
    match network {
        AddressNetwork::Ipv4 => "ipv4",
        AddressNetwork::Ipv6 => "ipv6",
        AddressNetwork::TorV2 => "torv2",
        AddressNetwork::TorV3 => "onion",
        AddressNetwork::I2p => "i2p",
        AddressNetwork::Cjdns => "cjdns",
        AddressNetwork::Unknown => UNKNOWN,
    }
}

/// The network of an address and port as the node writes them, as far as they tell.
pub(crate) fn network_of_text(addr: &str) -> &'static str {
    let host = host(addr);
    match event::filter::ip_of(addr) {
        Some(ip) if networks::special(ip).is_some() => "not_publicly_routable",
        Some(std::net::IpAddr::V4(_)) => "ipv4",
        Some(std::net::IpAddr::V6(ip)) if ip.octets().first() == Some(&0xfc) => "cjdns",
        Some(std::net::IpAddr::V6(_)) => "ipv6",
        None if host.ends_with(".onion") => "onion",
        None if host.ends_with(".b32.i2p") => "i2p",
        None => UNKNOWN,
    }
}

/// An address without its port and brackets.
pub(crate) fn host(addr: &str) -> &str {
    let port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = match addr.rsplit_once(':') {
        Some((host, rest)) if port(rest) && (!host.contains(':') || host.ends_with(']')) => host,
        _ => addr,
    };
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Of the service flags, in Bitcoin Core's order.
const SERVICES: [(u64, &str); 6] = [
    (1, "NETWORK"),
    (1 << 2, "BLOOM"),
    (1 << 3, "WITNESS"),
    (1 << 6, "COMPACT_FILTERS"),
    (1 << 10, "NETWORK_LIMITED"),
    (1 << 11, "P2P_V2"),
];

/// Names of service flags; of those without name the number of their bit.
pub(crate) fn services(flags: u64) -> Vec<String> {
    let bits = (0..u64::BITS).filter(|bit| flags >> bit & 1 == 1);
    bits.map(|bit| match SERVICES.iter().find(|(flag, _)| *flag == 1 << bit) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("UNKNOWN[2^{bit}]"),
    })
    .collect()
}

fn known(names: &[&'static str], name: &str) -> &'static str {
    names.iter().copied().find(|known| *known == name).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_what_stands_before_the_port() {
        for (addr, is) in [
            ("1.2.3.4:8333", "1.2.3.4"),
            ("[2001:db8::1]:8333", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("abc.onion:8333", "abc.onion"),
            ("203.0.~a1b2c3:8333", "203.0.~a1b2c3"),
            ("", ""),
        ] {
            assert_eq!(host(addr), is);
        }
        assert_eq!(services(1 | 8 | 1 << 30), ["NETWORK", "WITNESS", "UNKNOWN[2^30]"]);
    }
}
