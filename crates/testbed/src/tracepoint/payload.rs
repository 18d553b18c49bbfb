//! Payloads of P2P messages: of every type that Bitcoin Core or rust-bitcoin knows, and the same for the same seed.
//!
//! They are well-formed; keys, signatures and proofs of work in them are random bytes.

use std::ffi::{CStr, CString};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use bitcoin::absolute::LockTime;
use bitcoin::bip152::{BlockTransactions, BlockTransactionsRequest, HeaderAndShortIds, PrefilledTransaction, ShortId};
use bitcoin::block::{self, Header};
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::merkle_tree::MerkleBlock;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::{NetworkMessage, RawNetworkMessage};
use bitcoin::p2p::message_blockdata::{GetBlocksMessage, GetHeadersMessage, Inventory};
use bitcoin::p2p::message_bloom::{BloomFlags, FilterAdd, FilterLoad};
use bitcoin::p2p::message_compact_blocks::{BlockTxn, CmpctBlock, GetBlockTxn, SendCmpct};
use bitcoin::p2p::message_filter::{CFCheckpt, CFHeaders, CFilter, GetCFCheckpt, GetCFHeaders, GetCFilters};
use bitcoin::p2p::message_network::{Reject, RejectReason, VersionMessage};
use bitcoin::p2p::{Address, Magic, ServiceFlags};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut,
    Txid, VarInt, Witness, Wtxid,
};
use fastrand::Rng;

/// Bytes before the payload of a message of the v1 transport.
const HEADER: usize = 24;
/// Bytes of a padded transaction without scripts and their lengths.
const BARE_TRANSACTION: usize = 58;
/// The smallest padded transaction: lengths of two empty scripts.
const MIN_TRANSACTION: usize = BARE_TRANSACTION + 2;
/// 2025-01-01, the time in all of them, as Unix time.
pub(super) const TIME: u32 = 1_735_689_600;

/// A message without its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message type as on the wire.
    pub message_type: CString,
    /// What follows the header.
    pub payload: Box<[u8]>,
}

impl Message {
    /// The payload that a message of rust-bitcoin has.
    pub fn new(message: NetworkMessage) -> Self {
        let message_type = CString::new(message.command().to_string()).unwrap_or_default();
        let bytes = serialize(&RawNetworkMessage::new(Magic::REGTEST, message));
        Self { message_type, payload: bytes.get(HEADER..).unwrap_or_default().into() }
    }

    /// A message of a type that rust-bitcoin does not know.
    fn by_hand(message_type: &'static CStr, payload: Vec<u8>) -> Self {
        Self { message_type: message_type.to_owned(), payload: payload.into() }
    }
}

/// One message of each type.
pub fn every_type(rng: &mut Rng) -> Vec<Message> {
    let known = [handshake(rng), gossip(rng), chain(rng), filters(rng)].concat();
    let mut messages: Vec<_> = known.into_iter().map(Message::new).collect();
    messages.extend(young(rng));
    messages
}

/// Types of the handshake, and those that are only about the connection.
fn handshake(rng: &mut Rng) -> Vec<NetworkMessage> {
    let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS | ServiceFlags::NETWORK_LIMITED;
    let version = VersionMessage {
        version: 70016,
        services,
        timestamp: TIME.into(),
        receiver: legacy_address(rng),
        sender: Address::new(&SocketAddr::from(([0, 0, 0, 0], 0)), services),
        nonce: rng.u64(..),
        user_agent: "/Satoshi:31.0.0/".to_owned(),
        start_height: rng.i32(0..900_000),
        relay: rng.bool(),
    };
    let reject = Reject {
        message: "tx".into(),
        ccode: RejectReason::NonStandard,
        reason: "bad-txns-inputs-missingorspent".into(),
        hash: sha256d::Hash::from_byte_array(bytes(rng)),
    };
    vec![
        NetworkMessage::Version(version),
        NetworkMessage::Verack,
        NetworkMessage::WtxidRelay,
        NetworkMessage::SendAddrV2,
        NetworkMessage::SendHeaders,
        NetworkMessage::SendCmpct(SendCmpct { send_compact: rng.bool(), version: 2 }),
        NetworkMessage::FeeFilter(rng.i64(100..100_000)),
        NetworkMessage::Ping(rng.u64(..)),
        NetworkMessage::Pong(rng.u64(..)),
        NetworkMessage::Alert(many(rng, 1..200, |rng| rng.u8(..))),
        NetworkMessage::Reject(reject),
    ]
}

