//! Names of connection types, directions and networks, as Bitcoin Core has them: a fixed few, fit for labels.

use crate::message::{AddressNetwork, Message};
use crate::pb::bitcoin_primitives::ConnType;
use crate::pb::ebpf_extractor::connection::Connection;

/// Types of connections.
pub const CONNECTION_TYPES: [&str; 7] =
    ["inbound", "outbound-full-relay", "block-relay-only", "manual", "addr-fetch", "feeler", "private-broadcast"];

/// The name of what is not known.
pub const UNKNOWN: &str = "unknown";

/// The connection type of this name; `unknown` if there is none.
pub fn connection_type(name: &str) -> &'static str {
    known(&CONNECTION_TYPES, name)
}

#[inline]
fn of_type(conn_type: ConnType, name: Option<&str>) -> &'static str {
    match conn_type {
        ConnType::Inbound => "inbound",
        ConnType::OutboundFullRelay => "outbound-full-relay",
        ConnType::BlockRelayOnly => "block-relay-only",
        ConnType::Feeler => "feeler",
        ConnType::Unknown => name.map_or(UNKNOWN, connection_type),
    }
}

/// The type of the connection of a message.
#[inline]
pub fn connection_type_of_message(message: &Message) -> &'static str {
    of_type(message.conn_type, message.conn_type_name)
}

/// The type of a connection.
pub fn connection_type_of_connection(connection: &Connection) -> &'static str {
    of_type(connection.conn_type(), connection.conn_type_name.as_deref())
}

/// The name of a direction.
#[inline]
pub fn direction(inbound: bool) -> &'static str {
    if inbound { "inbound" } else { "outbound" }
}

/// Networks, in the order of their numbers in tracepoints (Bitcoin Core's `enum Network` and `GetNetworkName`).
pub const NETWORKS: [&str; 7] = ["not_publicly_routable", "ipv4", "ipv6", "onion", "i2p", "cjdns", "internal"];

/// The network of this number, as tracepoints have it; `unknown` if there is none.
pub fn network_of_number(number: u32) -> &'static str {
    usize::try_from(number).ok().and_then(|number| NETWORKS.get(number)).copied().unwrap_or(UNKNOWN)
}

/// The network of this name; `unknown` if there is none.
pub fn network(name: &str) -> &'static str {
    known(&NETWORKS, name)
}

/// Whether the peers of a network have IP addresses of their own: not those of Tor and I2P. A network that is not known may have them.
#[inline]
pub fn is_ip(network: &str) -> bool {
    !matches!(network, "onion" | "i2p" | "internal")
}

/// The network of a gossiped address.
#[inline]
pub fn network_of_address(network: AddressNetwork) -> &'static str {
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

/// The network of an address and port as the node writes them; `unknown` where they do not show it.
pub fn network_of_text(addr: &str) -> &'static str {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    match crate::filter::ip_of(addr) {
        Some(std::net::IpAddr::V4(_)) => "ipv4",
        Some(std::net::IpAddr::V6(ip)) if ip.octets().first() == Some(&0xfc) => "cjdns",
        Some(std::net::IpAddr::V6(_)) => "ipv6",
        None if host.ends_with(".onion") => "onion",
        None if host.ends_with(".b32.i2p") => "i2p",
        None => UNKNOWN,
    }
}

fn known(names: &[&'static str], name: &str) -> &'static str {
    names.iter().copied().find(|known| *known == name).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_by_number_have_the_names_of_bitcoin_core() {
        let names = [0, 1, 3, 6, 7, u32::MAX].map(network_of_number);
        assert_eq!(names, ["not_publicly_routable", "ipv4", "onion", "internal", UNKNOWN, UNKNOWN]);
        assert_eq!(network("not_publicly_routable"), "not_publicly_routable");
        assert_eq!(network("unroutable"), UNKNOWN);
    }

    #[test]
    fn the_network_decides_whether_an_address_is_that_of_the_peer() {
        use crate::filter::ip_of_peer;
        for network in ["ipv4", "not_publicly_routable", UNKNOWN, ""] {
            assert_eq!(ip_of_peer("127.0.0.1:58000", network), Some(std::net::Ipv4Addr::LOCALHOST.into()), "{network}");
        }
        assert!(ip_of_peer("[fc00::1]:8333", "cjdns").is_some());
        for (addr, network) in [("127.0.0.1:58000", "onion"), ("172.18.0.3:1", "onion"), ("127.0.0.1:1", "i2p")] {
            assert_eq!(ip_of_peer(addr, network), None, "{addr} {network}");
        }
    }
}
