//! Options, each written once: a field of one struct per part is a key of a section of the configuration file, an environment variable and
//! a flag, with one help text and one type that checks it.
//!
//! All fields are `Option`, so that "not given" differs from every value. The files are read into the struct, then the environment and the
//! command line are laid over it (`update_from_arg_matches` changes only what is given), and then it is checked, once.

use std::fmt;
use std::marker::PhantomData;

use anyhow::{Result, anyhow};
use clap::{ArgMatches, Command};
use node::Target;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::config::networks::Networks;
use crate::logging::Color;

/// A struct of options.
pub trait Options: clap::Args + DeserializeOwned + Serialize + Clone + Default + Send + Sync + 'static {}

impl<O: clap::Args + DeserializeOwned + Serialize + Clone + Default + Send + Sync + 'static> Options for O {}

/// Options that are checked into something that can run: a tool or an extractor.
pub trait Check<C>: Options {
    /// Checks them.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would be right.
    fn check(&self, context: &Context) -> Result<C>;
}

/// Options of a part that besides has flags which the configuration file does not: they mean something in its own command only.
pub trait OwnFlags: Options {
    /// The flags.
    type Flags: clap::Args;

    /// Takes over what was given.
    fn take(&mut self, flags: Self::Flags);
}

/// What a part may want to know besides its own options.
pub struct Context {
    /// Files with sets of networks and autonomous systems.
    pub networks: Networks,
    /// When there are colors on the standard output.
    pub color: Color,
    /// The nodes as they are configured; none if they are to be discovered.
    pub nodes: Vec<Target>,
}

/// The options of a part without their type. `C` is what they are checked into.
pub struct Part<C: 'static> {
    /// Name of the section in the configuration file.
    pub section: &'static str,
    /// Adds the flags to a command.
    pub augment: fn(Command) -> Command,
    /// Adds the flags that only the part's own command has.
    pub augment_own: fn(Command) -> Command,
    /// Checks that the section of a file's text can be read.
    pub validate: Validate,
    load: Load<C>,
}

/// Lays environment and command line, and a part's own flags, over the section of the files.
type Load<C> = fn(Option<toml::Value>, Option<&ArgMatches>, Option<&ArgMatches>) -> Result<Loaded<C>>;

/// Checks options that were loaded.
type CheckLater<C> = Box<dyn Fn(&Context) -> Result<C> + Send>;

/// Checks that the value of a top-level key in the text of a configuration file can be read.
pub type Validate = fn(text: &str, key: &str) -> Result<()>;

/// The options of a part after files, environment and command line, without their type.
pub struct Loaded<C> {
    /// As a section of a configuration file; secrets are hidden.
    pub shown: toml::Table,
    /// The section is in a file, or an option of it is given.
    pub present: bool,
    check: CheckLater<C>,
}

impl<C> Loaded<C> {
    /// Checks the options.
    ///
    /// # Errors
    /// The first thing that is wrong, and what would be right.
    pub fn check(&self, context: &Context) -> Result<C> {
        (self.check)(context)
    }
}

impl<C: 'static> Clone for Part<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: 'static> Copy for Part<C> {}

impl<C: 'static> Part<C> {
    /// Options in a section of this name.
    pub const fn of<O: Check<C>>(section: &'static str) -> Self {
        Self {
            section,
            augment: O::augment_args,
            augment_own: |command| command,
            validate: validate::<O>,
            load: |file, matches, _| Ok(loaded(lay_over::<O>(file, matches)?)),
        }
    }

    /// The same for a part that has flags of its own besides.
    pub const fn with_own_flags<O: Check<C> + OwnFlags>(section: &'static str) -> Self {
        Self {
            section,
            augment: O::augment_args,
            augment_own: <O::Flags as clap::Args>::augment_args,
            validate: validate::<O>,
            load: |file, matches, own| {
                let (mut options, present) = lay_over::<O>(file, matches)?;
                if let Some(own) = own {
                    options.take(clap::FromArgMatches::from_arg_matches(own)?);
                }
                Ok(loaded((options, present)))
            },
        }
    }

    /// Lays environment and command line over the section of the files. `own` has the flags of the part's own command, if it is that.
    ///
    /// # Errors
    /// An option cannot be read.
    pub fn load(
        &self,
        file: Option<toml::Value>,
        matches: Option<&ArgMatches>,
        own: Option<&ArgMatches>,
    ) -> Result<Loaded<C>> {
        (self.load)(file, matches, own)
    }
}

fn loaded<C: 'static, O: Check<C>>((options, present): (O, bool)) -> Loaded<C> {
    let shown = shown(&options);
    Loaded { present: present || !shown.is_empty(), shown, check: Box::new(move |context| options.check(context)) }
}

/// Options as a section of a configuration file. Secrets hide themselves.
pub fn shown(options: &impl Serialize) -> toml::Table {
    // Structs of options have nothing that TOML lacks.
    toml::Table::try_from(options).unwrap_or_default()
}

/// The section of the files with environment and command line laid over it, and whether there is such a section.
///
/// # Errors
/// An option cannot be read.
pub fn lay_over<O: Options>(file: Option<toml::Value>, matches: Option<&ArgMatches>) -> Result<(O, bool)> {
    let present = file.is_some();
    let mut options: O = file.map(toml::Value::try_into).transpose()?.unwrap_or_default();
    if let Some(matches) = matches {
        options.update_from_arg_matches(matches)?;
    }
    Ok((options, present))
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
/// The text is no TOML, or has another key: names line, column and key, and lists the known ones.
pub fn validate_keys(text: &str, known: &[&str]) -> Result<()> {
    read(text, Keys { known })
}

/// Reads a text by a seed. What is wrong is reported with its place in the text and with its path, such as `rpc.timeout`.
fn read<T>(text: &str, seed: impl for<'de> DeserializeSeed<'de, Value = T>) -> Result<T> {
    let mut track = serde_path_to_error::Track::new();
    let deserializer = toml::Deserializer::parse(text)?;
    let value = seed.deserialize(serde_path_to_error::Deserializer::new(deserializer, &mut track));
    value.map_err(|mut error| {
        error.set_input(Some(text));
        match track.path().to_string() {
            path if path == "." => anyhow!(error),
            path => anyhow!(error).context(path),
        }
    })
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
    known: &'a [&'a str],
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
    known: &'a [&'a str],
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
        if self.known.contains(&key) {
            return Ok(());
        }
        Err(E::custom(format!("unknown key or section `{key}`, expected one of: {}", self.known.join(", "))))
    }
}
