//! Addresses and hashes that look like the real network's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use bitcoin::Wtxid;
use bitcoin::hashes::Hash;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::{Address, ServiceFlags};
use fastrand::Rng;

/// First bytes of IPv4 addresses; none of them has a reserved range in it.
const FIRST_BYTES: [u8; 18] = [5, 23, 31, 46, 62, 77, 80, 84, 93, 109, 138, 151, 176, 185, 188, 194, 213, 217];

/// Seconds since 1970.
pub(crate) fn unix_time() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().try_into().unwrap_or(u32::MAX)
}

/// One of `items`; the default of an empty list.
pub(crate) fn pick<T: Copy + Default>(rng: &mut Rng, items: &[T]) -> T {
    rng.choice(items).copied().unwrap_or_default()
}

fn bytes<const N: usize>(rng: &mut Rng) -> [u8; N] {
    std::array::from_fn(|_| rng.u8(..))
}

/// An IPv4 or IPv6 address that nodes take for reachable over the internet.
pub(crate) fn routable_ip(rng: &mut Rng) -> IpAddr {
    if rng.u8(..) < 64 {
        let [first, second] = [0x2a00 | rng.u16(..0x10), rng.u16(1..)];
        return Ipv6Addr::new(first, second, 0, 0, 0, 0, rng.u16(..), rng.u16(1..)).into();
    }
    Ipv4Addr::new(pick(rng, &FIRST_BYTES), rng.u8(..), rng.u8(2..), rng.u8(1..255)).into()
}

/// An entry of an `addrv2` message with that address.
pub(crate) fn entry(addr: AddrV2, time: u32) -> AddrV2Message {
    let port = if matches!(addr, AddrV2::I2p(_)) { 0 } else { 8333 };
    AddrV2Message { time, services: ServiceFlags::NETWORK | ServiceFlags::WITNESS, addr, port }
}

/// `count` addresses of all networks that were seen during the last day.
pub(crate) fn addresses(rng: &mut Rng, count: usize) -> Vec<AddrV2Message> {
    let mut address = |_| {
        let addr = match rng.u8(..10) {
            0 => AddrV2::TorV3(bytes(rng)),
            1 => AddrV2::I2p(bytes(rng)),
            2 => {
                let [first, last] = [0xfc00 | rng.u16(..0x100), rng.u16(1..)];
                AddrV2::Cjdns(Ipv6Addr::new(first, 1, 2, 3, 4, 5, 6, last))
            }
            _ => match routable_ip(rng) {
                IpAddr::V4(ip) => AddrV2::Ipv4(ip),
                IpAddr::V6(ip) => AddrV2::Ipv6(ip),
            },
        };
        entry(addr, unix_time().saturating_sub(rng.u32(..86_400)))
    };
    (0..count).map(&mut address).collect()
}

/// `count` addresses as peers send them that never asked for `addrv2`.
pub(crate) fn legacy_addresses(rng: &mut Rng, count: usize) -> NetworkMessage {
    let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
    let mut address = |_| (unix_time(), Address::new(&SocketAddr::new(routable_ip(rng), 8333), services));
    NetworkMessage::Addr((0..count).map(&mut address).collect())
}

/// Announcements of `count` transactions that nobody has.
pub(crate) fn unknown_transactions(rng: &mut Rng, count: usize) -> Vec<Inventory> {
    (0..count).map(|_| Inventory::WTx(Wtxid::from_byte_array(bytes(rng)))).collect()
}
