//! Whole events in JSON: one object a line.

use std::borrow::Cow;

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_with::As;
use thiserror::Error;

use super::{Bytes, Integer};
use crate::kind::BodyOf;
use crate::record::{Envelope, NodeNames, Record, WireError};
use crate::{Body, Kind, time};

/// JSON that is no event.
#[derive(Debug, Error)]
pub enum JsonError {
    /// It is no JSON, or not of the form of an event.
    #[error("not an event in JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The time cannot be read.
    #[error("not an event in JSON: {0:?} is no time like 2026-01-31T12:00:00.000000001Z")]
    Time(String),
    /// The body is not of the kind.
    #[error("not an event in JSON: the body is none of kind {0:?}")]
    Body(&'static str),
    /// The bytes of an event of a kind that is not known are no event.
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Number(#[serde(with = "As::<Integer>")] u64);
        #[derive(Serialize)]
        struct Encoded<'a>(#[serde(with = "As::<Bytes>")] &'a bytes::Bytes);

        let envelope = self.envelope();
        let mut object = serializer.serialize_struct("Event", 7)?;
        object.serialize_field("time", &time::rfc3339(envelope.time_ns))?;
        object.serialize_field("node", &envelope.node)?;
        object.serialize_field("run", &Number(envelope.run))?;
        object.serialize_field("sequence", &Number(envelope.sequence))?;
        object.serialize_field("source", &envelope.kind.source().map(crate::Source::name))?;
        match self.body() {
            Some(body) if envelope.kind != Kind::Unknown => {
                object.serialize_field("kind", envelope.kind.name())?;
                object.serialize_field("body", &BodyOf(body))?;
            }
            _ => {
                object.serialize_field("kind", Kind::Unknown.name())?;
                object.serialize_field("body", &Encoded(self.bytes()))?;
            }
        }
        object.end()
    }
}

/// An event as one line of JSON, without the newline:
/// `{"time":…,"node":…,"run":…,"sequence":…,"source":…,"kind":…,"body":…}`.
pub fn to_json(record: &Record) -> String {
    // Nothing in an event fails to serialize: no map has keys that are not text or numbers.
    serde_json::to_string(record).unwrap_or_default()
}

/// The envelope of an event as one line of JSON, for readers that need no bodies: as [`to_json`] without `body`, but with
/// `peer`, and for P2P messages `message`, `direction` and `size`.
pub fn to_json_brief(record: &Record) -> String {
    serde_json::to_string(&Brief(record.envelope())).unwrap_or_default()
}

struct Brief<'a>(&'a Envelope);

impl Serialize for Brief<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Number(#[serde(with = "As::<Integer>")] u64);

        let Envelope { node, run, sequence, time_ns, kind, peer, message_type, direction, size } = self.0;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("time", &time::rfc3339(*time_ns))?;
        object.serialize_entry("node", node)?;
        object.serialize_entry("run", &Number(*run))?;
        object.serialize_entry("sequence", &Number(*sequence))?;
        object.serialize_entry("source", &kind.source().map(crate::Source::name))?;
        object.serialize_entry("kind", kind.name())?;
        if let Some(peer) = peer {
            object.serialize_entry("peer", &Number(*peer))?;
        }
        if let Some(message_type) = message_type {
            object.serialize_entry("message", message_type)?;
        }
        if let Some(direction) = direction {
            object.serialize_entry("direction", direction.name())?;
        }
        if let Some(size) = size {
            object.serialize_entry("size", &Number(*size))?;
        }
        object.end()
    }
}

/// Reads what [`to_json`] wrote.
///
/// # Errors
/// When the text is no event.
pub fn from_json(text: &str, names: &mut NodeNames) -> Result<Record, JsonError> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        time: Cow<'a, str>,
        #[serde(borrow, default)]
        node: Cow<'a, str>,
        #[serde(with = "As::<Integer>", default)]
        run: u64,
        #[serde(with = "As::<Integer>", default)]
        sequence: u64,
        #[serde(borrow)]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        body: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Encoded(#[serde(with = "As::<Bytes>")] bytes::Bytes);

    let object: Object = serde_json::from_str(text)?;
    let Some(kind) = Kind::from_name(&object.kind) else {
        let Encoded(bytes) = serde_json::from_str(object.body.get())?;
        return Ok(Record::from_bytes(bytes, names)?);
    };
    let time_ns = time::parse_rfc3339(&object.time).ok_or_else(|| JsonError::Time(object.time.to_string()))?;
    let body = nested(kind.path(), object.body.get());
    let body: Body = serde_json::from_str(&body)?;
    if Kind::of(&body) != kind {
        return Err(JsonError::Body(kind.name())); // serde takes an arm that cannot be read for an absent one
    }
    Ok(Record::new(names.intern(object.node), object.run, object.sequence, time_ns, body))
}

/// The body inside the objects that lead to it in the JSON form of [`Body`].
fn nested(path: &[&str], body: &str) -> String {
    let mut json = String::with_capacity(body.len() + 64);
    for name in path {
        json.push_str("{\"");
        json.push_str(name);
        json.push_str("\":");
    }
    json.push_str(body);
    json.extend(path.iter().map(|_| '}'));
    json
}
