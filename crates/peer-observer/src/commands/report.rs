//! `report`: what is known of an incident, in files for people and for programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use alert_state::{Incident, Store};
use anyhow::{Context, Result, bail, ensure};
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use event::quote::Plain;
use event::text::Sentence;
use event::time::{now_ns, rfc3339_micros};
use networks::Enrichment;
use report::{Guide, Options, Report, Tlp};
use store::archive::Place;
use tracing::{info, warn};

use crate::config::networks::NetworksOptions;
use crate::config::raw::{read_s3, read_section};
use crate::config::s3::S3Options;
use crate::output::print;
use crate::parts::Parts;
use crate::public::PublicArgs;
use crate::tools::AlertsOptions;
use crate::values::Span;

pub const NAME: &str = "report";

/// Incidents that are listed.
const MAX_LISTED: u32 = 200;
/// Incidents of archives that an error names.
const MAX_NAMED: usize = 5;

#[derive(Args)]
struct ReportArgs {
    /// The incident: its id, that of one of its alerts, or how it begins; without one, all are listed
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    /// Archives around it, or folders with them, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "FILE")]
    archive: Vec<PathBuf>,
    /// The folder to write to, which is made if it is not there
    #[arg(long, default_value = ".", value_name = "DIR")]
    to: PathBuf,
    /// Which files: all that there can be without this
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    form: Vec<Form>,
    /// With whom the STIX bundle may be shared, by the Traffic Light Protocol
    #[arg(long, value_enum, default_value_t, value_name = "COLOR")]
    tlp: Color,
    /// How long a ban lasts that the list of commands makes
    #[arg(long, default_value = "1d", value_name = "DURATION")]
    ban_time: Span,
    /// Where alerts are kept, in place of what [alerts] has; with archives, incidents that are not there are looked for in them
    #[arg(long, env = "PEER_OBSERVER_ALERTS_DATABASE", value_name = "FILE")]
    alerts_database: Option<PathBuf>,
    /// Map of autonomous systems, in the binary form of bitcoind -asmap
    #[arg(long, env = "PEER_OBSERVER_ASMAP", value_name = "FILE")]
    asmap: Option<PathBuf>,
    #[command(flatten)]
    public: PublicArgs,
}

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A page that needs nothing else
    Html,
    /// The same for GitHub and mailing lists
    Markdown,
    /// A bundle of STIX 2.1
    Stix,
    /// Detection findings of OCSF, one a line
    Ocsf,
    /// Networks to ban: plain, and as bitcoin-cli setban
    Bans,
}

impl Form {
    /// Those that have addresses which others act on: a pseudonym must not be taken for one.
    const WITH_ADDRESSES: [Self; 2] = [Self::Stix, Self::Bans];
}

/// A color of the Traffic Light Protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    /// With all
    White,
    /// With the community
    Green,
    /// Within the organization and its clients
    #[default]
    Amber,
    /// With nobody else
    Red,
}

impl From<Color> for Tlp {
    fn from(color: Color) -> Self {
        match color {
            Color::White => Self::White,
            Color::Green => Self::Green,
            Color::Amber => Self::Amber,
            Color::Red => Self::Red,
        }
    }
}

pub fn command() -> Command {
    let about = "Write reports of incidents: pages, Markdown, STIX, OCSF, ban lists";
    let file = "Configuration file, in place of the system's and the user's: for its sections [alerts], [networks], [s3] and [web]";
    S3Options::augment(ReportArgs::augment_args(Command::new(NAME)))
        .mut_arg("public", |arg| arg.visible_alias("redact"))
        .mut_arg("config", |arg| arg.help(file))
        .about(about)
}

