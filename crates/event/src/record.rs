//! One event on its way: its envelope and its body, encoded or decoded or both.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use smol_str::SmolStr;
use thiserror::Error;

use crate::field;
use crate::field::event::event;
use crate::kind::Kind;
use crate::numbers::Numbers;
use crate::pb::ebpf_extractor::block::block_event::Event as Block;
use crate::pb::ebpf_extractor::connection::connection_event::Event as Connection;
use crate::pb::ebpf_extractor::ebpf::EbpfEvent;
use crate::pb::log_extractor::log::LogEvent;
use crate::pb::log_extractor::{Log, LoggedMessage};
use crate::pb::p2p_extractor::P2p;
use crate::pb::p2p_extractor::p2p::P2pEvent;
use crate::wire::{Field, Fields};
use crate::{Body, original, pb};

/// Which way a P2P message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The node received it.
    Inbound,
    /// The node sent it.
    Outbound,
}

impl Direction {
    /// Its name in filters: `inbound` or `outbound`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// What is known of an event without its body: where it comes from, and what filters need.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The observed node; "" when its extractor was given no name.
    pub node: Arc<str>,
    /// Run of the extractor; 0 in events of programs that count none.
    pub run: u64,
    /// Position in the run, from 1 on; 0 in events of programs that count none.
    pub sequence: u64,
    /// Nanoseconds since the UNIX epoch when the node did it.
    pub time_ns: u64,
    /// What happened.
    pub kind: Kind,
    /// The node's id of the peer that it concerns.
    pub peer: Option<u64>,
    /// Type of the P2P message.
    pub message_type: Option<SmolStr>,
    /// Direction of the P2P message.
    pub direction: Option<Direction>,
    /// Payload size of the P2P message in bytes.
    pub size: Option<u64>,
}

/// The content of an event, before the bus gives it its place among the events of its run.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // moved once; a box would cost every structure an allocation
pub enum Content {
    /// As a structure.
    Body(Body),
    /// Already encoded.
    Encoded(Encoded),
}

/// What the envelope needs of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// What happened.
    pub kind: Kind,
    /// The node's id of the peer that it concerns.
    pub peer: Option<u64>,
    /// Type of the P2P message.
    pub message_type: Option<SmolStr>,
    /// Direction of the P2P message.
    pub direction: Option<Direction>,
    /// Payload size of the P2P message in bytes.
    pub size: Option<u64>,
}

impl Described {
    /// What a body is.
    pub fn of(body: &Body) -> Self {
        let Envelope { kind, peer, message_type, direction, size, .. } = Envelope::of("".into(), 0, body);
        Self { kind, peer, message_type, direction, size }
    }
}

/// An encoded body, with what the envelope needs of it.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// What it is.
    pub described: Described,
    /// The arm of `event.Event` that the extractor fills: key, length and content. With [`ENVELOPE_ROOM`] bytes of spare capacity nothing is
    /// copied any more.
    pub bytes: Vec<u8>,
}

/// Bytes that an envelope takes at most, for node names of up to 64 bytes.
pub const ENVELOPE_ROOM: usize = 128;

impl From<Body> for Content {
    fn from(body: Body) -> Self {
        Self::Body(body)
    }
}

impl From<Encoded> for Content {
    fn from(encoded: Encoded) -> Self {
        Self::Encoded(encoded)
    }
}

/// An event that cannot be read.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WireError {
    /// It is not protobuf, or lacks a field that every event has.
    #[error("not an event: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// What should be a field is none, or is longer than the event.
    #[error("not an event: a field is malformed, or longer than the whole")]
    Field,
}

/// One event on its way. It is made from a body or from encoded bytes; the other form is made on first use, once for
/// all who hold the record.
#[derive(Debug)]
pub struct Record {
    envelope: Envelope,
    body: OnceLock<Option<Body>>,
    bytes: OnceLock<Bytes>,
}

