//! What a table is: its columns, declared once for the files, the manual and the tests, and the function that makes
//! rows of an event.

use crate::rows::Rows;
use crate::seen::Seen;

/// A table of the export.
#[derive(Debug)]
pub struct Table {
    /// Its name, as in the folders: `table=NAME`.
    pub name: &'static str,
    /// What a row is.
    pub meaning: &'static str,
    /// Its columns, after those that all tables have: [`COMMON`].
    pub columns: &'static [Column],
    /// Adds the rows that an event has.
    pub(crate) rows: fn(&Seen, &mut Rows),
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Type,
    /// What it says, with the unit; where it is NULL, if that needs words.
    pub meaning: &'static str,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A point in time, in microseconds, UTC.
    Time,
    /// A signed number of 64 bits.
    Int,
    /// An unsigned number of 64 bits, of which a column has few.
    Unsigned,
    /// A number with fractions.
    Float,
    /// Yes or no.
    Bool,
    /// A text of which a column has few: it is in a dictionary.
    Word,
    /// A text.
    Text,
    /// A hash: 32 bytes, the last byte on the wire first, as explorers show it.
    Hash,
}

impl Type {
    /// The type in Parquet's words.
    pub fn parquet(self) -> &'static str {
        match self {
            Self::Time => "TIMESTAMP(MICROS, UTC)",
            Self::Int => "INT64",
            Self::Unsigned => "UINT64",
            Self::Float => "DOUBLE",
            Self::Bool => "BOOLEAN",
            Self::Word => "STRING (dictionary)",
            Self::Text => "STRING",
            Self::Hash => "FIXED_LEN_BYTE_ARRAY(32)",
        }
    }
}

impl Type {
    /// The type in DuckDB's words.
    pub(crate) fn duckdb(self) -> &'static str {
        match self {
            Self::Time => "TIMESTAMP WITH TIME ZONE",
            Self::Int => "BIGINT",
            Self::Unsigned => "UBIGINT",
            Self::Float => "DOUBLE",
            Self::Bool => "BOOLEAN",
            Self::Word | Self::Text => "VARCHAR",
            Self::Hash => "BLOB",
        }
    }
}

impl Column {
    const fn new(name: &'static str, kind: Type, meaning: &'static str) -> Self {
        Self { name, kind, meaning }
    }
}

pub(crate) const fn time(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Time, meaning)
}

pub(crate) const fn int(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Int, meaning)
}

pub(crate) const fn unsigned(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Unsigned, meaning)
}

pub(crate) const fn float(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Float, meaning)
}

pub(crate) const fn flag(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Bool, meaning)
}

pub(crate) const fn word(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Word, meaning)
}

pub(crate) const fn text(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Text, meaning)
}

pub(crate) const fn hash(name: &'static str, meaning: &'static str) -> Column {
    Column::new(name, Type::Hash, meaning)
}

/// The columns that all tables begin with.
pub const COMMON: [Column; 4] = [
    time("time", "when the node did it; never NULL"),
    word("node", "the observed node; empty if its extractor was given no name, never NULL"),
    unsigned("run", "the run of the extractor that saw it; NULL in events of programs that count none"),
    int("sequence", "position in the run, from 1 on: with `node` and `run` it tells which rows are of one event"),
];

impl Table {
    /// All its columns.
    pub fn all_columns(&self) -> impl Iterator<Item = &'static Column> {
        COMMON.iter().chain(self.columns)
    }
}

/// What is in a field of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    /// Microseconds since the UNIX epoch.
    Time(i64),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
    Text(&'a str),
    /// In the order of the wire. Anything but 32 bytes is no hash.
    Hash(&'a [u8]),
    /// In hexadecimal, as explorers show it.
    Hex(&'a str),
}

/// A point in time by nanoseconds since the UNIX epoch.
pub(crate) fn nanoseconds(ns: u64) -> Value<'static> {
    Value::Time((ns / 1000) as i64) // 64 bits of nanoseconds are 55 of microseconds
}

/// A point in time by seconds since the UNIX epoch, where 0 stands for none.
pub(crate) fn seconds(seconds: i64) -> Value<'static> {
    match seconds.checked_mul(1_000_000) {
        None | Some(0) => Value::Null,
        Some(micros) => Value::Time(micros),
    }
}

/// The same of a number without a sign.
pub(crate) fn unsigned_seconds(number: u64) -> Value<'static> {
    i64::try_from(number).map_or(Value::Null, seconds)
}

/// Seconds, by nanoseconds.
pub(crate) fn duration(ns: u64) -> Value<'static> {
    Value::Float(ns as f64 / 1e9)
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value<'_> {
    /// A number that is too large for a column of signed numbers is no count of anything.
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Null, Self::Int)
    }
}

impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a, T> From<Option<T>> for Value<'a>
where
    Value<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Self::from)
    }
}
