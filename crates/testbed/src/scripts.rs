//! Messages of scripted peers: gossip that looks like the real network's, and messages that no honest peer sends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bitcoin::block::Header;
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash;
use bitcoin::p2p::address::{AddrV2, AddrV2Message};
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::p2p::message_blockdata::Inventory;
use bitcoin::p2p::{Address, ServiceFlags};
use bitcoin::{BlockHash, Network, Txid, Wtxid};

use crate::peer::{Peer, PeerOptions};

/// User agents of the real network, and one that wants to write on a terminal.
const USER_AGENTS: [&str; 8] = [
    "/Satoshi:30.2.0/",
    "/Satoshi:29.1.0/Knots:20250903/",
    "/Satoshi:28.1.0/",
    "/Satoshi:27.0.0/",
    "/bitcoinj:0.16.3/Bitcoin Wallet:10.20/",
    "/btcwire:0.5.0/btcd:0.24.2/",
    "/libbitcoin-node:4.0.0/",
    "/\u{1b}[31mred\u{1b}[0m \"quoted\"/",
];

/// A peer like one of the real network: one of several user agents, versions and clocks, from any address of 127.0.0.0/8.
pub(crate) fn random_peer() -> PeerOptions {
    PeerOptions {
        user_agent: (*pick(&USER_AGENTS)).to_owned(),
        version: *pick(&[70015, 70016, 70016, 70016]),
        services: *pick(&[
            ServiceFlags::NETWORK | ServiceFlags::WITNESS,
            ServiceFlags::WITNESS | ServiceFlags::NETWORK_LIMITED,
            ServiceFlags::NONE,
        ]),
        relay: fastrand::u8(..) > 50,
        start_height: fastrand::i32(0..200),
        time_offset: fastrand::i64(-30..30),
        from: Ipv4Addr::new(127, fastrand::u8(..), fastrand::u8(..), fastrand::u8(1..255)).into(),
        ..PeerOptions::default()
    }
}

/// One of `items`, of which there is at least one.
#[expect(clippy::indexing_slicing, reason = "the index is below the length")]
fn pick<T>(items: &[T]) -> &T {
    &items[fastrand::usize(..items.len())]
}

fn unix_time() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().try_into().unwrap_or(u32::MAX)
}

/// A random IPv4 or IPv6 address that nodes take for reachable over the internet.
pub fn routable_ip() -> IpAddr {
    if fastrand::u8(..) < 64 {
        let [first, second] = [0x2a00 | fastrand::u16(..0x10), fastrand::u16(1..)];
        return Ipv6Addr::new(first, second, 0, 0, 0, 0, fastrand::u16(..), fastrand::u16(1..)).into();
    }
    // None of these first bytes has a reserved range in it.
    let first = *pick(&[5, 23, 31, 46, 62, 77, 80, 84, 93, 109, 138, 151, 176, 185, 188, 194, 213, 217]);
    Ipv4Addr::new(first, fastrand::u8(..), fastrand::u8(2..), fastrand::u8(1..255)).into()
}

/// `count` random addresses of all networks, as an `addrv2` message has them.
pub fn random_addresses(count: usize) -> Vec<AddrV2Message> {
    let key = || std::array::from_fn(|_| fastrand::u8(..));
    let address = |_| {
        let (addr, port) = match fastrand::u8(..10) {
            0 => (AddrV2::TorV3(key()), 8333),
            1 => (AddrV2::I2p(key()), 0),
            2 => (
                AddrV2::Cjdns(Ipv6Addr::new(0xfc00 | fastrand::u16(..0x100), 1, 2, 3, 4, 5, 6, fastrand::u16(1..))),
                8333,
            ),
            _ => match routable_ip() {
                IpAddr::V4(ip) => (AddrV2::Ipv4(ip), 8333),
                IpAddr::V6(ip) => (AddrV2::Ipv6(ip), 8333),
            },
        };
        let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
        AddrV2Message { time: unix_time().saturating_sub(fastrand::u32(..86_400)), services, addr, port }
    };
    (0..count).map(address).collect()
}

fn legacy_addresses(count: usize) -> NetworkMessage {
    let services = ServiceFlags::NETWORK | ServiceFlags::WITNESS;
    let address = |_| (unix_time(), Address::new(&SocketAddr::new(routable_ip(), 8333), services));
    NetworkMessage::Addr((0..count).map(address).collect())
}

fn random_transactions(count: usize) -> Vec<Inventory> {
    let hash = || std::array::from_fn(|_| fastrand::u8(..));
    (0..count).map(|_| Inventory::WTx(Wtxid::from_byte_array(hash()))).collect()
}

