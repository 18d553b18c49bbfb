//! Gossiped addresses.
//!
//! An entry with the address of the peer itself counts as in its subnet, too.

use std::net::IpAddr;

use event::message::{AddressNetwork, Addresses, Message, Payload};
use networks::subnet;
use smol_str::{SmolStr, format_smolstr};

use super::{DIRECTIONS, NetworkCounts, count_bits, direction, host};
use crate::fold::{Context, Observer, Origin, Peer};
use crate::store::Store;
use crate::table::{Id, ids};

/// What addr and addrv2 messages contain. It keeps nothing between messages but the memory.
#[derive(Default)]
pub(super) struct Addr {
    /// How old entries are, in seconds.
    past: Vec<f64>,
    /// How far in the future entries are, in seconds.
    future: Vec<f64>,
    /// Service flags of entries.
    services: Vec<u64>,
}

/// Entries for which memory is kept: the most that nodes send.
const KEPT: usize = 1_000;

/// The series of a message type.
struct Series {
    addresses: Id,
    offset: Id,
    bits: Id,
    services: Id,
}

const ADDR: Series = Series {
    addresses: ids::P2P_ADDR_ADDRESSES,
    offset: ids::P2P_ADDR_TIMESTAMP_OFFSET_SECONDS,
    bits: ids::P2P_ADDR_SERVICES_BITS,
    services: ids::P2P_ADDR_SERVICES,
};

const ADDRV2: Series = Series {
    addresses: ids::P2P_ADDRV2_ADDRESSES,
    offset: ids::P2P_ADDRV2_TIMESTAMP_OFFSET_SECONDS,
    bits: ids::P2P_ADDRV2_SERVICES_BITS,
    services: ids::P2P_ADDRV2_SERVICES,
};

impl Observer<Store> for Addr {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::Messages {
            return;
        }
        for direction in DIRECTIONS {
            for series in [ADDR, ADDRV2] {
                store.observe_many(series.addresses, &[direction], []);
                store.observe_many(series.bits, &[direction], []);
                store.observe_many(series.offset, &[direction, "past"], []);
                store.observe_many(series.offset, &[direction, "future"], []);
            }
            for network in [AddressNetwork::Ipv4, AddressNetwork::Ipv6, AddressNetwork::Cjdns] {
                store.add(ids::P2P_ADDRESS_SELFANNOUNCEMENTS, &[network.name(), direction], 0.0);
                store.add(ids::P2P_ADDRESS_SUBNETANNOUNCEMENTS, &[network.name(), direction], 0.0);
            }
        }
    }

    fn message(&mut self, message: &Message, peer: &mut Peer, context: &mut Context) {
        let direction = direction(message.inbound);
        match message.payload {
            Payload::Addr(entries) => self.fold(&ADDR, entries, direction, peer, context),
            Payload::AddrV2(entries) => self.fold(&ADDRV2, entries, direction, peer, context),
            Payload::EmptyAddrV2 => match peer.ip {
                Some(ip) => context.sink.inc(ids::P2P_ADDRV2_EMPTY, &[direction, &format_smolstr!("{ip}")]),
                // The address of a proxy is not the peer's.
                None if event::filter::ip_of(&peer.addr).is_some() => {
                    context.sink.inc(ids::P2P_ADDRV2_EMPTY, &[direction, peer.network]);
                }
                None => context.sink.inc(ids::P2P_ADDRV2_EMPTY, &[direction, host(&peer.addr)]),
            },
            _ => {}
        }
    }
}

impl Addr {
    fn fold(&mut self, series: &Series, entries: Addresses, direction: &str, peer: &Peer, context: &mut Context) {
        let Self { past, future, services } = self;
        let own = peer.ip.map(|ip| (ip, subnet(ip), beginning(ip)));
        let (mut selfs, mut subnets) = (NetworkCounts::default(), NetworkCounts::default());
        let mut bits = [0; 64];
        let received = context.time_ns / 1_000_000_000;
        for entry in entries {
            let time = u64::from(entry.timestamp);
            let offsets = if time <= received { &mut *past } else { &mut *future };
            offsets.push(time.abs_diff(received) as f64);
            services.push(entry.services);
            if let Some((ip, net, beginning)) = &own
                && ip.is_ipv4() == (entry.network == AddressNetwork::Ipv4)
                && entry.bytes.starts_with(beginning.as_bytes())
                && let Some(announced) = entry.ip()
                && subnet(announced) == *net
            {
                subnets.add(entry.network);
                if announced == *ip {
                    selfs.add(entry.network);
                }
            }
        }

        let store = &mut *context.sink;
        store.observe(series.addresses, &[direction], services.len() as f64);
        for (offsets, label) in [(past, "past"), (future, "future")] {
            if !offsets.is_empty() {
                store.observe_many(series.offset, &[direction, label], offsets.drain(..).map(|offset| (offset, 1)));
                offsets.shrink_to(KEPT);
            }
        }
        services.sort_unstable();
        for same in services.chunk_by(|a, b| a == b) {
            let Some(&flags) = same.first() else { continue };
            count_bits(flags, same.len() as u64, &mut bits);
            store.add(series.services, &[direction, &format_smolstr!("{flags}")], same.len() as f64);
        }
        services.clear();
        services.shrink_to(KEPT);
        let bits = bits.into_iter().enumerate().filter(|(_, times)| *times > 0);
        store.observe_many(series.bits, &[direction], bits.map(|(bit, times)| (bit as f64, times)));
        for (network, count) in selfs.present() {
            store.add(ids::P2P_ADDRESS_SELFANNOUNCEMENTS, &[network, direction], count as f64);
        }
        for (network, count) in subnets.present() {
            store.add(ids::P2P_ADDRESS_SUBNETANNOUNCEMENTS, &[network, direction], count as f64);
        }
    }
}

/// How the text of every IPv4 address of a /24 begins, so that the others need not be read. IPv6 addresses can be written in many ways.
fn beginning(ip: IpAddr) -> SmolStr {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format_smolstr!("{a}.{b}.{c}.")
        }
        IpAddr::V6(_) => SmolStr::default(),
    }
}
