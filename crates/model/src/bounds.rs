//! How much is remembered, and for how long: the limits of everything that the model keeps.
//!
//! Events carry untrusted input, so each collection has a limit. They stand together here because the tools show the same enrichment: a
//! number in a metric and the same number on a page must not differ because one tool forgot earlier.

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Nodes that are kept; further names are ignored. Names come over the wire, so there must be a limit. What one node can cost is
/// bounded by the limits below and by the tool's own, so this one is generous: a large fleet must be shown whole by each tool.
pub const MAX_NODES: usize = 1_000;
/// Bytes of a node's name that are kept.
pub const MAX_NODE_NAME: usize = 128;

/// Open connections of a node. A node waits for its sockets with at most 1,024 file descriptors by default, so this is twice what one
/// can have. A larger limit would only make the lists of peers longer that a flood of invented ids can cause.
pub const MAX_OPEN: usize = 2_000;
/// When there are too many open connections, this many go at once: the ones of which nothing was heard for longest. Looking for a single
/// one each time would make a flood expensive.
pub const CLOSE_AT_ONCE: usize = 64;
/// Closed connections that are remembered with all that is known of them.
pub const MAX_CLOSED: usize = 200;
/// Ended connections, reasons and evictions of which only the id and the time are remembered, so that each counts once.
pub const MAX_ENDINGS: usize = 2_048;
/// So long after the end of a connection another source may still report something of it. Sources differ by seconds, and an answer of
/// getpeerinfo may be as old as its interval (10 s by default), so a minute is ample. Ten minutes would hide the first peers of a node
/// that was restarted without anybody noticing: their ids begin anew, and outbound addresses are the same.
pub const LATE_NS: u64 = 60 * SECOND;
/// So long an ended connection waits until it is known why it ended: tracepoints and debug.log come by different ways.
pub const WHY_NS: u64 = 2 * SECOND;
/// Ended connections that wait for their reason at the same time.
pub const MAX_WAITING: usize = 1_024;
/// A connection of which nothing is heard for so long is gone. A node closes one after 20 minutes (`TIMEOUT_INTERVAL`); one minute more
/// is for what comes late.
pub const SILENCE_NS: u64 = 1_260 * SECOND;
/// After an answer of getpeerinfo, the next one is expected within this time.
pub const POLLED_NS: u64 = 120 * SECOND;
/// So long after the node's start was logged, its tracepoints may only be attached.
pub const ATTACH_NS: u64 = 120 * SECOND;
/// Misbehaviours of a peer that are remembered.
pub const MAX_MISBEHAVIOURS: usize = 50;
/// Reports of misbehaviour by two sources within this time are about the same one.
pub const SAME_MISBEHAVIOUR_NS: u64 = 2 * SECOND;

/// Entries of an inv or getdata beyond which a node refuses the message as a whole (Bitcoin Core's `MAX_INV_SZ`).
pub const MAX_INV: usize = 50_000;
/// So many entries of one inv count where announcers are compared: what Bitcoin Core announces at once at most
/// (`INVENTORY_BROADCAST_MAX`). Otherwise one message could outweigh all that others announce in an hour.
pub const MAX_ANNOUNCED: usize = 1_000;

/// Bytes of a peer's address that are kept; the longest one is 62 bytes with its port.
pub const MAX_ADDR: usize = 128;
/// Bytes of a user agent that are kept; the protocol allows 256.
pub const MAX_USER_AGENT: usize = 256;
/// Bytes of any other text that are kept.
pub const MAX_TEXT: usize = 200;

/// Extractors of a node. Their names come over the wire.
pub const MAX_SOURCES: usize = 16;
/// So long after a status of an extractor the next one is expected, if the status does not say when.
pub const STATUS_INTERVAL_NS: u64 = 10 * SECOND;
/// The longest time that a status may set for the next one.
pub const MAX_STATUS_INTERVAL_NS: u64 = 60 * SECOND;
/// After so many intervals without a status, an extractor is silent.
pub const STATUSES_MISSED: u64 = 3;
/// An extractor that publishes no status is silent after this time without an event: other programs publish none.
pub const QUIET_NS: u64 = 120 * SECOND;

/// Connections of our own to a node that are remembered, so that its reports of them are known as such.
pub const MAX_OWN: usize = 8;

/// Requests that wait for an answer. A node has some hundred; a hostile peer can cause more.
pub const MAX_PENDING: usize = 28_000;
/// After so long no answer comes any more: Bitcoin Core's longest patience (`TIMEOUT_INTERVAL`).
pub const REQUEST_TIMEOUT_NS: u64 = 1_200 * SECOND;
/// How often requests that timed out are looked for.
pub const REQUEST_SWEEP_NS: u64 = 60 * SECOND;
/// Closed connections whose requests are looked for together.
pub const MAX_CLOSED_REQUESTERS: usize = 1_000;

/// Reports of a start of the node within this time are about the same one, if they come from different sources.
pub const SAME_START_NS: u64 = 60 * SECOND;
/// An uptime has whole seconds, and the RPC that reports it may be slow.
pub const START_JITTER_NS: u64 = 3 * SECOND;

/// Blocks that are remembered.
pub const MAX_BLOCKS: usize = 200;
/// Of them so many that only peers announced: untrusted peers can invent those.
pub const MAX_UNCONFIRMED_BLOCKS: usize = 64;
/// Blocks that only one and the same peer announced. It is also the number of headers from which on a message is about old blocks.
pub const MAX_BLOCKS_OF_PEER: usize = 8;
/// Peers that announced a block.
pub const MAX_ANNOUNCERS: usize = 16;
/// Tips, disconnected blocks and invalid blocks, each.
pub const MAX_CHAIN_EVENTS: usize = 20;
/// Hashes of blocks that were connected, and for how long, so that each counts once.
pub const CONNECTED: (usize, u64) = (2_048, 86_400 * SECOND);
/// Hashes of old blocks that were received, and for how long: if one is connected, the node catches up.
pub const OLD: (usize, u64) = (1_024, 600 * SECOND);
/// A block is new if its own time is not older than this, in seconds. The others are history that the node catches up with.
pub const NEW_SECONDS: u64 = 3 * 3_600;
/// So long after a block was connected or became the tip, other sources may still report its stages.
pub const SETTLE_NS: u64 = 3 * SECOND;
/// So long after an old block was connected, the node is still catching up.
pub const CATCHING_UP_NS: u64 = 60 * SECOND;
/// debug.log reports the same mutated block twice within this time.
pub const SAME_MUTATION_NS: u64 = SECOND;

/// Transactions whose announcements on our own P2P connection are compared, by txid and wtxid, and for how long:
/// nodes relay 14 of them a second, and keep them back for minutes at most.
pub const RELAYED: (usize, u64) = (20_000, 1_200 * SECOND);
/// Announcements on our own P2P connection that wait until every source has reported.
pub const MAX_ANNOUNCEMENTS: usize = 10_000;
