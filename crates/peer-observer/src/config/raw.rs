//! What the files, the environment and the command line say together, before it is checked.

use anyhow::{Context as _, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::checked::{CheckedTool, Config, Sources};
use super::files::{self, ConfigArgs};
use super::nats::NatsOptions;
use super::networks::NetworksOptions;
use super::nodes::NodeOptions;
use crate::extractor::{Extractor, ExtractorEntry};
use crate::logging::Color;
use crate::options::{Context, Loaded, Validate, lay_over, shown, validate};
use crate::parts::Parts;
use crate::tool::{Starts, Tool, ToolEntry};
use crate::values::NatsUrl;

/// Which extractors and tools run.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct ChoiceOptions {
    /// Extractors to run
    #[arg(long, value_delimiter = ',', env = "PEER_OBSERVER_EXTRACT", value_name = "LIST")]
    extract: Option<Vec<String>>,
    /// Tools to run; none but NATS if NATS is given
    #[arg(long, value_delimiter = ',', env = "PEER_OBSERVER_TOOLS", value_name = "LIST")]
    tools: Option<Vec<String>>,
}

/// Which options a command has.
#[derive(Clone, Copy, Default)]
pub struct Groups {
    /// Configuration files, and `--print-config`.
    pub files: bool,
    /// `--extract` and `--tools`.
    pub choice: bool,
    /// Those about the node.
    pub node: bool,
    /// Those of extractors.
    pub extractors: bool,
    /// Flags that extractors have in their own command only.
    pub own: bool,
    /// Those of tools, and about networks.
    pub tools: bool,
}

impl Groups {
    /// Adds the options to a command, and those of `C`, which only it has. All commands have those about NATS.
    ///
    /// The description of the command is to be set afterwards: a group leaves its own there.
    pub fn augment<C: Args>(self, parts: &Parts, mut command: Command) -> Command {
        let mut groups: Vec<fn(Command) -> Command> = Vec::new();
        if self.own {
            groups.extend(parts.extractors.iter().map(|entry| entry.options.augment_own));
        }
        groups.push(C::augment_args);
        if self.node {
            groups.push(NodeOptions::augment_args);
        }
        if self.extractors {
            groups.extend(parts.extractors.iter().map(|entry| entry.options.augment));
        }
        groups.push(NatsOptions::augment_args);
        if self.tools {
            groups.extend(parts.tools.iter().map(|entry| entry.options.augment));
            groups.push(NetworksOptions::augment_args);
        }
        if self.files {
            command = ConfigArgs::augment_args(command);
        }
        if self.choice {
            command = ChoiceOptions::augment_args(command);
            let (extractors, tools) = (parts.extractor_values(), parts.tool_values());
            command = command.mut_arg("extract", |arg| arg.value_parser(PossibleValuesParser::new(extractors)));
            command = command.mut_arg("tools", |arg| arg.value_parser(PossibleValuesParser::new(tools)));
        }
        // Options without a heading come first, wherever they are from.
        groups.sort_by_key(|augment| augment(Command::new("")).get_next_help_heading().is_some());
        // A group leaves its heading to the next one.
        groups.into_iter().fold(command, |command, augment| augment(command).next_help_heading(None::<&str>))
    }
}

/// For a command that has no options but those of the groups.
#[derive(Args)]
pub struct NoArgs {}

/// What files, environment and command line say together.
pub struct RawConfig {
    color: Color,
    print: bool,
    choice: ChoiceOptions,
    nats: NatsOptions,
    networks: NetworksOptions,
    nodes: Vec<NodeOptions>,
    extractors: Vec<(ExtractorEntry, Loaded<Extractor>)>,
    tools: Vec<(ToolEntry, Loaded<Box<dyn Tool>>)>,
}

impl RawConfig {
    /// Reads the configuration files and lays environment and command line over them. `own` is the extractor whose own command this is.
    ///
    /// # Errors
    /// A file cannot be read or understood: names file, line and key. Or options contradict each other.
    pub fn read(parts: &Parts, groups: Groups, own: Option<&str>, matches: &ArgMatches, color: Color) -> Result<Self> {
        let args = if groups.files { ConfigArgs::from_arg_matches(matches)? } else { ConfigArgs::default() };
        let mut file = if groups.files { files::read(&args, &known(parts))? } else { Table::new() };
        let given = |has: bool| has.then_some(matches);
        let mut choice = Table::new();
        for key in ["extract", "tools"] {
            choice.extend(file.remove(key).map(|value| (key.to_owned(), value)));
        }
        let extractors = parts.extractors.iter().map(|entry| -> Result<_> {
            let own = given(own == Some(entry.name));
            let section = file.remove(entry.options.section);
            Ok((*entry, entry.options.load(section, given(groups.extractors), own)?))
        });
        let extractors = extractors.collect::<Result<_>>()?;
        let tools = parts.tools.iter().map(|entry| -> Result<_> {
            let section = file.remove(entry.options.section);
            Ok((*entry, entry.options.load(section, given(groups.tools), None)?))
        });
        let tools = tools.collect::<Result<_>>()?;
        let mut nodes: Vec<NodeOptions> = file.remove("node").map(Value::try_into).transpose()?.unwrap_or_default();
        if groups.node {
            lay_over_the_only(&mut nodes, matches)?;
        }
        Ok(Self {
            color,
            print: args.print_config,
            choice: lay_over(Some(Value::Table(choice)), given(groups.choice))?.0,
            nats: lay_over(file.remove("bus"), Some(matches))?.0,
            networks: lay_over(file.remove("networks"), given(groups.tools))?.0,
            nodes,
            extractors,
            tools,
        })
    }

