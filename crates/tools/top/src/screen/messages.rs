//! The table of P2P messages by type.

use std::collections::BTreeMap;

use super::table::{Cell, Column, Row, RowId};
use crate::format::{bytes, count, rate};
use crate::state::Counts;

const fn column(title: &'static str, about: &'static str, right: bool, rank: u8) -> Column {
    Column { title, about, right, rank }
}

pub const COLUMNS: &[Column] = &[
    column("type", "of the message", false, 0),
    column("in", "messages received", true, 3),
    column("in/s", "messages received per second, over the last 10 s", true, 1),
    column("bytes in", "bytes of their payloads", true, 2),
    column("out", "messages sent", true, 3),
    column("out/s", "messages sent per second, over the last 10 s", true, 1),
    column("bytes out", "bytes of their payloads", true, 2),
];

/// The place of the column with received messages, and with their bytes: by one of them they are sorted at first.
pub const IN: usize = 1;
pub const BYTES_IN: usize = 3;

/// Where numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// Tracepoints: all messages since they are followed.
    #[default]
    Tracepoints,
    /// getpeerinfo: bytes only, of the connections that are open.
    Rpc,
}

/// Messages of one type, of all that is shown: received, sent.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    messages: u64,
    bytes: u64,
    rate: f64,
}

/// A row for each type, of all these together.
pub fn rows<'a>(all: impl Iterator<Item = &'a Counts>, from: From, now_ns: u64) -> Vec<Row> {
    let mut sums: BTreeMap<&str, [Sum; 2]> = BTreeMap::new();
    for (name, counts) in all.flat_map(Counts::iter) {
        for (sum, count) in sums.entry(name).or_default().iter_mut().zip(counts) {
            sum.messages = sum.messages.saturating_add(count.messages);
            sum.bytes = sum.bytes.saturating_add(count.bytes);
            sum.rate += count.rate.per_second(now_ns);
        }
    }
    let side = |sum: Sum| {
        let traced = from == From::Tracepoints;
        [
            Cell::number(traced.then_some(sum.messages), |value| value as f64, count),
            Cell::number(traced.then_some(sum.rate), |value| value, rate),
            Cell::number(Some(sum.bytes), |value| value as f64, bytes),
        ]
    };
    let row = |(name, [received, sent]): (&str, [Sum; 2])| Row {
        id: RowId { message_type: name.into(), ..RowId::default() },
        cells: [Cell::text(Some(name))].into_iter().chain(side(received)).chain(side(sent)).collect(),
        is_old: false,
    };
    sums.into_iter().map(row).collect()
}
