//! Messages as structures, by rust-bitcoin.

use bitcoin::consensus::encode::VarInt;
use bitcoin::consensus::{Decodable, deserialize};
use bitcoin::hashes::Hash;
use bitcoin::merkle_tree::MerkleBlock;
use bitcoin::p2p::message_bloom::{self, BloomFlags};
use bitcoin::p2p::message_compact_blocks::{self, CmpctBlock, SendCmpct};
use bitcoin::p2p::message_filter;
use bitcoin::p2p::message_network::{Reject, RejectReason};
use bitcoin::{BlockHash, block, p2p};
use bytes::Bytes;
use event::pb::bitcoin_primitives::PrefilledTransaction;
use event::pb::ebpf_extractor::message as pb;
use event::pb::ebpf_extractor::message::message_event::Msg;

use super::parts::{addrv2, hash, hashes, header, inventory, legacy_address, transaction, transactions};
use super::wire::Wire;

/// Bytes that a feature's name and data may have (BIP 434).
const FEATURE_ID: std::ops::RangeInclusive<usize> = 4..=80;
const MAX_FEATURE_DATA: usize = 512;

/// The message of a payload.
pub(super) fn whole(message_type: &str, payload: &[u8]) -> Option<Msg> {
    match message_type {
        "verack" => empty(payload, Msg::Verack),
        "sendheaders" => empty(payload, Msg::Sendheaders),
        "getaddr" => empty(payload, Msg::Getaddr),
        "mempool" => empty(payload, Msg::Mempool),
        "wtxidrelay" => empty(payload, Msg::Wtxidrelay),
        "sendaddrv2" => empty(payload, Msg::Sendaddrv2),
        "filterclear" => empty(payload, Msg::Filterclear),
        "ping" if payload.is_empty() => Some(Msg::Oldping(true)),
        "addrv2" if payload.is_empty() => Some(Msg::Emptyaddrv2(true)),
        "ping" => Some(Msg::Ping(pb::Ping { value: decode(payload)? })),
        "pong" => Some(Msg::Pong(pb::Pong { value: decode(payload)? })),
        "feefilter" => Some(Msg::Feefilter(pb::FeeFilter { fee: decode(payload)? })),
        "version" => version(payload),
        "reject" => reject(payload),
        "alert" => Some(Msg::Alert(pb::Alert { alert: decode::<Vec<u8>>(payload)?.into() })),
        "addr" => {
            let addresses: Vec<(u32, p2p::Address)> = decode(payload)?;
            let addresses = addresses.iter().map(|(time, address)| legacy_address(*time, address)).collect();
            Some(Msg::Addr(pb::Addr { addresses }))
        }
        "addrv2" => Some(Msg::Addrv2(pb::AddrV2 { addresses: addrv2(payload)? })),
        "inv" => Some(Msg::Inv(pb::Inv { items: inventory(&decode::<Vec<_>>(payload)?) })),
        "getdata" => Some(Msg::Getdata(pb::GetData { items: inventory(&decode::<Vec<_>>(payload)?) })),
        "notfound" => Some(Msg::Notfound(pb::NotFound { items: inventory(&decode::<Vec<_>>(payload)?) })),
        "tx" => Some(Msg::Tx(pb::Tx { tx: transaction(&decode(payload)?) })),
        "ancpkginfo" => {
            let wtxids = hashes(&decode::<Vec<BlockHash>>(payload)?);
            Some(Msg::Ancpkginfo(pb::AncPkgInfo { wtxids }))
        }
        "getpkgtxns" => {
            let wtxids = hashes(&decode::<Vec<BlockHash>>(payload)?);
            Some(Msg::Getpkgtxns(pb::GetPkgTxns { wtxids }))
        }
        "pkgtxns" => Some(Msg::Pkgtxns(pb::PkgTxns { transactions: transactions(&decode::<Vec<_>>(payload)?) })),
        "sendpackages" => Some(Msg::Sendpackages(pb::SendPackages { versions: decode(payload)? })),
        "sendtxrcncl" => {
            let (version, salt) = decode(payload)?;
            Some(Msg::Sendtxrcncl(pb::SendTxRcncl { version, salt }))
        }
        "feature" => {
            let (feature_id, data): (String, Vec<u8>) = decode(payload)?;
            (FEATURE_ID.contains(&feature_id.len()) && data.len() <= MAX_FEATURE_DATA)
                .then(|| Msg::Feature(pb::Feature { feature_id, data: data.into() }))
        }
        "headers" | "block" | "getheaders" | "getblocks" | "cmpctblock" | "sendcmpct" | "getblocktxn" | "blocktxn"
        | "merkleblock" => chain(message_type, payload),
        _ => filter(message_type, payload),
    }
}

