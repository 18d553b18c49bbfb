//! What a client subscribes to: the filters of the command line and a form, read from a query or from a message.

use std::borrow::Cow;
use std::str::FromStr;

use event::filter::FilterError;
use event::quote::Quoted;
use event::{Filter, time};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// How many values one list has at most.
const MAX_ENTRIES: usize = 256;

/// How much of each event a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The whole event, as `watch -o json` prints it.
    #[default]
    Full,
    /// Only the envelope: kind, time, node, peer and size.
    Brief,
}

impl Form {
    /// The name in queries and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Brief => "brief",
        }
    }
}

/// A client's request to subscribe to events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubscribeRequest {
    /// Which events the client gets.
    pub filter: Filter,
    /// How much of each event it gets.
    pub form: Form,
}

/// The error for a request that cannot be understood. Its text goes to the client.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SubscribeError {
    /// A filter has a value that is not valid for it.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A time cannot be parsed.
    #[error("{key}: {text}")]
    Time {
        /// The key: `since` or `until`.
        key: &'static str,
        /// What is wrong with it, and what would be right.
        text: String,
    },
    /// The id of a peer is not a number.
    #[error("peer: {} is no id of a peer: it is a number", Quoted(.0))]
    Peer(String),
    /// The form is neither of the two.
    #[error("form: {} is no form: it is \"full\" or \"brief\"", Quoted(.0))]
    Form(String),
    /// There is no filter with this key.
    #[error("there is no filter {}; there are: node, kind, message, peer, addr, direction, since, until, form", Quoted(.0))]
    Key(String),
    /// A list is too long.
    #[error("{0}: at most {MAX_ENTRIES} values are taken")]
    TooMany(&'static str),
    /// A filter that takes one value has several.
    #[error("{0}: only one value is taken")]
    NotOne(&'static str),
    /// A value is neither text, a number, nor a list of such.
    #[error("{0}: the value must be text, a number, or a list of such")]
    Value(String),
}

impl SubscribeRequest {
    /// Reads a query such as `kind=message&node=alice,bob`.
    ///
    /// # Errors
    /// The first part that cannot be understood.
    pub fn from_query(query: &str) -> Result<Self, SubscribeError> {
        let mut request = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            request.add(&key, value.split(',').map(Cow::Borrowed))?;
        }
        Ok(request)
    }

    /// Reads an object such as `{"kind": ["message"], "node": "alice"}`.
    ///
    /// # Errors
    /// The first part that cannot be understood.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, SubscribeError> {
        let mut request = Self::default();
        for (key, value) in object {
            match value {
                Value::Array(values) => {
                    let texts: Option<Vec<Cow<str>>> = values.iter().map(scalar).collect();
                    request.add(key, texts.ok_or_else(|| SubscribeError::Value(key.clone()))?.into_iter())?;
                }
                Value::Null => {}
                value => {
                    let text = scalar(value).ok_or_else(|| SubscribeError::Value(key.clone()))?;
                    request.add(key, text.split(',').map(Cow::Borrowed))?;
                }
            }
        }
        Ok(request)
    }

    /// The request as [`Self::from_json`] reads it.
    pub fn to_json(&self) -> Value {
        let Filter { nodes, kinds, messages, peers, addrs, direction, since_ns, until_ns } = &self.filter;
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| {
            if !matches!(&value, Value::Array(list) if list.is_empty()) && !value.is_null() {
                object.insert(key.to_owned(), value);
            }
        };
        put("node", json!(nodes));
        put("kind", kinds.iter().map(|kinds| kinds.name()).collect());
        put("message", json!(messages));
        put("peer", json!(peers));
        put("addr", addrs.iter().map(ToString::to_string).collect());
        put("direction", json!(direction.map(event::Direction::name)));
        put("since", json!(since_ns.map(time::rfc3339)));
        put("until", json!(until_ns.map(time::rfc3339)));
        put("form", json!(self.form.name()));
        Value::Object(object)
    }

    /// Adds the values of one key.
    fn add<'a>(&mut self, key: &str, values: impl Iterator<Item = Cow<'a, str>>) -> Result<(), SubscribeError> {
        let mut values = values.filter(|value| !value.is_empty());
        let filter = &mut self.filter;
        match key {
            "node" => extend(&mut filter.nodes, "node", values, |value| Ok(value.to_owned())),
            "kind" => extend(&mut filter.kinds, "kind", values, |value| Ok(value.parse()?)),
            "message" => extend(&mut filter.messages, "message", values, |value| Ok(value.into())),
            "peer" => extend(&mut filter.peers, "peer", values, |value| {
                value.parse().map_err(|_| SubscribeError::Peer(value.to_owned()))
            }),
            "addr" => extend(&mut filter.addrs, "addr", values, |value| Ok(value.parse()?)),
            "direction" => {
                filter.direction = one("direction", &mut values)?.map(|value| FromStr::from_str(&value)).transpose()?;
                Ok(())
            }
            "since" => {
                filter.since_ns = when("since", &mut values)?;
                Ok(())
            }
            "until" => {
                filter.until_ns = when("until", &mut values)?;
                Ok(())
            }
            "form" => {
                self.form = match one("form", &mut values)?.as_deref() {
                    None | Some("full") => Form::Full,
                    Some("brief") => Form::Brief,
                    Some(other) => return Err(SubscribeError::Form(other.to_owned())),
                };
                Ok(())
            }
            other => Err(SubscribeError::Key(other.to_owned())),
        }
    }
}

