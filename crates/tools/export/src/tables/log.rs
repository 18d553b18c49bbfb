//! Entries of debug.log.

use event::Body;
use event::pb::log_extractor::log::LogEvent;
use event::text::{LogText, log_category};

use super::lower;
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{Column, Table, Value, flag, int, text, word};

pub(super) const TABLE: Table =
    Table { name: "log", meaning: "A row for each entry of debug.log.", columns: COLUMNS, rows };

const COLUMNS: &[Column] = &[
    word("kind", "kind of the event; `unknown_log_message` where nothing but the text is known"),
    word("category", "the node's category: `net`, `mempool`, ...; `all` without one"),
    word("level", "`info`, `warning`, `error`, `debug` or `trace`"),
    word("thread", "with -logthreadnames"),
    int("peer_id", "the node's id of the peer that it names"),
    word("addr", "the address that it names"),
    word("message_type", "type of the P2P message that was received or sent"),
    word("direction", "of that message: `inbound`: the node received it; `outbound`: the node sent it"),
    int("size", "bytes of that message's payload"),
    int("bytes", "bytes of the entry"),
    flag("suppressing", "the node was limiting its log at this moment"),
    word("source_location", "file and line in the node's source, with -logsourcelocations"),
    text("text", "the message as the node wrote it; where it was not kept, the kind and its fields"),
];

fn rows(seen: &Seen, rows: &mut Rows) {
    let Some(Body::LogExtractor(log)) = seen.body() else { return };
    let envelope = seen.record.envelope();
    let (category, level) = (log_category(log), lower(log.log_level().as_str_name()));
    let made;
    let text = match (&log.log_event, &log.raw_message) {
        (Some(LogEvent::UnknownLogMessage(message)), _) => &message.raw_message,
        (_, Some(raw)) => raw,
        (_, None) => {
            made = LogText { log, kind: envelope.kind }.to_string();
            &made
        }
    };
    rows.push(
        seen,
        [
            envelope.kind.name().into(),
            (&category).into(),
            (&level).into(),
            if log.threadname.is_empty() { Value::Null } else { (&log.threadname).into() },
            envelope.peer.into(),
            seen.addr().into(),
            envelope.message_type.as_deref().into(),
            seen.direction().into(),
            envelope.size.into(),
            log.log_line_bytes.into(),
            log.suppressing.unwrap_or_default().into(),
            log.source_location.as_ref().into(),
            text.into(),
        ],
    );
}
