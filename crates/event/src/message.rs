//! A P2P message read straight from its encoded event, without allocations: for those who read all of them.
//!
//! Of transactions and blocks only what identifies them is read. What is malformed ends a list early, or makes a payload [`Payload::Other`].

use std::net::IpAddr;
use std::str::from_utf8;

use crate::Kind;
use crate::pb::bitcoin_primitives::ConnType;
use crate::record::Record;
use crate::wire::{Field, Fields};

/// A hash as on the wire: 32 bytes, or fewer in a malformed event.
pub type Hash<'a> = &'a [u8];

/// A P2P message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The node's id of the peer.
    pub peer: u64,
    /// Address and port of the peer, as the node writes them.
    pub addr: &'a str,
    /// Kind of the connection.
    pub conn_type: ConnType,
    /// The node's name of that kind, where `conn_type` has none.
    pub conn_type_name: Option<&'a str>,
    /// Type of the message.
    pub command: &'a str,
    /// Whether the node received it.
    pub inbound: bool,
    /// Bytes of the payload, on the wire.
    pub size: u64,
    /// What it says.
    pub payload: Payload<'a>,
}

/// What a message says, as far as those who read all of them want to know.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A ping with its nonce.
    Ping(u64),
    /// A ping without nonce, from before BIP 31.
    OldPing,
    /// The nonce of the ping that it answers.
    Pong(u64),
    /// What is announced.
    Inv(Items<'a>),
    /// What is asked for.
    GetData(Items<'a>),
    /// What was asked for and is not there.
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
    /// A question for headers.
    GetHeaders,
    /// A question for addresses.
    GetAddr,
    /// The first message of a connection.
    Version(Version<'a>),
    /// A rejection (BIP 61).
    Reject(Reject<'a>),
    /// A compact block (BIP 152).
    CompactBlock(CompactBlock<'a>),
    /// A block.
    Block(Header<'a>),
    /// Hash of a block, and how many of its transactions are asked for (BIP 152).
    GetBlockTxn(Hash<'a>, usize),
    /// Hash of a block of which transactions come (BIP 152).
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
    /// What the sender calls itself.
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
    pub command: &'a str,
    /// The reason's number: see `RejectReason` of the wire format.
    pub reason: i32,
    /// The reason in words.
    pub details: &'a str,
}

/// The first bytes of a hash, which tell it from others; none of what is not 32 bytes long.
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
            1 => Self::Tx,
            2 => Self::Block,
            3 => Self::WTx,
            4 => Self::WitnessTx,
            5 => Self::WitnessBlock,
            6 => Self::CompactBlock,
            7 => Self::Unknown,
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

impl<'a> Iterator for Items<'a> {
    type Item = (ItemType, Hash<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // Nearly always: an item of 34 bytes, in it a hash of 32.
        if let [0x0a, 34, key, 32, rest @ ..] = self.0.0
            && let Some((hash, rest)) = rest.split_at_checked(32)
            && let 0x0a | 0x12 | 0x1a | 0x22 | 0x2a | 0x32 = key
        {
            self.0.0 = rest;
            return Some((ItemType::of_field(u32::from(key >> 3)), hash));
        }
        let item = self.0.find_bytes(1)?;
        let mut kind = ItemType::Error;
        let mut hash: Hash = &[];
        for (number, field) in Fields(item) {
            kind = ItemType::of_field(number);
            if let Field::Bytes(bytes) = field {
                hash = if kind == ItemType::Unknown { Fields(bytes).bytes_of(2).unwrap_or_default() } else { bytes };
            }
        }
        Some((kind, hash))
    }
}

/// Headers of a headers message.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(Fields<'a>);

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_bytes(1).map(Header::read)
    }
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut header = Self::default();
        for (number, field) in Fields(bytes) {
            match (number, field) {
                (2, Field::Bytes(previous)) => header.previous = previous,
                (4, Field::Number(time)) => header.time = time as u32,
                (7, Field::Bytes(hash)) => header.hash = hash,
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
    /// When somebody was last connected to it, seconds since the UNIX epoch.
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
        let mut address = Self { timestamp: 0, network: AddressNetwork::Unknown, bytes: &[], services: 0, port: 0 };
        for (number, field) in Fields(bytes) {
            match (number, field) {
                (1, Field::Number(timestamp)) => address.timestamp = timestamp as u32,
                (9, Field::Number(services)) => address.services = services,
                (10, Field::Number(port)) => address.port = port as u16,
                (2..=8, Field::Bytes(bytes)) => {
                    address.network = match number {
                        2 => AddressNetwork::Ipv4,
                        3 => AddressNetwork::Ipv6,
                        4 => AddressNetwork::TorV2,
                        5 => AddressNetwork::TorV3,
                        6 => AddressNetwork::I2p,
                        7 => AddressNetwork::Cjdns,
                        _ => AddressNetwork::Unknown,
                    };
                    address.bytes = if number == 8 { Fields(bytes).bytes_of(2).unwrap_or_default() } else { bytes };
                }
                _ => {}
            }
        }
        address
    }
}

/// Entries of addr and addrv2.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a>(Fields<'a>);

impl<'a> Iterator for Addresses<'a> {
    type Item = Address<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find_bytes(1).map(Address::read)
    }
}

impl<'a> Message<'a> {
    /// The message of an event; none if it is no P2P message.
    pub fn of(record: &'a Record) -> Option<Self> {
        if record.envelope().kind != Kind::Message {
            return None;
        }
        let ebpf = Fields(record.bytes()).bytes_of(1)?;
        Self::read(Fields(ebpf).bytes_of(1)?)
    }

    /// Reads an encoded `ebpf_extractor.message.MessageEvent`.
    fn read(event: &'a [u8]) -> Option<Self> {
        let mut message = Self {
            peer: 0,
            addr: "",
            conn_type: ConnType::Unknown,
            conn_type_name: None,
            command: "",
            inbound: false,
            size: 0,
            payload: Payload::Other,
        };
        for (number, field) in Fields(event) {
            match (number, field) {
                (1, Field::Bytes(meta)) => message.read_meta(meta),
                (_, field) => message.payload = Payload::read(number, field),
            }
        }
        Some(message)
    }

    fn read_meta(&mut self, meta: &'a [u8]) {
        for (number, field) in Fields(meta) {
            match (number, field) {
                (1, Field::Number(peer)) => self.peer = peer,
                (2, Field::Bytes(addr)) => self.addr = from_utf8(addr).unwrap_or_default(),
                (3, Field::Number(conn_type)) => {
                    self.conn_type = ConnType::try_from(conn_type as i32).unwrap_or(ConnType::Unknown);
                }
                (4, Field::Bytes(command)) => self.command = from_utf8(command).unwrap_or_default(),
                (5, Field::Number(inbound)) => self.inbound = inbound != 0,
                (6, Field::Number(size)) => self.size = size,
                (100, Field::Bytes(name)) => self.conn_type_name = from_utf8(name).ok(),
                _ => {}
            }
        }
    }
}

impl<'a> Payload<'a> {
    fn read(number: u32, field: Field<'a>) -> Self {
        let Field::Bytes(bytes) = field else {
            return match number {
                34 => Self::GetAddr,
                40 => Self::EmptyAddrV2,
                41 => Self::OldPing,
                _ => Self::Other,
            };
        };
        let fields = Fields(bytes);
        match number {
            2 => Self::Ping(fields.number_of(1).unwrap_or_default()),
            3 => Self::Pong(fields.number_of(1).unwrap_or_default()),
            4 => Self::Inv(Items(fields)),
            5 => Self::GetData(Items(fields)),
            6 => Self::Tx(fields.bytes_of(1).map(Tx::read).unwrap_or_default()),
            7 => Self::Headers(Headers(fields)),
            8 => Self::Addr(Addresses(fields)),
            9 => Self::AddrV2(Addresses(fields)),
            10 => Self::FeeFilter(fields.number_of(1).map(zigzag).unwrap_or_default()),
            11 => Self::GetHeaders,
            13 => Self::Version(Version::read(fields)),
            14 => Self::NotFound(Items(fields)),
            16 => Self::CompactBlock(CompactBlock::read(fields)),
            18 => Self::Block(fields.bytes_of(1).map(Header::read).unwrap_or_default()),
            19 => {
                let indexes = fields.filter(|(number, _)| *number == 2);
                let asked = indexes.map(|(_, field)| if let Field::Bytes(packed) = field { ends(packed) } else { 1 });
                Self::GetBlockTxn(fields.bytes_of(1).unwrap_or_default(), asked.sum())
            }
            20 => Self::BlockTxn(fields.bytes_of(1).unwrap_or_default()),
            39 => Self::Reject(Reject::read(fields)),
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
        Self { txid: fields.bytes_of(1).unwrap_or_default(), wtxid: fields.bytes_of(2).unwrap_or_default() }
    }
}

impl<'a> CompactBlock<'a> {
    fn read(mut fields: Fields<'a>) -> Self {
        let mut block = Self::default();
        while let Some((number, field)) = fields.next() {
            match (number, field) {
                (1, Field::Bytes(header)) => block.header = Header::read(header),
                (3, _) => block.short_ids += 1 + fields.skip_alike(0x1a, 6),
                (4, _) => block.prefilled += 1,
                _ => {}
            }
        }
        block
    }
}

impl<'a> Version<'a> {
    fn read(fields: Fields<'a>) -> Self {
        let mut version = Self::default();
        for (number, field) in fields {
            match (number, field) {
                (1, Field::Number(number)) => version.version = number as u32,
                (2, Field::Number(services)) => version.services = services,
                (3, Field::Number(timestamp)) => version.timestamp = zigzag(timestamp),
                (7, Field::Bytes(user_agent)) => version.user_agent = from_utf8(user_agent).unwrap_or_default(),
                (8, Field::Number(height)) => version.start_height = zigzag(height) as i32,
                (9, Field::Number(relay)) => version.relay = relay != 0,
                _ => {}
            }
        }
        version
    }
}

impl<'a> Reject<'a> {
    fn read(fields: Fields<'a>) -> Self {
        let mut reject = Self::default();
        for (number, field) in fields {
            match (number, field) {
                (1, Field::Bytes(command)) => reject.command = from_utf8(command).unwrap_or_default(),
                (2, Field::Number(reason)) => reject.reason = reason as i32,
                (3, Field::Bytes(details)) => reject.details = from_utf8(details).unwrap_or_default(),
                _ => {}
            }
        }
        reject
    }
}