impl Record {
    /// An event from its content; peer, message type, direction and size are taken from there.
    pub fn new(node: Arc<str>, run: u64, sequence: u64, time_ns: u64, content: impl Into<Content>) -> Self {
        let body = match content.into() {
            Content::Body(body) => body,
            Content::Encoded(encoded) => {
                let Encoded { described, mut bytes } = encoded;
                let envelope = Envelope::new(node, run, sequence, time_ns, described);
                envelope.encode(&mut bytes);
                return Self::with_bytes(envelope, bytes.into());
            }
        };
        let envelope = Envelope { run, sequence, ..Envelope::of(node, time_ns, &body) };
        Self { envelope, body: OnceLock::from(Some(body)), bytes: OnceLock::new() }
    }

    /// An event whose encoded form is there, with the envelope that it ends with.
    pub fn with_bytes(envelope: Envelope, bytes: Bytes) -> Self {
        Self { envelope, body: OnceLock::new(), bytes: OnceLock::from(bytes) }
    }

    /// An event from its encoded form. P2P messages, which are many and large, are decoded on first use.
    ///
    /// # Errors
    /// When the bytes are no event.
    pub fn from_bytes(bytes: Bytes, names: &mut NodeNames) -> Result<Self, WireError> {
        let head = Head::read(&bytes)?;
        let node = names.intern(head.node.unwrap_or_default());
        let time_ns = head.time_ns.unwrap_or(head.timestamp.saturating_mul(1_000_000));
        let mut envelope = Envelope {
            node,
            run: head.run,
            sequence: head.sequence,
            time_ns,
            kind: Kind::Unknown,
            peer: None,
            message_type: None,
            direction: None,
            size: None,
        };
        if let Some(meta) = head.meta {
            envelope.kind = Kind::Message;
            envelope.describe_message(&meta);
            return Ok(Self::with_bytes(envelope, bytes));
        }
        let body = decode_body(bytes.clone())?;
        if let Some(body) = &body {
            envelope.kind = Kind::of(body);
            envelope.describe(body);
        }
        Ok(Self { envelope, body: OnceLock::from(body), bytes: OnceLock::from(bytes) })
    }

    /// What is known without the body.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The body; none when it is of a kind that this program does not know, or is malformed.
    pub fn body(&self) -> Option<&Body> {
        let decode = || {
            let bytes = self.bytes.get()?;
            decode_body(bytes.clone()).ok()?
        };
        self.body.get_or_init(decode).as_ref()
    }

    /// The encoded event, a `event.Event` of the wire format.
    pub fn bytes(&self) -> &Bytes {
        self.bytes.get_or_init(|| self.encode(self.body.get().and_then(Option::as_ref)))
    }

    /// How much it counts in a queue: 1, and 1 more for each KiB of a large one that arrived, or was made, encoded.
    pub fn weight(&self) -> usize {
        1 + self.bytes.get().map_or(0, |bytes| bytes.len() >> 10)
    }

    /// The event encoded anew without the raw bytes of transactions and other large payloads, for
    /// a server that does not take messages of its full size. None if it carries no such bytes.
    pub fn bytes_without_raw(&self) -> Option<Bytes> {
        let mut body = self.body()?.clone();
        crate::raw::strip(&mut body).then(|| self.encode(Some(&body)))
    }

    /// The event encoded anew without the raw bytes of transactions, and without the transactions of a block, for an archive that is to
    /// stay small. None if it carries neither.
    pub fn bytes_low_data(&self) -> Option<Bytes> {
        if !matches!(self.envelope.kind, Kind::Message | Kind::OrphanTxs)
            || self
                .envelope
                .message_type
                .as_ref()
                .is_some_and(|message| !crate::raw::MESSAGES.contains(&message.as_str()))
        {
            return None;
        }
        let mut body = self.body()?.clone();
        let without_transactions = crate::raw::strip_block(&mut body);
        (crate::raw::strip(&mut body) || without_transactions).then(|| self.encode(Some(&body)))
    }

