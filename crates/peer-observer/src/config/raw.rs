//! What the files, the environment and the command line say together, before it is checked.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use toml::{Table, Value};

use super::banlist::BanlistOptions;
use super::checked::{CheckedTool, Config, Sources};
use super::files::{self, ConfigArgs, FileArgs, Files, Names};
use super::nats::NatsOptions;
use super::networks::NetworksOptions;
use super::nodes::{self, NamedNode, NodeOptions};
use super::print::Printer;
use super::s3::{S3Options, is_remote};
use super::sections::{ChoiceOptions, Section, known, sections};
use crate::extractor::{Extractor, ExtractorEntry};
use crate::extractors::logs::{ENTRY, LogsOptions};
use crate::logging::Color;
use crate::options::{Context, Loaded, Options, lay_over, shown};
use crate::output::print;
use crate::parts::Parts;
use crate::problems::Problems;
use crate::tool::{Starts, Stdout, Tool, ToolEntry};
use crate::values::NatsUrl;

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
    /// Those of tools, about networks, and about a store for archives.
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
            groups.push(NodeOptions::augment_args_for_update);
        }
        if self.extractors {
            groups.extend(parts.extractors.iter().map(|entry| entry.options.augment));
        }
        groups.push(NatsOptions::augment_args_for_update);
        if self.tools {
            groups.extend(parts.tools.iter().map(|entry| entry.options.augment));
            groups.push(NetworksOptions::augment_args_for_update);
            groups.push(S3Options::augment_args_for_update);
        }
        if self.files {
            command = ConfigArgs::augment_args(command);
        }
        if self.choice {
            command = ChoiceOptions::augment_args_for_update(command);
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

/// What files, environment and command line say together.
pub struct RawConfig {
    color: Color,
    groups: Groups,
    print: bool,
    matches: ArgMatches,
    sections: Vec<Section>,
    files: Files,
    choice: ChoiceOptions,
    nats: NatsOptions,
    networks: NetworksOptions,
    s3: S3Options,
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
        let mut files = if groups.files { read_files(&args, parts)? } else { Files::default() };
        let given = |has: bool| has.then_some(matches);
        let choice = ["extract", "tools"].into_iter().filter_map(|key| Some((key.to_owned(), files.take(key)?)));
        let choice = Value::Table(choice.collect());
        let extractors = parts.extractors.iter().map(|entry| -> Result<_> {
            let own = given(own == Some(entry.name));
            let section = files.take(entry.options.section);
            Ok((*entry, entry.options.load(section, given(groups.extractors), own)?))
        });
        let extractors = extractors.collect::<Result<_>>()?;
        let tools = parts.tools.iter().map(|entry| -> Result<_> {
            let section = files.take(entry.options.section);
            Ok((*entry, entry.options.load(section, given(groups.tools), None)?))
        });
        let tools = tools.collect::<Result<_>>()?;
        let nodes = nodes_of(&mut files, given(groups.node))?;
        Ok(Self {
            color,
            groups,
            print: args.print_config,
            matches: matches.clone(),
            sections: sections(parts),
            choice: lay_over("", Some(choice), given(groups.choice))?.0,
            nats: lay_over("bus", files.take("bus"), Some(matches))?.0,
            networks: lay_over("networks", files.take("networks"), given(groups.tools))?.0,
            s3: lay_over("s3", files.take("s3"), given(groups.tools))?.0,
            files,
            nodes,
            extractors,
            tools,
        })
    }

    /// Runs this extractor only, for all nodes.
    pub fn only(&mut self, extractor: &str) {
        self.choice.extract = Some(vec![extractor.to_owned()]);
        self.files.forget("extract");
        self.nodes.iter_mut().for_each(|node| node.extract = None);
    }

    /// Runs this tool, and none but those that the command line names besides.
    pub fn only_tool(&mut self, tool: &str) {
        let named = self.matches.value_source("tools") == Some(ValueSource::CommandLine);
        let others = self.choice.tools.take().filter(|_| named).unwrap_or_default();
        let others = others.into_iter().filter(|other| other != tool);
        self.choice.tools = Some([tool.to_owned()].into_iter().chain(others).collect());
    }

    /// The NATS server, if none is configured.
    pub fn default_nats(&mut self, url: &str) {
        self.nats.nats.get_or_insert_with(|| NatsUrl(url.to_owned()));
    }

    /// Prints it as a configuration file, with secrets hidden, if that is asked for. Whether it was.
    ///
    /// # Errors
    /// It is printed, and something in it is wrong.
    pub fn print_if_asked(self) -> Result<Option<Self>> {
        if !self.print {
            return Ok(Some(self));
        }
        print(&self.text())?;
        self.check()?.sources.nodes().map(|_| None)
    }

    fn text(&self) -> String {
        let Groups { choice, node, extractors, tools, .. } = self.groups;
        let mut printer = Printer { files: &self.files, text: String::new() };
        let mut section = |name: &str, values: &Table, has: bool| {
            let found = self.sections.iter().find(|section| section.name == name);
            found.into_iter().for_each(|found| printer.section(found, values, has.then_some(&self.matches)));
        };
        let mut chosen = shown(&self.choice);
        chosen.entry("tools").or_insert_with(|| Value::Array(self.starting().map(Value::from).collect()));
        section("", &chosen, choice);
        section("bus", &shown(&self.nats), true);
        self.extractors.iter().for_each(|(entry, part)| section(entry.options.section, &part.shown, extractors));
        self.tools.iter().for_each(|(entry, part)| section(entry.options.section, &part.shown, tools));
        section("networks", &shown(&self.networks), tools);
        section("s3", &shown(&self.s3), tools);
        self.nodes.iter().for_each(|options| section("node", &shown(options), node));
        printer.text
    }

    /// The tools that `run` starts.
    fn starting(&self) -> impl Iterator<Item = &'static str> {
        let starts = |entry: &ToolEntry, part: &Loaded<Box<dyn Tool>>| match &self.choice.tools {
            Some(chosen) => chosen.iter().any(|name| name == entry.name),
            None => match entry.starts {
                Starts::WithSection => part.present,
                Starts::WithoutNats => self.nats.nats.is_none(),
                Starts::Never => false,
            },
        };
        self.tools.iter().filter(move |(entry, part)| starts(entry, part)).map(|(entry, _)| entry.name)
    }

    /// Checks all options. The nodes are looked for later, by those who need them.
    ///
    /// # Errors
    /// Everything that is wrong, and what to do about it.
    pub fn check(self) -> Result<Config> {
        let mut problems = Problems::default();
        let starting: Vec<_> = self.starting().collect();
        let nats = problems.note(self.nats.check()).flatten();
        let nodes = self.nodes.iter().map(NodeOptions::target).collect::<Result<_>>();
        let context = Context {
            networks: self.networks.check(),
            s3: self.s3.clone(),
            color: self.color,
            nodes: problems.note(nodes).unwrap_or_default(),
        };
        let extractors = self.extractors.iter();
        let extractors =
            extractors.filter_map(|(entry, part)| Some((entry.name, problems.note(part.check(&context))?))).collect();
        let tools = self.tools.iter().filter_map(|(entry, part)| {
            let starts = starting.contains(&entry.name);
            Some(CheckedTool {
                entry: *entry,
                tool: problems.note(part.check(&context))?,
                starts,
                is_given: part.present,
            })
        });
        let tools: Vec<_> = tools.collect();
        problems.note(one_at_most_uses_stdout(&tools));
        problems.into_result()?;
        Ok(Config {
            tools,
            nats,
            s3: self.s3,
            sources: Sources { extractors, nodes: self.nodes, extract: self.choice.extract },
        })
    }
}

