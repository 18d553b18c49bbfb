//! What no honest peer does: single messages that nodes punish, ignore, or hang up on.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use bitcoin::Network;
use bitcoin::block::Header;
use bitcoin::constants::genesis_block;
use bitcoin::p2p::message::NetworkMessage;
use fastrand::Rng;

use crate::gossip::{addresses, unknown_transactions};
use crate::peer::{Peer, PeerOptions};

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
    /// All oddities, those that a node punishes first.
    pub const ALL: [Self; 11] = [
        Self::TooManyInventoryEntries,
        Self::HeaderWithoutWork,
        Self::UnknownMessage,
        Self::TooManyAddresses,
        Self::MutatedBlock,
        Self::DisconnectedHeaders,
        Self::NoVersion,
        Self::ObsoleteVersion,
        Self::WrongMagic,
        Self::WrongChecksum,
        Self::SaysNothing,
    ];

    /// Connects to a node as a peer that does this, and stays until the node closes the connection, at most `stay` after it has
    /// seen it.
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
            Self::TooManyAddresses => peer.send(NetworkMessage::AddrV2(addresses(&mut Rng::new(), 1001)))?,
            Self::TooManyInventoryEntries => {
                peer.send(NetworkMessage::Inv(unknown_transactions(&mut Rng::new(), 50_001)))?;
            }
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
        if self != Self::NoVersion {
            // The node has seen it when it answers this, or closes the connection.
            let _ = peer.sync().await;
        }
        let _ = peer.wait_closed(stay).await;
        Ok(())
    }
}