/// A message that an ordinary peer sends now and then.
pub(crate) fn small_talk() -> NetworkMessage {
    match fastrand::u8(..10) {
        0 => NetworkMessage::Ping(fastrand::u64(..)),
        1 => NetworkMessage::GetAddr,
        2 => NetworkMessage::GetHeaders(bitcoin::p2p::message_blockdata::GetHeadersMessage::new(
            vec![genesis_block(Network::Regtest).block_hash()],
            BlockHash::all_zeros(),
        )),
        3 => NetworkMessage::Inv(random_transactions(fastrand::usize(1..6))),
        4 => NetworkMessage::GetData(vec![Inventory::WitnessTransaction(Txid::all_zeros())]),
        5 => NetworkMessage::FeeFilter(fastrand::i64(100..5000)),
        6 => NetworkMessage::SendHeaders,
        7 => legacy_addresses(fastrand::usize(1..11)),
        _ => NetworkMessage::AddrV2(random_addresses(fastrand::usize(1..11))),
    }
}

/// What no honest peer does. Nodes disconnect, discourage, or ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Leaves without a word.
    SaysNothing,
    /// Sends something else before its version message.
    NoVersion,
    /// Speaks a protocol version of 2011.
    ObsoleteVersion,
    /// Starts a message with the magic bytes of another network.
    WrongMagic,
    /// Sends a message that does not have its header's checksum.
    WrongChecksum,
    /// Sends a message type that nobody knows.
    UnknownMessage,
    /// More than 1000 addresses.
    TooManyAddresses,
    /// More than 50,000 inventory entries.
    TooManyInventoryEntries,
    /// Headers that don't follow one another.
    DisconnectedHeaders,
    /// A header without proof of work.
    HeaderWithoutWork,
    /// A block whose transactions don't match its header.
    MutatedBlock,
}

impl Oddity {
    /// All oddities.
    pub const ALL: [Self; 11] = [
        Self::SaysNothing,
        Self::NoVersion,
        Self::ObsoleteVersion,
        Self::WrongMagic,
        Self::WrongChecksum,
        Self::UnknownMessage,
        Self::TooManyAddresses,
        Self::TooManyInventoryEntries,
        Self::DisconnectedHeaders,
        Self::HeaderWithoutWork,
        Self::MutatedBlock,
    ];

    /// Connects to a node as a peer that does this, and stays until the node closes the connection, at most `stay`.
    ///
    /// # Errors
    /// The node can't be connected to.
    pub async fn perform(self, addr: SocketAddr, options: PeerOptions, stay: Duration) -> Result<()> {
        let mut peer = match self {
            Self::SaysNothing | Self::NoVersion => Peer::dial(addr, &options).await?,
            Self::ObsoleteVersion => {
                // The node hangs up in the middle of the handshake, and that is what is wanted.
                let _ = Peer::connect(addr, PeerOptions { version: 31_799, ..options }).await;
                return Ok(());
            }
            _ => Peer::connect(addr, options).await?,
        };
        let genesis = genesis_block(Network::Regtest);
        match self {
            Self::SaysNothing => return Ok(()),
            Self::NoVersion => peer.send(NetworkMessage::Ping(1))?,
            Self::ObsoleteVersion => {}
            Self::WrongMagic => peer.send_bytes(vec![0xf9; 24])?,
            Self::WrongChecksum => {
                let mut bytes = b"\xfa\xbf\xb5\xdaping".to_vec();
                bytes.extend([0; 8]);
                bytes.extend(8_u32.to_le_bytes());
                bytes.extend([0; 12]);
                peer.send_bytes(bytes)?;
            }
            Self::UnknownMessage => peer.send_raw("oddmessage", b"what is this?")?,
            Self::TooManyAddresses => peer.send(NetworkMessage::AddrV2(random_addresses(1001)))?,
            Self::TooManyInventoryEntries => peer.send(NetworkMessage::Inv(random_transactions(50_001)))?,
            Self::DisconnectedHeaders => peer.send(NetworkMessage::Headers(vec![genesis.header, genesis.header]))?,
            Self::HeaderWithoutWork => {
                let without_work = |nonce| Header { prev_blockhash: genesis.block_hash(), nonce, ..genesis.header };
                let header = (0..).map(without_work).find(|header| header.validate_pow(header.target()).is_err());
                peer.send(NetworkMessage::Headers(header.into_iter().collect()))?;
            }
            Self::MutatedBlock => {
                let mut block = genesis;
                block.txdata.extend(block.txdata.clone());
                block.txdata.extend(block.txdata.clone());
                block.header.prev_blockhash = block.header.block_hash();
                peer.send(NetworkMessage::Block(block))?;
            }
        }
        let _ = peer.wait_closed(stay).await;
        Ok(())
    }
}
