//! `alerts list`, `ack`, `silence` and `note`: what people decide about alerts who are at the machine and not at the
//! page.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use alert_state::{Acknowledgement, Decision, Decisions, Incident, Matcher, Note, Silence, Store};
use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use event::pb::alerts::{Alert, State};
use event::quote::Plain;
use event::text::{Sentence, severity_name};
use event::time::{nanoseconds, now_ns, rfc3339};
use smol_str::SmolStr;

use crate::config::raw::read_section;
use crate::output::print;
use crate::parts::Parts;
use crate::tools::{AlertsOptions, NO_PLACE};
use crate::values::Span;

/// Incidents that are listed at most.
const MAX_LISTED: u32 = 200;

/// The database, and who uses it.
#[derive(Args)]
struct At {
    /// Where alerts are kept [default: as [alerts] has it]
    #[arg(long, env = "PEER_OBSERVER_ALERTS_DATABASE", value_name = "FILE")]
    alerts_database: Option<PathBuf>,
    /// Configuration file, in place of the system's and the user's
    #[arg(long, env = "PEER_OBSERVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Who decides something.
#[derive(Args)]
struct By {
    /// Who
    #[arg(
        long,
        env = "USER",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_name = "NAME"
    )]
    by: String,
}

/// Who decides something, and why.
#[derive(Args)]
struct Reason {
    /// Why
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    by: By,
}

impl Reason {
    fn at(self, time_ns: u64) -> Decision {
        let Self { why, by: By { by } } = self;
        Decision { by: by.into(), why: why.into(), time_ns }
    }
}

