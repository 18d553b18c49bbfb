//! How the fields of events look in JSON: hashes as explorers show them, other bytes as hexadecimal,
//! enum values by name, integers as numbers as long as every reader can hold them exactly.

mod record;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serializer};
use serde_with::{DeserializeAs, SerializeAs};

pub use record::{JsonError, from_json, to_json, to_json_brief};

/// The largest integer up to which a double, and so JavaScript, holds every integer.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// Bytes as hexadecimal.
pub struct Bytes;

impl SerializeAs<bytes::Bytes> for Bytes {
    fn serialize_as<S: Serializer>(source: &bytes::Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(source))
    }
}

impl<'de> DeserializeAs<'de, bytes::Bytes> for Bytes {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<bytes::Bytes, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        hex::decode(text.as_bytes())
            .map(Into::into)
            .map_err(|error| D::Error::custom(format!("bytes must be hexadecimal: {error}")))
    }
}

/// A hash as hexadecimal in reverse, as explorers show it.
pub struct Hash;

impl SerializeAs<bytes::Bytes> for Hash {
    fn serialize_as<S: Serializer>(source: &bytes::Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&crate::HashText(source))
    }
}

impl<'de> DeserializeAs<'de, bytes::Bytes> for Hash {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<bytes::Bytes, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let mut raw = hex::decode(text.as_bytes())
            .map_err(|error| D::Error::custom(format!("a hash must be hexadecimal: {error}")))?;
        raw.reverse();
        Ok(raw.into())
    }
}

/// A 64-bit integer: a number where every reader holds it exactly, text beyond.
pub struct Integer;

impl SerializeAs<u64> for Integer {
    fn serialize_as<S: Serializer>(source: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if *source <= MAX_EXACT { serializer.serialize_u64(*source) } else { serializer.collect_str(source) }
    }
}

impl SerializeAs<i64> for Integer {
    fn serialize_as<S: Serializer>(source: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        if source.unsigned_abs() <= MAX_EXACT {
            serializer.serialize_i64(*source)
        } else {
            serializer.collect_str(source)
        }
    }
}

impl<'de> DeserializeAs<'de, u64> for Integer {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let value = deserializer.deserialize_any(NumberVisitor)?;
        u64::try_from(value).map_err(|_| D::Error::custom(format!("{value} is out of range")))
    }
}

impl<'de> DeserializeAs<'de, i64> for Integer {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let value = deserializer.deserialize_any(NumberVisitor)?;
        i64::try_from(value).map_err(|_| D::Error::custom(format!("{value} is out of range")))
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = i128;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an integer, as a number or as text")
    }

    fn visit_u64<E>(self, value: u64) -> Result<i128, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<i128, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i128, E> {
        text.parse().map_err(|_| E::custom("an integer must consist of digits"))
    }
}

/// A floating point number; infinities and NaN, which JSON lacks, as text.
pub struct Float;

impl SerializeAs<f64> for Float {
    fn serialize_as<S: Serializer>(source: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if source.is_finite() { serializer.serialize_f64(*source) } else { serializer.collect_str(source) }
    }
}

impl<'de> DeserializeAs<'de, f64> for Float {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<'a> {
            Number(f64),
            Text(#[serde(borrow)] Cow<'a, str>),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(number),
            Either::Text(text) => {
                text.parse().map_err(|_| D::Error::custom("a number must be a number, \"NaN\" or \"inf\""))
            }
        }
    }
}

/// An enum value by its name in the wire format; a value that has no name as a number.
pub struct Name<T>(PhantomData<T>);

/// An enum of the wire format.
pub trait Named: TryFrom<i32> + Into<i32> {
    /// The name of a value.
    fn name(&self) -> &'static str;
    /// The value of a name.
    fn from_name(name: &str) -> Option<Self>;
}

macro_rules! named {
    ($($type:path),+ $(,)?) => {$(
        impl Named for $type {
            fn name(&self) -> &'static str {
                self.as_str_name()
            }
            fn from_name(name: &str) -> Option<Self> {
                Self::from_str_name(name)
            }
        }
    )+};
}

use crate::pb;

named!(
    pb::bitcoin_primitives::ConnType,
    pb::ebpf_extractor::message::reject::RejectReason,
    pb::ebpf_extractor::message::filter_load::BloomFlags,
    pb::rpc_extractor::FeeEstimateMode,
    pb::log_extractor::LogLevel,
    pb::log_extractor::LogDebugCategory,
    pb::log_extractor::DisconnectReason,
    pb::log_extractor::MisbehavingAction,
    pb::log_extractor::RefusedReason,
    pb::log_extractor::StallKind,
    pb::connectivity::Outcome,
    pb::chain::Status,
    pb::alerts::Severity,
    pb::alerts::State,
    pb::alerts::SubjectKind,
    pb::alerts::TextKind,
    pb::p2p_extractor::Way,
    pb::log_extractor::AddrmanAction,
    pb::log_extractor::AttemptStep,
    pb::log_extractor::ConnectionFailure,
    pb::log_extractor::HeadersRequestReason,
    pb::log_extractor::HeadersSyncPhase,
    pb::log_extractor::HeadersSyncStep,
    pb::log_extractor::IgnoredReason,
    pb::log_extractor::MempoolRemovalCause,
    pb::log_extractor::NegotiationStep,
    pb::log_extractor::OrphanAction,
    pb::log_extractor::OrphansRemovedCause,
    pb::log_extractor::PeerStateChange,
    pb::log_extractor::ValidationSignalName,
    pb::observer::node_state::State,
);

impl<T: Named> SerializeAs<i32> for Name<T> {
    fn serialize_as<S: Serializer>(source: &i32, serializer: S) -> Result<S::Ok, S::Error> {
        match T::try_from(*source) {
            Ok(value) => serializer.serialize_str(value.name()),
            Err(_) => serializer.serialize_i32(*source),
        }
    }
}

impl<'de, T: Named> DeserializeAs<'de, i32> for Name<T> {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<'a> {
            Number(i32),
            Text(#[serde(borrow)] Cow<'a, str>),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(number),
            Either::Text(name) => {
                T::from_name(&name).map(Into::into).ok_or_else(|| D::Error::custom(format!("no such value: {name:?}")))
            }
        }
    }
}
