//! Payloads of every message type, made by rust-bitcoin where it knows the type.

use bitcoin::absolute::LockTime;
use bitcoin::bip152::{self, BlockTransactions, HeaderAndShortIds, ShortId};
use bitcoin::block::Header;
use bitcoin::consensus::{Encodable, serialize};
use bitcoin::hashes::Hash;
use bitcoin::p2p::ServiceFlags;
use bitcoin::p2p::address::{AddrV2, AddrV2Message, Address};
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::{GetBlocksMessage, GetHeadersMessage, Inventory};
use bitcoin::p2p::message_bloom::{BloomFlags, FilterAdd, FilterLoad};
use bitcoin::p2p::message_compact_blocks::{BlockTxn, CmpctBlock, GetBlockTxn, SendCmpct};
use bitcoin::p2p::message_filter::{CFCheckpt, CFHeaders, CFilter, GetCFCheckpt, GetCFHeaders, GetCFilters};
use bitcoin::p2p::message_network::{Reject, RejectReason, VersionMessage};
use bitcoin::{Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, VarInt, Witness};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Message type and payload.
pub type Message = (String, Vec<u8>);

/// The types without a payload.
pub const EMPTY: [&str; 7] = ["verack", "sendheaders", "getaddr", "mempool", "wtxidrelay", "sendaddrv2", "filterclear"];

/// A message of any type that is known, well-formed.
pub fn message() -> impl Strategy<Value = Message> {
    let known = network_message().prop_map(|message| {
        let mut payload = Vec::new();
        message.consensus_encode(&mut payload).unwrap();
        (message.cmd().to_owned(), payload)
    });
    prop_oneof![7 => known, 2 => beyond_rust_bitcoin()]
}

fn hash<H: Hash<Bytes = [u8; 32]>>() -> impl Strategy<Value = H> {
    any::<[u8; 32]>().prop_map(H::from_byte_array)
}

fn hashes<H: Hash<Bytes = [u8; 32]>>() -> impl Strategy<Value = Vec<H>> {
    vec(hash(), 0..5)
}

/// Small ones, and such as need more bytes.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..200_u64, 0..70_000_u64, any::<u64>()]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![9 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 0..700)]
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let script = || bytes().prop_map(ScriptBuf::from_bytes);
    let input = (hash(), any::<u32>(), script(), any::<u32>(), prop_oneof![Just(vec![]), vec(bytes(), 0..4)]).prop_map(
        |(txid, vout, script_sig, sequence, witness)| TxIn {
            previous_output: OutPoint { txid, vout },
            script_sig,
            sequence: Sequence(sequence),
            witness: Witness::from_slice(&witness),
        },
    );
    let output = (any::<u64>(), script())
        .prop_map(|(value, script_pubkey)| TxOut { value: Amount::from_sat(value), script_pubkey });
    (any::<i32>(), vec(input, 0..4), vec(output, 0..4), any::<u32>()).prop_map(|(version, input, output, lock_time)| {
        Transaction {
            version: bitcoin::transaction::Version(version),
            lock_time: LockTime::from_consensus(lock_time),
            input,
            output,
        }
    })
}

fn header() -> impl Strategy<Value = Header> {
    any::<[u8; 80]>().prop_map(|bytes| bitcoin::consensus::deserialize(&bytes).unwrap())
}

fn inventory() -> impl Strategy<Value = Vec<Inventory>> {
    let kind = prop_oneof![4 => select(vec![0, 1, 2, 3, 4, 5, 0x4000_0001, 0x4000_0002]), 1 => any::<u32>()];
    let item = (kind, any::<[u8; 32]>()).prop_map(|(kind, hash)| {
        bitcoin::consensus::deserialize(&[kind.to_le_bytes().as_slice(), &hash].concat()).unwrap()
    });
    vec(item, 0..8)
}

