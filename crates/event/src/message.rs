//! Reads a P2P message straight from its encoded event, without allocations: for tools that read every message.
//!
//! Of transactions and blocks only what identifies them is read. What is malformed ends a list early, or makes a payload [`Payload::Other`].

use std::net::IpAddr;
use std::str::from_utf8;

use crate::Kind;
use crate::field::bitcoin_primitives::{
    address, block_header, inventory_item, transaction, unknown_address, unknown_item,
};
use crate::field::ebpf_extractor::ebpf;
use crate::field::ebpf_extractor::message::{
    addr, addr_v2, block, block_txn, compact_block, fee_filter, get_block_txn, get_data, headers, inv, message_event,
    metadata, not_found, ping, pong, reject, tx, version,
};
use crate::field::event::event;
use crate::pb::bitcoin_primitives::ConnType;
use crate::record::Record;
use crate::wire::{Field, Fields, key_of_bytes};

/// A hash as on the wire: 32 bytes, or fewer in a malformed event.
pub type Hash<'a> = &'a [u8];

/// A P2P message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The node's id of the peer.
    pub peer: u64,
    /// Address and port of the peer, as the node writes them.
    pub addr: &'a str,
    /// Type of the connection.
    pub conn_type: ConnType,
    /// The node's name of that type, where `conn_type` has none.
    pub conn_type_name: Option<&'a str>,
    /// Type of the message.
    pub message_type: &'a str,
    /// Whether the node received it.
    pub inbound: bool,
    /// Bytes of the payload, on the wire.
    pub size: u64,
    /// Its content.
    pub payload: Payload<'a>,
}

