//! Messages from Bitcoin's bytes to protobuf's, without structures in between: those that are frequent, large, or
//! contain anything that a peer can make large. Each accepts exactly what [`super::structures`] accepts, and
//! writes the same bytes.

use bitcoin::consensus::encode::MAX_VEC_SIZE;
use event::field::bitcoin_primitives::{inventory_item, unknown_item};
use event::field::ebpf_extractor::message::{
    addr, addr_v2, anc_pkg_info, block, block_txn, compact_block, fee_filter, get_block_txn, get_blocks, get_data,
    get_headers, get_pkg_txns, headers, inv, message_event, not_found, ping, pkg_txns, pong, send_compact, tx, version,
};

use super::address::{put_addr, put_addrv2, put_version_address};
use super::transaction::{HEADER, Transaction, put_header, put_prefilled, put_transactions, tx_length};
use super::wire::Wire;
use crate::proto::{delimited, fixed, number, put_bytes, put_hash, put_nested, put_number, put_signed};

// Messages of the same form have their fields under the same numbers.
const _: () = {
    assert!(get_data::ITEMS == inv::ITEMS && not_found::ITEMS == inv::ITEMS);
    assert!(pong::VALUE == ping::VALUE && get_pkg_txns::WTXIDS == anc_pkg_info::WTXIDS);
    assert!(get_blocks::VERSION == get_headers::VERSION && get_blocks::STOP_HASH == get_headers::STOP_HASH);
    assert!(get_blocks::LOCATOR_HASHES == get_headers::LOCATOR_HASHES);
};

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
pub(super) fn writer(message_type: &str, payload: &[u8]) -> Option<Writer> {
    use Writer::{Empty, Message};
    let size = payload.len();
    Some(match message_type {
        "inv" => Message(message_event::INV, inventory_length(size), inventory),
        "tx" => Message(message_event::TX, tx_length(size), tx),
        "ping" if size == 0 => Empty(message_event::OLDPING),
        "ping" => Message(message_event::PING, 9, nonce),
        "pong" => Message(message_event::PONG, 9, nonce),
        "getdata" => Message(message_event::GETDATA, inventory_length(size), inventory),
        "headers" => Message(message_event::HEADERS, size + size / 2, headers),
        "cmpctblock" => Message(message_event::COMPACTBLOCK, size + size / 3, cmpctblock),
        "addrv2" if size == 0 => Empty(message_event::EMPTYADDRV2),
        "addrv2" => Message(message_event::ADDRV2, 2 * size, addrv2),
        "addr" => Message(message_event::ADDR, size + size / 8, addr),
        "feefilter" => Message(message_event::FEEFILTER, 4, feefilter),
        "getheaders" => Message(message_event::GETHEADERS, size + size / 16, locator),
        "getblocks" => Message(message_event::GETBLOCKS, size + size / 16, locator),
        "version" => Message(message_event::VERSION, size, version),
        "notfound" => Message(message_event::NOTFOUND, inventory_length(size), inventory),
        "sendcmpct" => Message(message_event::SENDCOMPACT, 4, sendcmpct),
        "block" => Message(message_event::BLOCK, size + size / 4, block),
        "getblocktxn" => Message(message_event::GETBLOCKTXN, size + size / 2, getblocktxn),
        "blocktxn" => Message(message_event::BLOCKTXN, size + size / 4, blocktxn),
        "ancpkginfo" => Message(message_event::ANCPKGINFO, size + size / 16, wtxids),
        "getpkgtxns" => Message(message_event::GETPKGTXNS, size + size / 16, wtxids),
        "pkgtxns" => Message(message_event::PKGTXNS, size + size / 4, pkgtxns),
        "verack" => Empty(message_event::VERACK),
        "sendheaders" => Empty(message_event::SENDHEADERS),
        "getaddr" => Empty(message_event::GETADDR),
        "mempool" => Empty(message_event::MEMPOOL),
        "wtxidrelay" => Empty(message_event::WTXIDRELAY),
        "sendaddrv2" => Empty(message_event::SENDADDRV2),
        "filterclear" => Empty(message_event::FILTERCLEAR),
        _ => return None,
    })
}

/// Items of the known types are as long as on the wire.
fn inventory_length(size: usize) -> usize {
    size / ITEM * ITEM
}

fn inventory(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    let mut items = wire.var_arrays::<ITEM>()?;
    while let Some((item, rest)) = items.split_first() {
        let known = put_known_items(items, out)?;
        items = if known > 0 {
            items.get(known..)?
        } else {
            put_other_item(item, out)?;
            rest
        };
    }
    Some(())
}

/// Appends the first items as far as they are of known types, some at a time. Returns how many. Those take as many bytes as on the wire, where four
/// bytes are before each hash, too: so all are copied at once, and these are replaced.
fn put_known_items(items: &[[u8; ITEM]], out: &mut Vec<u8>) -> Option<usize> {
    // Not all that follow: what is behind an item of another type is copied again.
    const AT_ONCE: usize = 64;
    let start = out.len();
    out.extend_from_slice(items.get(..AT_ONCE).unwrap_or(items).as_flattened());
    let mut known = 0;
    for item in out.get_mut(start..)?.as_chunks_mut::<ITEM>().0 {
        let (head, _) = item.split_first_chunk_mut()?;
        let number = match u32::from_le_bytes(*head) {
            1 => inventory_item::TRANSACTION,
            2 => inventory_item::BLOCK,
            5 => inventory_item::WTX,
            0x4000_0001 => inventory_item::WITNESS_TRANSACTION,
            0x4000_0002 => inventory_item::WITNESS_BLOCK,
            4 => inventory_item::COMPACT_BLOCK,
            _ => break,
        };
        *head = [delimited(inv::ITEMS), 34, delimited(number), 32];
        known += 1;
    }
    out.truncate(start + known * ITEM);
    Some(known)
}

