//! `banlist diff`, `apply` and `export`: bans of nodes that follow from sets of networks, and sets that follow from alerts.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alert_state::Store;
use anyhow::{Context, Result, anyhow, bail, ensure};
use banlist::export::{self, Export};
use banlist::{Banned, Ledger, LeftOut, NodeBans, Plan, Protected, wanted};
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use event::pb::alerts::Severity;
use event::time::now_ns;
use node::rpc::{RpcClient, RpcError};
use serde_json::json;
use tracing::{error, info, warn};

use crate::config::banlist::{BanlistOptions, protect_node};
use crate::config::nats::NatsOptions;
use crate::config::networks::NetworksOptions;
use crate::config::nodes::{NamedNode, NodeOptions};
use crate::config::raw::{BanConfig, read_bans, read_section};
use crate::output::{Form, print};
use crate::parts::Parts;
use crate::runtime::block_on;
use crate::tools::{AlertsOptions, NO_PLACE};
use crate::values::Span;

pub const NAME: &str = "banlist";

const SECOND: u64 = 1_000_000_000;
/// Alerts that are looked at.
const MAX_ALERTS: u32 = 50_000;
/// Networks that are left out of which the reason is printed.
const MAX_SHOWN: usize = 50;

/// Options of `diff` and `apply`.
#[derive(Args)]
struct ChangeArgs {
    /// Only these nodes of the configuration
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    node: Vec<String>,
    /// How the changes are printed
    #[arg(short, long, value_enum, default_value_t)]
    output: Form,
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How networks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Written {
    /// A network a line, with its end and the reason in a comment: for [networks.sets]
    #[default]
    List,
    /// A script of bitcoin-cli setban
    Commands,
}

/// Options of `export`.
#[derive(Args)]
struct ExportArgs {
    /// Only alerts of these detectors, or families of detectors
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    detector: Vec<String>,
    /// Only alerts that are at least so severe: info, warning or critical
    #[arg(long, default_value = "warning", value_parser = severity, value_name = "SEVERITY")]
    severity: Severity,
    /// How long a ban lasts after what it is for was last seen
    #[arg(long = "for", default_value = "30days", value_name = "DURATION")]
    span: Span,
    /// How networks are written
    #[arg(long, value_enum, default_value_t)]
    form: Written,
    /// A file that is replaced as a whole, in place of the standard output
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Where alerts are kept [default: as [alerts] has it]
    #[arg(long, env = "PEER_OBSERVER_ALERTS_DATABASE", value_name = "FILE")]
    alerts_database: Option<PathBuf>,
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

fn severity(text: &str) -> Result<Severity, String> {
    match text {
        "info" => Ok(Severity::Info),
        "warning" => Ok(Severity::Warning),
        "critical" => Ok(Severity::Critical),
        _ => Err("write info, warning or critical".to_owned()),
    }
}

/// The command.
pub fn command() -> Command {
    let change = |name: &'static str, about: &'static str| {
        let command = ChangeArgs::augment_args(Command::new(name));
        let command = BanlistOptions::augment_args_for_update(command);
        let command = NetworksOptions::augment_args_for_update(command);
        let command = NatsOptions::augment_args_for_update(command);
        NodeOptions::augment_args_for_update(command).next_help_heading(None::<&str>).about(about)
    };
    let diff = "Print what apply would change, and change nothing (exit code 1 if there is something)";
    let apply = "Ban the networks of sets at nodes, and lift the bans of ours that are wanted no more";
    let export = "Print what alerts found as a set of networks to ban";
    let exporting = BanlistOptions::augment_args_for_update(ExportArgs::augment_args(Command::new("export")));
    let exporting = NetworksOptions::augment_args_for_update(exporting).next_help_heading(None::<&str>).about(export);
    Command::new(NAME)
        .about("Ban the networks of sets at nodes, and make such sets of what alerts found")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(change("diff", diff))
        .subcommand(change("apply", apply))
        .subcommand(exporting)
}

/// Runs one of them.
///
/// # Errors
/// Something that is configured cannot be, or a node could not be asked.
pub fn run(parts: &Parts, matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("export", matches)) => export(parts, matches),
        Some((name, matches)) => {
            let args = ChangeArgs::from_arg_matches(matches)?;
            let config = read_bans(parts, args.config.clone(), matches)?;
            config.banlist.check()?;
            block_on(1, change(config, &args, name == "apply"))
        }
        None => bail!("there is no such command"),
    }
}