/// The content of a message, as far as the tools need it.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A ping with its nonce.
    Ping(u64),
    /// A ping without nonce, from before BIP 31.
    OldPing,
    /// The nonce of the ping that it answers.
    Pong(u64),
    /// Entries that the sender has.
    Inv(Items<'a>),
    /// Entries that the sender requests.
    GetData(Items<'a>),
    /// Requested entries that the sender does not have.
    NotFound(Items<'a>),
    /// A transaction.
    Tx(Tx<'a>),
    /// Headers of blocks.
    Headers(Headers<'a>),
    /// Addresses (BIP 35 and before).
    Addr(Addresses<'a>),
    /// Addresses (BIP 155).
    AddrV2(Addresses<'a>),
    /// An addrv2 without any payload.
    EmptyAddrV2,
    /// A fee rate in sat/kvB (BIP 133).
    FeeFilter(i64),
    /// A request for headers.
    GetHeaders,
    /// A request for addresses.
    GetAddr,
    /// The first message of a connection.
    Version(Version<'a>),
    /// A rejection (BIP 61).
    Reject(Reject<'a>),
    /// A compact block (BIP 152).
    CompactBlock(CompactBlock<'a>),
    /// A block.
    Block(Header<'a>),
    /// Hash of a block, and how many of its transactions are requested (BIP 152).
    GetBlockTxn(Hash<'a>, usize),
    /// Hash of the block whose transactions are sent (BIP 152).
    BlockTxn(Hash<'a>),
    /// Anything else.
    Other,
}

/// What identifies a transaction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tx<'a> {
    /// Without witnesses.
    pub txid: Hash<'a>,
    /// With witnesses (BIP 141).
    pub wtxid: Hash<'a>,
}

/// What matters of a block's header.
#[derive(Clone, Copy, Debug, Default)]
pub struct Header<'a> {
    /// Hash of the block.
    pub hash: Hash<'a>,
    /// Hash of the block before.
    pub previous: Hash<'a>,
    /// Its own time, seconds since the UNIX epoch.
    pub time: u32,
}

/// What matters of a compact block.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompactBlock<'a> {
    /// Its header.
    pub header: Header<'a>,
    /// Transactions that it names by a short id.
    pub short_ids: usize,
    /// Transactions that it brings.
    pub prefilled: usize,
}

/// What matters of a version message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Version<'a> {
    /// Protocol version.
    pub version: u32,
    /// Service flags.
    pub services: u64,
    /// The sender's clock, seconds since the UNIX epoch.
    pub timestamp: i64,
    /// A random number by which a node notices a connection with itself.
    pub nonce: u64,
    /// Name and version of the sender's program.
    pub user_agent: &'a str,
    /// Height that the sender has.
    pub start_height: i32,
    /// Whether it wants transactions.
    pub relay: bool,
}

/// What matters of a reject message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reject<'a> {
    /// Type of the rejected message.
    pub message_type: &'a str,
    /// The reason's number: see `RejectReason` of the wire format.
    pub reason: i32,
    /// The reason in words.
    pub details: &'a str,
}

/// The first 8 bytes of a hash, which identify it; none of what is not 32 bytes long.
#[inline]
pub fn short(hash: &[u8]) -> Option<u64> {
    match hash.first_chunk::<8>() {
        Some(first) if hash.len() == 32 => Some(u64::from_le_bytes(*first)),
        _ => None,
    }
}

/// The type of an entry of inv, getdata, notfound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ItemType {
    Tx,
    Block,
    WTx,
    WitnessTx,
    WitnessBlock,
    CompactBlock,
    Unknown,
    Error,
}

impl ItemType {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tx => "Tx",
            Self::Block => "Block",
            Self::WTx => "WTx",
            Self::WitnessTx => "WitnessTx",
            Self::WitnessBlock => "WitnessBlock",
            Self::CompactBlock => "CompactBlock",
            Self::Unknown => "Unknown",
            Self::Error => "Error",
        }
    }

    /// By the number of its field in `bitcoin_primitives.InventoryItem`.
    fn of_field(number: u32) -> Self {
        match number {
            inventory_item::TRANSACTION => Self::Tx,
            inventory_item::BLOCK => Self::Block,
            inventory_item::WTX => Self::WTx,
            inventory_item::WITNESS_TRANSACTION => Self::WitnessTx,
            inventory_item::WITNESS_BLOCK => Self::WitnessBlock,
            inventory_item::COMPACT_BLOCK => Self::CompactBlock,
            inventory_item::UNKNOWN => Self::Unknown,
            _ => Self::Error,
        }
    }

    /// Whether it names a transaction.
    pub fn is_tx(self) -> bool {
        matches!(self, Self::Tx | Self::WTx | Self::WitnessTx)
    }

    /// Whether it names a block.
    pub fn is_block(self) -> bool {
        matches!(self, Self::Block | Self::WitnessBlock | Self::CompactBlock)
    }
}

/// Entries of inv, getdata, notfound: type and hash.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a>(Fields<'a>);

const _: () = assert!(get_data::ITEMS == inv::ITEMS && not_found::ITEMS == inv::ITEMS);

impl Items<'_> {
    /// Whether there are more than so many. They are counted only if the bytes suffice for that: each has two or more.
    #[inline]
    pub fn are_more_than(self, count: usize) -> bool {
        self.0.0.len() / 2 > count && self.count() > count
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = (ItemType, Hash<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        const ITEM: u8 = key_of_bytes(inv::ITEMS);
        const FIRST: u8 = key_of_bytes(inventory_item::TRANSACTION);
        const LAST: u8 = key_of_bytes(inventory_item::COMPACT_BLOCK);
        // Nearly always: an item of 34 bytes, in it a hash of 32.
        if let [ITEM, 34, key @ FIRST..=LAST, 32, rest @ ..] = self.0.0
            && key & 7 == FIRST & 7
            && let Some((hash, rest)) = rest.split_at_checked(32)
        {
            self.0.0 = rest;
            return Some((ItemType::of_field(u32::from(key >> 3)), hash));
        }
        let item = self.0.find_bytes(inv::ITEMS)?;
        let mut item_type = ItemType::Error;
        let mut hash: Hash = &[];
        for (number, field) in Fields(item) {
            item_type = ItemType::of_field(number);
            if let Field::Bytes(bytes) = field {
                hash = match item_type {
                    ItemType::Unknown => Fields(bytes).bytes_of(unknown_item::HASH).unwrap_or_default(),
                    _ => bytes,
                };
            }
        }
        Some((item_type, hash))
    }
}

/// Headers of a headers message.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(Fields<'a>);

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_bytes(headers::HEADERS).map(Header::read)
    }
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut header = Self::default();
        for (number, field) in Fields(bytes) {
            match (number, field) {
                (block_header::PREV_BLOCKHASH, Field::Bytes(previous)) => header.previous = previous,
                (block_header::TIME, Field::Number(time)) => header.time = time as u32,
                (block_header::HASH, Field::Bytes(hash)) => header.hash = hash,
                _ => {}
            }
        }
        header
    }
}

/// The network of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum AddressNetwork {
    Ipv4,
    Ipv6,
    TorV2,
    TorV3,
    I2p,
    Cjdns,
    Unknown,
}

impl AddressNetwork {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Ipv4, Self::Ipv6, Self::TorV2, Self::TorV3, Self::I2p, Self::Cjdns, Self::Unknown];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::TorV2 => "TorV2",
            Self::TorV3 => "TorV3",
            Self::I2p => "I2P",
            Self::Cjdns => "CJDNS",
            Self::Unknown => "Unknown",
        }
    }
}

/// An entry of addr or addrv2.
#[derive(Clone, Copy, Debug)]
pub struct Address<'a> {
    /// When a node was last connected to it, as claimed; seconds since the UNIX epoch.
    pub timestamp: u32,
    /// Its network.
    pub network: AddressNetwork,
    /// The address in its network's own form, without port; of an unknown network its bytes.
    pub bytes: &'a [u8],
    /// Service flags.
    pub services: u64,
    /// Port.
    pub port: u16,
}

