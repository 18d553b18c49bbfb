//! What a client wants: the filters of the command line and a form, from a query or from a message.

use std::borrow::Cow;
use std::str::FromStr;

use event::filter::FilterError;
use event::quote::Quoted;
use event::{Filter, time};
use serde_json::{Map, Value, json};
use thiserror::Error;

/// Entries of one list at the most.
const MAX_ENTRIES: usize = 256;

/// How much of an event a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// All of it, as `watch -o json` prints it.
    #[default]
    Full,
    /// The envelope: what, when, of which node and peer, how large.
    Brief,
}

impl Form {
    /// Its name in queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Brief => "brief",
        }
    }
}

/// What a client wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// Which events.
    pub filter: Filter,
    /// How much of each.
    pub form: Form,
}

/// A wish that cannot be understood.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WishError {
    /// A value is none of those that are understood.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A time that cannot be read.
    #[error("{key}: {text}")]
    Time {
        /// `since` or `until`.
        key: &'static str,
        /// What would be right.
        text: String,
    },
    /// Not the id of a peer.
    #[error("peer: {} is no id of a peer: it is a number", Quoted(.0))]
    Peer(String),
    /// Neither of the two forms.
    #[error("form: {} is no form: it is \"full\" or \"brief\"", Quoted(.0))]
    Form(String),
    /// A key that means nothing.
    #[error("there is no filter {}; there are: node, kind, message, peer, addr, direction, since, until, form", Quoted(.0))]
    Key(String),
    /// A list that is too long.
    #[error("{0}: at most {MAX_ENTRIES} values are taken")]
    TooMany(&'static str),
    /// Two values where one is meant.
    #[error("{0}: only one value is taken")]
    NotOne(&'static str),
    /// A value of another kind.
    #[error("{0}: the value must be text, a number, or a list of such")]
    Value(String),
}

impl Wish {
    /// From a query: `kind=message&node=alice,bob`.
    ///
    /// # Errors
    /// The first thing that is not understood.
    pub fn from_query(query: &str) -> Result<Self, WishError> {
        let mut wish = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            wish.add(&key, value.split(',').map(Cow::Borrowed))?;
        }
        Ok(wish)
    }

    /// From an object: `{"kind": ["message"], "node": "alice"}`.
    ///
    /// # Errors
    /// The first thing that is not understood.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, WishError> {
        let mut wish = Self::default();
        for (key, value) in object {
            match value {
                Value::Array(values) => {
                    let texts: Option<Vec<Cow<str>>> = values.iter().map(scalar).collect();
                    wish.add(key, texts.ok_or_else(|| WishError::Value(key.clone()))?.into_iter())?;
                }
                Value::Null => {}
                value => {
                    let text = scalar(value).ok_or_else(|| WishError::Value(key.clone()))?;
                    wish.add(key, text.split(',').map(Cow::Borrowed))?;
                }
            }
        }
        Ok(wish)
    }

    /// The wish as [`Self::from_json`] reads it.
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

    fn add<'a>(&mut self, key: &str, values: impl Iterator<Item = Cow<'a, str>>) -> Result<(), WishError> {
        let mut values = values.filter(|value| !value.is_empty());
        let filter = &mut self.filter;
        match key {
            "node" => extend(&mut filter.nodes, "node", values, |value| Ok(value.to_owned())),
            "kind" => extend(&mut filter.kinds, "kind", values, |value| Ok(value.parse()?)),
            "message" => extend(&mut filter.messages, "message", values, |value| Ok(value.into())),
            "peer" => extend(&mut filter.peers, "peer", values, |value| {
                value.parse().map_err(|_| WishError::Peer(value.to_owned()))
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
                    Some(other) => return Err(WishError::Form(other.to_owned())),
                };
                Ok(())
            }
            other => Err(WishError::Key(other.to_owned())),
        }
    }
}

/// Text, or a number as text.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

fn extend<'a, T>(
    list: &mut Vec<T>,
    key: &'static str,
    values: impl Iterator<Item = Cow<'a, str>>,
    read: impl Fn(&str) -> Result<T, WishError>,
) -> Result<(), WishError> {
    for value in values {
        if list.len() >= MAX_ENTRIES {
            return Err(WishError::TooMany(key));
        }
        list.push(read(&value)?);
    }
    Ok(())
}

fn one<'a>(
    key: &'static str,
    values: &mut impl Iterator<Item = Cow<'a, str>>,
) -> Result<Option<Cow<'a, str>>, WishError> {
    let first = values.next();
    if values.next().is_some() { Err(WishError::NotOne(key)) } else { Ok(first) }
}

fn when<'a>(key: &'static str, values: &mut impl Iterator<Item = Cow<'a, str>>) -> Result<Option<u64>, WishError> {
    let read = |value: Cow<str>| time::parse_when(&value, time::now_ns()).map_err(|text| WishError::Time { key, text });
    one(key, values)?.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_messages_say_the_same() {
        let query = Wish::from_query("kind=message,netconn&kind=rpc&node=alice&peer=5,6&addr=10.0.0.0%2F8&direction=in&form=brief&since=%401700000000").unwrap();
        let message = json!({
            "kind": ["message", "netconn", "rpc"], "node": "alice", "peer": [5, "6"], "addr": "10.0.0.0/8",
            "direction": "inbound", "form": "brief", "since": "2023-11-14T22:13:20Z", "until": null,
        });
        assert_eq!(Wish::from_json(message.as_object().unwrap()).unwrap(), query);
        assert_eq!(Wish::from_json(query.to_json().as_object().unwrap()).unwrap(), query);
        assert_eq!(Wish::from_query("").unwrap(), Wish::default());
        assert_eq!(Wish::from_query("kind=&node=").unwrap(), Wish::default());
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
            let error = Wish::from_query(query).unwrap_err().to_string();
            assert!(error.contains(expected), "{query}: {error}");
        }
        assert!(Wish::from_json(json!({"kind": {"a": 1}}).as_object().unwrap()).is_err());
    }
}
