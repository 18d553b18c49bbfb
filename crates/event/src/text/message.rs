//! P2P messages: who sent what to whom, and its content in short.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use super::{BLUE, GREEN, Look, RED, list};
use crate::pb::bitcoin_primitives::address::Address as AddressName;
use crate::pb::bitcoin_primitives::inventory_item::Item;
use crate::pb::bitcoin_primitives::{Address, BlockHeader, ConnType, InventoryItem, Transaction};
use crate::pb::ebpf_extractor::message::message_event::Msg;
use crate::pb::ebpf_extractor::message::reject::RejectReason;
use crate::pb::ebpf_extractor::message::{MessageEvent, Version};
use crate::quote::{HashText, HexText, Plain, Quoted};

/// Bytes of an unknown payload that are shown.
const SHOWN_BYTES: usize = 32;

pub(super) fn line(f: &mut Formatter, look: Look, message: &MessageEvent) -> fmt::Result {
    let meta = &message.meta;
    let mark = if meta.inbound { look.mark(GREEN, "<--") } else { look.mark(BLUE, "-->") };
    let addr = Plain(&meta.addr).to_string();
    let conn_type = conn_type(meta.conn_type, meta.conn_type_name.as_deref());
    let command = Plain(&meta.command).to_string();
    write!(f, "{mark} peer={:<5} {addr:<21} {conn_type:<7} {command:<11} {:>7} B", meta.peer_id, meta.size)?;
    match &message.msg {
        Some(Msg::Unknown(unknown)) if meta.captured.is_some() => {
            write!(f, " {} B captured", unknown.payload.len())?;
            bytes(f, &unknown.payload)
        }
        Some(msg) => content(f, look, msg),
        None => write!(f, " {}", look.paint(RED, "of a type that this version does not know")),
    }
}

/// The type of a connection as `bitcoin-cli -netinfo` abbreviates it; `name` is the node's name of a type that the enum lacks.
pub(super) fn conn_type(conn_type: i32, name: Option<&str>) -> Cow<'_, str> {
    Cow::Borrowed(match (ConnType::try_from(conn_type), name) {
        (Ok(ConnType::Inbound), _) => "inbound",
        (Ok(ConnType::OutboundFullRelay), _) => "full",
        (Ok(ConnType::BlockRelayOnly), _) => "block",
        (Ok(ConnType::Feeler), _) => "feeler",
        (_, Some("manual")) => "manual",
        (_, Some("addr-fetch")) => "addr",
        (_, Some("private-broadcast")) => "priv",
        (_, Some(name)) => return Cow::Owned(Plain(name).to_string()),
        (_, None) => "other",
    })
}

