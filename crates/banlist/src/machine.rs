//! The addresses of this machine, from which our own connections to nodes come.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of this machine's interfaces, by `/proc/net`; none of a version of IP that it has not.
pub fn addresses() -> Vec<IpAddr> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
    v4(&read("fib_trie")).into_iter().chain(v6(&read("if_inet6"))).collect()
}

/// `|-- 192.0.2.7` is local if `/32 host LOCAL` follows.
fn v4(table: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in table.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last
            && !found.contains(&address.into())
        {
            found.push(address.into());
        }
    }
    found
}

/// Lines begin with the 32 digits of an address.
fn v6(table: &str) -> Vec<IpAddr> {
    let address = |line: &str| Some(Ipv6Addr::from_bits(u128::from_str_radix(line.get(..32)?, 16).ok()?).into());
    table.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_kernel() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n        |-- 45.33.1.65\n           \
                     /32 host LOCAL\n        |-- 45.33.1.255\n           /32 link BROADCAST\nLocal:\n        |-- 45.33.1.65\n           \
                     /32 host LOCAL\n";
        assert_eq!(v4(table), ["45.33.1.65".parse::<IpAddr>().unwrap()]);
        let table = "2a0104f8000100020000000000000001 02 40 00 80     eth0\nshort\n";
        assert_eq!(v6(table), ["2a01:4f8:1:2::1".parse::<IpAddr>().unwrap()]);
        assert!(addresses().iter().any(IpAddr::is_loopback), "{:?}", addresses());
    }
}