fn ip() -> impl Strategy<Value = [u16; 8]> {
    prop_oneof![
        any::<[u16; 8]>(),
        any::<[u8; 8]>().prop_map(|part| part.map(|byte| if byte < 128 { 0 } else { byte.into() })),
        any::<[u16; 2]>().prop_map(|[a, b]| [0, 0, 0, 0, 0, 0xffff, a, b]),
        any::<[u16; 5]>().prop_map(|[a, b, c, d, e]| [0xfd87, 0xd87e, 0xeb43, a, b, c, d, e]),
    ]
}

fn address() -> impl Strategy<Value = Address> {
    (number(), ip(), any::<u16>()).prop_map(|(services, address, port)| Address {
        services: ServiceFlags::from(services),
        address,
        port,
    })
}

fn addrv2() -> impl Strategy<Value = AddrV2Message> {
    let addr = prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| AddrV2::Ipv4(ip.into())),
        ip().prop_map(|ip| AddrV2::Ipv6(ip.into())),
        any::<[u8; 10]>().prop_map(AddrV2::TorV2),
        any::<[u8; 32]>().prop_map(AddrV2::TorV3),
        any::<[u8; 32]>().prop_map(AddrV2::I2p),
        ip().prop_map(|ip| AddrV2::Cjdns(ip.into())),
        (prop_oneof![7..=255_u8, Just(0)], vec(any::<u8>(), 0..=512))
            .prop_map(|(id, address)| AddrV2::Unknown(id, address)),
    ];
    (any::<u32>(), number(), addr, any::<u16>()).prop_map(|(time, services, addr, port)| AddrV2Message {
        time,
        services: ServiceFlags::from(services),
        addr,
        port,
    })
}

fn version() -> impl Strategy<Value = VersionMessage> {
    let numbers = (any::<u32>(), number(), any::<i64>(), any::<u64>(), any::<i32>(), any::<bool>());
    (numbers, address(), address(), ".{0,30}").prop_map(|(numbers, receiver, sender, user_agent)| {
        let (version, services, timestamp, nonce, start_height, relay) = numbers;
        let services = ServiceFlags::from(services);
        VersionMessage { version, services, timestamp, receiver, sender, nonce, user_agent, start_height, relay }
    })
}

fn compact_block() -> impl Strategy<Value = CmpctBlock> {
    let short_ids = vec(any::<[u8; 6]>().prop_map(ShortId::from), 0..20);
    let prefilled = (prop_oneof![0..3_u16, any::<u16>()], transaction())
        .prop_map(|(idx, tx)| bip152::PrefilledTransaction { idx, tx });
    (header(), any::<u64>(), short_ids, vec(prefilled, 0..3)).prop_map(|(header, nonce, short_ids, prefilled_txs)| {
        CmpctBlock { compact_block: HeaderAndShortIds { header, nonce, short_ids, prefilled_txs } }
    })
}

fn indexes() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![0..5_u64, 0..70_000_u64, 0..=u64::MAX / 16], 0..10).prop_map(|skips| {
        let mut indexes = Vec::new();
        for skip in skips {
            indexes.push(indexes.last().map_or(0, |index| index + 1) + skip);
        }
        indexes
    })
}

fn merkle_block() -> impl Strategy<Value = NetworkMessage> {
    (header(), vec((hash::<Txid>(), any::<bool>()), 1..20)).prop_map(|(header, transactions)| {
        let (txids, matches): (Vec<_>, Vec<_>) = transactions.into_iter().unzip();
        let txn = bitcoin::merkle_tree::PartialMerkleTree::from_txids(&txids, &matches);
        NetworkMessage::MerkleBlock(bitcoin::MerkleBlock { header, txn })
    })
}

fn reject() -> impl Strategy<Value = Reject> {
    use RejectReason as R;
    let codes =
        vec![R::Malformed, R::Invalid, R::Obsolete, R::Duplicate, R::NonStandard, R::Dust, R::Fee, R::Checkpoint];
    ("[a-z]{0,12}", select(codes), ".{0,30}", hash()).prop_map(|(message, ccode, reason, hash)| Reject {
        message: message.into(),
        ccode,
        reason: reason.into(),
        hash,
    })
}

