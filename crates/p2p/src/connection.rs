//! A connection after its transport is agreed upon: messages in, messages out.

use std::fmt;

use bip324::OutboundCipher;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Error, Magic, MessageType, v1, v2};

/// The transport of a connection (`transport_protocol_type` of getpeerinfo).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// Unencrypted.
    V1,
    /// BIP324.
    V2,
}

impl Transport {
    /// As Bitcoin Core names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A message that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// What it is.
    pub message_type: MessageType,
    /// What it contains.
    pub payload: Bytes,
    /// Bytes that it took on the wire.
    pub size: usize,
}

/// A connection whose transport is agreed upon.
#[derive(Debug)]
pub struct Connection<R, W> {
    /// Messages of the other side.
    pub reader: Reader<R>,
    /// Messages to the other side.
    pub writer: Writer<W>,
    /// Its transport.
    pub transport: Transport,
    /// What both sides know this connection by (`session_id` of getpeerinfo). None with v1.
    pub session_id: Option<[u8; 32]>,
}

enum Decoder {
    V1(Magic),
    V2(Box<v2::Decoder>),
}

enum Encoder {
    V1(Magic),
    V2(Box<OutboundCipher>),
}

/// Reads the messages of the other side.
pub struct Reader<R> {
    from: R,
    buffer: BytesMut,
    decoder: Decoder,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// The next message. May be dropped while it waits: nothing is lost.
    ///
    /// # Errors
    /// The connection ended, or what came is no message. It is of no use after that.
    pub async fn next(&mut self) -> Result<Message, Error> {
        loop {
            let message = match &mut self.decoder {
                Decoder::V1(magic) => v1::decode(*magic, &mut self.buffer)?,
                Decoder::V2(decoder) => decoder.decode(&mut self.buffer)?,
            };
            if let Some(message) = message {
                return Ok(message);
            }
            fill(&mut self.buffer, &mut self.from).await?;
        }
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

/// Writes messages to the other side.
pub struct Writer<W> {
    to: W,
    encoder: Encoder,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Sends a message. Returns the bytes that it took on the wire. Must not be dropped before it is done: the other side would see half
    /// a message.
    ///
    /// # Errors
    /// The payload is too long, or the connection ended.
    pub async fn send(&mut self, message_type: MessageType, payload: &[u8]) -> Result<usize, Error> {
        let bytes = match &mut self.encoder {
            Encoder::V1(magic) => v1::encode(*magic, message_type, payload)?,
            Encoder::V2(cipher) => v2::encode(cipher, message_type, payload)?,
        };
        self.to.write_all(&bytes).await?;
        self.to.flush().await?;
        Ok(bytes.len())
    }
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl<R, W> Connection<R, W> {
    /// Over v1. What was already read of the other side is in the buffer.
    pub(crate) fn v1(magic: Magic, from: R, to: W, buffer: BytesMut) -> Self {
        Self {
            reader: Reader { from, buffer, decoder: Decoder::V1(magic) },
            writer: Writer { to, encoder: Encoder::V1(magic) },
            transport: Transport::V1,
            session_id: None,
        }
    }

    /// Over v2, with the keys that were agreed upon.
    pub(crate) fn v2(session: bip324::CipherSession, from: R, to: W, buffer: BytesMut) -> Self {
        let session_id = *session.id();
        let (inbound, outbound) = session.into_split();
        Self {
            reader: Reader { from, buffer, decoder: Decoder::V2(Box::new(v2::Decoder::new(inbound))) },
            writer: Writer { to, encoder: Encoder::V2(Box::new(outbound)) },
            transport: Transport::V2,
            session_id: Some(session_id),
        }
    }
}

/// Room for what is read at once: a call that does not fill it shows that nothing more is there, which saves another one.
const ROOM: usize = 8 << 10;

/// Reads what is there into the buffer.
pub(crate) async fn fill(buffer: &mut BytesMut, reader: &mut (impl AsyncRead + Unpin)) -> Result<(), Error> {
    buffer.reserve(ROOM);
    match reader.read_buf(buffer).await? {
        0 => Err(Error::Closed),
        _ => Ok(()),
    }
}
