//! Options, each written once: a field of one struct per part is a key of a section of the configuration file, an environment variable and
//! a flag, with one help text, one type that checks it, and one default value.
//!
//! A struct begins with its defaults (`Default`). The files are read over them, then the environment and the command line are laid over it
//! (`update_from_arg_matches` changes only what is given), and then it is checked, once.

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use node::Target;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::s3::S3Options;
use crate::config::text;
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
    pub networks: networks::Files,
    /// The account at a store.
    pub(crate) s3: S3Options,
    /// When there are colors on the standard output.
    pub color: Color,
    /// The nodes as they are configured; none if they are to be discovered.
    pub nodes: Vec<Target>,
}

/// An option, wherever it may be given.
pub struct OptionInfo {
    /// Its key in the section of the configuration file.
    pub key: String,
    /// Its flag, environment variable and help.
    pub arg: Arg,
}

/// The options of a struct, in the order in which it has them. `section` is where the configuration file has them: what the name of an argument
/// begins with to be the only one of all sections is no part of the key.
pub fn describe<O: clap::Args>(section: &str) -> Vec<OptionInfo> {
    let prefix = format!("{section}_");
    let key = |arg: &Arg| {
        let id = arg.get_id().as_str();
        id.strip_prefix(&prefix).unwrap_or(id).to_owned()
    };
    let command = O::augment_args_for_update(Command::new(""));
    command.get_arguments().map(|arg| OptionInfo { key: key(arg), arg: arg.clone() }).collect()
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
    pub validate: text::Validate,
    /// The options where nothing is given, as a section of a configuration file.
    pub defaults: fn() -> toml::Table,
    describe: fn(&str) -> Vec<OptionInfo>,
    load: Load<C>,
}

/// Lays environment and command line, and a part's own flags, over the section of the files, whose name comes first.
type Load<C> = fn(&str, Option<toml::Value>, Option<&ArgMatches>, Option<&ArgMatches>) -> Result<Loaded<C>>;

/// Checks options that were loaded.
type CheckLater<C> = Box<dyn Fn(&Context) -> Result<C> + Send>;

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
            augment: O::augment_args_for_update,
            augment_own: |command| command,
            validate: text::validate::<O>,
            defaults: || shown(&O::default()),
            describe: describe::<O>,
            load: |section, file, matches, _| Ok(loaded(lay_over::<O>(section, file, matches)?)),
        }
    }

    /// The same for a part that has flags of its own besides.
    pub const fn with_own_flags<O: Check<C> + OwnFlags>(section: &'static str) -> Self {
        Self {
            augment_own: <O::Flags as clap::Args>::augment_args,
            load: |section, file, matches, own| {
                let (mut options, present) = lay_over::<O>(section, file, matches)?;
                if let Some(own) = own {
                    options.take(clap::FromArgMatches::from_arg_matches(own)?);
                }
                Ok(loaded((options, present)))
            },
            ..Self::of::<O>(section)
        }
    }

    /// All of the options.
    pub fn options(&self) -> Vec<OptionInfo> {
        (self.describe)(self.section)
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
        (self.load)(self.section, file, matches, own)
    }
}

fn loaded<C: 'static, O: Check<C>>((options, present): (O, bool)) -> Loaded<C> {
    Loaded { present, shown: shown(&options), check: Box::new(move |context| options.check(context)) }
}

/// Options as a section of a configuration file. Secrets hide themselves.
pub fn shown(options: &impl Serialize) -> toml::Table {
    // Structs of options have nothing that TOML lacks.
    toml::Table::try_from(options).unwrap_or_default()
}

/// The section of the files with environment and command line laid over it, and whether there is anything of it in either.
///
/// # Errors
/// An option cannot be read.
pub fn lay_over<O: Options>(
    section: &str,
    file: Option<toml::Value>,
    matches: Option<&ArgMatches>,
) -> Result<(O, bool)> {
    let mut present = file.is_some();
    let mut options: O = file.map(toml::Value::try_into).transpose()?.unwrap_or_default();
    if let Some(matches) = matches {
        options.update_from_arg_matches(matches)?;
        present |= describe::<O>(section).iter().any(|option| given(matches, &option.arg).is_some());
    }
    Ok((options, present))
}

/// Where an option was given, if it was: on the command line, or by its environment variable.
pub fn given(matches: &ArgMatches, arg: &Arg) -> Option<ValueSource> {
    matches.value_source(arg.get_id().as_str()).filter(|source| *source != ValueSource::DefaultValue)
}
