//! The message `version`, with which each side of a connection begins.

use bytes::{Buf, BufMut};

use crate::Error;

/// The longest user agent (`MAX_SUBVERSION_LENGTH` of Bitcoin Core).
pub const MAX_USER_AGENT: usize = 256;

/// What a node says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Version {
    /// Version of the protocol: 70016.
    pub version: i32,
    /// Services that it offers, as bits.
    pub services: u64,
    /// Its clock, seconds since the UNIX epoch.
    pub time: i64,
    /// Address and port that it sees the other side at, IPv4 as an IPv6 address. Zero where it does not say.
    pub receiver: ([u8; 16], u16),
    /// Address and port that it has itself. Zero since Bitcoin Core v0.20.
    pub sender: ([u8; 16], u16),
    /// A random number by which a node notices that it is connected to itself.
    pub nonce: u64,
    /// User agent, as it was sent: any bytes.
    pub user_agent: Vec<u8>,
    /// Height of its chain.
    pub height: i32,
    /// Whether it wants transactions to be announced. None where the message ends before (BIP37).
    pub relay: Option<bool>,
}

impl Version {
    /// The payload of the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(86 + self.user_agent.len());
        bytes.put_i32_le(self.version);
        bytes.put_u64_le(self.services);
        bytes.put_i64_le(self.time);
        for (services, (address, port)) in [(0, self.receiver), (self.services, self.sender)] {
            bytes.put_u64_le(services);
            bytes.put_slice(&address);
            bytes.put_u16(port);
        }
        bytes.put_u64_le(self.nonce);
        let user_agent = self.user_agent.get(..self.user_agent.len().min(MAX_USER_AGENT)).unwrap_or_default();
        match u8::try_from(user_agent.len()) {
            Ok(length) if length < 0xfd => bytes.put_u8(length),
            _ => {
                bytes.put_u8(0xfd);
                bytes.put_u16_le(u16::try_from(user_agent.len()).unwrap_or_default());
            }
        }
        bytes.put_slice(user_agent);
        bytes.put_i32_le(self.height);
        bytes.put_u8(u8::from(self.relay.unwrap_or(true)));
        bytes
    }

    /// Reads the payload of a message. Old nodes end after the nonce, the user agent or the height. What follows is ignored.
    ///
    /// # Errors
    /// It is too short, or the user agent is longer than it may be.
    pub fn decode(payload: &[u8]) -> Result<Self, Error> {
        Self::read(payload).ok_or(Error::Version(payload.len()))
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut version = Self {
            version: bytes.try_get_i32_le().ok()?,
            services: bytes.try_get_u64_le().ok()?,
            time: bytes.try_get_i64_le().ok()?,
            receiver: endpoint(&mut bytes)?,
            ..Self::default()
        };
        if bytes.is_empty() {
            return Some(version);
        }
        version.sender = endpoint(&mut bytes)?;
        version.nonce = bytes.try_get_u64_le().ok()?;
        if bytes.is_empty() {
            return Some(version);
        }
        let length = match bytes.try_get_u8().ok()? {
            0xfd => usize::from(bytes.try_get_u16_le().ok()?),
            0xfe.. => return None,
            short => usize::from(short),
        };
        if length > MAX_USER_AGENT {
            return None;
        }
        let (user_agent, mut rest) = bytes.split_at_checked(length)?;
        user_agent.clone_into(&mut version.user_agent);
        if rest.is_empty() {
            return Some(version);
        }
        version.height = rest.try_get_i32_le().ok()?;
        version.relay = rest.first().map(|relay| *relay != 0);
        Some(version)
    }
}

/// Address and port, after the services that stand before them.
fn endpoint(bytes: &mut &[u8]) -> Option<([u8; 16], u16)> {
    bytes.try_get_u64_le().ok()?;
    let mut address = [0; 16];
    bytes.try_copy_to_slice(&mut address).ok()?;
    Some((address, bytes.try_get_u16().ok()?))
}
