//! The tool `alerts`: attacks and anomalies, found in the events of all nodes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use alerts::receivers::{self, Section};
use alerts::{Alerts, Form, Options, Print, Settings, Value, blind};
use anyhow::{Context as _, Result, anyhow, bail};
use clap::{ArgAction, Args, ValueEnum};
use event::quote::Quoted;
use event::similar::instead;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::state::state_directory;
use crate::options::{Check, Context, Part, describe};
use crate::selections::NAMED;
use crate::tool::{History, KeptAt, Place, Queue, Service, Starts, Stdout, Tool, ToolEntry};
use crate::values::Interval;

pub const ENTRY: ToolEntry = ToolEntry {
    name: "alerts",
    about: "Find attacks and anomalies: live, from NATS, or what would have been found in archives",
    summary: "Finds attacks and anomalies, and publishes them as events",
    starts: Starts::WithSection,
    demo: true,
    options: Part::of::<AlertsOptions>("alerts"),
};

/// What is usual is learned from so much of archives.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where alerts are kept, in the directory of the system or the user for such things.
const DATABASE: &str = "alerts.db";

/// What is wrong if no place is known for that.
pub const NO_PLACE: &str = "there is no place to keep alerts: choose one with --alerts-database";

/// Section `[alerts]`, and its flags. What is set of a detector is in a section of its own: `[alerts.NAME]`. So is each receiver:
/// `[alerts.receivers.NAME]`.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "Alerts")]
#[serde(default)]
pub struct AlertsOptions {
    /// Where alerts are kept, and what people decide about them [default: alerts.db in $STATE_DIRECTORY, or in ~/.local/state/peer-observer]
    #[arg(
        id = "alerts_database",
        long = "alerts-database",
        env = "PEER_OBSERVER_ALERTS_DATABASE",
        value_name = "FILE"
    )]
    database: Option<PathBuf>,
    /// Print alerts: by default only those that are found in archives
    #[arg(
        id = "alerts_print",
        long = "alerts-print",
        env = "PEER_OBSERVER_ALERTS_PRINT",
        value_enum,
        value_name = "FORM"
    )]
    print: PrintForm,
    /// At the end of archives, print how near each detector came to an alert that it did not raise
    #[arg(
        id = "alerts_explain",
        long = "alerts-explain",
        env = "PEER_OBSERVER_ALERTS_EXPLAIN",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    explain: bool,
    /// Set something of detectors, over what their sections say: DETECTOR.PARAMETER=VALUE, such as inbound_flood.per_minute=60
    #[arg(
        id = "alerts_set",
        long = "alerts-set",
        env = "PEER_OBSERVER_ALERTS_SET",
        value_delimiter = ',',
        value_name = "SETTING"
    )]
    set: Vec<String>,
    /// Of archives, print what would be found with these settings in place of those of --alerts-set, and what only with one of both
    #[arg(
        id = "alerts_against",
        long = "alerts-against",
        env = "PEER_OBSERVER_ALERTS_AGAINST",
        value_delimiter = ',',
        value_name = "SETTING"
    )]
    against: Vec<String>,
    /// What is watched for a change: names of docs/detectors.md, and `default` for what is watched otherwise
    #[arg(
        id = "alerts_watch",
        long = "alerts-watch",
        env = "PEER_OBSERVER_ALERTS_WATCH",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    watch: Vec<String>,
    /// Archives from which is learned at the start what is usual: a folder, a file, or s3://BUCKET/PREFIX [default: those that [archive] writes]
    #[arg(id = "alerts_history", long = "alerts-history", env = "PEER_OBSERVER_ALERTS_HISTORY", value_name = "DIR")]
    history: Option<PathBuf>,
    /// How much of them: up to the last day, or off
    #[arg(
        id = "alerts_history_time",
        long = "alerts-history-time",
        env = "PEER_OBSERVER_ALERTS_HISTORY_TIME",
        value_name = "DURATION"
    )]
    history_time: Interval,
    /// Where alerts are sent, by name.
    #[arg(skip)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    receivers: BTreeMap<String, Section>,
    /// What is set of each detector, by its name.
    #[arg(skip)]
    #[serde(flatten)]
    detectors: BTreeMap<String, toml::Value>,
}

impl Default for AlertsOptions {
    fn default() -> Self {
        let (database, print, explain, set, against, watch) = Default::default();
        let (history, receivers, detectors) = Default::default();
        let history_time = Interval(Some(DAY));
        Self { database, print, explain, set, against, watch, history, history_time, receivers, detectors }
    }
}

/// The form of printed alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum PrintForm {
    /// Lines for people if events come from archives, else nothing
    #[default]
    Auto,
    /// Nothing
    None,
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}

impl AlertsOptions {
    /// The settings of the sections, with others over them.
    fn settings(&self, over: &[String]) -> Result<Settings> {
        let mut settings = Settings::default();
        if !self.watch.is_empty() {
            settings.watch(&self.watch).map_err(|error| anyhow!(error))?;
        }
        for (name, section) in &self.detectors {
            let Some(section) = section.as_table() else {
                let keys: Vec<String> = describe::<Self>("alerts").into_iter().map(|option| option.key).collect();
                bail!("alerts.{name}: there is no such option; {}", instead(name, keys.iter().map(String::as_str)));
            };
            for (parameter, value) in section {
                let value = match value {
                    toml::Value::Boolean(value) => Value::Bool(*value),
                    toml::Value::Integer(value) => Value::Number(*value as f64),
                    toml::Value::Float(value) => Value::Number(*value),
                    value => Value::Text(value.as_str().unwrap_or_default().to_owned()),
                };
                settings.set(name, parameter, &value).map_err(|error| anyhow!(error))?;
            }
        }
        over.iter().try_for_each(|text| settings.set_text(text)).map_err(|error| anyhow!(error))?;
        Ok(settings)
    }
}