/// Types that spread addresses and transactions.
fn gossip(rng: &mut Rng) -> Vec<NetworkMessage> {
    vec![
        NetworkMessage::GetAddr,
        NetworkMessage::Addr(many(rng, 1..11, |rng| (TIME, legacy_address(rng)))),
        NetworkMessage::AddrV2(addresses(rng, 1..11)),
        NetworkMessage::Inv(many(rng, 1..37, inventory)),
        NetworkMessage::GetData(many(rng, 1..9, inventory)),
        NetworkMessage::NotFound(many(rng, 1..9, inventory)),
        NetworkMessage::MemPool,
        NetworkMessage::Tx(transaction(rng)),
    ]
}

/// Types about blocks.
fn chain(rng: &mut Rng) -> Vec<NetworkMessage> {
    let block = block(rng, 20_000);
    let request = BlockTransactionsRequest { block_hash: block.block_hash(), indexes: vec![0, 1, 3, 7] };
    let answer = BlockTransactions { block_hash: request.block_hash, transactions: many(rng, 1..9, transaction) };
    let odd_transactions = MerkleBlock::from_block_with_predicate(&block, |txid| txid.to_byte_array().ends_with(&[1]));
    vec![
        NetworkMessage::GetBlocks(GetBlocksMessage::new(many(rng, 1..30, block_hash), BlockHash::all_zeros())),
        NetworkMessage::GetHeaders(GetHeadersMessage::new(many(rng, 1..30, block_hash), BlockHash::all_zeros())),
        NetworkMessage::Headers(many(rng, 1..30, header)),
        NetworkMessage::CmpctBlock(compact_block(rng, 100)),
        NetworkMessage::GetBlockTxn(GetBlockTxn { txs_request: request }),
        NetworkMessage::BlockTxn(BlockTxn { transactions: answer }),
        NetworkMessage::MerkleBlock(odd_transactions),
        NetworkMessage::Block(block),
    ]
}

/// Bloom filters (BIP 37) and block filters (BIP 157).
fn filters(rng: &mut Rng) -> Vec<NetworkMessage> {
    let load = FilterLoad {
        filter: many(rng, 1..500, |rng| rng.u8(..)),
        hash_funcs: rng.u32(1..50),
        tweak: rng.u32(..),
        flags: BloomFlags::PubkeyOnly,
    };
    let (filter_type, start_height) = (0, rng.u32(0..900_000));
    let headers = CFHeaders {
        filter_type,
        stop_hash: block_hash(rng),
        previous_filter_header: Hash::from_byte_array(bytes(rng)),
        filter_hashes: many(rng, 1..100, |rng| Hash::from_byte_array(bytes(rng))),
    };
    let checkpoints = CFCheckpt {
        filter_type,
        stop_hash: block_hash(rng),
        filter_headers: many(rng, 1..100, |rng| Hash::from_byte_array(bytes(rng))),
    };
    let filter = CFilter { filter_type, block_hash: block_hash(rng), filter: many(rng, 1..20_000, |rng| rng.u8(..)) };
    vec![
        NetworkMessage::FilterLoad(load),
        NetworkMessage::FilterAdd(FilterAdd { data: bytes::<33>(rng).to_vec() }),
        NetworkMessage::FilterClear,
        NetworkMessage::GetCFilters(GetCFilters { filter_type, start_height, stop_hash: block_hash(rng) }),
        NetworkMessage::CFilter(filter),
        NetworkMessage::GetCFHeaders(GetCFHeaders { filter_type, start_height, stop_hash: block_hash(rng) }),
        NetworkMessage::CFHeaders(headers),
        NetworkMessage::GetCFCheckpt(GetCFCheckpt { filter_type, stop_hash: block_hash(rng) }),
        NetworkMessage::CFCheckpt(checkpoints),
    ]
}

