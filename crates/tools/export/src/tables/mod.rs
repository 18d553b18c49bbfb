//! The tables, one file each.

mod addresses;
mod blocks;
mod chain;
mod compact_blocks;
mod connections;
mod connectivity;
mod events;
mod inv_items;
mod log;
mod mempool;
mod messages;
mod p2p;
mod peers;

use event::message::{ItemType, Message};
use event::names;
use event::pb::bitcoin_primitives::inventory_item::Item;
use event::pb::bitcoin_primitives::{Address, InventoryItem};

use crate::table::Table;

/// All tables.
pub const TABLES: &[&Table] = &[
    &messages::TABLE,
    &inv_items::TABLE,
    &addresses::TABLE,
    &connections::TABLE,
    &peers::TABLE,
    &mempool::TABLE,
    &blocks::TABLE,
    &compact_blocks::TABLE,
    &log::TABLE,
    &connectivity::TABLE,
    &chain::TABLE,
    &p2p::TABLE,
    &events::TABLE,
];

/// The name of the type of an entry of inv, getdata and notfound.
fn item_name(item: ItemType) -> &'static str {
    match item {
        ItemType::Tx => "tx",
        ItemType::Block => "block",
        ItemType::WTx => "wtx",
        ItemType::WitnessTx => "witness-tx",
        ItemType::WitnessBlock => "witness-block",
        ItemType::CompactBlock => "cmpctblock",
        ItemType::Unknown => names::UNKNOWN,
        ItemType::Error => "error",
    }
}

/// Type and hash of an entry that our own P2P connection saw.
fn item_of(item: &InventoryItem) -> (ItemType, &[u8]) {
    match &item.item {
        Some(Item::Transaction(hash)) => (ItemType::Tx, hash),
        Some(Item::Block(hash)) => (ItemType::Block, hash),
        Some(Item::Wtx(hash)) => (ItemType::WTx, hash),
        Some(Item::WitnessTransaction(hash)) => (ItemType::WitnessTx, hash),
        Some(Item::WitnessBlock(hash)) => (ItemType::WitnessBlock, hash),
        Some(Item::CompactBlock(hash)) => (ItemType::CompactBlock, hash),
        Some(Item::Unknown(unknown)) => (ItemType::Unknown, &unknown.hash),
        Some(Item::Error(_)) | None => (ItemType::Error, &[]),
    }
}

/// Network and text of an address. One of an unknown network has no text.
fn address_of(address: &Address) -> (&'static str, Option<&str>) {
    (names::network_of_address(address.network()), address.text())
}

/// The type of a message's connection, if it is known.
fn connection_type(message: &Message) -> Option<&'static str> {
    Some(names::connection_type_of_message(message)).filter(|name| *name != names::UNKNOWN)
}

/// The name of a protobuf enum's value, as the other columns write names.
fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}
