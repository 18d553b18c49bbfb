//! `extract`: one extractor as its own process.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event::filter::Kinds;
use event::{Filter, Source};

use super::check::{CheckArgs, run_or_check};
use crate::config::checked::Config;
use crate::config::raw::{Groups, RawConfig};
use crate::input::Input;
use crate::logging::Color;
use crate::observation::Observation;
use crate::parts::Parts;
use crate::session::Session;
use crate::tools::{OutputFormat, own_numbers, printer};
use crate::values::ListenAddress;

pub const NAME: &str = "extract";

/// Where nats-server listens by default.
const DEFAULT_NATS: &str = "nats://127.0.0.1:4222";

const GROUPS: Groups = Groups { files: true, choice: false, node: true, extractors: true, own: true, tools: false };

#[derive(Args)]
struct ExtractArgs {
    /// The extractor
    extractor: String,
    /// Print the events, in place of publishing them to NATS unless that is given too
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<OutputFormat>,
    /// Serve the extractor's own numbers for Prometheus there, at /metrics: its calls, losses and state
    #[arg(id = "own_metrics", long = "metrics-listen", value_name = "ADDRESS:PORT", conflicts_with = "output")]
    metrics: Option<ListenAddress>,
}

pub fn command(parts: &Parts) -> Command {
    let command = CheckArgs::augment_args(GROUPS.augment::<ExtractArgs>(parts, Command::new(NAME)));
    let command = command.about("Run one extractor as its own process, which publishes to NATS");
    command.mut_arg("extractor", |arg| arg.value_parser(PossibleValuesParser::new(parts.extractor_values())))
}

pub fn run(parts: &Parts, matches: &ArgMatches, color: Color) -> Result<ExitCode> {
    let args = ExtractArgs::from_arg_matches(matches)?;
    run_or_check(matches, || {
        refuse_flags_of_others(parts, &args.extractor, matches)?;
        let mut raw = RawConfig::read(parts, GROUPS, Some(&args.extractor), matches, color)?;
        if args.output.is_none() {
            raw.default_nats(DEFAULT_NATS);
        }
        raw.only(&args.extractor);
        let Some(raw) = raw.print_if_asked()? else { return Ok(None) };
        session(&args, raw.check()?, color).map(Some)
    })
}

fn session(args: &ExtractArgs, config: Config, color: Color) -> Result<Session> {
    let mut extractors = config.sources.extractors.iter();
    let extractor = extractors.find(|(name, _)| *name == args.extractor).context("there is no such extractor")?;
    let observation = if extractor.1.needs_nodes() {
        config.sources.observation()?
    } else {
        let extractors = config.sources.extractors.into_iter().filter(|(name, _)| *name == args.extractor);
        Observation { nodes: Vec::new(), extractors: extractors.collect() }
    };
    let printer = args.output.map(|format| ("watch", printer(format, color)));
    let metrics = args.metrics.map(|ListenAddress(address)| own_numbers(address));
    // What nodes do is for others to count.
    let kinds = metrics.iter().map(|_| Kinds::Source(Source::Observer)).collect();
    Ok(Session {
        input: Input::Nodes(observation),
        tools: printer.into_iter().chain(metrics).collect(),
        forward: config.nats,
        filter: Filter { kinds, ..Filter::default() },
        archive: None,
        s3: config.s3,
        alerts: None,
        one_extractor: true,
    })
}

/// Flags of one extractor mean nothing for others.
fn refuse_flags_of_others(parts: &Parts, extractor: &str, matches: &ArgMatches) -> Result<()> {
    for entry in parts.extractors.iter().filter(|entry| entry.name != extractor) {
        let flags = (entry.options.augment_own)((entry.options.augment)(Command::new(entry.name)));
        let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let ids = flags.get_arguments().filter_map(|arg| Some((arg.get_id().as_str(), arg.get_long()?)));
        let misplaced: Vec<_> = ids.filter(|(id, _)| given(id)).map(|(_, long)| format!("--{long}")).collect();
        if !misplaced.is_empty() {
            bail!("{}: only for the {} extractor", misplaced.join(" and "), entry.name);
        }
    }
    Ok(())
}
