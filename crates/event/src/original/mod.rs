//! Events in the form that other peer-observer programs can read, for the subjects and the files that we share with them.
//!
//! Those programs skip fields that they do not know. But they stop at an event in which a oneof, skipped fields aside, has no arm. So:
//!
//! - An entry of debug.log or a P2P message whose arm they lack has one of theirs before ours: `saw_new_header_log`,
//!   `compact_block_reconstructed_log`, or `unknown_log_message` with the text; `unknown` with the payload. A reader takes the last arm that it
//!   knows. So they take theirs, and those who know ours get the same as in the other form.
//! - Other events whose arm they lack are left out, and the events that are left are numbered without gaps.
//!
//! All numbers from 100 on are ours, so nothing here lists the arms: one that is added later is treated alike.
//!
//! Deeper oneofs (addresses, inventory items) and enums that they know have nothing of ours.

mod json;
mod payload;

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

pub use json::to_json;

use crate::field::ebpf_extractor::ebpf;
use crate::field::ebpf_extractor::message::message_event;
use crate::field::event::event;
use crate::field::log_extractor::{log, unknown_log_message};
use crate::pb::ebpf_extractor::Ebpf;
use crate::pb::ebpf_extractor::ebpf::EbpfEvent;
use crate::pb::ebpf_extractor::message::message_event::Msg;
use crate::pb::ebpf_extractor::message::{MessageEvent, Unknown};
use crate::pb::log_extractor::log::LogEvent;
use crate::pb::log_extractor::{
    CompactBlockReconstructed, CompactBlockReconstructedLog, HeaderSeen, Log, SawNewHeaderLog, UnknownLogMessage,
};
use crate::pb::observer::observer::ObserverEvent;
use crate::record::put_varint;
use crate::text::LogText;
use crate::wire::{Field, Fields};
use crate::{Body, Envelope, Kind, Record, Source};

/// The lowest field number of our own.
const OURS: u32 = 100;

/// Encodes the events that leave a process, in their order: see [`encode`].
#[derive(Debug, Default)]
pub struct Encoder {
    /// How many events of a run were left out so far. The run is forgotten when it ends.
    left_out: HashMap<u64, u64>,
}

impl Encoder {
    /// The next event; none if it is to be left out.
    pub fn encode(&mut self, record: &Record) -> Option<Bytes> {
        let Envelope { run, sequence, .. } = record.envelope();
        let encoded = encode(record, self.left_out.get(run).copied().unwrap_or_default());
        if encoded.is_none() && *sequence > 0 {
            *self.left_out.entry(*run).or_default() += 1;
        }
        if ends_run(record) {
            self.left_out.remove(run);
        }
        encoded
    }
}

fn ends_run(record: &Record) -> bool {
    if record.envelope().kind != Kind::Status {
        return false;
    }
    let Some(Body::Observer(observer)) = record.body() else { return false };
    matches!(&observer.observer_event, Some(ObserverEvent::Status(status)) if status.ended)
}

/// An event as other programs can read it; none if they lack its kind. `left_out` is how many events of its run were left out before it.
pub fn encode(record: &Record, left_out: u64) -> Option<Bytes> {
    let envelope = record.envelope();
    let body = match envelope.kind {
        Kind::Unknown => return None,
        Kind::Message => message(record)?,
        kind if kind.source() == Some(Source::Log) => entry(record)?,
        _ if has_known_arms(record.bytes()) => Changed::No,
        _ => return None,
    };
    let sequence = envelope.sequence.saturating_sub(left_out);
    match body {
        Changed::No if left_out == 0 => Some(record.bytes().clone()),
        Changed::No => {
            let mut event = record.bytes().to_vec();
            put_varint(&mut event, event::SEQUENCE, sequence); // the last one counts
            Some(event.into())
        }
        Changed::Yes(mut event) => {
            Envelope { sequence, ..envelope.clone() }.encode(&mut event);
            Some(event.into())
        }
    }
}

/// The body of an encoded event as if others did not exist: an entry has the type that we have for it, and keeps the text that is there for
/// them.
pub(crate) fn restore(event: &[u8], body: Body) -> Body {
    let Body::LogExtractor(mut log) = body else { return body };
    log.log_event = log.log_event.map(own_type);
    if !matches!(log.log_event, None | Some(LogEvent::UnknownLogMessage(_))) {
        log.raw_message = log.raw_message.or_else(|| text_for_others(event));
    }
    Body::LogExtractor(log)
}