fn content(f: &mut Formatter, look: Look, msg: &Msg) -> fmt::Result {
    match msg {
        Msg::Ping(ping) => write!(f, " nonce={:016x}", ping.value),
        Msg::Pong(pong) => write!(f, " nonce={:016x}", pong.value),
        Msg::Oldping(_) => write!(f, " {}", look.paint(RED, "without nonce")),
        Msg::Inv(inv) => spaced(f, |f| inventory(f, &inv.items)),
        Msg::Getdata(getdata) => spaced(f, |f| inventory(f, &getdata.items)),
        Msg::Notfound(notfound) => spaced(f, |f| inventory(f, &notfound.items)),
        Msg::Tx(tx) => transaction(f, &tx.tx),
        Msg::Headers(headers) => {
            write!(f, " {} headers", headers.headers.len())?;
            list(f, &headers.headers, |f, header| HashText(&header.hash).fmt(f))
        }
        Msg::Addr(addr) => spaced(f, |f| addresses(f, &addr.addresses)),
        Msg::Addrv2(addr) => spaced(f, |f| addresses(f, &addr.addresses)),
        Msg::Emptyaddrv2(_) => write!(f, " {}", look.paint(RED, "0 bytes")),
        Msg::Feefilter(filter) => write!(f, " {} sat/kvB", filter.fee),
        Msg::Getheaders(request) => locator(f, &request.locator_hashes, &request.stop_hash),
        Msg::Getblocks(request) => locator(f, &request.locator_hashes, &request.stop_hash),
        Msg::Version(message) => version(f, message),
        Msg::Reject(reject) => {
            let reason = RejectReason::try_from(reject.reason).map_or("?", |reason| reason.as_str_name());
            let (rejected, details) = (Quoted(&reject.rejected_command), Quoted(&reject.reason_details));
            write!(f, " {rejected} {reason} {details} {}", HashText(&reject.hash))
        }
        Msg::Compactblock(block) => {
            header(f, &block.header)?;
            write!(f, " {} short ids, {} prefilled", block.short_ids.len(), block.transactions.len())
        }
        Msg::Sendcompact(send) => {
            let bandwidth = if send.send_compact { "high" } else { "low" };
            write!(f, " {bandwidth} bandwidth, version {}", send.version)
        }
        Msg::Block(block) => {
            header(f, &block.header)?;
            transactions(f, block.transactions.len(), block.transaction_count)
        }
        Msg::Getblocktxn(request) => {
            write!(f, " block={} {} transactions", HashText(&request.block_hash), request.tx_indexes.len())
        }
        Msg::Blocktxn(answer) => {
            write!(f, " block={}", HashText(&answer.block_hash))?;
            transactions(f, answer.transactions.len(), answer.transaction_count)
        }
        Msg::Sendtxrcncl(send) => write!(f, " version {}, salt={:016x}", send.version, send.salt),
        Msg::Feature(feature) => {
            write!(f, " {}", Quoted(&feature.feature_id))?;
            bytes(f, &feature.data)
        }
        Msg::Sendpackages(send) => write!(f, " versions {:#x}", send.versions),
        Msg::Ancpkginfo(package) => spaced(f, |f| wtxids(f, &package.wtxids)),
        Msg::Getpkgtxns(package) => spaced(f, |f| wtxids(f, &package.wtxids)),
        Msg::Pkgtxns(package) => {
            write!(f, " {}", package.transactions.len())?;
            list(f, &package.transactions, |f, transaction| HashText(&transaction.txid).fmt(f))
        }
        Msg::Alert(alert) => bytes(f, &alert.alert),
        Msg::Filteradd(filter) => bytes(f, &filter.filter),
        Msg::Filterload(filter) => {
            let (size, functions, tweak) = (filter.filter.len(), filter.hash_funcs, filter.tweak);
            write!(f, " {size} B filter, {functions} hash functions, tweak {tweak:08x}, flags {}", filter.flags)
        }
        Msg::Getcfcheckpt(request) => {
            write!(f, " type {} up to {}", request.filter_type, HashText(&request.stop_hash))
        }
        Msg::Getcfheaders(request) => {
            let (start, stop) = (request.start_height, HashText(&request.stop_hash));
            write!(f, " type {} from height {start} to {stop}", request.filter_type)
        }
        Msg::Getcfilter(request) => {
            let (start, stop) = (request.start_height, HashText(&request.stop_hash));
            write!(f, " type {} from height {start} to {stop}", request.filter_type)
        }
        Msg::Cfcheckpt(answer) => write!(f, " type {} {} headers", answer.filter_type, answer.filter_headers.len()),
        Msg::Cfheaders(answer) => write!(f, " type {} {} hashes", answer.filter_type, answer.filter_hashes.len()),
        Msg::Cfilter(answer) => {
            let block = HashText(&answer.block_hash);
            write!(f, " type {} block={block} {} B filter", answer.filter_type, answer.filter.len())
        }
        Msg::Merkleblock(block) => {
            header(f, &block.header)?;
            write!(f, " {} of {} transactions", block.hashes.len(), block.num_transactions)
        }
        Msg::Unknown(unknown) => {
            write!(f, " {}", look.paint(RED, "not decoded"))?;
            bytes(f, &unknown.payload)
        }
        Msg::Verack(_)
        | Msg::Sendheaders(_)
        | Msg::Getaddr(_)
        | Msg::Mempool(_)
        | Msg::Wtxidrelay(_)
        | Msg::Sendaddrv2(_)
        | Msg::Filterclear(_) => Ok(()),
    }
}

