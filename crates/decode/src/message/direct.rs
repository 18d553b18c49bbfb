//! Messages from Bitcoin's bytes to protobuf's, without structures in between: those that are frequent, large, or
//! made of anything that a stranger can make large. Each accepts exactly what [`super::structures`] accepts, and
//! writes the same bytes.

use bitcoin::consensus::encode::MAX_VEC_SIZE;

use super::address::{put_addr, put_addrv2, put_version_address};
use super::proto::{delimited, number, put_bytes, put_hash, put_nested, put_number, put_signed};
use super::transaction::{HEADER, Transaction, put_header, put_prefilled, put_transactions, tx_length};
use super::wire::Wire;

/// Bytes of an inventory item.
const ITEM: usize = 36;

/// How many indexes rust-bitcoin takes at most: as many as transactions fit its bound of memory.
const MAX_INDEXES: usize = MAX_VEC_SIZE / size_of::<bitcoin::Transaction>();

/// How a message is written.
pub(super) enum Writer {
    /// As a message: its field number, how many bytes that will be, roughly or exactly, and its content.
    Message(u32, usize, Content),
    /// As a bool, if the payload is empty: its field number.
    Empty(u32),
}

/// Writes the content of a field from a payload; `None` if that is malformed, with some of it written.
pub(super) type Content = fn(&mut Wire, &mut Vec<u8>) -> Option<()>;

/// The writer of a message, if it is of a type that is written here.
pub(super) fn writer(command: &str, payload: &[u8]) -> Option<Writer> {
    use Writer::{Empty, Message};
    let size = payload.len();
    Some(match command {
        "inv" => Message(4, inventory_length(size), inventory),
        "tx" => Message(6, tx_length(size), tx),
        "ping" if size == 0 => Empty(41),
        "ping" => Message(2, 9, nonce),
        "pong" => Message(3, 9, nonce),
        "getdata" => Message(5, inventory_length(size), inventory),
        "headers" => Message(7, size + size / 2, headers),
        "cmpctblock" => Message(16, size + size / 3, cmpctblock),
        "addrv2" if size == 0 => Empty(40),
        "addrv2" => Message(9, 2 * size, addrv2),
        "addr" => Message(8, size + size / 8, addr),
        "feefilter" => Message(10, 4, feefilter),
        "getheaders" => Message(11, size + size / 16, locator),
        "getblocks" => Message(12, size + size / 16, locator),
        "version" => Message(13, size, version),
        "notfound" => Message(14, inventory_length(size), inventory),
        "sendcmpct" => Message(17, 4, sendcmpct),
        "block" => Message(18, size + size / 4, block),
        "getblocktxn" => Message(19, size + size / 2, getblocktxn),
        "blocktxn" => Message(20, size + size / 4, blocktxn),
        "ancpkginfo" => Message(103, size + size / 16, wtxids),
        "getpkgtxns" => Message(104, size + size / 16, wtxids),
        "pkgtxns" => Message(105, size + size / 4, pkgtxns),
        "verack" => Empty(32),
        "sendheaders" => Empty(33),
        "getaddr" => Empty(34),
        "mempool" => Empty(35),
        "wtxidrelay" => Empty(36),
        "sendaddrv2" => Empty(37),
        "filterclear" => Empty(38),
        _ => return None,
    })
}

/// Items of the known types are as long as on the wire.
fn inventory_length(size: usize) -> usize {
    size / ITEM * ITEM
}

fn inventory(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    for item in wire.var_arrays::<ITEM>()? {
        let (kind, hash) = item.split_first_chunk()?;
        let kind = u32::from_le_bytes(*kind);
        let field = match kind {
            1 => 1,
            2 => 2,
            5 => 3,
            0x4000_0001 => 4,
            0x4000_0002 => 5,
            4 => 6,
            0 => {
                out.extend_from_slice(&[delimited(1), 2, number(15), 1]);
                continue;
            }
            _ => {
                put_nested(out, delimited(1), |out| {
                    put_nested(out, delimited(7), |out| {
                        put_number(out, number(1), kind.into());
                        put_bytes(out, delimited(2), hash);
                        Some(())
                    })
                })?;
                continue;
            }
        };
        let mut known = [0; ITEM];
        let (key, place) = known.split_first_chunk_mut()?;
        *key = [delimited(1), 34, delimited(field), 32];
        place.copy_from_slice(hash);
        out.extend_from_slice(&known);
    }
    Some(())
}

