//! The JSON form of the original's websocket: what its pages and the programs of others read.
//!
//! An event is the arm of its oneof, as nested objects: `{"EbpfExtractor":{"ebpf_event":{"Message":{"meta":{…},"msg":{"Ping":{"value":1}}}}}}`.
//! It has no time and no node. How each message looks follows from the wire format: see `build/original_json.rs`.

use std::collections::BTreeMap;

use serde::ser::Error;
use serde::{Serialize, Serializer};

use crate::Record;

/// An event as the original's websocket sends it, on one line; none of a kind that it lacks. 64-bit integers are numbers, which JavaScript
/// does not hold exactly beyond 2^53: that is how its readers know them.
pub fn to_json(record: &Record) -> Option<String> {
    serde_json::to_string(&Theirs(&*super::body(record)?)).ok()
}

/// `Serialize` for [`Theirs`] of each message and each oneof.
#[allow(unused_qualifications, clippy::all, clippy::pedantic)]
mod messages {
    use serde::ser::SerializeMap;

    use super::{List, Map, Numbers, Theirs, ours};

    include!(concat!(env!("OUT_DIR"), "/original_json.rs"));
}

/// A message, or the arm of a oneof.
struct Theirs<'a, T>(&'a T);

/// The error for an arm that only we have. None comes here: see [`super::body`].
fn ours<E: Error>() -> E {
    E::custom("others do not know this")
}

struct List<'a, T>(&'a [T]);

impl<T> Serialize for List<'_, T>
where
    for<'a> Theirs<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Theirs))
    }
}

struct Map<'a, K, T>(&'a BTreeMap<K, T>);

impl<K: Serialize, T> Serialize for Map<'_, K, T>
where
    for<'a> Theirs<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Theirs(value))))
    }
}

struct Numbers<'a>(&'a [u8]);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}