/// Types that rust-bitcoin does not know: BIP 330, BIP 434, and package relay (BIP 331).
fn young(rng: &mut Rng) -> Vec<Message> {
    let hashes = |rng: &mut Rng| serialize(&many(rng, 1..26, block_hash));
    vec![
        Message::by_hand(c"sendtxrcncl", serialize(&(1_u32, rng.u64(..)))),
        Message::by_hand(c"feature", serialize(&("BIP-0434".to_owned(), many(rng, 0..513, |rng| rng.u8(..))))),
        Message::by_hand(c"sendpackages", serialize(&1_u64)),
        Message::by_hand(c"ancpkginfo", hashes(rng)),
        Message::by_hand(c"getpkgtxns", hashes(rng)),
        Message::by_hand(c"pkgtxns", serialize(&many(rng, 1..26, transaction))),
    ]
}

/// A message with a payload of exactly that many bytes: `verack`, `ping`, `alert`, or from 60 bytes on `tx`.
pub fn of_size(rng: &mut Rng, size: usize) -> Message {
    match size {
        0 => Message::new(NetworkMessage::Verack),
        8 => Message::new(NetworkMessage::Ping(rng.u64(..))),
        1..MIN_TRANSACTION => Message::new(NetworkMessage::Alert(vec![0; size - 1])),
        _ => Message::new(NetworkMessage::Tx(padded(rng, size))),
    }
}

/// A `block` message whose payload has exactly that many bytes, but no fewer than 141. Nodes take 4,000,000.
pub fn block_of_size(rng: &mut Rng, size: usize) -> Message {
    Message::new(NetworkMessage::Block(block(rng, size)))
}

/// An `inv` of up to 36 transactions: 37 to 1,297 bytes.
pub(super) fn inv(rng: &mut Rng) -> Message {
    Message::new(NetworkMessage::Inv(many(rng, 1..37, inventory)))
}

pub(super) fn getdata(rng: &mut Rng) -> Message {
    Message::new(NetworkMessage::GetData(many(rng, 1..9, inventory)))
}

pub(super) fn tx(rng: &mut Rng) -> Message {
    Message::new(NetworkMessage::Tx(transaction(rng)))
}

pub(super) fn addrv2(rng: &mut Rng) -> Message {
    Message::new(NetworkMessage::AddrV2(addresses(rng, 1..6)))
}

/// The header of a new block.
pub(super) fn headers(rng: &mut Rng) -> Message {
    Message::new(NetworkMessage::Headers(vec![header(rng)]))
}

/// Of a usual block.
pub(super) fn cmpctblock(rng: &mut Rng) -> Message {
    let transactions = rng.usize(1_500..4_500);
    Message::new(NetworkMessage::CmpctBlock(compact_block(rng, transactions)))
}

fn many<T>(rng: &mut Rng, count: std::ops::Range<usize>, one: impl Fn(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(count)).map(|_| one(rng)).collect()
}

fn bytes<const N: usize>(rng: &mut Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill(&mut bytes);
    bytes
}

fn block_hash(rng: &mut Rng) -> BlockHash {
    BlockHash::from_byte_array(bytes(rng))
}

fn inventory(rng: &mut Rng) -> Inventory {
    match rng.u8(..20) {
        0 => Inventory::Transaction(Txid::from_byte_array(bytes(rng))),
        1 => Inventory::WitnessTransaction(Txid::from_byte_array(bytes(rng))),
        2 => Inventory::Block(block_hash(rng)),
        _ => Inventory::WTx(Wtxid::from_byte_array(bytes(rng))),
    }
}

fn legacy_address(rng: &mut Rng) -> Address {
    let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
    Address::new(&SocketAddr::new(Ipv4Addr::from(bytes(rng)).into(), 8333), services)
}

/// Of all networks; half of them IPv4.
fn addresses(rng: &mut Rng, count: std::ops::Range<usize>) -> Vec<AddrV2Message> {
    many(rng, count, |rng| {
        let (addr, port) = match rng.u8(..10) {
            0 => (AddrV2::Cjdns(Ipv6Addr::new(0xfc00 | rng.u16(..0x100), 1, 2, 3, 4, 5, 6, rng.u16(..))), 8333),
            1 => (AddrV2::I2p(bytes(rng)), 0),
            2 => (AddrV2::TorV3(bytes(rng)), 8333),
            3 | 4 => (AddrV2::Ipv6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, rng.u16(..), rng.u16(1..))), 8333),
            _ => (AddrV2::Ipv4(Ipv4Addr::from(bytes(rng))), rng.u16(1024..)),
        };
        let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
        AddrV2Message { time: TIME.saturating_sub(rng.u32(..86_400)), services, addr, port }
    })
}