impl AlertsOptions {
    /// The receivers, all of which must be right.
    ///
    /// # Errors
    /// Something in a section cannot be.
    fn receivers(&self) -> Result<Vec<receivers::Settings>> {
        let checked = self.receivers.iter().map(|(name, section)| receivers::Settings::new(name, section));
        checked.collect::<Result<_, _>>().map_err(|error| anyhow!(error))
    }

    /// Where alerts are kept; none if no place is known.
    pub fn database(&self) -> Option<PathBuf> {
        self.database.clone().or_else(|| Some(state_directory()?.join(DATABASE)))
    }

    /// The receiver of this name.
    ///
    /// # Errors
    /// There is none, or something in its section cannot be.
    pub fn receiver(&self, name: &str) -> Result<receivers::Settings> {
        let Some(section) = self.receivers.get(name) else {
            let known = self.receivers.keys().map(String::as_str);
            let advice = if self.receivers.is_empty() {
                "the configuration has no section [alerts.receivers.NAME]".to_owned()
            } else {
                instead(name, known)
            };
            bail!("there is no receiver {name:?}; {advice}");
        };
        receivers::Settings::new(name, section).map_err(|error| anyhow!(error))
    }
}

impl Check<Box<dyn Tool>> for AlertsOptions {
    fn check(&self, context: &Context) -> Result<Box<dyn Tool>> {
        if self.history_time.0.is_none() && self.history.is_some() {
            bail!("alerts.history means nothing with alerts.history_time = \"off\"");
        }
        let longest = self.history_time.0.map(|longest| longest.min(DAY));
        let history = longest.map(|longest| History { from: self.history.clone(), longest });
        let options = Options {
            settings: self.settings(&self.set)?,
            against: (!self.against.is_empty()).then(|| self.settings(&self.against)).transpose()?,
            receivers: self.receivers()?,
            files: context.networks.clone(),
            ..Options::default()
        };
        let (database, print, explain) = (self.database(), self.print, self.explain);
        Ok(Box::new(Detection { options, history, database, keeps: true, print, explain }))
    }
}

struct Detection {
    options: Options,
    history: Option<History>,
    database: Option<PathBuf>,
    /// It keeps alerts in the database.
    keeps: bool,
    print: PrintForm,
    explain: bool,
}

impl Detection {
    fn print(&self, is_recorded: bool) -> Option<Print> {
        let form = match self.print {
            PrintForm::Auto if is_recorded => Form::Text,
            PrintForm::Auto | PrintForm::None => return None,
            PrintForm::Text => Form::Text,
            PrintForm::Json => Form::Json,
        };
        Some(Print { form, explain: self.explain })
    }
}

impl Tool for Detection {
    /// What made-up peers do concerns nobody, and is over when this program ends.
    fn for_own_nodes(&mut self) {
        self.keeps = false;
        self.history = None;
        self.options.receivers.clear();
    }

    fn queue(&self) -> Queue {
        Queue::SERVED
    }

    fn history(&self) -> Option<History> {
        self.history.clone()
    }

    fn keeps_alerts(&self) -> Option<KeptAt> {
        if self.keeps { self.database.clone().map(KeptAt::File) } else { Some(KeptAt::Memory) }
    }

    /// It looks at the past as a whole, with `alerts FILE...`.
    fn acts(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<PathBuf> {
        self.options.files.paths().cloned().collect()
    }

    fn stdout(&self) -> Stdout {
        match self.print {
            PrintForm::Text => Stdout::Lines,
            PrintForm::Json => Stdout::Owned,
            PrintForm::Auto | PrintForm::None => Stdout::Unused,
        }
    }

    fn start(self: Box<Self>, place: Place) -> Result<Service> {
        let print = self.print(place.scene.is_recorded);
        anyhow::ensure!(
            place.scene.is_recorded || self.options.against.is_none(),
            "alerts.against compares what would be found in archives: name some, as in `peer-observer alerts DIR`"
        );
        for (node, selection) in place.scene.selections.iter().take(NAMED) {
            let families = blind(selection);
            if !families.is_empty() {
                let families = families.join(", ");
                warn!("detectors of these families see nothing of {}: {families}", Quoted(node));
            }
        }
        if place.scene.is_recorded {
            // What is open now has nothing to do with what was then.
            let alerts = Alerts::open(Options { print, receivers: Vec::new(), ..self.options })?;
            return Ok(Service::new(|events, _, _| async move { Ok(alerts.back_test(events).await?) }));
        }
        let store = place.scene.alerts.context(NO_PLACE)?;
        let alerts = Alerts::open(Options { store: Some(store), print, ..self.options })?;
        Ok(Service::publishing(move |events, publishers, _| async move {
            let accounts = publishers.accounts().clone();
            let publisher = Box::new(move |node: &str| publishers.publisher(node, ENTRY.name));
            Ok(alerts.watch(events, publisher, &accounts).await?)
        }))
    }
}