impl<'a> Address<'a> {
    /// The address in its network's own form; empty for one of an unknown network.
    pub fn text(&self) -> &'a str {
        from_utf8(self.bytes).unwrap_or_default()
    }

    /// The IP address; of other networks none.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.network {
            AddressNetwork::Ipv4 | AddressNetwork::Ipv6 | AddressNetwork::Cjdns => self.text().parse().ok(),
            _ => None,
        }
    }

    fn read(bytes: &'a [u8]) -> Self {
        let mut entry = Self { timestamp: 0, network: AddressNetwork::Unknown, bytes: &[], services: 0, port: 0 };
        for (number, field) in Fields(bytes) {
            match (number, field) {
                (address::TIMESTAMP, Field::Number(timestamp)) => entry.timestamp = timestamp as u32,
                (address::SERVICES, Field::Number(services)) => entry.services = services,
                (address::PORT, Field::Number(port)) => entry.port = port as u16,
                (address::IPV4, Field::Bytes(text)) => entry.set(AddressNetwork::Ipv4, text),
                (address::IPV6, Field::Bytes(text)) => entry.set(AddressNetwork::Ipv6, text),
                (address::TORV2, Field::Bytes(text)) => entry.set(AddressNetwork::TorV2, text),
                (address::TORV3, Field::Bytes(text)) => entry.set(AddressNetwork::TorV3, text),
                (address::I2P, Field::Bytes(text)) => entry.set(AddressNetwork::I2p, text),
                (address::CJDNS, Field::Bytes(text)) => entry.set(AddressNetwork::Cjdns, text),
                (address::UNKNOWN, Field::Bytes(unknown)) => {
                    let bytes = Fields(unknown).bytes_of(unknown_address::ADDRESS).unwrap_or_default();
                    entry.set(AddressNetwork::Unknown, bytes);
                }
                _ => {}
            }
        }
        entry
    }

    fn set(&mut self, network: AddressNetwork, bytes: &'a [u8]) {
        (self.network, self.bytes) = (network, bytes);
    }
}

/// Entries of addr and addrv2.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a>(Fields<'a>);

const _: () = assert!(addr::ADDRESSES == addr_v2::ADDRESSES);

impl<'a> Iterator for Addresses<'a> {
    type Item = Address<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_bytes(addr::ADDRESSES).map(Address::read)
    }
}

impl<'a> Message<'a> {
    /// The message of an event; none if it is no P2P message.
    pub fn of(record: &'a Record) -> Option<Self> {
        if record.envelope().kind != Kind::Message {
            return None;
        }
        let ebpf = Fields(record.bytes()).bytes_of(event::EBPF_EXTRACTOR)?;
        Self::read(Fields(ebpf).bytes_of(ebpf::MESSAGE)?)
    }

    /// Reads an encoded `ebpf_extractor.message.MessageEvent`.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut message = Self {
            peer: 0,
            addr: "",
            conn_type: ConnType::Unknown,
            conn_type_name: None,
            message_type: "",
            inbound: false,
            size: 0,
            payload: Payload::Other,
        };
        for (number, field) in Fields(bytes) {
            match (number, field) {
                (message_event::META, Field::Bytes(meta)) => message.read_meta(meta),
                (_, field) => message.payload = Payload::read(number, field),
            }
        }
        Some(message)
    }

    fn read_meta(&mut self, meta: &'a [u8]) {
        for (number, field) in Fields(meta) {
            match (number, field) {
                (metadata::PEER_ID, Field::Number(peer)) => self.peer = peer,
                (metadata::ADDR, Field::Bytes(addr)) => self.addr = from_utf8(addr).unwrap_or_default(),
                (metadata::CONN_TYPE, Field::Number(conn_type)) => {
                    self.conn_type = ConnType::try_from(conn_type as i32).unwrap_or(ConnType::Unknown);
                }
                (metadata::COMMAND, Field::Bytes(name)) => self.message_type = from_utf8(name).unwrap_or_default(),
                (metadata::INBOUND, Field::Number(inbound)) => self.inbound = inbound != 0,
                (metadata::SIZE, Field::Number(size)) => self.size = size,
                (metadata::CONN_TYPE_NAME, Field::Bytes(name)) => self.conn_type_name = from_utf8(name).ok(),
                _ => {}
            }
        }
    }
}