fn put_other_item(item: &[u8; ITEM], out: &mut Vec<u8>) -> Option<()> {
    let (item_type, hash) = item.split_first_chunk()?;
    match u32::from_le_bytes(*item_type) {
        0 => {
            out.extend_from_slice(&[delimited(inv::ITEMS), 2, number(inventory_item::ERROR), 1]);
            Some(())
        }
        item_type => put_nested(out, delimited(inv::ITEMS), |out| {
            put_nested(out, delimited(inventory_item::UNKNOWN), |out| {
                put_number(out, number(unknown_item::INV_TYPE), item_type.into());
                put_bytes(out, delimited(unknown_item::HASH), hash);
                Some(())
            })
        }),
    }
}

fn tx(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    Transaction::take(wire)?.put(out, delimited(tx::TX));
    Some(())
}

fn nonce(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    // Little-endian on both sides.
    out.push(fixed(ping::VALUE));
    out.extend_from_slice(wire.array::<8>()?);
    Some(())
}

fn headers(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    for _ in 0..wire.count(HEADER + 1)? {
        put_header(wire, out, delimited(headers::HEADERS))?;
        // The number of transactions.
        (wire.u8()? == 0).then_some(())?;
    }
    Some(())
}

fn cmpctblock(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_header(wire, out, delimited(compact_block::HEADER))?;
    put_number(out, number(compact_block::NONCE), wire.u64()?);
    let mut fields = [[0; 8]; 64];
    for short_ids in wire.var_arrays::<6>()?.chunks(fields.len()) {
        for (field, [a, b, c, d, e, f]) in fields.iter_mut().zip(short_ids) {
            *field = [delimited(compact_block::SHORT_IDS), 6, *a, *b, *c, *d, *e, *f];
        }
        out.extend_from_slice(fields.get(..short_ids.len())?.as_flattened());
    }
    for _ in 0..wire.count(1)? {
        put_prefilled(wire, out, delimited(compact_block::TRANSACTIONS))?;
    }
    Some(())
}

fn block(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_header(wire, out, delimited(block::HEADER))?;
    put_transactions(wire, out, delimited(block::TRANSACTIONS))
}

fn blocktxn(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_hash(out, delimited(block_txn::BLOCK_HASH), wire.array()?);
    put_transactions(wire, out, delimited(block_txn::TRANSACTIONS))
}

fn pkgtxns(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_transactions(wire, out, delimited(pkg_txns::TRANSACTIONS))
}

fn wtxids(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_hashes(out, delimited(anc_pkg_info::WTXIDS), wire.var_arrays()?);
    Some(())
}

fn getblocktxn(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_hash(out, delimited(get_block_txn::BLOCK_HASH), wire.array()?);
    let count = wire.count(1)?;
    (count <= MAX_INDEXES).then_some(())?;
    // Each is the number of transactions that were skipped since the one before.
    let mut next = 0_u64;
    for _ in 0..count {
        let index = next.checked_add(wire.compact_size()?)?;
        put_number(out, number(get_block_txn::TX_INDEXES), index);
        next = index.checked_add(1)?;
    }
    Some(())
}

/// Of getheaders and getblocks.
fn locator(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_number(out, number(get_headers::VERSION), wire.u32()?.into());
    put_hashes(out, delimited(get_headers::LOCATOR_HASHES), wire.var_arrays()?);
    put_hash(out, delimited(get_headers::STOP_HASH), wire.array()?);
    Some(())
}

fn put_hashes(out: &mut Vec<u8>, key: u8, hashes: &[[u8; 32]]) {
    for hash in hashes {
        put_hash(out, key, hash);
    }
}

fn feefilter(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_signed(out, number(fee_filter::FEE), wire.u64()?.cast_signed());
    Some(())
}

fn sendcmpct(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    let high_bandwidth = wire.u8()?;
    (high_bandwidth <= 1).then_some(())?;
    put_number(out, number(send_compact::SEND_COMPACT), high_bandwidth.into());
    put_number(out, number(send_compact::VERSION), wire.u64()?);
    Some(())
}

fn addr(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    for _ in 0..wire.count(30)? {
        put_addr(wire, out, delimited(addr::ADDRESSES))?;
    }
    Some(())
}

fn addrv2(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    for _ in 0..wire.count(9)? {
        put_addrv2(wire, out, delimited(addr_v2::ADDRESSES))?;
    }
    Some(())
}

fn version(wire: &mut Wire, out: &mut Vec<u8>) -> Option<()> {
    put_number(out, number(version::VERSION), wire.u32()?.into());
    put_number(out, number(version::SERVICES), wire.u64()?);
    put_signed(out, number(version::TIMESTAMP), wire.u64()?.cast_signed());
    put_version_address(wire, out, delimited(version::RECEIVER))?;
    put_version_address(wire, out, delimited(version::SENDER))?;
    put_number(out, number(version::NONCE), wire.u64()?);
    put_bytes(out, delimited(version::USER_AGENT), std::str::from_utf8(wire.var_bytes()?).ok()?.as_bytes());
    put_signed(out, number(version::START_HEIGHT), wire.u32()?.cast_signed().into());
    // Peers before BIP 37 send no relay flag, and want transactions.
    let relay = wire.end().is_some() || wire.u8()? != 0;
    put_number(out, number(version::RELAY), relay.into());
    Some(())
}