fn spaced(f: &mut Formatter, content: impl FnOnce(&mut Formatter) -> fmt::Result) -> fmt::Result {
    f.write_str(" ")?;
    content(f)
}

fn version(f: &mut Formatter, message: &Version) -> fmt::Result {
    write!(f, " {} {} services={:x}", message.version, Quoted(&message.user_agent), message.services)?;
    write!(f, " height={} relay={} nonce={:016x}", message.start_height, message.relay, message.nonce)
}

fn transaction(f: &mut Formatter, transaction: &Transaction) -> fmt::Result {
    write!(f, " txid={}", HashText(&transaction.txid))?;
    if transaction.wtxid == transaction.txid {
        return Ok(());
    }
    write!(f, " wtxid={}", HashText(&transaction.wtxid))
}

/// The number of transactions: of those that were captured, or the one that stands in the message.
fn transactions(f: &mut Formatter, captured: usize, announced: Option<u64>) -> fmt::Result {
    match announced {
        Some(count) => write!(f, " {count} transactions, not captured"),
        None => write!(f, " {captured} transactions"),
    }
}

fn wtxids(f: &mut Formatter, wtxids: &[bytes::Bytes]) -> fmt::Result {
    write!(f, "{}", wtxids.len())?;
    list(f, wtxids, |f, wtxid| HashText(wtxid).fmt(f))
}

fn header(f: &mut Formatter, header: &BlockHeader) -> fmt::Result {
    write!(f, " {}", HashText(&header.hash))
}

fn locator(f: &mut Formatter, hashes: &[bytes::Bytes], stop: &[u8]) -> fmt::Result {
    write!(f, " locator of {}", hashes.len())?;
    if let Some(first) = hashes.first() {
        write!(f, " from {}", HashText(first))?;
    }
    if stop.iter().all(|byte| *byte == 0) { Ok(()) } else { write!(f, " to {}", HashText(stop)) }
}

fn bytes(f: &mut Formatter, bytes: &[u8]) -> fmt::Result {
    if bytes.is_empty() { Ok(()) } else { write!(f, " {}", HexText { bytes, max: SHOWN_BYTES }) }
}

/// The entries of inv, getdata and notfound.
pub(super) fn inventory(f: &mut Formatter, items: &[InventoryItem]) -> fmt::Result {
    write!(f, "{}", items.len())?;
    list(f, items, |f, item| match &item.item {
        Some(Item::Transaction(hash)) => write!(f, "tx({})", HashText(hash)),
        Some(Item::Block(hash)) => write!(f, "block({})", HashText(hash)),
        Some(Item::Wtx(hash)) => write!(f, "wtx({})", HashText(hash)),
        Some(Item::WitnessTransaction(hash)) => write!(f, "witness-tx({})", HashText(hash)),
        Some(Item::WitnessBlock(hash)) => write!(f, "witness-block({})", HashText(hash)),
        Some(Item::CompactBlock(hash)) => write!(f, "compact-block({})", HashText(hash)),
        Some(Item::Unknown(item)) => write!(f, "type-{:#x}({})", item.inv_type, HashText(&item.hash)),
        Some(Item::Error(_)) => f.write_str("error"),
        None => f.write_str("?"),
    })
}

/// The entries of addr and addrv2.
pub(super) fn addresses(f: &mut Formatter, addresses: &[Address]) -> fmt::Result {
    write!(f, "{} addresses", addresses.len())?;
    list(f, addresses, address)
}

/// An address and its port.
pub(super) fn address(f: &mut Formatter, address: &Address) -> fmt::Result {
    match &address.address {
        Some(AddressName::Ipv6(ip) | AddressName::Cjdns(ip)) => write!(f, "[{}]", Plain(ip))?,
        Some(
            AddressName::Ipv4(name) | AddressName::Torv2(name) | AddressName::Torv3(name) | AddressName::I2p(name),
        ) => {
            Plain(name).fmt(f)?;
        }
        Some(AddressName::Unknown(unknown)) => {
            write!(f, "network-{}({})", unknown.id, HexText { bytes: &unknown.address, max: SHOWN_BYTES })?;
        }
        None => f.write_str("?")?,
    }
    write!(f, ":{}", address.port)
}