/// The message of the part of a payload that was captured.
pub(super) fn part(message_type: &str, mut captured: &[u8]) -> Option<Msg> {
    let transaction_count = |captured: &mut &[u8]| read::<VarInt>(captured).map(|count| count.0);
    match message_type {
        "block" => {
            let header = header(&read(&mut captured)?);
            let transaction_count = transaction_count(&mut captured);
            Some(Msg::Block(pb::Block { header, transactions: Vec::new(), transaction_count }))
        }
        "blocktxn" => {
            let block_hash = hash(&read(&mut captured)?);
            let transaction_count = transaction_count(&mut captured);
            Some(Msg::Blocktxn(pb::BlockTxn { block_hash, transactions: Vec::new(), transaction_count }))
        }
        _ => None,
    }
}

/// Blocks and parts of them.
fn chain(message_type: &str, payload: &[u8]) -> Option<Msg> {
    Some(match message_type {
        "headers" => Msg::Headers(pb::Headers { headers: headers(payload)? }),
        "block" => {
            let block: bitcoin::Block = decode(payload)?;
            let transactions = transactions(&block.txdata);
            Msg::Block(pb::Block { header: header(&block.header), transactions, transaction_count: None })
        }
        "getheaders" => {
            let message: p2p::message_blockdata::GetHeadersMessage = decode(payload)?;
            Msg::Getheaders(pb::GetHeaders {
                version: message.version,
                locator_hashes: hashes(&message.locator_hashes),
                stop_hash: hash(message.stop_hash.as_byte_array()),
            })
        }
        "getblocks" => {
            let message: p2p::message_blockdata::GetBlocksMessage = decode(payload)?;
            Msg::Getblocks(pb::GetBlocks {
                version: message.version,
                locator_hashes: hashes(&message.locator_hashes),
                stop_hash: hash(message.stop_hash.as_byte_array()),
            })
        }
        "cmpctblock" => {
            let CmpctBlock { compact_block } = decode(payload)?;
            let prefilled = compact_block.prefilled_txs.iter();
            Msg::Compactblock(pb::CompactBlock {
                header: header(&compact_block.header),
                nonce: compact_block.nonce,
                short_ids: compact_block.short_ids.iter().map(|id| Bytes::copy_from_slice(id.as_ref())).collect(),
                transactions: prefilled
                    .map(|prefilled| PrefilledTransaction {
                        diff_index: prefilled.idx.into(),
                        tx: transaction(&prefilled.tx),
                    })
                    .collect(),
            })
        }
        "sendcmpct" => {
            let SendCmpct { send_compact, version } = decode(payload)?;
            Msg::Sendcompact(pb::SendCompact { send_compact, version })
        }
        "getblocktxn" => {
            let message_compact_blocks::GetBlockTxn { txs_request } = decode(payload)?;
            let block_hash = hash(txs_request.block_hash.as_byte_array());
            Msg::Getblocktxn(pb::GetBlockTxn { block_hash, tx_indexes: txs_request.indexes })
        }
        "blocktxn" => {
            let message_compact_blocks::BlockTxn { transactions: message } = decode(payload)?;
            let block_hash = hash(message.block_hash.as_byte_array());
            let transactions = transactions(&message.transactions);
            Msg::Blocktxn(pb::BlockTxn { block_hash, transactions, transaction_count: None })
        }
        "merkleblock" => merkleblock(payload)?,
        _ => return None,
    })
}

/// Bloom filters (BIP 37) and block filters (BIP 157).
fn filter(message_type: &str, payload: &[u8]) -> Option<Msg> {
    Some(match message_type {
        "filteradd" => {
            let message: message_bloom::FilterAdd = decode(payload)?;
            Msg::Filteradd(pb::FilterAdd { filter: message.data.into() })
        }
        "filterload" => {
            let message: message_bloom::FilterLoad = decode(payload)?;
            let flags = match message.flags {
                BloomFlags::None => pb::filter_load::BloomFlags::None,
                BloomFlags::All => pb::filter_load::BloomFlags::All,
                BloomFlags::PubkeyOnly => pb::filter_load::BloomFlags::PubkeyOnly,
            };
            Msg::Filterload(pb::FilterLoad {
                filter: message.filter.into(),
                hash_funcs: message.hash_funcs,
                tweak: message.tweak,
                flags: flags.into(),
            })
        }
        "getcfilters" => {
            let message: message_filter::GetCFilters = decode(payload)?;
            Msg::Getcfilter(pb::GetCFilter {
                filter_type: message.filter_type.into(),
                start_height: message.start_height,
                stop_hash: hash(message.stop_hash.as_byte_array()),
            })
        }
        "cfilter" => {
            let message: message_filter::CFilter = decode(payload)?;
            Msg::Cfilter(pb::CFilter {
                filter_type: message.filter_type.into(),
                block_hash: hash(message.block_hash.as_byte_array()),
                filter: message.filter.into(),
            })
        }
        "getcfheaders" => {
            let message: message_filter::GetCFHeaders = decode(payload)?;
            Msg::Getcfheaders(pb::GetCfHeaders {
                filter_type: message.filter_type.into(),
                start_height: message.start_height,
                stop_hash: hash(message.stop_hash.as_byte_array()),
            })
        }
        "cfheaders" => {
            let message: message_filter::CFHeaders = decode(payload)?;
            Msg::Cfheaders(pb::CfHeaders {
                filter_type: message.filter_type.into(),
                stop_hash: hash(message.stop_hash.as_byte_array()),
                previous_filter_header: hash(message.previous_filter_header.as_byte_array()),
                filter_hashes: hashes(&message.filter_hashes),
            })
        }
        "getcfcheckpt" => {
            let message: message_filter::GetCFCheckpt = decode(payload)?;
            let stop_hash = hash(message.stop_hash.as_byte_array());
            Msg::Getcfcheckpt(pb::GetCfCheckpt { filter_type: message.filter_type.into(), stop_hash })
        }
        "cfcheckpt" => {
            let message: message_filter::CFCheckpt = decode(payload)?;
            Msg::Cfcheckpt(pb::CfCheckpt {
                filter_type: message.filter_type.into(),
                stop_hash: hash(message.stop_hash.as_byte_array()),
                filter_headers: hashes(&message.filter_headers),
            })
        }
        _ => return None,
    })
}

