//! Reads the text of a configuration file, so that what is wrong is reported with its line and its key, and with what may have been meant.

use std::fmt;
use std::marker::PhantomData;

use anyhow::{Result, anyhow};
use event::similar::{instead, similar};
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Checks that the value of a top-level key in the text of a configuration file can be read.
pub type Validate = fn(text: &str, key: &str) -> Result<()>;

/// A key that a configuration file may have on top.
pub struct Known {
    /// Its name.
    pub name: String,
    /// How it is written, if it is a section.
    pub section: Option<String>,
    /// The keys in the section.
    pub keys: Vec<String>,
    /// How its value is checked.
    pub validate: Validate,
}

/// Reads the value of one top-level key in the text of a configuration file.
///
/// # Errors
/// The value is none of `T`: names line, column and key.
pub fn validate<T: DeserializeOwned>(text: &str, key: &str) -> Result<()> {
    read(text, One::<T> { key, value: PhantomData }).map(|_| ())
}

/// Checks that the text of a configuration file has no other top-level keys than these.
///
/// # Errors
/// The text is no TOML, or has another key: names line, column and key, and what may have been meant.
pub fn validate_keys(text: &str, known: &[Known]) -> Result<()> {
    read(text, Keys { known })
}

/// Checks the texts that are at a path, such as `["node", "extract"]`: each must be one of the known names.
///
/// # Errors
/// One is not: names line, column and key, and what may have been meant.
pub fn validate_names(text: &str, path: &[&str], what: &str, known: &[&str]) -> Result<()> {
    read(text, Names { path, what, known })
}

/// Reads a text by a seed. What is wrong is reported with its place in the text and with its path, such as `rpc.timeout`.
fn read<T>(text: &str, seed: impl for<'de> DeserializeSeed<'de, Value = T>) -> Result<T> {
    let mut track = serde_path_to_error::Track::new();
    let deserializer = toml::Deserializer::parse(text)?;
    let value = seed.deserialize(serde_path_to_error::Deserializer::new(deserializer, &mut track));
    value.map_err(|mut error| {
        error.set_input(Some(text));
        let hint = meant(error.message()).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let error = anyhow!("{}{hint}", error.to_string().trim_end());
        match track.path().to_string() {
            path if path == "." => error,
            path => error.context(path),
        }
    })
}

/// The name that may have been meant, if a message says which ones were expected: "unknown field `lisen`, expected one of `listen`, `auth`".
fn meant(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown ")?.split('`').skip(1).step_by(2);
    let given = quoted.next()?;
    similar(given, quoted)
}

struct One<'a, T> {
    key: &'a str,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for One<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for One<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut value = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == self.key {
                value = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(value)
    }
}

#[derive(Clone, Copy)]
struct Keys<'a> {
    known: &'a [Known],
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Key { known: self.known })?.is_some() {
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// A key that must be known. It is refused while it is read, so that the error has its place.
struct Key<'a> {
    known: &'a [Known],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        if self.known.iter().any(|known| known.name == key) {
            return Ok(());
        }
        let mut sections = self.known.iter().filter(|known| known.keys.iter().any(|inner| inner == key));
        if let Some(section) = sections.find_map(|known| known.section.as_ref()) {
            return Err(E::custom(format!("the key `{key}` belongs in the section {section}")));
        }
        let names: Vec<_> = self.known.iter().map(|known| format!("`{}`", known.name)).collect();
        Err(E::custom(format!("unknown key or section `{key}`, expected one of {}", names.join(", "))))
    }
}

/// Walks to the texts at a path, through lists.
#[derive(Clone, Copy)]
struct Names<'a> {
    path: &'a [&'a str],
    what: &'a str,
    known: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "names of {}s", self.what)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.path.split_first() {
                Some((first, rest)) if *first == key => map.next_value_seed(Names { path: rest, ..self })?,
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        let Self { what, known, .. } = self;
        if known.contains(&name) {
            return Ok(());
        }
        Err(E::custom(format!("there is no {what} {name:?}; {}", instead(name, known.iter().copied()))))
    }
}
