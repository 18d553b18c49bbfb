//! The encrypted transport (BIP324).

use bip324::{
    CipherSession, GarbageResult, Handshake, InboundCipher, Initialized, OutboundCipher, PacketType, ReceivedKey, Role,
    VersionResult,
};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::connection::fill;
use crate::{Error, MAX_PAYLOAD, Magic, Message, MessageType};

/// Bytes of a public key.
const KEY: usize = 64;
/// Bytes of a packet's encrypted length.
const LENGTH: usize = 3;
/// Bytes of a packet besides its contents: header and authentication tag.
const OVERHEAD: usize = 1 + 16;
/// The most that a message type takes in a packet.
const LONG_TYPE: usize = 1 + 12;
/// The bit of a packet's header that says that it is a decoy.
const IGNORE: u8 = 0x80;
/// The longest packet that is read during the handshake: decoys, and a version packet that is empty today.
const MAX_HANDSHAKE_PACKET: usize = 4_096;
/// Decoys that may come before the version packet.
const MAX_DECOYS: usize = 1_000;

/// The most garbage that may follow a key.
pub const MAX_GARBAGE: usize = 4_095;

/// Agrees on the keys of a connection. What was read of it is in the buffer; what belongs to what follows is there in the end.
pub async fn handshake(
    magic: Magic,
    role: Role,
    buffer: &mut BytesMut,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<CipherSession, Error> {
    // A random length, so that connections do not have the same beginning.
    let garbage: Vec<u8> = (0..fastrand::usize(0..64)).map(|_| fastrand::u8(..)).collect();
    let mut key = vec![0; Handshake::<Initialized>::send_key_len(Some(&garbage))];
    let handshake = Handshake::<Initialized>::new(magic, role)?.send_key(Some(&garbage), &mut key)?;
    writer.write_all(&key).await?;
    writer.flush().await?;

    while buffer.len() < KEY {
        fill(buffer, reader).await?;
    }
    let mut their_key = [0; KEY];
    buffer.copy_to_slice(&mut their_key);
    let handshake = handshake.receive_key(their_key)?;
    let mut version = vec![0; Handshake::<ReceivedKey<'_>>::send_version_len(None)];
    let mut handshake = handshake.send_version(&mut version, None)?;
    writer.write_all(&version).await?;
    writer.flush().await?;

    // Their garbage ends with a terminator that the library looks for, and is authenticated by their first packet.
    let mut their_garbage = Vec::new();
    loop {
        let before = their_garbage.len();
        let most = (MAX_GARBAGE + 16 - before).min(buffer.len());
        their_garbage.extend_from_slice(&buffer.split_to(most));
        let (next, taken) = match handshake.receive_garbage(&their_garbage)? {
            GarbageResult::FoundGarbage { handshake, consumed_bytes } => (handshake, consumed_bytes),
            GarbageResult::NeedMoreData(same) => {
                handshake = same;
                fill(buffer, reader).await?;
                continue;
            }
        };
        // What came after the terminator is put back in front of the rest.
        let mut rest = BytesMut::from(their_garbage.get(taken..).unwrap_or_default());
        rest.unsplit(buffer.split());
        *buffer = rest;
        return version_packet(next, buffer, reader).await;
    }
}

async fn version_packet(
    mut handshake: Handshake<bip324::ReceivedGarbage<'_>>,
    buffer: &mut BytesMut,
    reader: &mut (impl AsyncRead + Unpin),
) -> Result<CipherSession, Error> {
    for _ in 0..=MAX_DECOYS {
        while buffer.len() < LENGTH {
            fill(buffer, reader).await?;
        }
        let mut length = [0; LENGTH];
        buffer.copy_to_slice(&mut length);
        let length = handshake.decrypt_packet_len(length)?;
        if length > MAX_HANDSHAKE_PACKET {
            return Err(Error::TooLong(length));
        }
        while buffer.len() < length {
            fill(buffer, reader).await?;
        }
        match handshake.receive_version(&mut buffer.split_to(length))? {
            VersionResult::Complete { cipher } => return Ok(cipher),
            VersionResult::Decoy(next) => handshake = next,
        }
    }
    Err(Error::V2(bip324::Error::PacketTooBig))
}

/// Takes messages from what was read.
pub struct Decoder {
    cipher: InboundCipher,
    /// Bytes of the packet whose length was read.
    length: Option<usize>,
}

impl Decoder {
    pub fn new(cipher: InboundCipher) -> Self {
        Self { cipher, length: None }
    }

    /// Takes the next message from the buffer, if it is there whole. Decoys are skipped. What has a byte for a type that is not assigned
    /// is a message, too: of the type `(37)`, say.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, Error> {
        loop {
            let length = match self.length {
                Some(length) => length,
                None => {
                    if buffer.len() < LENGTH {
                        return Ok(None);
                    }
                    let mut bytes = [0; LENGTH];
                    buffer.copy_to_slice(&mut bytes);
                    // The length is not authenticated before the packet is whole: memory is taken as its bytes come.
                    let length = self.cipher.decrypt_packet_len(bytes);
                    if length > OVERHEAD + LONG_TYPE + MAX_PAYLOAD {
                        return Err(Error::TooLong(length));
                    }
                    *self.length.insert(length)
                }
            };
            if buffer.len() < length {
                return Ok(None);
            }
            self.length = None;
            let mut packet = buffer.split_to(length);
            let plain = self.cipher.decrypt_in_place(&mut packet, None)?.1.len();
            packet.truncate(plain);
            let header = packet.split_to(1);
            if header.first().is_none_or(|header| header & IGNORE == 0) {
                return message(packet.freeze(), LENGTH + length).map(Some);
            }
        }
    }
}

/// The message that a packet contains. `size` is what the packet has on the wire.
fn message(mut contents: Bytes, size: usize) -> Result<Message, Error> {
    let short = contents.try_get_u8().map_err(|_| Error::Empty)?;
    let message_type = if short == 0 {
        let mut name = [0; 12];
        contents.try_copy_to_slice(&mut name).map_err(|_| Error::Empty)?;
        MessageType::from_bytes(name).ok_or(Error::MessageType(name))?
    } else {
        MessageType::from_short(short).unwrap_or_else(|| MessageType::unassigned(short))
    };
    if contents.len() > MAX_PAYLOAD {
        return Err(Error::TooLong(contents.len()));
    }
    Ok(Message { message_type, payload: contents, size })
}

/// A message as it goes over the wire.
pub fn encode(cipher: &mut OutboundCipher, message_type: MessageType, payload: &[u8]) -> Result<Bytes, Error> {
    if payload.len() > MAX_PAYLOAD {
        return Err(Error::TooLong(payload.len()));
    }
    let mut contents = Vec::with_capacity(LONG_TYPE + payload.len());
    match message_type.short() {
        Some(short) => contents.push(short),
        None => {
            contents.push(0);
            contents.extend_from_slice(&message_type.to_bytes());
        }
    }
    contents.extend_from_slice(payload);
    Ok(cipher.encrypt_to_vec(&contents, PacketType::Genuine, None).into())
}