fn empty(payload: &[u8], msg: fn(bool) -> Msg) -> Option<Msg> {
    payload.is_empty().then(|| msg(true))
}

fn version(payload: &[u8]) -> Option<Msg> {
    // Peers before BIP 37 send no relay flag, and want transactions.
    let message: p2p::message_network::VersionMessage =
        decode(payload).or_else(|| decode(&[payload, &[1]].concat()))?;
    Some(Msg::Version(pb::Version {
        version: message.version,
        services: message.services.to_u64(),
        timestamp: message.timestamp,
        receiver: legacy_address(0, &message.receiver),
        sender: legacy_address(0, &message.sender),
        nonce: message.nonce,
        user_agent: message.user_agent,
        start_height: message.start_height,
        relay: message.relay,
    }))
}

fn reject(payload: &[u8]) -> Option<Msg> {
    // Only what rejects a transaction or a block has a hash (BIP 61).
    let message: Reject = decode(payload).or_else(|| decode(&[payload, &[0; 32]].concat()))?;
    let reason = match message.ccode {
        RejectReason::Malformed => pb::reject::RejectReason::Malformed,
        RejectReason::Invalid => pb::reject::RejectReason::Invalid,
        RejectReason::Obsolete => pb::reject::RejectReason::Obsolete,
        RejectReason::Duplicate => pb::reject::RejectReason::Duplicate,
        RejectReason::NonStandard => pb::reject::RejectReason::Nonstandard,
        RejectReason::Dust => pb::reject::RejectReason::Dust,
        RejectReason::Fee => pb::reject::RejectReason::Fee,
        RejectReason::Checkpoint => pb::reject::RejectReason::Checkpoint,
    };
    Some(Msg::Reject(pb::Reject {
        rejected_command: message.message.into_owned(),
        reason: reason.into(),
        reason_details: message.reason.into_owned(),
        hash: hash(message.hash.as_byte_array()),
    }))
}

fn headers(mut payload: &[u8]) -> Option<Vec<event::pb::bitcoin_primitives::BlockHeader>> {
    let count = read::<VarInt>(&mut payload)?.0;
    let mut headers = Vec::new();
    for _ in 0..count {
        let one: block::Header = read(&mut payload)?;
        let transactions: u8 = read(&mut payload)?;
        (transactions == 0).then(|| headers.push(header(&one)))?;
    }
    payload.is_empty().then_some(headers)
}

fn merkleblock(payload: &[u8]) -> Option<Msg> {
    // Each flag belongs to a node on the way from the root to one of the hashes, of which there are at most 33. More
    // would be a cheap way to make an event large.
    let mut wire = Wire(payload);
    wire.bytes(80 + 4)?;
    let hashes_count = wire.var_arrays::<32>()?.len();
    let flags_count = wire.var_bytes()?.len() * 8;
    (flags_count <= 33 * hashes_count + 7).then_some(())?;

    let message: MerkleBlock = decode(payload)?;
    Some(Msg::Merkleblock(pb::MerkleBlock {
        header: header(&message.header),
        num_transactions: message.txn.num_transactions(),
        bits: message.txn.bits().clone(),
        hashes: hashes(message.txn.hashes()),
    }))
}

/// All of the bytes.
fn decode<T: Decodable>(bytes: &[u8]) -> Option<T> {
    deserialize(bytes).ok()
}

/// What the bytes begin with.
pub(super) fn read<T: Decodable>(bytes: &mut &[u8]) -> Option<T> {
    T::consensus_decode_from_finite_reader(bytes).ok()
}