    /// Runs this extractor only, for all nodes.
    pub fn only(&mut self, extractor: &str) {
        self.choice.extract = Some(vec![extractor.to_owned()]);
        self.nodes.iter_mut().for_each(|node| node.extract = None);
    }

    /// The NATS server, if none is configured.
    pub fn default_nats(&mut self, url: &str) {
        self.nats.nats.get_or_insert_with(|| NatsUrl(url.to_owned()));
    }

    /// Prints it as a configuration file, with secrets hidden, if that is asked for. Whether it was.
    ///
    /// # Errors
    /// It cannot be written as TOML.
    pub fn print_if_asked(&self) -> Result<bool> {
        if self.print {
            print!("{}", self.text()?);
        }
        Ok(self.print)
    }

    fn text(&self) -> Result<String> {
        let mut text = toml::to_string(&self.choice)?;
        let mut section = |name: &str, table: &Table, present: bool| {
            if present || !table.is_empty() {
                let table = Table::from_iter([(name.to_owned(), Value::Table(table.clone()))]);
                text += &format!("\n{}", toml::to_string(&table)?);
            }
            Ok::<_, toml::ser::Error>(())
        };
        section("bus", &shown(&self.nats), false)?;
        self.extractors.iter().try_for_each(|(entry, part)| section(entry.name, &part.shown, part.present))?;
        self.tools.iter().try_for_each(|(entry, part)| section(entry.name, &part.shown, part.present))?;
        section("networks", &shown(&self.networks), false)?;
        for node in &self.nodes {
            let node = Value::Array(vec![Value::Table(shown(node))]);
            text += &format!("\n{}", toml::to_string(&Table::from_iter([("node".to_owned(), node)]))?);
        }
        Ok(text)
    }

    /// Checks all options. The nodes are looked for later, by those who need them.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do about it.
    pub fn check(self) -> Result<Config> {
        let extractors: Vec<_> = self.extractors.iter().map(|(entry, _)| entry.name).collect();
        let tools: Vec<_> = self.tools.iter().map(|(entry, _)| entry.name).collect();
        check_names("extract", "extractor", self.choice.extract.as_ref(), &extractors)?;
        check_names("tools", "tool", self.choice.tools.as_ref(), &tools)?;
        for node in &self.nodes {
            let whose = || format!("node {:?} in the configuration", node.name.as_deref().unwrap_or_default());
            check_names("extract", "extractor", node.extract.as_ref(), &extractors).with_context(whose)?;
        }
        let nats = self.nats.check()?;
        let context = Context {
            networks: self.networks.check(),
            color: self.color,
            nodes: self.nodes.iter().map(NodeOptions::target).collect(),
        };
        let extractors =
            self.extractors.iter().map(|(entry, part)| -> Result<_> { Ok((entry.name, part.check(&context)?)) });
        let tools = self.tools.iter().map(|(entry, part)| -> Result<_> {
            let starts = match &self.choice.tools {
                Some(chosen) => chosen.iter().any(|name| name == entry.name),
                None => match entry.starts {
                    Starts::WithSection => part.present,
                    Starts::WithoutNats => nats.is_none(),
                },
            };
            Ok(CheckedTool { entry: *entry, tool: part.check(&context)?, starts })
        });
        let (extractors, tools) = (extractors.collect::<Result<_>>()?, tools.collect::<Result<_>>()?);
        Ok(Config { tools, nats, sources: Sources { extractors, nodes: self.nodes, extract: self.choice.extract } })
    }
}

/// The keys that a configuration file may have on top, and how their values are checked.
fn known(parts: &Parts) -> Vec<(&'static str, Validate)> {
    let mut known: Vec<(&'static str, Validate)> = vec![
        ("extract", validate::<Vec<String>>),
        ("tools", validate::<Vec<String>>),
        ("bus", validate::<NatsOptions>),
        ("networks", validate::<NetworksOptions>),
        ("node", validate::<Vec<NodeOptions>>),
    ];
    known.extend(parts.extractors.iter().map(|entry| (entry.options.section, entry.options.validate)));
    known.extend(parts.tools.iter().map(|entry| (entry.options.section, entry.options.validate)));
    known
}

/// Options about a node mean the only one.
fn lay_over_the_only(nodes: &mut Vec<NodeOptions>, matches: &ArgMatches) -> Result<()> {
    if shown(&NodeOptions::from_arg_matches(matches)?).is_empty() {
        return Ok(());
    }
    if nodes.is_empty() {
        nodes.push(NodeOptions::default());
    }
    let count = nodes.len();
    let [node] = nodes.as_mut_slice() else {
        bail!(
            "options about a node (--name, --datadir, --rpc and so on) mean nothing when the configuration has {count} nodes: set \
             them there, under [[node]]"
        );
    };
    Ok(node.update_from_arg_matches(matches)?)
}

fn check_names(key: &str, what: &str, names: Option<&Vec<String>>, known: &[&str]) -> Result<()> {
    let unknown = names.into_iter().flatten().find(|name| !known.contains(&name.as_str()));
    match unknown {
        Some(name) => bail!("{key}: there is no {what} {name:?}; there are {}", known.join(", ")),
        None => Ok(()),
    }
}
