//! A connection to a Bitcoin node: the transport (v1, and v2 of BIP324), distinguished on the way in, and the messages that it carries.
//!
//! Everything that arrives is bounded before memory is taken for it, and a peer that says something else than Bitcoin's protocol gets an
//! [`Error`] that names what it said. What messages contain is not looked at, but for `version`, which opens a connection.

mod accept;
mod connection;
mod message_type;
mod user_agent;
mod v1;
mod v2;
pub mod version;

pub use accept::{accept, dial};
pub use connection::{Connection, Message, Reader, Transport, Writer};
pub use message_type::MessageType;
pub use user_agent::{is_comment, user_agent};
pub use version::Version;

/// The first four bytes of each v1 message; v2 derives its keys with them (`CMessageHeader::MessageStartChars`).
pub type Magic = [u8; 4];

/// The longest payload of a message (`MAX_PROTOCOL_MESSAGE_LENGTH` of Bitcoin Core).
pub const MAX_PAYLOAD: usize = 4_000_000;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The other side closed the connection.
    #[error("the other side closed the connection")]
    Closed,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The message begins with other bytes than this network's: another network, or something else than Bitcoin.
    #[error("the message begins with {}, not with the network's {}", hex(found), hex(expected))]
    Magic {
        /// The network's.
        expected: Magic,
        /// What came.
        found: Magic,
    },
    /// The message type is no text of up to 12 characters that is filled with zeros.
    #[error("a message type that is none: {}", hex(.0))]
    MessageType([u8; 12]),
    /// A message is longer than any may be.
    #[error("a message of {0} bytes: at most {MAX_PAYLOAD} are allowed")]
    TooLong(usize),
    /// A v1 message's checksum does not fit its payload.
    #[error("a message ({0}) whose checksum does not fit its payload")]
    Checksum(MessageType),
    /// A v2 packet has no contents, or ends within its message type.
    #[error("a v2 packet without a message type")]
    Empty,
    /// The v2 handshake or a packet's authentication failed: not the same network, not Bitcoin, or damaged.
    #[error("the v2 transport failed: {0}")]
    V2(#[from] bip324::Error),
    /// The `version` message is cut short or oversized.
    #[error("a version message of {0} bytes that is none")]
    Version(usize),
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
