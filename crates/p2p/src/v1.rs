//! The transport that has been there from the beginning: network, message type, length, checksum, payload.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use crate::{Error, MAX_PAYLOAD, Magic, Message, MessageType};

/// Bytes of a header.
const HEADER: usize = 24;

/// How each v1 connection of a network begins: the header of a `version` message.
pub fn beginning(magic: Magic) -> [u8; 16] {
    let mut bytes = [0; 16];
    let (start, rest) = bytes.split_at_mut(4);
    start.copy_from_slice(&magic);
    rest.copy_from_slice(&MessageType::new("version").to_bytes());
    bytes
}

fn checksum(payload: &[u8]) -> [u8; 4] {
    let hash: [u8; 32] = Sha256::digest(Sha256::digest(payload)).into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// Takes the next message from the buffer, if it is there whole.
pub fn decode(magic: Magic, buffer: &mut BytesMut) -> Result<Option<Message>, Error> {
    let Some((mut header, _)) = buffer.split_first_chunk::<HEADER>().map(|(header, rest)| (&header[..], rest)) else {
        return Ok(None);
    };
    let mut found = Magic::default();
    header.copy_to_slice(&mut found);
    if found != magic {
        return Err(Error::Magic { expected: magic, found });
    }
    let mut name = [0; 12];
    header.copy_to_slice(&mut name);
    let message_type = MessageType::from_bytes(name).ok_or(Error::MessageType(name))?;
    let length = usize::try_from(header.get_u32_le()).unwrap_or(usize::MAX);
    if length > MAX_PAYLOAD {
        return Err(Error::TooLong(length));
    }
    let mut expected = [0; 4];
    header.copy_to_slice(&mut expected);
    if buffer.len() < HEADER + length {
        return Ok(None);
    }
    buffer.advance(HEADER);
    let payload = buffer.split_to(length).freeze();
    if checksum(&payload) != expected {
        return Err(Error::Checksum(message_type));
    }
    Ok(Some(Message { message_type, payload, size: HEADER + length }))
}

/// A message as it goes over the wire.
pub fn encode(magic: Magic, message_type: MessageType, payload: &[u8]) -> Result<Bytes, Error> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= MAX_PAYLOAD);
    let length = length.ok_or(Error::TooLong(payload.len()))?;
    let mut bytes = BytesMut::with_capacity(HEADER + payload.len());
    bytes.put_slice(&magic);
    bytes.put_slice(&message_type.to_bytes());
    bytes.put_u32_le(length);
    bytes.put_slice(&checksum(payload));
    bytes.put_slice(payload);
    Ok(bytes.freeze())
}