/// What files, environment and command line say of a store, for a command that has no other options of theirs. Nothing is read where no place in
/// a store is named.
///
/// # Errors
/// A file cannot be read or understood.
pub fn read_s3(parts: &Parts, matches: &ArgMatches) -> Result<S3Options> {
    let named = |id| matches.try_get_many::<PathBuf>(id).ok().flatten().into_iter().flatten();
    if !["file", "archive", "to"].into_iter().flat_map(named).any(|path| is_remote(path)) {
        return Ok(S3Options::default());
    }
    let FileArgs { config } = FileArgs::from_arg_matches(matches)?;
    let mut files = read_files(&ConfigArgs { config, print_config: false }, parts)?;
    Ok(lay_over("s3", files.take("s3"), Some(matches))?.0)
}

/// The configuration file that was given to a command that has no other options of the files.
///
/// # Errors
/// Never, for commands that have that option.
pub fn config_file(matches: &ArgMatches) -> Result<Option<PathBuf>> {
    Ok(FileArgs::from_arg_matches(matches)?.config)
}

/// What files say in a section, for a command that has no other options of theirs.
///
/// # Errors
/// A file cannot be read or understood.
pub fn read_section<O: Options>(parts: &Parts, config: Option<PathBuf>, section: &str) -> Result<O> {
    let mut files = read_files(&ConfigArgs { config, print_config: false }, parts)?;
    Ok(lay_over(section, files.take(section), None)?.0)
}