    fn encode(&self, body: Option<&Body>) -> Bytes {
        let body_len = body.map_or(0, Body::encoded_len);
        let mut out = BytesMut::with_capacity(body_len + self.envelope.node.len() + 64);
        if let Some(body) = body {
            body.encode(&mut out);
        }
        self.envelope.encode(&mut out);
        out.freeze()
    }

    /// Address of the peer that it concerns, with the port as the node writes it.
    pub fn addr(&self) -> Option<&str> {
        if self.envelope.kind == Kind::Message && self.body.get().is_none() {
            return self.bytes.get().and_then(|bytes| message_addr(bytes));
        }
        addr_of(self.body()?)
    }

    /// The same event as one of a run, for those of programs that count none: with this node's name, if it has none, the run, and its place in it.
    /// Entries of debug.log that other programs have a type for get ours.
    pub fn placed(&self, node: &Arc<str>, run: u64, sequence: u64) -> Self {
        let node = if self.envelope.node.is_empty() { node } else { &self.envelope.node };
        let envelope = Envelope { node: Arc::clone(node), run, sequence, ..self.envelope.clone() };
        let typed = matches!(envelope.kind, Kind::HeaderSeen | Kind::CompactBlockReconstructed);
        let mut bytes = Vec::with_capacity(self.bytes().len() + ENVELOPE_ROOM);
        match self.body().filter(|_| typed) {
            Some(body) => body.encode(&mut bytes),
            None => bytes.extend_from_slice(self.bytes()),
        }
        envelope.encode(&mut bytes); // of two fields with the same number, the last one counts
        Self::with_bytes(envelope, bytes.into())
    }
}

/// Address of the peer that an event concerns, with the port as the node writes it.
pub fn addr_of(body: &Body) -> Option<&str> {
    match body {
        Body::EbpfExtractor(ebpf) => match ebpf.ebpf_event.as_ref()? {
            EbpfEvent::Message(message) => Some(&message.meta.addr),
            EbpfEvent::Connection(connection) => Some(&connection_of(connection.event.as_ref()?)?.addr),
            _ => None,
        },
        Body::LogExtractor(log) => log_peer(log).1,
        _ => None,
    }
}

/// The body of an encoded event, whichever program encoded it.
fn decode_body(bytes: Bytes) -> Result<Option<Body>, prost::DecodeError> {
    let body = pb::event::Event::decode(bytes.clone())?.peer_observer_event;
    Ok(body.map(|body| original::restore(&bytes, body)))
}

/// Appends the fields of `event.Event` that are not the body, as [`Envelope::encode`].
pub fn encode_place(node: &str, run: u64, sequence: u64, time_ns: u64, out: &mut impl BufMut) {
    let mut numbers = Numbers::new();
    numbers.put(event::TIMESTAMP, time_ns / 1_000_000);
    if !node.is_empty() {
        out.put_slice(numbers.bytes());
        encode_key(event::NODE, WireType::LengthDelimited, out);
        encode_varint(node.len() as u64, out);
        out.put_slice(node.as_bytes());
        numbers = Numbers::new();
    }
    numbers.put(event::SEQUENCE, sequence);
    numbers.put(event::RUN, run);
    numbers.put(event::TIME_NS, time_ns);
    out.put_slice(numbers.bytes());
}

pub(crate) fn put_varint(out: &mut impl BufMut, field: u32, value: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(value, out);
}

impl Envelope {
    /// What is known of an event by its body, without its place in a run.
    pub fn of(node: Arc<str>, time_ns: u64, body: &Body) -> Self {
        let mut envelope = Self {
            node,
            run: 0,
            sequence: 0,
            time_ns,
            kind: Kind::of(body),
            peer: None,
            message_type: None,
            direction: None,
            size: None,
        };
        envelope.describe(body);
        envelope
    }