/// Shows what would change at nodes, and changes it if that is wanted. A node that cannot be asked holds up no other one.
async fn change(config: BanConfig, args: &ChangeArgs, apply: bool) -> Result<ExitCode> {
    let BanConfig { banlist, networks, nats, nodes } = config;
    let chosen = choose(&nodes, &args.node)?;
    ensure!(
        !banlist.sets.is_empty(),
        "no set is to be banned: name some with sets in [banlist], or with --banlist-sets"
    );
    let path = banlist.database()?;
    let ledger = if apply { Ledger::open(&path)? } else { Ledger::read(&path)? };
    let mut protected = banlist.protected(&networks.sets, &nats)?;
    let mut failed = 0;
    let mut reached = Vec::new();
    // Of all nodes, since none is to ban another one.
    for NamedNode { name, target, .. } in &nodes {
        let asked = async {
            let located = target.locate()?;
            protect_node(&mut protected, name, &located);
            let client = RpcClient::of(&located)?.context("its RPC server is off, or not known: pass --rpc")?;
            let bans = NodeBans::new(name, client);
            protect_own(&bans, &mut protected, !banlist.own.is_empty()).await?;
            Ok::<_, anyhow::Error>(bans)
        };
        match asked.await {
            Ok(bans) if chosen.contains(name.as_str()) => reached.push((name, bans)),
            Ok(_) => {}
            Err(cause) if chosen.contains(name.as_str()) => {
                error!("node {name}: {cause:#}");
                failed += 1;
            }
            Err(cause) => warn!("node {name}: its own addresses are not known: {cause:#}"),
        }
    }
    let now_s = now_ns() / SECOND;
    let (wanted, left_out) = wanted(&networks.sets, &banlist.sets, &protected, now_s)?;
    show_left_out(&left_out, args.output)?;
    let mut changes = 0;
    for (name, bans) in &reached {
        let changed = async {
            let there: Vec<Banned> = bans.list().await?;
            let plan = Plan::of(&wanted, &there, &ledger.of(name)?, banlist.limits(), now_s);
            show(name, &plan, args.output)?;
            if apply && !plan.steps.is_empty() {
                let done = bans.apply(&plan, &ledger, banlist.pace()).await?;
                info!("node {name}: {} bans are set, {} are lifted", done.set, done.lifted);
                for (network, reason) in &done.failed {
                    error!("node {name}: {network}: {reason}");
                }
                ensure!(done.failed.is_empty(), "{} changes were not made", done.failed.len());
            }
            Ok::<_, anyhow::Error>(plan.steps.len())
        };
        match changed.await {
            Ok(count) => changes += count,
            Err(cause) => {
                error!("node {name}: {cause:#}");
                failed += 1;
            }
        }
    }
    Ok(match (failed, changes) {
        (1.., _) => ExitCode::from(2),
        (0, 1..) if !apply => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    })
}

/// The names of the nodes that are meant.
fn choose<'a>(nodes: &'a [NamedNode], names: &[String]) -> Result<BTreeSet<&'a str>> {
    ensure!(!nodes.is_empty(), "found no Bitcoin node: name some in the configuration, or pass --datadir or --rpc");
    let known: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name.as_str())) {
        bail!("there is no node {name:?} in the configuration: there are {}", Vec::from_iter(known).join(", "));
    }
    Ok(if names.is_empty() {
        known
    } else {
        known.into_iter().filter(|name| names.iter().any(|n| n == name)).collect()
    })
}

/// Protects what a node says are its own addresses. That it does not say so is an error, unless they are configured.
async fn protect_own(bans: &NodeBans, protected: &mut Protected, are_configured: bool) -> Result<()> {
    match bans.protect(protected).await {
        Err(error @ (RpcError::Forbidden { .. } | RpcError::NoMethod { .. })) if are_configured => {
            info!("only the own addresses that are configured are known: {error}");
            Ok(())
        }
        outcome => {
            outcome.context("so its own addresses are not known, which must not be banned (--banlist-own names them)")
        }
    }
}

fn show(name: &str, plan: &Plan, form: Form) -> Result<()> {
    match form {
        Form::Text => print(&format!("node {name}: {plan}\n")),
        Form::Json => {
            let mut object = json!({ "node": name });
            if let (Some(object), serde_json::Value::Object(plan)) =
                (object.as_object_mut(), serde_json::to_value(plan)?)
            {
                object.extend(plan);
            }
            print(&format!("{object}\n"))
        }
    }
}

fn show_left_out(left_out: &[LeftOut], form: Form) -> Result<()> {
    let mut text = String::new();
    for LeftOut { network, set, why } in left_out.iter().take(MAX_SHOWN) {
        let _ = match form {
            Form::Text => writeln!(text, "! {network} of set {set}: {why}"),
            Form::Json => {
                writeln!(text, "{}", json!({ "left_out": network.to_string(), "set": set, "why": why }))
            }
        };
    }
    if let Some(more @ 1..) = left_out.len().checked_sub(MAX_SHOWN) {
        warn!("{more} more networks are not banned, or not as a whole");
    }
    print(&text)
}

fn export(parts: &Parts, matches: &ArgMatches) -> Result<ExitCode> {
    let ExportArgs { detector, severity, span, form, to, alerts_database, config } =
        ExportArgs::from_arg_matches(matches)?;
    let BanConfig { banlist, networks, nats, .. } = read_bans(parts, config.clone(), matches)?;
    let path = match alerts_database {
        Some(path) => path,
        None => read_section::<AlertsOptions>(parts, config, "alerts")?.database().context(NO_PLACE)?,
    };
    ensure!(
        path.is_file(),
        "there is no database of alerts {}: choose it with --alerts-database; peer-observer alerts makes it",
        path.display()
    );
    let protected = banlist.protected(&networks.sets, &nats)?;
    let now = now_ns();
    let alerts = Store::open(&path)?.latest_alerts(MAX_ALERTS)?;
    let selection = export::Selection { detectors: detector, severity, duration_s: span.0.as_secs() };
    let export = Export::of(&alerts, &selection, &protected, now / SECOND);
    let form = match form {
        Written::List => export::Form::List,
        Written::Commands => export::Form::Commands,
    };
    let text = export.text(form, now);
    match to {
        Some(to) => replace(&to, &text).with_context(|| format!("cannot write {}", to.display()))?,
        None => print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file so that whoever reads it gets all of the old one or all of the new one.
fn replace(path: &Path, text: &str) -> Result<()> {
    use std::fs::Permissions;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As any file: those that read sets may be others than who writes this one.
    let mode = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| anyhow!(error.error))?;
    Ok(())
}