/// What `banlist` needs of the configuration.
pub struct BanConfig {
    /// Its own section.
    pub banlist: BanlistOptions,
    /// Files of sets.
    pub networks: networks::Files,
    /// The NATS server.
    pub nats: NatsOptions,
    /// The nodes.
    pub nodes: Vec<NamedNode>,
}

/// What files, environment and command line say of bans; of nodes and NATS the files alone, if the command has no such options.
///
/// # Errors
/// A file cannot be read or understood, or names of nodes are missing or not unique.
pub fn read_bans(parts: &Parts, config: Option<PathBuf>, matches: &ArgMatches) -> Result<BanConfig> {
    let mut files = read_files(&ConfigArgs { config, print_config: false }, parts)?;
    let of_command = matches.try_contains_id("datadir").is_ok().then_some(matches);
    let nodes = nodes_of(&mut files, of_command)?;
    Ok(BanConfig {
        banlist: lay_over("banlist", files.take("banlist"), Some(matches))?.0,
        networks: lay_over::<NetworksOptions>("networks", files.take("networks"), Some(matches))?.0.check(),
        nats: lay_over("bus", files.take("bus"), of_command)?.0,
        nodes: if of_command.is_some() { nodes::check(&nodes, None)? } else { Vec::new() },
    })
}

/// What `logs` needs of the configuration.
pub struct LogsConfig {
    /// Its own section.
    pub logs: LogsOptions,
    /// The account at a store.
    pub s3: S3Options,
    /// The nodes.
    pub nodes: Vec<NamedNode>,
}

/// What files, environment and command line say of kept logs. Nodes are looked for where the command has options about them.
///
/// # Errors
/// A file cannot be read or understood, or names of nodes are missing or not unique.
pub fn read_logs(parts: &Parts, config: Option<PathBuf>, matches: &ArgMatches) -> Result<LogsConfig> {
    let mut files = read_files(&ConfigArgs { config, print_config: false }, parts)?;
    let keeps = matches.try_contains_id("datadir").is_ok().then_some(matches);
    let nodes = nodes_of(&mut files, keeps)?;
    Ok(LogsConfig {
        logs: lay_over(ENTRY.options.section, files.take(ENTRY.options.section), keeps)?.0,
        s3: lay_over("s3", files.take("s3"), Some(matches))?.0,
        nodes: if keeps.is_some() { nodes::check(&nodes, None)? } else { Vec::new() },
    })
}

/// Reads the configuration files.
fn read_files(args: &ConfigArgs, parts: &Parts) -> Result<Files> {
    let extractors: Vec<_> = parts.extractors.iter().map(|entry| entry.name).collect();
    let tools: Vec<_> = parts.tools.iter().map(|entry| entry.name).collect();
    let names = [
        Names { path: &["extract"], what: "extractor", known: &extractors },
        Names { path: &["tools"], what: "tool", known: &tools },
        Names { path: &["node", "extract"], what: "extractor", known: &extractors },
    ];
    files::read(args, &known(parts), &names)
}

/// The nodes of the files, with what a command says that has options about nodes.
fn nodes_of(files: &mut Files, of_command: Option<&ArgMatches>) -> Result<Vec<NodeOptions>> {
    let mut nodes = files.take("node").map(Value::try_into).transpose()?.unwrap_or_default();
    of_command.map_or(Ok(()), |matches| lay_over_the_only(&mut nodes, matches))?;
    Ok(nodes)
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

/// What two tools write to standard output could not be distinguished.
fn one_at_most_uses_stdout(tools: &[CheckedTool]) -> Result<()> {
    let mut using = tools.iter().filter(|tool| tool.starts && tool.tool.stdout() != Stdout::Unused);
    match (using.next(), using.next()) {
        (Some(first), Some(second)) => {
            let (first, second) = (first.entry.name, second.entry.name);
            bail!("{first} and {second} both use standard output: choose one of them with --tools")
        }
        _ => Ok(()),
    }
}