#[derive(Args)]
struct ListArgs {
    /// Also those that are over
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
struct AckArgs {
    /// The incident: its id, or how it begins
    #[arg(value_name = "INCIDENT")]
    incident: String,
    /// Nobody looks after it any more
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
struct SilenceArgs {
    /// Only this incident: its id, or how it begins
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    /// Only alerts of this detector, or of this family of detectors
    #[arg(long, value_name = "NAME")]
    detector: Option<SmolStr>,
    /// Only alerts about this: the address of a peer, a subnet with the peers in it, AS64500, and so on
    #[arg(long, value_name = "TEXT")]
    subject: Option<SmolStr>,
    /// Only alerts that are seen at this node and no other one
    #[arg(long, value_name = "NAME")]
    node: Option<SmolStr>,
    /// For how long
    #[arg(long = "for", required_unless_present = "end", value_name = "DURATION")]
    span: Option<Span>,
    /// End the silence of this number, which list prints
    #[arg(long, conflicts_with_all = ["incident", "detector", "subject", "node", "span"], value_name = "NUMBER")]
    end: Option<i64>,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
struct NoteArgs {
    /// The incident: its id, or how it begins
    #[arg(value_name = "INCIDENT")]
    incident: String,
    /// What was found out
    #[arg(value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    at: At,
}

/// Adds the commands to that of the tool.
pub fn add_commands(command: Command) -> Command {
    let list = "Print the incidents that are open, and the silences";
    let ack = "Acknowledge an incident: somebody looks after it, and what is open of it is not sent again";
    let silence = "Silence alerts for a time: nothing is sent of those for which all that is given is so";
    let note = "Write down what was found out about an incident";
    command
        .subcommand(ListArgs::augment_args(Command::new("list")).about(list))
        .subcommand(AckArgs::augment_args(Command::new("ack")).about(ack))
        .subcommand(SilenceArgs::augment_args(Command::new("silence")).about(silence))
        .subcommand(NoteArgs::augment_args(Command::new("note")).about(note))
}

/// Runs one of them.
///
/// # Errors
/// There is no database or no such incident, or something that was given cannot be.
pub fn run(parts: &Parts, name: &str, matches: &ArgMatches) -> Result<ExitCode> {
    let now_ns = now_ns();
    let text = match name {
        "list" => {
            let ListArgs { all, at } = ListArgs::from_arg_matches(matches)?;
            list(&at.open(parts)?, all, now_ns)?
        }
        "ack" => {
            let AckArgs { incident, undo, reason, at } = AckArgs::from_arg_matches(matches)?;
            let store = at.open(parts)?;
            if undo {
                store.unacknowledge(&incident)?;
            } else {
                store.acknowledge(&incident, &reason.at(now_ns))?;
            }
            line(&store.incident(&incident)?, &store.decisions(now_ns)?)
        }
        "silence" => silence(parts, SilenceArgs::from_arg_matches(matches)?, now_ns)?,
        "note" => {
            let NoteArgs { incident, text, by: By { by }, at } = NoteArgs::from_arg_matches(matches)?;
            let store = at.open(parts)?;
            store.add_note(&incident, &Note { by: by.into(), text: text.into(), time_ns: now_ns })?;
            line(&store.incident(&incident)?, &store.decisions(now_ns)?)
        }
        _ => bail!("there is no command alerts {name}"),
    };
    print(&text).map(|()| ExitCode::SUCCESS)
}

impl At {
    /// The database, which must be there.
    fn open(self, parts: &Parts) -> Result<Store> {
        let path = match self.alerts_database {
            Some(path) => path,
            None => read_section::<AlertsOptions>(parts, self.config, "alerts")?.database().context(NO_PLACE)?,
        };
        if !path.is_file() {
            let path = path.display();
            bail!(
                "there is no database of alerts {path}: choose it with --alerts-database; peer-observer alerts makes it"
            );
        }
        Ok(Store::open(&path)?)
    }
}

fn silence(parts: &Parts, args: SilenceArgs, now_ns: u64) -> Result<String> {
    let SilenceArgs { incident, detector, subject, node, span, end, reason, at } = args;
    let store = at.open(parts)?;
    if let Some(id) = end {
        store.end_silence(id, now_ns)?;
        return Ok(format!("silence {id} has ended\n"));
    }
    let matcher = Matcher { detector, subject, node, incident: incident.map(SmolStr::from) };
    let span_ns = span.map_or(0, |Span(span)| nanoseconds(span));
    let id = store.silence(&matcher, &reason.at(now_ns), now_ns.saturating_add(span_ns))?;
    let silences = store.decisions(now_ns)?.silences;
    Ok(silences.iter().filter(|silence| silence.id == id).map(silence_line).collect())
}

/// The incidents, and the silences.
fn list(store: &Store, all: bool, now_ns: u64) -> Result<String> {
    let incidents = store.incidents(!all, MAX_LISTED)?;
    let decisions = store.decisions(now_ns)?;
    let mut text: String = incidents.iter().map(|incident| line(incident, &decisions)).collect();
    text.extend(decisions.silences.iter().map(silence_line));
    if incidents.is_empty() {
        text += if all { "no incident is kept\n" } else { "no incident is open\n" };
    }
    if incidents.len() >= MAX_LISTED as usize {
        let _ = writeln!(text, "and perhaps more: {MAX_LISTED} are listed at most");
    }
    Ok(text)
}

/// An incident, in one line, and a line for each of its notes.
fn line(incident: &Incident, decisions: &Decisions) -> String {
    let rank = |alert: &&Alert| (alert.severity(), alert.state() == State::Open);
    let Some(worst) = incident.alerts.iter().rev().max_by_key(rank) else { return String::new() };
    let mut nodes: Vec<&str> = incident.alerts.iter().flat_map(|alert| &alert.nodes).map(String::as_str).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let since_ns = incident.alerts.iter().map(|alert| alert.since_ns).min().unwrap_or_default();
    let what = if incident.is_open() { severity_name(worst.severity()) } else { "over" };
    let (id, nodes) = (Plain(&incident.id), nodes.join(","));
    let mut text =
        format!("{id} {} {} {what} {}: {}", rfc3339(since_ns), Plain(&nodes), worst.detector, Sentence(worst));
    if incident.alerts.len() > 1 {
        let _ = write!(text, " ({} alerts)", incident.alerts.len());
    }
    if let Some(Acknowledgement { decision, .. }) = &incident.acknowledged {
        let _ = write!(text, " [acknowledged{}]", reason(decision));
    }
    let open = || incident.alerts.iter().filter(|alert| alert.state() == State::Open);
    let silenced = |alert: &Alert| decisions.silences.iter().any(|silence| silence.matcher.matches(alert));
    if incident.is_open() && open().all(silenced) {
        text += " [silenced]";
    }
    text.push('\n');
    for Note { by, text: note, time_ns } in &incident.notes {
        let by = if by.is_empty() { String::new() } else { format!(" {}", Plain(by)) };
        let _ = writeln!(text, "  {}{by}: {}", rfc3339(*time_ns), Plain(note));
    }
    text
}

/// A silence, in one line.
fn silence_line(silence: &Silence) -> String {
    let Silence { id, matcher: Matcher { detector, subject, node, incident }, decision, until_ns } = silence;
    let mut text = format!("silence {id} until {}:", rfc3339(*until_ns));
    let parts = [("incident", incident), ("detector", detector), ("subject", subject), ("node", node)];
    for (name, part) in parts {
        if let Some(part) = part {
            let _ = write!(text, " {name} {}", Plain(part));
        }
    }
    let _ = writeln!(text, "{}", reason(decision));
    text
}

/// Who decided something, and why.
fn reason(Decision { by, why, .. }: &Decision) -> String {
    let mut text = String::new();
    if !by.is_empty() {
        let _ = write!(text, " by {}", Plain(by));
    }
    if !why.is_empty() {
        let _ = write!(text, ": {}", Plain(why));
    }
    text
}
