//! Rows that wait to be written, by column.

use std::iter::repeat_n;

use crate::runs::Runs;
use crate::seen::Seen;
use crate::table::{Table, Type, Value, nanoseconds};
use crate::words::Dictionary;

/// Bytes of a text that are kept at most. What is longer comes from nobody's program but an attacker's.
const MAX_TEXT: usize = 64 << 10;
/// Bytes of a hash.
pub(crate) const HASH: usize = 32;

/// Rows of a table.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<Values>,
    length: usize,
}

/// The values of a column.
#[derive(Debug)]
pub(crate) struct Values {
    /// 1 for each row with a value, 0 for each without.
    pub present: Runs<u32>,
    pub data: Data,
}

/// The values themselves.
#[derive(Debug)]
pub(crate) enum Data {
    Ints(Runs<i64>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
    Words(Dictionary),
    /// Unsigned numbers: 8 bytes, little endian.
    Unsigned(Dictionary),
    /// Hashes in the order of the wire.
    Hashes(Dictionary),
    /// Each after its length: 4 bytes, little endian.
    Texts(Vec<u8>),
}

impl Data {
    fn of(kind: Type) -> Self {
        match kind {
            Type::Time | Type::Int => Self::Ints(Runs::default()),
            Type::Float => Self::Floats(Vec::new()),
            Type::Bool => Self::Bools(Vec::new()),
            Type::Word => Self::Words(Dictionary::default()),
            Type::Unsigned => Self::Unsigned(Dictionary::default()),
            Type::Hash => Self::Hashes(Dictionary::default()),
            Type::Text => Self::Texts(Vec::new()),
        }
    }

    /// Adds a value so many times; false if it is none of this column.
    fn push(&mut self, value: Value, times: u32) -> bool {
        match (self, value) {
            (Self::Ints(ints), Value::Time(number) | Value::Int(number)) => ints.push(number, times),
            (Self::Floats(floats), Value::Float(number)) => floats.extend(repeat_n(number, times as usize)),
            (Self::Bools(bools), Value::Bool(flag)) => bools.extend(repeat_n(flag, times as usize)),
            (Self::Words(words), Value::Text(text)) => return words.push(bounded(text).as_bytes(), times),
            (Self::Unsigned(numbers), Value::Unsigned(number)) => return numbers.push(&number.to_le_bytes(), times),
            (Self::Hashes(hashes), Value::Hash(wire)) => return wire.len() == HASH && hashes.push_other(wire, times),
            (Self::Hashes(hashes), Value::Hex(text)) => {
                return hash_of_hex(text).is_some_and(|wire| hashes.push_other(&wire, times));
            }
            (Self::Texts(texts), Value::Text(text)) => {
                let text = bounded(text);
                for _ in 0..times {
                    texts.extend((text.len() as u32).to_le_bytes());
                    texts.extend(text.as_bytes());
                }
            }
            _ => return false,
        }
        true
    }

    fn memory(&self) -> usize {
        match self {
            Self::Ints(values) => values.memory(),
            Self::Floats(values) => values.capacity() * 8,
            Self::Bools(values) => values.capacity(),
            Self::Words(values) | Self::Unsigned(values) | Self::Hashes(values) => values.memory(),
            Self::Texts(bytes) => bytes.capacity(),
        }
    }
}

/// Whether a value may be NULL all the same: what is no hash, for one.
fn is_lenient(value: Value) -> bool {
    !matches!(value, Value::Time(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_))
}

/// The beginning of a text that is too long.
fn bounded(text: &str) -> &str {
    if text.len() <= MAX_TEXT {
        return text;
    }
    let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// The bytes on the wire of a hash as explorers show it.
fn hash_of_hex(text: &str) -> Option<[u8; HASH]> {
    let mut hash = [0; HASH];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != HASH || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().rev().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (digit(*high)? << 4 | digit(*low)?) as u8;
    }
    Some(hash)
}

impl Values {
    fn push(&mut self, value: Value, times: u32) {
        let is_there = self.data.push(value, times);
        debug_assert!(is_there || is_lenient(value), "{value:?}");
        self.present.push(is_there.into(), times);
    }
}

impl Rows {
    /// No rows of a table yet.
    pub fn new(table: &Table) -> Self {
        let column = |kind| Values { present: Runs::default(), data: Data::of(kind) };
        Self { columns: table.all_columns().map(|of| column(of.kind)).collect(), length: 0 }
    }

    /// Adds a row of an event: the values of the table's own columns, in their order.
    pub fn push<const N: usize>(&mut self, seen: &Seen, values: [Value; N]) {
        self.push_all(seen, values, std::iter::once([]));
    }

    /// Adds rows of an event: the values of the columns that are the same in all rows, then those of the others, row
    /// by row.
    pub fn push_all<'a, const N: usize, const M: usize>(
        &mut self,
        seen: &Seen,
        same: [Value; N],
        rows: impl Iterator<Item = [Value<'a>; M]>,
    ) {
        debug_assert_eq!(4 + N + M, self.columns.len(), "a value for each column");
        let Some((columns, others)) = self.columns.split_at_mut_checked(4 + N) else { return };
        let mut count = 0_u32; // of an event, which has a few megabytes
        for row in rows {
            for (column, value) in others.iter_mut().zip(row) {
                column.push(value, 1);
            }
            count += 1;
        }
        if count == 0 {
            return;
        }
        let envelope = seen.record.envelope();
        let run = if envelope.run == 0 { Value::Null } else { Value::Unsigned(envelope.run) };
        let sequence = if envelope.sequence == 0 { Value::Null } else { Value::from(envelope.sequence) };
        let common = [nanoseconds(envelope.time_ns), Value::Text(&envelope.node), run, sequence];
        for (column, value) in columns.iter_mut().zip(common.into_iter().chain(same)) {
            column.push(value, count);
        }
        self.length += count as usize;
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn columns(&self) -> &[Values] {
        &self.columns
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.columns.iter().map(|column| column.present.memory() + column.data.memory()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_explorers_show_them() {
        let text = "00000000000000000001a2b3c4d5e6f700112233445566778899aabbccddeeff";
        let wire = hash_of_hex(text).unwrap();
        assert_eq!((wire[22], wire[0]), (1, 0xff));
        let mut data = Data::of(Type::Hash);
        assert!(data.push(Value::Hash(&wire), 1) && data.push(Value::Hex(text), 2));
        let Data::Hashes(hashes) = &data else { panic!("{data:?}") };
        assert_eq!((hashes.numbers.values(), hashes.words.get(0)), (vec![0; 3], wire.as_slice()));
        for bad in ["", "00", &text[1..], &text.replace('f', "g"), &format!("{text}0")] {
            assert!(!data.push(Value::Hex(bad), 1), "{bad}");
        }
        assert!(!data.push(Value::Hash(&wire[1..]), 1) && !data.push(Value::Int(1), 1));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(bounded("₿"), "₿");
        let long = "₿".repeat(MAX_TEXT);
        let cut = bounded(&long);
        assert!(cut.len() <= MAX_TEXT && cut.len() > MAX_TEXT - 3);
    }
}