fn network_message() -> impl Strategy<Value = NetworkMessage> {
    use NetworkMessage as N;
    let block = (header(), vec(transaction(), 0..4)).prop_map(|(header, txdata)| N::Block(Block { header, txdata }));
    let blocktxn = (hash(), vec(transaction(), 0..4)).prop_map(|(block_hash, transactions)| {
        N::BlockTxn(BlockTxn { transactions: BlockTransactions { block_hash, transactions } })
    });
    let getblocktxn = (hash(), indexes()).prop_map(|(block_hash, indexes)| {
        N::GetBlockTxn(GetBlockTxn { txs_request: bip152::BlockTransactionsRequest { block_hash, indexes } })
    });
    let relay = prop_oneof![
        inventory().prop_map(N::Inv),
        inventory().prop_map(N::GetData),
        inventory().prop_map(N::NotFound),
        transaction().prop_map(N::Tx),
        any::<u64>().prop_map(N::Ping),
        any::<u64>().prop_map(N::Pong),
        any::<i64>().prop_map(N::FeeFilter),
        vec((any::<u32>(), address()), 0..5).prop_map(N::Addr),
        vec(addrv2(), 0..5).prop_map(N::AddrV2),
        version().prop_map(N::Version),
        reject().prop_map(N::Reject),
        bytes().prop_map(N::Alert),
    ];
    let chain = prop_oneof![
        block,
        vec(header(), 0..4).prop_map(N::Headers),
        compact_block().prop_map(N::CmpctBlock),
        getblocktxn,
        blocktxn,
        (any::<bool>(), number()).prop_map(|(send_compact, version)| N::SendCmpct(SendCmpct { send_compact, version })),
        (any::<u32>(), hashes(), hash()).prop_map(|(version, locator_hashes, stop_hash)| {
            N::GetHeaders(GetHeadersMessage { version, locator_hashes, stop_hash })
        }),
        (any::<u32>(), hashes(), hash()).prop_map(|(version, locator_hashes, stop_hash)| {
            N::GetBlocks(GetBlocksMessage { version, locator_hashes, stop_hash })
        }),
        merkle_block(),
    ];
    prop_oneof![5 => relay, 4 => chain, 3 => filter(), 1 => empty()]
}

fn empty() -> impl Strategy<Value = NetworkMessage> {
    use NetworkMessage as N;
    select(vec![N::Verack, N::SendHeaders, N::GetAddr, N::MemPool, N::WtxidRelay, N::SendAddrV2, N::FilterClear])
}

fn filter() -> impl Strategy<Value = NetworkMessage> {
    use NetworkMessage as N;
    let flags = select(vec![BloomFlags::None, BloomFlags::All, BloomFlags::PubkeyOnly]);
    prop_oneof![
        bytes().prop_map(|data| N::FilterAdd(FilterAdd { data })),
        (bytes(), any::<u32>(), any::<u32>(), flags).prop_map(|(filter, hash_funcs, tweak, flags)| {
            N::FilterLoad(FilterLoad { filter, hash_funcs, tweak, flags })
        }),
        (any::<u8>(), any::<u32>(), hash()).prop_map(|(filter_type, start_height, stop_hash)| {
            N::GetCFilters(GetCFilters { filter_type, start_height, stop_hash })
        }),
        (any::<u8>(), hash(), bytes()).prop_map(|(filter_type, block_hash, filter)| N::CFilter(CFilter {
            filter_type,
            block_hash,
            filter
        })),
        (any::<u8>(), any::<u32>(), hash()).prop_map(|(filter_type, start_height, stop_hash)| {
            N::GetCFHeaders(GetCFHeaders { filter_type, start_height, stop_hash })
        }),
        (any::<u8>(), hash(), hash(), hashes()).prop_map(
            |(filter_type, stop_hash, previous_filter_header, filter_hashes)| {
                N::CFHeaders(CFHeaders { filter_type, stop_hash, previous_filter_header, filter_hashes })
            }
        ),
        (any::<u8>(), hash())
            .prop_map(|(filter_type, stop_hash)| N::GetCFCheckpt(GetCFCheckpt { filter_type, stop_hash })),
        (any::<u8>(), hash(), hashes()).prop_map(|(filter_type, stop_hash, filter_headers)| {
            N::CFCheckpt(CFCheckpt { filter_type, stop_hash, filter_headers })
        }),
    ]
}

