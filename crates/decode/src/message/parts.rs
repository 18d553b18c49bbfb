//! What several messages are made of, as structures.

use std::net::{Ipv4Addr, Ipv6Addr};

use bitcoin::consensus::encode::VarInt;
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::{block, p2p};
use bytes::Bytes;
use event::pb::bitcoin_primitives::address::Address as Name;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{Address, BlockHeader, InventoryItem, Transaction, UnknownAddress, UnknownItem};

use super::names;
use super::structures::read;

/// Bytes of an address at most (BIP 155).
const MAX_ADDRESS: usize = 512;

pub(super) fn hash(hash: &[u8; 32]) -> Bytes {
    Bytes::copy_from_slice(hash)
}

pub(super) fn hashes<H: Hash<Bytes = [u8; 32]>>(hashes: &[H]) -> Vec<Bytes> {
    hashes.iter().map(|one| hash(one.as_byte_array())).collect()
}

pub(super) fn transaction(transaction: &bitcoin::Transaction) -> Transaction {
    Transaction {
        txid: hash(transaction.compute_txid().as_byte_array()),
        wtxid: hash(transaction.compute_wtxid().as_byte_array()),
        raw: Some(serialize(transaction).into()),
    }
}

pub(super) fn transactions(transactions: &[bitcoin::Transaction]) -> Vec<Transaction> {
    transactions.iter().map(transaction).collect()
}

pub(super) fn header(header: &block::Header) -> BlockHeader {
    BlockHeader {
        version: header.version.to_consensus(),
        prev_blockhash: hash(header.prev_blockhash.as_byte_array()),
        merkle_root: hash(header.merkle_root.as_byte_array()),
        time: header.time,
        bits: header.bits.to_consensus(),
        nonce: header.nonce,
        hash: hash(header.block_hash().as_byte_array()),
    }
}

pub(super) fn inventory(items: &[Inventory]) -> Vec<InventoryItem> {
    let item = |item: &Inventory| match item {
        item if item.is_error() => Item::Error(true),
        Inventory::Error => Item::Error(true),
        Inventory::Transaction(txid) => Item::Transaction(hash(txid.as_byte_array())),
        Inventory::Block(block) => Item::Block(hash(block.as_byte_array())),
        Inventory::CompactBlock(block) => Item::CompactBlock(hash(block.as_byte_array())),
        Inventory::WTx(wtxid) => Item::Wtx(hash(wtxid.as_byte_array())),
        Inventory::WitnessTransaction(txid) => Item::WitnessTransaction(hash(txid.as_byte_array())),
        Inventory::WitnessBlock(block) => Item::WitnessBlock(hash(block.as_byte_array())),
        Inventory::Unknown { inv_type, hash: of } => Item::Unknown(UnknownItem { inv_type: *inv_type, hash: hash(of) }),
    };
    items.iter().map(|one| InventoryItem { item: Some(item(one)) }).collect()
}

/// An address of a time when there was IPv6 alone, and other networks were kept in parts of it.
pub(super) fn legacy_address(timestamp: u32, address: &p2p::Address) -> Address {
    let ip = Ipv6Addr::from(address.address);
    let name = match (ip.to_ipv4_mapped(), ip.octets()) {
        (Some(ip), _) => Name::Ipv4(ip.to_string()),
        (None, [0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43, a, b, c, d, e, f, g, h, i, j]) => {
            Name::Torv2(text(|out| names::torv2(out, &[a, b, c, d, e, f, g, h, i, j])))
        }
        _ => Name::Ipv6(ip.to_string()),
    };
    let services = address.services.to_u64();
    Address { timestamp, address: Some(name), services, port: address.port.into() }
}

/// Not as rust-bitcoin, which gives up the whole message for one address that Bitcoin Core merely ignores.
pub(super) fn addrv2(mut payload: &[u8]) -> Option<Vec<Address>> {
    let count = read::<VarInt>(&mut payload)?.0;
    let mut addresses = Vec::new();
    for _ in 0..count {
        let timestamp = read(&mut payload)?;
        let services = read::<VarInt>(&mut payload)?.0;
        let name = addrv2_name(read(&mut payload)?, &read::<Vec<u8>>(&mut payload)?)?;
        let port = u16::from_be_bytes(read(&mut payload)?).into();
        addresses.push(Address { timestamp, address: Some(name), services, port });
    }
    payload.is_empty().then_some(addresses)
}

fn addrv2_name(network: u8, address: &[u8]) -> Option<Name> {
    Some(match network {
        1 => Name::Ipv4(Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).to_string()),
        2 => Name::Ipv6(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).to_string()),
        3 => {
            let key = address.try_into().ok()?;
            Name::Torv2(text(|out| names::torv2(out, key)))
        }
        4 => {
            let key = address.try_into().ok()?;
            Name::Torv3(text(|out| names::torv3(out, key)))
        }
        5 => {
            let hash = address.try_into().ok()?;
            Name::I2p(text(|out| names::i2p(out, hash)))
        }
        6 => Name::Cjdns(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).to_string()),
        id if address.len() <= MAX_ADDRESS => {
            Name::Unknown(UnknownAddress { id: id.into(), address: Bytes::copy_from_slice(address) })
        }
        _ => return None,
    })
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut text = Vec::new();
    write(&mut text);
    String::from_utf8(text).unwrap_or_default()
}
