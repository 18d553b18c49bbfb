//! The sections that a configuration file may have, with all options in them: for reading it, for `--help`, and for the manual.

use clap::Args;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::banlist::BanlistOptions;
use super::nats::NatsOptions;
use super::networks::NetworksOptions;
use super::nodes::NodeOptions;
use super::s3::S3Options;
use super::text::{Known, Validate, validate};
use crate::options::{OptionInfo, Options, Part, describe, shown};
use crate::parts::Parts;

/// Which extractors and tools run.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChoiceOptions {
    /// Extractors to run; without it, for each node those that can run
    #[arg(long, value_delimiter = ',', env = "PEER_OBSERVER_EXTRACT", value_name = "LIST")]
    pub extract: Option<Vec<String>>,
    /// Tools to run; without it, those that are configured, and watch unless NATS is
    #[arg(long, value_delimiter = ',', env = "PEER_OBSERVER_TOOLS", value_name = "LIST")]
    pub tools: Option<Vec<String>>,
}

/// A section of the configuration file.
pub struct Section {
    /// Its name; "" stands for the keys on top.
    pub name: &'static str,
    /// Its options.
    pub options: Vec<OptionInfo>,
    /// Its options where nothing is given.
    pub defaults: Table,
    validate: Validate,
}

impl Section {
    fn of<O: Options>(name: &'static str, validate: Validate) -> Self {
        Self { name, options: describe::<O>(name), defaults: shown(&O::default()), validate }
    }

    fn of_part<C: 'static>(part: Part<C>) -> Self {
        Self { name: part.section, options: part.options(), defaults: (part.defaults)(), validate: part.validate }
    }

    /// How it is written.
    pub fn heading(&self) -> String {
        if self.name == NODE { format!("[[{NODE}]]") } else { format!("[{}]", self.name) }
    }
}

/// The section that there is one of for each node.
const NODE: &str = "node";

/// All of them, those of the extractors and tools of a program among them.
pub fn sections(parts: &Parts) -> Vec<Section> {
    let mut sections = vec![
        Section::of::<ChoiceOptions>("", validate::<Vec<String>>),
        Section::of::<NatsOptions>("bus", validate::<NatsOptions>),
    ];
    sections.extend(parts.extractors.iter().map(|entry| Section::of_part(entry.options)));
    sections.extend(parts.tools.iter().map(|entry| Section::of_part(entry.options)));
    sections.push(Section::of::<NetworksOptions>("networks", validate::<NetworksOptions>));
    sections.push(Section::of::<BanlistOptions>("banlist", validate::<BanlistOptions>));
    sections.push(Section::of::<S3Options>("s3", validate::<S3Options>));
    sections.push(Section::of::<NodeOptions>(NODE, validate::<Vec<NodeOptions>>));
    sections
}

/// The keys that a configuration file may have on top: sections, and keys that are in none.
pub fn known(parts: &Parts) -> Vec<Known> {
    let keys = |section: &Section| section.options.iter().map(|option| option.key.clone()).collect::<Vec<_>>();
    let mut known = Vec::new();
    for section in sections(parts) {
        let (keys, validate) = (keys(&section), section.validate);
        if section.name.is_empty() {
            known.extend(keys.into_iter().map(|name| Known { name, section: None, keys: Vec::new(), validate }));
        } else {
            known.push(Known { name: section.name.to_owned(), section: Some(section.heading()), keys, validate });
        }
    }
    known
}