/// A text, or a number as text.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Adds parsed values to a list, up to [`MAX_ENTRIES`].
fn extend<'a, T>(
    list: &mut Vec<T>,
    key: &'static str,
    values: impl Iterator<Item = Cow<'a, str>>,
    read: impl Fn(&str) -> Result<T, SubscribeError>,
) -> Result<(), SubscribeError> {
    for value in values {
        if list.len() >= MAX_ENTRIES {
            return Err(SubscribeError::TooMany(key));
        }
        list.push(read(&value)?);
    }
    Ok(())
}

/// The only value, or none.
fn one<'a>(
    key: &'static str,
    values: &mut impl Iterator<Item = Cow<'a, str>>,
) -> Result<Option<Cow<'a, str>>, SubscribeError> {
    let first = values.next();
    if values.next().is_some() { Err(SubscribeError::NotOne(key)) } else { Ok(first) }
}

/// The only value, as a time in nanoseconds since the UNIX epoch.
fn when<'a>(key: &'static str, values: &mut impl Iterator<Item = Cow<'a, str>>) -> Result<Option<u64>, SubscribeError> {
    let read =
        |value: Cow<str>| time::parse_when(&value, time::now_ns()).map_err(|text| SubscribeError::Time { key, text });
    one(key, values)?.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_messages_mean_the_same() {
        let query = SubscribeRequest::from_query("kind=message,netconn&kind=rpc&node=alice&peer=5,6&addr=10.0.0.0%2F8&direction=in&form=brief&since=%401700000000").unwrap();
        let message = json!({
            "kind": ["message", "netconn", "rpc"], "node": "alice", "peer": [5, "6"], "addr": "10.0.0.0/8",
            "direction": "inbound", "form": "brief", "since": "2023-11-14T22:13:20Z", "until": null,
        });
        assert_eq!(SubscribeRequest::from_json(message.as_object().unwrap()).unwrap(), query);
        assert_eq!(SubscribeRequest::from_json(query.to_json().as_object().unwrap()).unwrap(), query);
        assert_eq!(SubscribeRequest::from_query("").unwrap(), SubscribeRequest::default());
        assert_eq!(SubscribeRequest::from_query("kind=&node=").unwrap(), SubscribeRequest::default());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let many = format!("peer={}", vec!["1"; 300].join(","));
        let table = [
            ("kind=netmessage", "netmessage"),
            ("colour=red", "colour"),
            ("peer=x", "\"x\""),
            ("direction=up", "up"),
            ("direction=in,out", "direction"),
            ("form=long", "full"),
            ("since=yesterday", "since"),
            ("addr=nobody", "nobody"),
            (&many, "256"),
        ];
        for (query, expected) in table {
            let error = SubscribeRequest::from_query(query).unwrap_err().to_string();
            assert!(error.contains(expected), "{query}: {error}");
        }
        assert!(SubscribeRequest::from_json(json!({"kind": {"a": 1}}).as_object().unwrap()).is_err());
    }
}
