//! Writes the envelope of a message's content: the event's field, the metadata, and the field of the message's type.

use event::field::ebpf_extractor::ebpf;
use event::field::ebpf_extractor::message::{message_event, metadata, unknown};
use event::field::event::event as envelope;
use event::pb::bitcoin_primitives::ConnType;

use super::direct::Content;
use super::wire::Wire;
use super::{Meta, captured};
use crate::proto::{delimited, delimited_length, number, put_bytes, put_number, varint, varint_length};

/// Keys of fields with numbers that need two bytes.
const CONN_TYPE_NAME: u64 = (metadata::CONN_TYPE_NAME as u64) << 3 | 2;
const CAPTURED: u64 = (metadata::CAPTURED as u64) << 3;
const _: () = assert!(varint_length(CONN_TYPE_NAME) == 2 && varint_length(CAPTURED) == 2);
/// Bytes that are reserved for what stands around the content; as a rule twice what it needs.
const ROOM: usize = 256;

/// A message, and the fields of its connection if they are encoded already, by [`put_connection`].
#[derive(Clone, Copy)]
pub(crate) struct Framed<'a> {
    pub(crate) meta: &'a Meta<'a>,
    pub(crate) connection: Option<&'a [u8]>,
}

/// Appends the event with the payload's content in a message of that number. `None` if the payload is malformed, with
/// some of it written. If `guess` is as long as the content, nothing has to be written twice.
pub(super) fn put_message(
    framed: Framed,
    payload: &[u8],
    (field, guess, content): (u32, usize, Content),
    out: &mut Vec<u8>,
) -> Option<()> {
    let start = out.len();
    let key = u64::from(field) << 3 | 2;
    let put_head = |out: &mut Vec<u8>, length: usize| {
        let rest = varint_length(key) + varint_length(length as u64) + length;
        put_metadata(framed, captured(framed.meta, payload), rest, out);
        varint(out, key);
        varint(out, length as u64);
    };
    out.reserve(guess + ROOM);
    put_head(out, guess);
    let begin = out.len();
    let mut wire = Wire(payload);
    content(&mut wire, out)?;
    wire.end()?;

    let end = out.len();
    if end - begin == guess {
        return Some(());
    }
    put_head(out, end - begin);
    let (head, guessed_head) = (out.len() - end, begin - start);
    if head == guessed_head {
        out.copy_within(end.., start);
        out.truncate(end);
    } else {
        out.get_mut(start..)?.rotate_right(head);
        out.drain(start + head..begin + head);
    }
    Some(())
}

/// Appends the event with a bool of that number, which is true.
pub(super) fn put_flag(framed: Framed, field: u32, out: &mut Vec<u8>) {
    let key = u64::from(field) << 3;
    put_metadata(framed, None, varint_length(key) + 1, out);
    varint(out, key);
    out.push(1);
}

/// Appends the event with the payload as it is.
pub(super) fn put_unknown(framed: Framed, payload: &[u8], out: &mut Vec<u8>) {
    const KEY: u64 = (message_event::UNKNOWN as u64) << 3 | 2;
    let message_type = framed.meta.message_type.as_bytes();
    let length = delimited_length(message_type.len()) + delimited_length(payload.len());
    out.reserve(length + ROOM);
    let rest = varint_length(KEY) + varint_length(length as u64) + length;
    put_metadata(framed, captured(framed.meta, payload), rest, out);
    varint(out, KEY);
    varint(out, length as u64);
    put_bytes(out, delimited(unknown::COMMAND), message_type);
    put_bytes(out, delimited(unknown::PAYLOAD), payload);
}

/// Appends what the metadata has of the connection: the fields after the peer's id.
pub(crate) fn put_connection(addr: &str, conn_type: ConnType, out: &mut Vec<u8>) {
    put_bytes(out, delimited(metadata::ADDR), addr.as_bytes());
    put_number(out, number(metadata::CONN_TYPE), number_of(conn_type));
}

fn connection_length(meta: &Meta) -> usize {
    delimited_length(meta.addr.len()) + 1 + varint_length(number_of(meta.conn_type))
}

fn number_of(conn_type: ConnType) -> u64 {
    i64::from(i32::from(conn_type)).cast_unsigned()
}

/// Appends the event up to where the field of the message's type begins, which has `rest` bytes.
fn put_metadata(Framed { meta, connection }: Framed, captured: Option<u64>, rest: usize, out: &mut Vec<u8>) {
    let metadata = 1
        + varint_length(meta.peer_id)
        + connection.map_or_else(|| connection_length(meta), <[u8]>::len)
        + delimited_length(meta.message_type.len())
        + 2
        + 1
        + varint_length(meta.size)
        + meta.conn_type_name.map_or(0, |name| 2 + varint_length(name.len() as u64) + name.len())
        + captured.map_or(0, |captured| 2 + varint_length(captured));
    let message = delimited_length(metadata) + rest;
    let ebpf = delimited_length(message);

    put_number(out, delimited(envelope::EBPF_EXTRACTOR), ebpf as u64);
    put_number(out, delimited(ebpf::MESSAGE), message as u64);
    put_number(out, delimited(message_event::META), metadata as u64);
    put_number(out, number(metadata::PEER_ID), meta.peer_id);
    match connection {
        Some(fields) => out.extend_from_slice(fields),
        None => put_connection(meta.addr, meta.conn_type, out),
    }
    put_bytes(out, delimited(metadata::COMMAND), meta.message_type.as_bytes());
    put_number(out, number(metadata::INBOUND), meta.inbound.into());
    put_number(out, number(metadata::SIZE), meta.size);
    if let Some(name) = meta.conn_type_name {
        varint(out, CONN_TYPE_NAME);
        varint(out, name.len() as u64);
        out.extend_from_slice(name.as_bytes());
    }
    if let Some(captured) = captured {
        varint(out, CAPTURED);
        varint(out, captured);
    }
}