fn header(rng: &mut Rng) -> Header {
    Header {
        version: block::Version::from_consensus(0x2000_0000),
        prev_blockhash: block_hash(rng),
        merkle_root: TxMerkleNode::from_byte_array(bytes(rng)),
        time: TIME,
        bits: CompactTarget::from_consensus(0x1702_8bc0),
        nonce: rng.u32(..),
    }
}

/// An ordinary one: its inputs and most outputs are P2WPKH.
fn transaction(rng: &mut Rng) -> Transaction {
    let input = |rng: &mut Rng| TxIn {
        previous_output: OutPoint { txid: Txid::from_byte_array(bytes(rng)), vout: rng.u32(..4) },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::from_slice(&[bytes::<72>(rng).as_slice(), &bytes::<33>(rng)]),
    };
    let output = |rng: &mut Rng| {
        let program: &[u8] = if rng.u8(..8) == 0 { &bytes::<32>(rng) } else { &bytes::<20>(rng) };
        let (version, length) = (if program.len() == 32 { 0x51 } else { 0 }, program.len() as u8);
        let script_pubkey = ScriptBuf::from_bytes([&[version, length], program].concat());
        TxOut { value: Amount::from_sat(rng.u64(546..1_000_000_000)), script_pubkey }
    };
    let inputs = *rng.choice(&[1_usize, 1, 1, 2, 3, 5]).unwrap_or(&1);
    let outputs = *rng.choice(&[1_usize, 2, 2, 2, 3, 10]).unwrap_or(&2);
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: many(rng, inputs..inputs + 1, input),
        output: many(rng, outputs..outputs + 1, output),
    }
}

/// One of exactly that many bytes, but no fewer than 60: its input script fills it.
fn padded(rng: &mut Rng, size: usize) -> Transaction {
    let scripts = size.saturating_sub(BARE_TRANSACTION).max(2);
    // Some sizes can't be had with one script, because its length takes more bytes from 253 and from 65,536 on.
    let lengths = (0..5).find_map(|output| {
        let room = scripts.checked_sub(1 + output)?;
        let input = [1, 3, 5].into_iter().filter_map(|prefix| room.checked_sub(prefix));
        input.into_iter().find(|length| VarInt::from(*length).size() + length == room).map(|input| (input, output))
    });
    let (input, output) = lengths.unwrap_or((0, 0));
    let mut script = vec![0; input];
    rng.fill(&mut script);
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint { txid: Txid::from_byte_array(bytes(rng)), vout: 0 },
            script_sig: ScriptBuf::from_bytes(script),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(5_000),
            script_pubkey: ScriptBuf::from_bytes(vec![0x51; output]),
        }],
    }
}

/// Ordinary transactions, and a padded one for the rest.
fn block(rng: &mut Rng, size: usize) -> Block {
    const HEADER: usize = 80;
    // So many are always left for the padded one.
    const LEFT: usize = 2_000;
    let mut block = Block { header: header(rng), txdata: Vec::new() };
    let mut used = HEADER;
    while used + LEFT < size {
        let transaction = transaction(rng);
        used += transaction.total_size();
        block.txdata.push(transaction);
    }
    let count = VarInt::from(block.txdata.len() + 1).size();
    block.txdata.insert(0, padded(rng, size.saturating_sub(used + count)));
    block.header.merkle_root = block.compute_merkle_root().unwrap_or(block.header.merkle_root);
    block
}

fn compact_block(rng: &mut Rng, transactions: usize) -> CmpctBlock {
    let coinbase = PrefilledTransaction { idx: 0, tx: padded(rng, 200) };
    let short_ids = many(rng, transactions..transactions + 1, |rng| ShortId::from(bytes(rng)));
    CmpctBlock {
        compact_block: HeaderAndShortIds {
            header: header(rng),
            nonce: rng.u64(..),
            short_ids,
            prefilled_txs: vec![coinbase],
        },
    }
}