pub fn run(parts: &Parts, matches: &ArgMatches) -> Result<ExitCode> {
    let args = ReportArgs::from_arg_matches(matches)?;
    let config = crate::config::raw::config_file(matches)?;
    let places = read_s3(parts, matches)?.archives(&args.archive)?;
    let store = database(parts, config.clone(), &args, places.is_empty())?;
    let Some(wanted) = &args.incident else { return list(store.as_ref(), &places) };
    let forms = forms(&args, &places)?;
    let incident = find(wanted, store.as_ref(), &places)?;
    let now_ns = now_ns();
    let silences = match &store {
        Some(store) => store.decisions(now_ns)?.silences,
        None => Vec::new(),
    };
    let concerns = |silence: &alert_state::Silence| incident.alerts.iter().any(|alert| silence.matcher.matches(alert));
    let mut networks = read_section::<NetworksOptions>(parts, config.clone(), "networks")?;
    networks.asmap = args.asmap.clone().or(networks.asmap);
    let options = Options {
        silences: silences.into_iter().filter(concerns).collect(),
        enrichment: Enrichment::read(&networks.check(), None).map_err(anyhow::Error::msg)?,
        guides: alerts::rows().map(|row| guide(&row)).collect(),
        redaction: args.public.redactor(parts, config)?.map(|(redactor, _)| redactor),
        version: env!("VERSION"),
        now_ns,
    };
    if places.is_empty() {
        warn!("no archive is given (--archive): the report has only what the alerts say");
    }
    let report = Report::new(incident, &places, options)?;
    for path in write(&report, &args, &forms)? {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The database of alerts, if it is there. Without archives it must be.
fn database(parts: &Parts, config: Option<PathBuf>, args: &ReportArgs, is_needed: bool) -> Result<Option<Store>> {
    let path = match &args.alerts_database {
        Some(path) => Some(path.clone()),
        None => read_section::<AlertsOptions>(parts, config, "alerts")?.database(),
    };
    match path {
        Some(path) if path.exists() => Ok(Some(Store::open(&path)?)),
        Some(path) if is_needed || args.alerts_database.is_some() => {
            bail!(
                "there is no database of alerts {}: choose one with --alerts-database, or give --archive",
                path.display()
            )
        }
        None if is_needed => {
            bail!("no database of alerts is known: choose one with --alerts-database, or give --archive")
        }
        _ => Ok(None),
    }
}

/// The forms that are written.
fn forms(args: &ReportArgs, places: &[Place]) -> Result<Vec<Form>> {
    let asked = |form: &Form| args.form.contains(form);
    if let Some(form) = Form::WITH_ADDRESSES.iter().find(|form| args.public.is_asked() && asked(form)) {
        let name = form.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        bail!("there is no redacted form {name}: others would block whoever has the pseudonyms as addresses");
    }
    ensure!(
        !(places.is_empty() && asked(&Form::Bans)),
        "who is to be banned is known from archives only: give --archive"
    );
    if !args.form.is_empty() {
        return Ok(args.form.clone());
    }
    let can_be = |form: &Form| match form {
        Form::Stix => !args.public.is_asked(),
        Form::Bans => !args.public.is_asked() && !places.is_empty(),
        Form::Html | Form::Markdown | Form::Ocsf => true,
    };
    Ok(Form::value_variants().iter().copied().filter(can_be).collect())
}

/// The incident that is meant: in the database, or else in the archives.
fn find(wanted: &str, store: Option<&Store>, places: &[Place]) -> Result<Incident> {
    match store.map(|store| store.incident(wanted)) {
        Some(Ok(incident)) => return Ok(incident),
        Some(Err(alert_state::Error::NoIncident(_))) if !places.is_empty() => {}
        Some(Err(error)) => return Err(error.into()),
        None => {}
    }
    let is_meant = |incident: &Incident| {
        let mut ids = incident.alerts.iter().map(|alert| alert.id.as_str()).chain([incident.id.as_str()]);
        ids.any(|id| !wanted.is_empty() && id.starts_with(wanted))
    };
    let mut found: Vec<Incident> = report::incidents(places)?.into_iter().filter(is_meant).collect();
    match found.len() {
        1 => found.pop().context("it is there"),
        0 => {
            bail!("there is no incident whose id begins with {wanted:?}: `peer-observer report` lists those there are")
        }
        _ => {
            let ids: Vec<_> = found.iter().take(MAX_NAMED).map(|incident| Plain(&incident.id).to_string()).collect();
            bail!("several incidents have ids that begin with {wanted:?}: {}; write more of the id", ids.join(", "))
        }
    }
}

/// Prints a line for each incident, those with the latest alerts first.
fn list(store: Option<&Store>, places: &[Place]) -> Result<ExitCode> {
    let mut incidents = match store {
        Some(store) => store.incidents(false, MAX_LISTED)?,
        None => Vec::new(),
    };
    for incident in report::incidents(places)? {
        if incidents.iter().all(|known| known.id != incident.id) && incidents.len() < MAX_LISTED as usize {
            incidents.push(incident);
        }
    }
    for incident in &incidents {
        let Some(first) = incident.alerts.first() else { continue };
        let state = if incident.is_open() { "open" } else { "over" };
        let severity = incident.severity().as_str_name().to_ascii_lowercase();
        let more = match incident.alerts.len() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        let since = rfc3339_micros(first.since_ns);
        let (id, detector) = (Plain(&incident.id), Plain(&first.detector));
        print(&format!("{id} {since} {state} {severity} {detector}: {}{more}\n", Sentence(first)))?;
    }
    if incidents.is_empty() {
        info!("there are no incidents");
    }
    Ok(ExitCode::SUCCESS)
}

fn guide(row: &alerts::Row) -> Guide {
    let parameters = row.parameters.iter().map(|parameter| (parameter.name, parameter.what.trim())).collect();
    Guide { name: row.name, title: row.title, sees: row.sees, misses: row.misses, parameters }
}

/// Writes the files, and returns where they are.
fn write(report: &Report, args: &ReportArgs, forms: &[Form]) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(&args.to).with_context(|| format!("cannot make the folder {}", args.to.display()))?;
    let name = format!("incident-{}", report.name());
    let mut written = Vec::new();
    for form in forms {
        for (ending, text) in texts(report, *form, args.ban_time.0, args.tlp.into()) {
            let path = args.to.join(format!("{name}.{ending}"));
            write_file(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
            written.push(path);
        }
    }
    Ok(written)
}

/// A file that only its owner reads: an incident says much of a node.
fn write_file(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// The files of a form: how their names end, and what is in them.
fn texts(report: &Report, form: Form, ban_time: Duration, tlp: Tlp) -> Vec<(&'static str, String)> {
    match form {
        Form::Html => vec![("html", report.html())],
        Form::Markdown => vec![("md", report.markdown())],
        Form::Stix => report.stix(tlp).map(|text| ("stix.json", text)).into_iter().collect(),
        Form::Ocsf => vec![("ocsf.jsonl", report.ocsf())],
        Form::Bans => {
            let heading = report.heading();
            let lists = |bans: &report::Bans| {
                [("bans.txt", bans.networks(&heading)), ("bans.sh", bans.commands(&heading, ban_time))]
            };
            report.bans().map(lists).into_iter().flatten().collect()
        }
    }
}