fn tx(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    Transaction::take(wire)?.put(out, delimited(1));
    Some(())
}

fn nonce(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    // Little-endian on both sides.
    out.push(number(1) | 1);
    out.extend_from_slice(wire.array::<8>()?);
    Some(())
}

fn headers(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    for _ in 0..wire.count(HEADER + 1)? {
        put_header(wire, out, delimited(1))?;
        // The number of transactions.
        (wire.u8()? == 0).then_some(())?;
    }
    Some(())
}

fn cmpctblock(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_header(wire, out, delimited(1))?;
    put_number(out, number(2), wire.u64()?);
    let short_ids = wire.var_arrays::<6>()?;
    let start = out.len();
    out.resize(start + 8 * short_ids.len(), 0);
    let fields = out.get_mut(start..)?.as_chunks_mut().0;
    for (field, [a, b, c, d, e, f]) in fields.iter_mut().zip(short_ids) {
        *field = [delimited(3), 6, *a, *b, *c, *d, *e, *f];
    }
    for _ in 0..wire.count(1)? {
        put_prefilled(wire, out, delimited(4))?;
    }
    Some(())
}

fn block(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_header(wire, out, delimited(1))?;
    put_transactions(wire, out, delimited(2))
}

fn blocktxn(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_hash(out, delimited(1), wire.array()?);
    put_transactions(wire, out, delimited(2))
}

fn pkgtxns(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_transactions(wire, out, delimited(1))
}

fn wtxids(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_hashes(out, delimited(1), wire.var_arrays()?);
    Some(())
}

fn getblocktxn(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_hash(out, delimited(1), wire.array()?);
    let count = wire.count(1)?;
    (count <= MAX_INDEXES).then_some(())?;
    // Each tells how many transactions were skipped since the one before.
    let mut next = 0_u64;
    for _ in 0..count {
        let index = next.checked_add(wire.compact_size()?)?;
        put_number(out, number(2), index);
        next = index.checked_add(1)?;
    }
    Some(())
}

/// Of getheaders and getblocks.
fn locator(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_number(out, number(1), wire.u32()?.into());
    put_hashes(out, delimited(2), wire.var_arrays()?);
    put_hash(out, delimited(3), wire.array()?);
    Some(())
}

fn put_hashes(out: &mut Vec<u8>, key: u8, hashes: &[[u8; 32]]) {
    for hash in hashes {
        put_hash(out, key, hash);
    }
}

fn feefilter(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_signed(out, number(1), wire.u64()?.cast_signed());
    Some(())
}

fn sendcmpct(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    let high_bandwidth = wire.u8()?;
    (high_bandwidth <= 1).then_some(())?;
    put_number(out, number(1), high_bandwidth.into());
    put_number(out, number(2), wire.u64()?);
    Some(())
}

fn addr(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    for _ in 0..wire.count(30)? {
        put_addr(wire, out, delimited(1))?;
    }
    Some(())
}

fn addrv2(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    for _ in 0..wire.count(9)? {
        put_addrv2(wire, out, delimited(1))?;
    }
    Some(())
}

fn version(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_number(out, number(1), wire.u32()?.into());
    put_number(out, number(2), wire.u64()?);
    put_signed(out, number(3), wire.u64()?.cast_signed());
    put_version_address(wire, out, delimited(4))?;
    put_version_address(wire, out, delimited(5))?;
    put_number(out, number(6), wire.u64()?);
    put_bytes(out, delimited(7), std::str::from_utf8(wire.var_bytes()?).ok()?.as_bytes());
    put_signed(out, number(8), wire.u32()?.cast_signed().into());
    // Peers before BIP 37 say nothing about relay, and want it.
    let relay = wire.end().is_some() || wire.u8()? != 0;
    put_number(out, number(9), relay.into());
    Some(())
}
