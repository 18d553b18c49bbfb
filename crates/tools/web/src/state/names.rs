//! Names of networks, directions, requests and services in answers.

use event::requests::RequestKind;

pub(crate) use event::names::{direction, network_of_address};
pub(crate) use model::peers::network_of_text;

/// Types of the messages that make a request and that answer it.
pub(crate) fn of_request(kind: RequestKind) -> (&'static str, &'static str) {
    match kind {
        RequestKind::Ping => ("ping", "pong"),
        RequestKind::Headers => ("getheaders", "headers"),
        RequestKind::Addresses => ("getaddr", "addr"),
        RequestKind::Tx => ("getdata", "tx"),
        RequestKind::Block => ("getdata", "block"),
        RequestKind::CompactBlock => ("getdata", "cmpctblock"),
        RequestKind::BlockTxn => ("getblocktxn", "blocktxn"),
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

/// The service flags and their names, in Bitcoin Core's order.
const SERVICES: [(u64, &str); 6] = [
    (1, "NETWORK"),
    (1 << 2, "BLOOM"),
    (1 << 3, "WITNESS"),
    (1 << 6, "COMPACT_FILTERS"),
    (1 << 10, "NETWORK_LIMITED"),
    (1 << 11, "P2P_V2"),
];

/// The names of service flags. Flags without a name are `UNKNOWN[2^N]`, as in Bitcoin Core.
pub(crate) fn services(flags: u64) -> Vec<String> {
    let bits = (0..u64::BITS).filter(|bit| flags >> bit & 1 == 1);
    bits.map(|bit| match SERVICES.iter().find(|(flag, _)| *flag == 1 << bit) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("UNKNOWN[2^{bit}]"),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_services() {
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