fn beyond_rust_bitcoin() -> impl Strategy<Value = Message> {
    let wtxids = || hashes::<bitcoin::BlockHash>().prop_map(|wtxids| serialize(&wtxids));
    let feature = ("[a-z0-9:]{4,80}", vec(any::<u8>(), 0..=512)).prop_map(|feature| serialize(&feature));
    prop_oneof![
        (any::<u32>(), any::<u64>()).prop_map(|offer| ("sendtxrcncl".to_owned(), serialize(&offer))),
        feature.prop_map(|payload| ("feature".to_owned(), payload)),
        any::<u64>().prop_map(|versions| ("sendpackages".to_owned(), serialize(&versions))),
        wtxids().prop_map(|payload| ("ancpkginfo".to_owned(), payload)),
        wtxids().prop_map(|payload| ("getpkgtxns".to_owned(), payload)),
        vec(transaction(), 0..4).prop_map(|transactions| ("pkgtxns".to_owned(), serialize(&transactions))),
        select(vec!["ping", "addrv2"]).prop_map(|command| (command.to_owned(), Vec::new())),
        // As of peers before BIP 37.
        version().prop_map(|version| {
            let mut payload = serialize(&version);
            payload.pop();
            ("version".to_owned(), payload)
        }),
        // As of rejected messages that are neither transaction nor block.
        reject().prop_map(|reject| {
            let mut payload = serialize(&reject);
            payload.truncate(payload.len() - 32);
            ("reject".to_owned(), payload)
        }),
    ]
}

/// A payload that something happened to.
pub fn mutated() -> impl Strategy<Value = Message> {
    let change = prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(Change::Set),
        (any::<prop::sample::Index>(), 0..8_u8).prop_map(Change::Flip),
        any::<prop::sample::Index>().prop_map(Change::Truncate),
        vec(any::<u8>(), 1..5).prop_map(Change::Extend),
        (any::<prop::sample::Index>(), count()).prop_map(Change::Count),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), message()).prop_map(Change::Splice),
        message().prop_map(Change::Command),
    ];
    (message(), vec(change, 1..3)).prop_map(|(message, changes)| changes.into_iter().fold(message, apply))
}

/// A compact size, not always in its shortest form.
fn count() -> impl Strategy<Value = Vec<u8>> {
    let exact = number().prop_map(|number| serialize(&VarInt(number)));
    let long = any::<u16>().prop_map(|number| [&[0xfe], u32::from(number).to_le_bytes().as_slice()].concat());
    prop_oneof![exact, long]
}

#[derive(Clone, Debug)]
enum Change {
    Set((prop::sample::Index, u8)),
    Flip((prop::sample::Index, u8)),
    Truncate(prop::sample::Index),
    Extend(Vec<u8>),
    Count((prop::sample::Index, Vec<u8>)),
    Splice((prop::sample::Index, prop::sample::Index, Message)),
    Command(Message),
}

fn apply((command, mut payload): Message, change: Change) -> Message {
    let length = payload.len();
    match change {
        Change::Extend(bytes) => payload.extend(bytes),
        Change::Command((command, _)) => return (command, payload),
        _ if length == 0 => {}
        Change::Set((at, byte)) => payload[at.index(length)] = byte,
        Change::Flip((at, bit)) => payload[at.index(length)] ^= 1 << bit,
        Change::Truncate(at) => payload.truncate(at.index(length)),
        Change::Count((at, count)) => {
            let at = at.index(length);
            payload.splice(at..at + 1, count);
        }
        Change::Splice((at, from, (_, other))) => {
            payload.truncate(at.index(length));
            payload.extend(other.get(from.index(other.len() + 1)..).unwrap_or_default());
        }
    }
    (command, payload)
}