/// The text of an encoded entry in `unknown_log_message`.
fn text_for_others(event: &[u8]) -> Option<String> {
    let log = Fields(event).bytes_of(event::LOG_EXTRACTOR)?;
    let message = Fields(log).bytes_of(log::UNKNOWN_LOG_MESSAGE)?;
    let text = Fields(message).bytes_of(unknown_log_message::RAW_MESSAGE)?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

fn own_type(event: LogEvent) -> LogEvent {
    match event {
        LogEvent::SawNewHeaderLog(header) => LogEvent::HeaderSeen(HeaderSeen {
            block_hash: header.block_hash,
            compact_block: header.is_cmpctblock,
            height: Some(header.block_height),
            peer_id: Some(header.peer_id.into()),
            addr: None,
        }),
        LogEvent::CompactBlockReconstructedLog(block) => {
            LogEvent::CompactBlockReconstructed(CompactBlockReconstructed {
                block_hash: block.block_hash,
                prefilled: block.prefilled_txn_count,
                from_mempool: block.mempool_txn_count,
                from_extra_pool: block.extra_pool_txn_count,
                requested: block.requested_txn_count,
                requested_bytes: Some(block.requested_txn_bytes.into()),
                ..CompactBlockReconstructed::default()
            })
        }
        event => event,
    }
}

/// A body in its form for others.
enum Changed {
    No,
    /// Encoded.
    Yes(Vec<u8>),
}

/// Whether the oneofs of an encoded event, down to the one inside of `ebpf`, have arms that others know. Not for events whose inner messages
/// have other fields beside their oneof.
fn has_known_arms(event: &[u8]) -> bool {
    let arms = Fields(event).filter(|(number, field)| *number < event::TIMESTAMP && matches!(field, Field::Bytes(_)));
    let Some((number, Field::Bytes(source))) = arms.last() else { return false };
    match Fields(source).last() {
        Some((arm, Field::Bytes(inner))) if number == event::EBPF_EXTRACTOR && arm < OURS => {
            Fields(inner).last().is_some_and(|(arm, _)| arm < OURS)
        }
        Some((arm, _)) => number != event::EBPF_EXTRACTOR && arm < OURS,
        None => false,
    }
}

/// The body as other programs have it, without what only we know; none if they lack its kind.
fn body(record: &Record) -> Option<Cow<'_, Body>> {
    let body = record.body()?;
    let theirs = match record.envelope().kind {
        Kind::Unknown => return None,
        Kind::Message => {
            if message_arm(record)? < OURS {
                return Some(Cow::Borrowed(body));
            }
            let (message, _) = unknown_message(body)?;
            Body::EbpfExtractor(Ebpf { ebpf_event: Some(EbpfEvent::Message(message)) })
        }
        kind if kind.source() == Some(Source::Log) => {
            let Body::LogExtractor(log) = body else { return None };
            let mut ours = Vec::new();
            log.log_event.as_ref()?.encode(&mut ours);
            match entry_for_others(log, kind, &ours)? {
                Some(theirs) => Body::LogExtractor(theirs),
                None => return Some(Cow::Borrowed(body)),
            }
        }
        _ => return has_known_arms(record.bytes()).then_some(Cow::Borrowed(body)),
    };
    Some(Cow::Owned(theirs))
}

/// The arm of a P2P message.
fn message_arm(record: &Record) -> Option<u32> {
    let source = Fields(record.bytes()).bytes_of(event::EBPF_EXTRACTOR)?;
    let message = Fields(source).bytes_of(ebpf::MESSAGE)?;
    Some(Fields(message).filter(|(number, _)| *number != message_event::META).last()?.0)
}

/// A P2P message as one of an unknown type, and what it is to us.
fn unknown_message(body: &Body) -> Option<(MessageEvent, &Msg)> {
    let Body::EbpfExtractor(source) = body else { return None };
    let Some(EbpfEvent::Message(MessageEvent { meta, msg: Some(msg) })) = &source.ebpf_event else { return None };
    let unknown = Unknown { command: meta.command.clone(), payload: payload::of(msg).into() };
    Some((MessageEvent { meta: meta.clone(), msg: Some(Msg::Unknown(unknown)) }, msg))
}

fn message(record: &Record) -> Option<Changed> {
    if message_arm(record)? < OURS {
        return Some(Changed::No);
    }
    let (theirs, msg) = unknown_message(record.body()?)?;
    let mut both = theirs.encode_to_vec();
    msg.encode(&mut both);
    let both = nested(ebpf::MESSAGE, &both);
    Some(Changed::Yes(nested(event::EBPF_EXTRACTOR, &both)))
}

fn entry(record: &Record) -> Option<Changed> {
    let Body::LogExtractor(log) = record.body()? else { return None };
    let mut ours = Vec::new();
    log.log_event.as_ref()?.encode(&mut ours);
    let Some(theirs) = entry_for_others(log, record.envelope().kind, &ours)? else { return Some(Changed::No) };
    let mut both = theirs.encode_to_vec();
    both.extend(ours);
    Some(Changed::Yes(nested(event::LOG_EXTRACTOR, &both)))
}

/// An entry with a type that others know in place of ours, whose arm is encoded in `ours`; `Some(None)` if it has one already.
fn entry_for_others(log: &Log, kind: Kind, ours: &[u8]) -> Option<Option<Log>> {
    if Fields(ours).next()?.0 < OURS {
        return Some(None);
    }
    let mut theirs = Log { log_event: typed(log.log_event.as_ref()?), ..log.clone() };
    if theirs.log_event.is_none() {
        let raw_message = theirs.raw_message.take().unwrap_or_else(|| LogText { log, kind }.to_string());
        theirs.log_event = Some(LogEvent::UnknownLogMessage(UnknownLogMessage { raw_message }));
    }
    Some(Some(theirs))
}

/// The type that others have for an entry, if it has all that they require.
fn typed(event: &LogEvent) -> Option<LogEvent> {
    Some(match event {
        LogEvent::HeaderSeen(header) => LogEvent::SawNewHeaderLog(SawNewHeaderLog {
            block_hash: header.block_hash.clone(),
            block_height: header.height?,
            peer_id: u32::try_from(header.peer_id?).ok()?,
            is_cmpctblock: header.compact_block,
        }),
        LogEvent::CompactBlockReconstructed(block) => {
            LogEvent::CompactBlockReconstructedLog(CompactBlockReconstructedLog {
                block_hash: block.block_hash.clone(),
                prefilled_txn_count: block.prefilled,
                mempool_txn_count: block.from_mempool,
                extra_pool_txn_count: block.from_extra_pool,
                requested_txn_count: block.requested,
                requested_txn_bytes: u32::try_from(block.requested_bytes?).ok()?,
            })
        }
        _ => return None,
    })
}

/// A field that holds an encoded message.
fn nested(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + crate::record::ENVELOPE_ROOM);
    encode_key(number, WireType::LengthDelimited, &mut out);
    encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}
