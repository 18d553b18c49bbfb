//! Reading JSON whose fields come, go and change their type from one node version to the next.
//!
//! A field that is missing, `null` or of a type that makes no sense takes its default and disturbs no other; a number may be
//! written as integer, float or text, and a list of one as the element itself.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A type that is made from whatever JSON there is; none where that has no meaning for it.
pub(super) trait Lenient: Sized {
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    fn from_u64(_: u64) -> Option<Self> {
        None
    }
    fn from_i64(_: i64) -> Option<Self> {
        None
    }
    fn from_f64(_: f64) -> Option<Self> {
        None
    }
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// The value, if the JSON has a meaning for its type.
pub(super) struct Maybe<T>(pub(super) Option<T>);

impl<'de, T: Lenient> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MaybeVisitor(PhantomData)).map(Self)
    }
}

struct MaybeVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for MaybeVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Option<T>, E> {
        Ok(T::from_bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Option<T>, E> {
        Ok(T::from_u64(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Option<T>, E> {
        Ok(T::from_i64(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Option<T>, E> {
        Ok(T::from_f64(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Option<T>, E> {
        Ok(T::from_text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Option<T>, A::Error> {
        T::from_list(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Option<T>, A::Error> {
        T::from_object(object)
    }
}

/// Integers: a float loses its fraction, what is out of range has no meaning.
macro_rules! integer {
    ($($type:ty)*) => {$(
        impl Lenient for $type {
            fn from_bool(value: bool) -> Option<Self> {
                Some(value.into())
            }
            fn from_u64(value: u64) -> Option<Self> {
                value.try_into().ok()
            }
            fn from_i64(value: i64) -> Option<Self> {
                value.try_into().ok()
            }
            fn from_f64(value: f64) -> Option<Self> {
                // Both bounds are exact: powers of two.
                let fits = value >= i64::MIN as f64 && value < -(i64::MIN as f64);
                if fits { Self::from_i64(value as i64) } else { None }
            }
            fn from_text(value: &str) -> Option<Self> {
                value.parse().ok()
            }
        }
    )*};
}
integer!(i32 i64 u16 u32 u64);

impl Lenient for f64 {
    fn from_u64(value: u64) -> Option<Self> {
        Some(value as Self)
    }
    fn from_i64(value: i64) -> Option<Self> {
        Some(value as Self)
    }
    fn from_f64(value: f64) -> Option<Self> {
        Some(value)
    }
    fn from_text(value: &str) -> Option<Self> {
        value.parse().ok().filter(|v: &Self| v.is_finite())
    }
}

impl Lenient for bool {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
    fn from_u64(value: u64) -> Option<Self> {
        Some(value != 0)
    }
    fn from_i64(value: i64) -> Option<Self> {
        Some(value != 0)
    }
    fn from_f64(value: f64) -> Option<Self> {
        Some(value != 0.0)
    }
    fn from_text(value: &str) -> Option<Self> {
        value.parse().ok()
    }
}

impl Lenient for String {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value.to_string())
    }
    fn from_u64(value: u64) -> Option<Self> {
        Some(value.to_string())
    }
    fn from_i64(value: i64) -> Option<Self> {
        Some(value.to_string())
    }
    fn from_f64(value: f64) -> Option<Self> {
        Some(value.to_string())
    }
    fn from_text(value: &str) -> Option<Self> {
        Some(value.to_owned())
    }
}

/// `Some` of what the inner type makes of it.
impl<T: Lenient> Lenient for Option<T> {
    fn from_bool(value: bool) -> Option<Self> {
        T::from_bool(value).map(Some)
    }
    fn from_u64(value: u64) -> Option<Self> {
        T::from_u64(value).map(Some)
    }
    fn from_i64(value: i64) -> Option<Self> {
        T::from_i64(value).map(Some)
    }
    fn from_f64(value: f64) -> Option<Self> {
        T::from_f64(value).map(Some)
    }
    fn from_text(value: &str) -> Option<Self> {
        T::from_text(value).map(Some)
    }
    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
        Ok(T::from_list(list)?.map(Some))
    }
    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        Ok(T::from_object(object)?.map(Some))
    }
}

/// A list without the elements that have no meaning. A text alone is a list of one (or none if it is empty), as `warnings` was.
impl<T: Lenient> Lenient for Vec<T> {
    fn from_text(value: &str) -> Option<Self> {
        if value.is_empty() { Some(Self::new()) } else { Some(vec![T::from_text(value)?]) }
    }
    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut elements = Self::new();
        while let Some(element) = list.next_element::<Maybe<T>>()? {
            elements.extend(element.0);
        }
        Ok(Some(elements))
    }
}

/// An object by its keys, without the entries that have no meaning.
impl<K: Key, T: Lenient> Lenient for BTreeMap<K, T> {
    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut entries = Self::new();
        while let Some((key, value)) = object.next_entry::<String, Maybe<T>>()? {
            if let (Some(key), Some(value)) = (K::from_key(key), value.0) {
                entries.insert(key, value);
            }
        }
        Ok(Some(entries))
    }
}

/// The key of an object whose keys are data.
pub(super) trait Key: Ord + Sized {
    fn from_key(key: String) -> Option<Self>;
}

impl Key for String {
    fn from_key(key: String) -> Option<Self> {
        Some(key)
    }
}

/// Reads an object or list; any other JSON is an error, since an answer of the wrong kind altogether is no answer.
pub(super) struct Strict<T>(pub(super) PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for Strict<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the result that this method has")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        let unexpected = || serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &"an object");
        T::from_list(list)?.ok_or_else(unexpected)
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        let unexpected = || serde::de::Error::invalid_type(serde::de::Unexpected::Map, &"a list");
        T::from_object(object)?.ok_or_else(unexpected)
    }
}

/// Lets serde read a result of a method.
macro_rules! result {
    ($type:ty) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($crate::rpc::lenient::Strict(std::marker::PhantomData))
            }
        }
    };
}

/// A struct whose fields are called as in the node's JSON.
macro_rules! object {
    (
        $(#[$doc:meta])*
        pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl $crate::rpc::lenient::Lenient for $name {
            fn from_object<'de, A: serde::de::MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
                use $crate::rpc::lenient::Maybe;
                let mut this = Self::default();
                while let Some(key) = object.next_key::<String>()? {
                    match key.as_str() {
                        $(stringify!($field) => this.$field = object.next_value::<Maybe<$type>>()?.0.unwrap_or_default(),)*
                        _ => {
                            object.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Some(this))
            }
        }

        $crate::rpc::lenient::result!($name);
    };
}

/// A list or map that is all of a method's result.
macro_rules! whole {
    ($(#[$doc:meta])* pub struct $name:ident(pub $type:ty);) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name(pub $type);

        impl $crate::rpc::lenient::Lenient for $name {
            fn from_list<'de, A: serde::de::SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
                Ok(<$type>::from_list(list)?.map(Self))
            }
            fn from_object<'de, A: serde::de::MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
                Ok(<$type>::from_object(object)?.map(Self))
            }
        }

        $crate::rpc::lenient::result!($name);
    };
}

pub(super) use {object, result, whole};