    /// The envelope of an event with this place in a run.
    pub fn new(node: Arc<str>, run: u64, sequence: u64, time_ns: u64, described: Described) -> Self {
        let Described { kind, peer, message_type, direction, size } = described;
        Self { node, run, sequence, time_ns, kind, peer, message_type, direction, size }
    }

    /// Appends the fields of `event.Event` that are not the body: encoded after it, they make the event.
    pub fn encode(&self, out: &mut impl BufMut) {
        encode_place(&self.node, self.run, self.sequence, self.time_ns, out);
    }

    fn describe(&mut self, body: &Body) {
        match body {
            Body::EbpfExtractor(ebpf) => match &ebpf.ebpf_event {
                Some(EbpfEvent::Message(message)) => {
                    let pb::ebpf_extractor::message::Metadata { peer_id, command, inbound, size, .. } = &message.meta;
                    let meta = Meta { peer: *peer_id, message_type: command, inbound: *inbound, size: *size };
                    self.describe_message(&meta);
                }
                Some(EbpfEvent::Connection(connection)) => {
                    self.peer = match &connection.event {
                        Some(Connection::Misbehaving(peer)) => Some(peer.id),
                        Some(event) => connection_of(event).map(|connection| connection.peer_id),
                        None => None,
                    };
                }
                Some(EbpfEvent::Block(block)) => {
                    self.peer = match &block.event {
                        Some(Block::Header(header)) => Some(header.peer_id),
                        Some(Block::Reconstructed(block)) => Some(block.peer_id),
                        None => None,
                    };
                }
                _ => {}
            },
            Body::P2pExtractor(P2p { p2p_event: Some(P2pEvent::MessageSeen(seen)) }) => {
                self.message_type = Some(SmolStr::new(&seen.message_type));
                // What we sent, the node received.
                self.direction = Some(if seen.sent { Direction::Inbound } else { Direction::Outbound });
                self.size = Some(seen.size);
            }
            Body::LogExtractor(log) => {
                self.peer = log_peer(log).0;
                match &log.log_event {
                    Some(LogEvent::MessageReceived(message)) => self.describe_logged(message, Direction::Inbound),
                    Some(LogEvent::MessageSent(message)) => self.describe_logged(message, Direction::Outbound),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn describe_logged(&mut self, message: &LoggedMessage, direction: Direction) {
        self.message_type = Some(SmolStr::new(&message.message_type));
        self.direction = Some(direction);
        self.size = Some(message.size);
    }

    fn describe_message(&mut self, meta: &Meta) {
        self.peer = Some(meta.peer);
        self.message_type = Some(SmolStr::new(meta.message_type));
        self.direction = Some(if meta.inbound { Direction::Inbound } else { Direction::Outbound });
        self.size = Some(meta.size);
    }
}

fn connection_of(event: &Connection) -> Option<&pb::ebpf_extractor::connection::Connection> {
    match event {
        Connection::Closed(closed) => Some(&closed.conn),
        Connection::InboundEvicted(evicted) => Some(&evicted.conn),
        Connection::Inbound(inbound) => Some(&inbound.conn),
        Connection::Outbound(outbound) => Some(&outbound.conn),
        Connection::Misbehaving(_) => None,
    }
}

/// Peer id and address that a log entry names.
fn log_peer(log: &Log) -> (Option<u64>, Option<&str>) {
    let Some(event) = &log.log_event else {
        return (None, None);
    };
    let (peer, addr) = match event {
        LogEvent::HeaderSeen(e) => (e.peer_id, &e.addr),
        LogEvent::PeerConnected(e) => (Some(e.peer_id), &e.addr),
        LogEvent::PeerDisconnected(e) => (e.peer_id, &e.addr),
        LogEvent::Misbehaving(e) => (Some(e.peer_id), &e.addr),
        LogEvent::AddrProcessed(e) => (Some(e.peer_id), &e.addr),
        LogEvent::EvictionSelected(e) => (Some(e.peer_id), &e.addr),
        LogEvent::MempoolAccepted(e) => (e.peer_id, &e.addr),
        LogEvent::MempoolRejected(e) => (e.peer_id, &e.addr),
        LogEvent::BlockDownloadStalled(e) => (e.peer_id, &e.addr),
        LogEvent::MutatedBlock(e) => (e.peer_id, &e.addr),
        LogEvent::BlockTransactionsSent(e) => (Some(e.peer_id), &e.addr),
        LogEvent::VersionReceived(e) | LogEvent::VersionSent(e) => (Some(e.peer_id), &e.addr),
        LogEvent::ConnectionAdded(e) => (Some(e.peer_id), &e.addr),
        LogEvent::MessageReceived(e) | LogEvent::MessageSent(e) => return (Some(e.peer_id), None),
        LogEvent::InventoryReceived(e) => return (Some(e.peer_id), None),
        LogEvent::DataRequested(e) | LogEvent::DataRequestTimedOut(e) => return (Some(e.peer_id), None),
        LogEvent::GetdataReceived(e) => return (Some(e.peer_id), None),
        LogEvent::BlockReceived(e) => return (Some(e.peer_id), None),
        LogEvent::BlockAnnounced(e) => return (Some(e.peer_id), None),
        LogEvent::HeadersRequested(e) => return (Some(e.peer_id), None),
        LogEvent::LocatorReceived(e) => return (Some(e.peer_id), None),
        LogEvent::FeefilterReceived(e) => return (Some(e.peer_id), None),
        LogEvent::SelfAnnounced(e) => return (Some(e.peer_id), None),
        LogEvent::TransportNegotiation(e) => return (Some(e.peer_id), None),
        LogEvent::PeerStateChanged(e) => return (Some(e.peer_id), None),
        LogEvent::MessageIgnored(e) => return (e.peer_id, None),
        LogEvent::HeadersSync(e) => return (e.peer_id, None),
        LogEvent::OrphanTransaction(e) => return (e.peer_id, None),
        LogEvent::OrphansRemoved(e) => return (e.peer_id, None),
        LogEvent::ConnectionAttempted(e) => return (None, Some(&e.addr)),
        LogEvent::ConnectionFailed(e) => return (None, e.addr.as_deref()),
        LogEvent::ConnectionAccepted(e) => return (None, Some(&e.addr)),
        LogEvent::ConnectionRefused(e) => return (None, e.addr.as_deref()),
        LogEvent::UnknownLogMessage(_)
        | LogEvent::BlockConnectedLog(_)
        | LogEvent::BlockCheckedLog(_)
        | LogEvent::SawNewHeaderLog(_)
        | LogEvent::CompactBlockReconstructedLog(_)
        | LogEvent::BlockDisconnectedLog(_)
        | LogEvent::CompactBlockReconstructed(_)
        | LogEvent::CompactBlockTxRequired(_)
        | LogEvent::UpdateTip(_)
        | LogEvent::StallingTimeoutChanged(_)
        | LogEvent::InvalidChainFound(_)
        | LogEvent::StaleTip(_)
        | LogEvent::LogRateLimit(_)
        | LogEvent::AddrmanChange(_)
        | LogEvent::AddrmanAdded(_)
        | LogEvent::AddrmanSelected(_)
        | LogEvent::TimeOffsetAdded(_)
        | LogEvent::IbdLeft(_)
        | LogEvent::HeaderRejected(_)
        | LogEvent::ValidationSignal(_)
        | LogEvent::CompactBlockStarted(_)
        | LogEvent::CompactBlockPrefill(_)
        | LogEvent::BlockTemplate(_)
        | LogEvent::MempoolAdded(_)
        | LogEvent::MempoolRemoved(_)
        | LogEvent::MempoolReplaced(_)
        | LogEvent::MempoolRemovals(_)
        | LogEvent::UnbroadcastRemoved(_)
        | LogEvent::PackageEvaluated(_)
        | LogEvent::NodeStarted(_)
        | LogEvent::NodeStopped(_) => return (None, None),
    };
    (peer, addr.as_deref())
}

/// Names of nodes, each held once however many events carry it.
#[derive(Debug, Default)]
pub struct NodeNames(Vec<Arc<str>>);

/// Names that are held at most: they are untrusted input.
const MAX_NAMES: usize = 1024;

impl NodeNames {
    /// The shared form of a name.
    pub fn intern(&mut self, name: Cow<str>) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        if self.0.len() < MAX_NAMES {
            self.0.push(Arc::clone(&name));
        }
        name
    }
}

/// The fields of an encoded event that are read without decoding its body.
#[derive(Default)]
struct Head<'a> {
    timestamp: u64,
    node: Option<Cow<'a, str>>,
    sequence: u64,
    run: u64,
    time_ns: Option<u64>,
    /// Of a P2P message.
    meta: Option<Meta<'a>>,
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (mut head, mut fields) = (Head::default(), Fields(bytes));
        while let Some(field) = fields.read_next()? {
            match field {
                (event::TIMESTAMP, Field::Number(timestamp)) => head.timestamp = timestamp,
                (event::SEQUENCE, Field::Number(sequence)) => head.sequence = sequence,
                (event::RUN, Field::Number(run)) => head.run = run,
                (event::TIME_NS, Field::Number(time_ns)) => head.time_ns = Some(time_ns),
                (event::NODE, Field::Bytes(node)) => head.node = Some(String::from_utf8_lossy(node)),
                (event::EBPF_EXTRACTOR, Field::Bytes(ebpf)) => head.meta = message_meta(ebpf)?,
                _ => {}
            }
        }
        Ok(head)
    }
}

/// The address in an encoded P2P message, without decoding the message.
fn message_addr(event: &[u8]) -> Option<&str> {
    let ebpf = Fields(event).bytes_of(event::EBPF_EXTRACTOR)?;
    let message = Fields(ebpf).bytes_of(field::ebpf_extractor::ebpf::MESSAGE)?;
    let meta = Fields(message).bytes_of(field::ebpf_extractor::message::message_event::META)?;
    std::str::from_utf8(Fields(meta).bytes_of(field::ebpf_extractor::message::metadata::ADDR)?).ok()
}

/// The metadata of a P2P message inside an encoded `ebpf_extractor.ebpf`; none of another event.
fn message_meta(ebpf: &[u8]) -> Result<Option<Meta<'_>>, WireError> {
    let Some(message) = Fields(ebpf).read_bytes_of(field::ebpf_extractor::ebpf::MESSAGE)? else {
        return Ok(None);
    };
    let meta = Fields(message).read_bytes_of(field::ebpf_extractor::message::message_event::META)?;
    meta.map(Meta::read).transpose()
}

/// What an envelope needs of a message's metadata.
#[derive(Default)]
struct Meta<'a> {
    peer: u64,
    message_type: &'a str,
    inbound: bool,
    size: u64,
}

impl<'a> Meta<'a> {
    /// Without a structure: every message that is read comes through here.
    fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        use field::ebpf_extractor::message::metadata::{ADDR, COMMAND, CONN_TYPE_NAME, INBOUND, PEER_ID, SIZE};
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| WireError::Field);
        let (mut meta, mut fields) = (Self::default(), Fields(bytes));
        while let Some(field) = fields.read_next()? {
            match field {
                (PEER_ID, Field::Number(peer)) => meta.peer = peer,
                (COMMAND, Field::Bytes(name)) => meta.message_type = text(name)?,
                (INBOUND, Field::Number(inbound)) => meta.inbound = inbound != 0,
                (SIZE, Field::Number(size)) => meta.size = size,
                (ADDR | CONN_TYPE_NAME, Field::Bytes(other)) => _ = text(other)?,
                (ADDR | COMMAND | CONN_TYPE_NAME | INBOUND | PEER_ID | SIZE, _) => return Err(WireError::Field),
                _ => {}
            }
        }
        Ok(meta)
    }
}