impl<'a> Payload<'a> {
    fn read(number: u32, field: Field<'a>) -> Self {
        let Field::Bytes(bytes) = field else {
            return match number {
                message_event::GETADDR => Self::GetAddr,
                message_event::EMPTYADDRV2 => Self::EmptyAddrV2,
                message_event::OLDPING => Self::OldPing,
                _ => Self::Other,
            };
        };
        let fields = Fields(bytes);
        match number {
            message_event::PING => Self::Ping(fields.number_of(ping::VALUE).unwrap_or_default()),
            message_event::PONG => Self::Pong(fields.number_of(pong::VALUE).unwrap_or_default()),
            message_event::INV => Self::Inv(Items(fields)),
            message_event::GETDATA => Self::GetData(Items(fields)),
            message_event::TX => Self::Tx(fields.bytes_of(tx::TX).map(Tx::read).unwrap_or_default()),
            message_event::HEADERS => Self::Headers(Headers(fields)),
            message_event::ADDR => Self::Addr(Addresses(fields)),
            message_event::ADDRV2 => Self::AddrV2(Addresses(fields)),
            message_event::FEEFILTER => {
                Self::FeeFilter(fields.number_of(fee_filter::FEE).map(zigzag).unwrap_or_default())
            }
            message_event::GETHEADERS => Self::GetHeaders,
            message_event::VERSION => Self::Version(Version::read(fields)),
            message_event::NOTFOUND => Self::NotFound(Items(fields)),
            message_event::COMPACTBLOCK => Self::CompactBlock(CompactBlock::read(fields)),
            message_event::BLOCK => Self::Block(fields.bytes_of(block::HEADER).map(Header::read).unwrap_or_default()),
            message_event::GETBLOCKTXN => {
                let indexes = fields.filter(|(number, _)| *number == get_block_txn::TX_INDEXES);
                let counts = indexes.map(|(_, field)| if let Field::Bytes(packed) = field { ends(packed) } else { 1 });
                let block = fields.bytes_of(get_block_txn::BLOCK_HASH).unwrap_or_default();
                Self::GetBlockTxn(block, counts.sum())
            }
            message_event::BLOCKTXN => Self::BlockTxn(fields.bytes_of(block_txn::BLOCK_HASH).unwrap_or_default()),
            message_event::REJECT => Self::Reject(Reject::read(fields)),
            _ => Self::Other,
        }
    }
}

/// How many varints there are.
fn ends(packed: &[u8]) -> usize {
    packed.iter().filter(|byte| **byte < 0x80).count()
}

/// A signed number from its encoded form.
fn zigzag(encoded: u64) -> i64 {
    (encoded >> 1) as i64 ^ -((encoded & 1) as i64)
}

impl<'a> Tx<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let fields = Fields(bytes);
        let hash = |number| fields.bytes_of(number).unwrap_or_default();
        Self { txid: hash(transaction::TXID), wtxid: hash(transaction::WTXID) }
    }
}

impl<'a> CompactBlock<'a> {
    fn read(mut fields: Fields<'a>) -> Self {
        let mut block = Self::default();
        while let Some((number, field)) = fields.next() {
            match (number, field) {
                (compact_block::HEADER, Field::Bytes(header)) => block.header = Header::read(header),
                (compact_block::SHORT_IDS, _) => {
                    block.short_ids += 1 + fields.skip_alike(key_of_bytes(compact_block::SHORT_IDS), 6);
                }
                (compact_block::TRANSACTIONS, _) => block.prefilled += 1,
                _ => {}
            }
        }
        block
    }
}

impl<'a> Version<'a> {
    fn read(fields: Fields<'a>) -> Self {
        let mut message = Self::default();
        for (number, field) in fields {
            match (number, field) {
                (version::VERSION, Field::Number(number)) => message.version = number as u32,
                (version::SERVICES, Field::Number(services)) => message.services = services,
                (version::TIMESTAMP, Field::Number(timestamp)) => message.timestamp = zigzag(timestamp),
                (version::NONCE, Field::Number(nonce)) => message.nonce = nonce,
                (version::USER_AGENT, Field::Bytes(agent)) => message.user_agent = from_utf8(agent).unwrap_or_default(),
                (version::START_HEIGHT, Field::Number(height)) => message.start_height = zigzag(height) as i32,
                (version::RELAY, Field::Number(relay)) => message.relay = relay != 0,
                _ => {}
            }
        }
        message
    }
}

impl<'a> Reject<'a> {
    fn read(fields: Fields<'a>) -> Self {
        let mut message = Self::default();
        for (number, field) in fields {
            match (number, field) {
                (reject::REJECTED_COMMAND, Field::Bytes(name)) => {
                    message.message_type = from_utf8(name).unwrap_or_default();
                }
                (reject::REASON, Field::Number(reason)) => message.reason = reason as i32,
                (reject::REASON_DETAILS, Field::Bytes(text)) => message.details = from_utf8(text).unwrap_or_default(),
                _ => {}
            }
        }
        message
    }
}
