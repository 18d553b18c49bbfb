//! Addresses in addr, addrv2 and version messages, from Bitcoin's bytes to protobuf's.

use std::net::{Ipv4Addr, Ipv6Addr};

use event::field::bitcoin_primitives::{address, unknown_address};

use super::names;
use super::wire::Wire;
use crate::proto::{delimited, number, put_bytes, put_nested, put_number};

/// Bytes of an address at most (BIP 155).
const MAX_ADDRESS: usize = 512;
/// Where an addr message keeps addresses of Tor's version 2 (OnionCat).
const ONION_CAT: [u8; 6] = [0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43];

/// Writes an entry of an addr message.
pub(super) fn put_addr(wire: &mut Wire, out: &mut Vec<u8>, key: u8) -> Option<()> {
    let time = wire.u32()?;
    put_legacy(wire, out, key, time)
}

/// Writes an address of a version message, which comes without a time.
pub(super) fn put_version_address(wire: &mut Wire, out: &mut Vec<u8>, key: u8) -> Option<()> {
    put_legacy(wire, out, key, 0)
}

fn put_legacy(wire: &mut Wire, out: &mut Vec<u8>, key: u8, time: u32) -> Option<()> {
    put_nested(out, key, |out| {
        let services = wire.u64()?;
        let bytes: &[u8; 16] = wire.array()?;
        put_number(out, number(address::TIMESTAMP), time.into());
        let ip = Ipv6Addr::from(*bytes);
        match (ip.to_ipv4_mapped(), bytes) {
            (Some(ip), _) => put_name(out, address::IPV4, |out| names::ipv4(out, ip))?,
            (None, [prefix @ .., a, b, c, d, e, f, g, h, i, j]) if *prefix == ONION_CAT => {
                put_name(out, address::TORV2, |out| names::torv2(out, &[*a, *b, *c, *d, *e, *f, *g, *h, *i, *j]))?;
            }
            _ => put_name(out, address::IPV6, |out| names::ipv6(out, ip))?,
        }
        put_rest(wire, out, services)
    })
}

/// Writes an entry of an addrv2 message (BIP 155).
pub(super) fn put_addrv2(wire: &mut Wire, out: &mut Vec<u8>, key: u8) -> Option<()> {
    put_nested(out, key, |out| {
        let time = wire.u32()?;
        let services = wire.compact_size()?;
        let network = wire.u8()?;
        let length = wire.count(1)?;
        (length <= MAX_ADDRESS).then_some(())?;
        let bytes = wire.bytes(length)?;
        put_number(out, number(address::TIMESTAMP), time.into());
        match network {
            1 => {
                let ip = Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?);
                put_name(out, address::IPV4, |out| names::ipv4(out, ip))?;
            }
            2 | 6 => {
                let ip = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
                let field = if network == 2 { address::IPV6 } else { address::CJDNS };
                put_name(out, field, |out| names::ipv6(out, ip))?;
            }
            3 => {
                let key = bytes.try_into().ok()?;
                put_name(out, address::TORV2, |out| names::torv2(out, key))?;
            }
            4 => {
                let key = bytes.try_into().ok()?;
                put_name(out, address::TORV3, |out| names::torv3(out, key))?;
            }
            5 => {
                let hash = bytes.try_into().ok()?;
                put_name(out, address::I2P, |out| names::i2p(out, hash))?;
            }
            _ => put_nested(out, delimited(address::UNKNOWN), |out| {
                put_number(out, number(unknown_address::ID), network.into());
                put_bytes(out, delimited(unknown_address::ADDRESS), bytes);
                Some(())
            })?,
        }
        put_rest(wire, out, services)
    })
}

fn put_name(out: &mut Vec<u8>, field: u32, name: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
    put_nested(out, delimited(field), |out| {
        name(out);
        Some(())
    })
}

/// Writes the services and the port, which follows in network byte order.
fn put_rest(wire: &mut Wire, out: &mut Vec<u8>, services: u64) -> Option<()> {
    let port = u16::from_be_bytes(*wire.array()?);
    put_number(out, number(address::SERVICES), services);
    put_number(out, number(address::PORT), port.into());
    Some(())
}
