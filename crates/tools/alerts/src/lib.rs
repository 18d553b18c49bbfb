//! Attacks and anomalies, found in the events of all nodes.
//!
//! A detector ([`Detector`]) is an observer of the model, in one file of `detectors/FAMILY/`, and a row of the table. It reports
//! ([`Report`]) that something is so, in relation to its threshold; the book makes alerts of that: when they open and end, what is the
//! same thing at several nodes, which alerts have one cause. The [`Engine`] does all of it without I/O, by the time of the events, so
//! that a replay finds what was found live. Around it are the tool that publishes alerts as events, the database that keeps those that
//! are open, and the receivers that bring them to people ([`receivers`]).

mod blind;
mod book;
pub mod catalogue;
mod clock;
mod compare;
mod counting;
mod detector;
mod detectors;
mod engine;
mod facts;
mod finding;
mod fleet;
mod kept;
mod node;
mod noted;
pub mod receivers;
mod repeated;
mod report;
mod settings;
mod sink;
mod statistics;
mod subject;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use alert_state::Store;
use bus::{Accounts, Delivery, Mark, Publisher, Subscription};
use event::Body;
use event::pb::alerts::alerts::AlertsEvent;
use event::pb::alerts::{Alert, Alerts as Event};
use event::time::now_ns;
use networks::{Enrichment, Files};
use smol_str::SmolStr;
use store::sqlite::DatabaseError;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};

pub use crate::blind::blind;
pub use crate::book::{Brief, MAX_SUBJECTS};
pub use crate::detector::{Detector, Me, Parameter, Row, Timing};
pub use crate::detectors::{Details, rows};
pub use crate::engine::{Engine, NearestOf};
pub use crate::facts::Facts;
pub use crate::finding::{Evidence, Finding, Report};
pub use crate::report::{Form, Print};
pub use crate::settings::{COMMON, Settings, Value, Values};
pub use crate::sink::{Nearest, STAYS, Sink};
pub use crate::subject::Subject;

use crate::compare::Comparison;
use crate::receivers::Receivers;
use crate::report::Printer;

/// When nothing comes for so long, time passes all the same.
const IDLE: Duration = Duration::from_secs(1);
/// How often files are looked at that may have changed.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// How often it is written what is usual.
const BASELINES: Duration = Duration::from_secs(300);

/// What is looked for, and where alerts go.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which detectors look, by which parameters.
    pub settings: Settings,
    /// Others to compare with, where events are of the past.
    pub against: Option<Settings>,
    /// Where alerts are kept, with what people decided about them; none: nowhere.
    pub store: Option<Store>,
    /// Tor exits and autonomous systems.
    pub files: Files,
    /// Alerts are printed.
    pub print: Option<Print>,
    /// Where alerts are sent.
    pub receivers: Vec<receivers::Settings>,
}

/// Why alerts cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] DatabaseError),
    /// A file with networks cannot be read.
    #[error("{0}")]
    Networks(String),
    /// A receiver cannot be made.
    #[error("{0}")]
    Receivers(String),
    /// Nothing can be printed.
    #[error("cannot print alerts: {0}")]
    Print(#[from] std::io::Error),
}

/// The tool with its files open.
pub struct Alerts {
    engine: Engine,
    comparison: Option<Comparison>,
    store: Option<Store>,
    printer: Option<Printer>,
    receivers: Receivers,
    /// Nodes with alerts that were open when the process ended.
    nodes: BTreeSet<String>,
    files: Files,
    /// What was warned of last, so that it is not repeated.
    warned: Option<String>,
}

/// Makes a publisher for a node, by its name.
pub type Publishers = Box<dyn Fn(&str) -> Publisher + Send + Sync>;

impl Alerts {
    /// Opens its files. No event comes yet, and no further file is opened later.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn open(options: Options) -> Result<Self, Error> {
        let Options { settings, against, store, files, print, receivers } = options;
        let open = store.as_ref().map(Store::open_alerts).transpose()?.unwrap_or_default();
        if !open.is_empty() {
            info!("{} alerts were open when this program ended", open.len());
        }
        let enrichment = Enrichment::read(&files, None).map_err(Error::Networks)?;
        let receivers = Receivers::open(&receivers, store.as_ref()).map_err(Error::Receivers)?;
        let nodes = open.iter().filter_map(|(_, alert)| alert.nodes.first().cloned()).collect();
        let comparison = against.map(|settings| Comparison::new(settings, enrichment.clone()));
        let mut engine = Engine::new(settings, enrichment, open);
        engine.restore(store.as_ref().map(Store::baselines).transpose()?.unwrap_or_default());
        let printer = print.map(Printer::new);
        Ok(Self { engine, comparison, store, printer, receivers, nodes, files, warned: None })
    }

    /// Looks at live events until they end, publishes alerts by what `publishers` makes for each node, and sends them to the receivers. What
    /// becomes of that is counted in `accounts`.
    ///
    /// # Errors
    /// Nothing can be printed.
    pub async fn watch(
        mut self,
        mut events: Subscription,
        publishers: Publishers,
        accounts: &Accounts,
    ) -> Result<(), Error> {
        // Their statuses have what is counted of receivers.
        let made = std::mem::take(&mut self.nodes).into_iter().map(|node| (node.clone(), publishers(&node)));
        let mut made: HashMap<String, Publisher> = made.collect();
        self.receivers.start(accounts);
        let since_ns = now_ns();
        self.watches(since_ns).await;
        let (mut heard, mut looked, mut decided) = (Instant::now(), Instant::now(), Instant::now());
        let mut written = Instant::now();
        loop {
            match tokio::time::timeout(IDLE, events.next_many()).await {
                Ok(items) if items.is_empty() => break,
                Ok(items) => {
                    for item in items {
                        match item {
                            Delivery::Mark(Mark::Begin) => self.engine.begin_past(),
                            Delivery::Mark(Mark::Ready) => self.end_past(),
                            item => self.take(item),
                        }
                    }
                    heard = Instant::now();
                }
                Err(_) if self.engine.is_past() => {}
                Err(_) => {
                    self.engine.wait(heard.elapsed());
                    heard = Instant::now();
                }
            }
            if self.engine.is_past() {
                let _ = self.engine.take_changed();
                continue;
            }
            let changed = self.changed()?;
            self.keep(&changed).await;
            if !changed.is_empty() || decided.elapsed() >= IDLE {
                decided = Instant::now();
                self.decide().await;
            }
            self.receivers.note(&changed).await;
            for (_, alert) in changed {
                let node = alert.nodes.first().cloned().unwrap_or_default();
                let publisher = made.entry(node).or_insert_with_key(|node| publishers(node));
                let time_ns = alert.resolved_ns.unwrap_or(alert.last_ns);
                publisher.publish(time_ns, Body::Alerts(Event { alerts_event: Some(AlertsEvent::Alert(alert)) })).await;
            }
            if looked.elapsed() > HOUSEKEEPING {
                looked = Instant::now();
                self.read_again().await;
                self.watches(since_ns).await;
            }
            if written.elapsed() > BASELINES {
                written = Instant::now();
                self.keep_baselines().await;
            }
        }
        if !self.engine.is_past() {
            self.keep_baselines().await;
        }
        self.receivers.end().await;
        Ok(())
    }

    /// Looks at events of the past until they end: what would have been found. Nothing is published.
    ///
    /// # Errors
    /// Nothing can be printed.
    pub async fn back_test(mut self, mut events: Subscription) -> Result<(), Error> {
        loop {
            let items = events.next_many().await;
            if items.is_empty() {
                break;
            }
            for item in items {
                if let Some(comparison) = &mut self.comparison {
                    comparison.take(&item);
                }
                self.take(item);
            }
            if let Some(comparison) = &mut self.comparison {
                comparison.note(&self.engine.take_changed());
            } else {
                self.changed()?;
            }
        }
        let mut out = std::io::stdout().lock();
        match (&self.printer, &self.comparison) {
            (Some(printer), Some(comparison)) => comparison.print(printer.print.form, &mut out)?,
            (Some(printer), None) => printer.end(&self.engine, &mut out)?,
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, item: Delivery) {
        match item {
            Delivery::Event(record) => {
                self.receivers.see(&record);
                self.engine.fold(&record);
            }
            Delivery::Lost(loss) => self.engine.lost(&loss),
            _ => {} // where events of the past are matters to those who note it
        }
    }

    /// What changed since the last call; it is printed if that is wanted.
    fn changed(&mut self) -> Result<Vec<(SmolStr, Alert)>, Error> {
        let changed = self.engine.take_changed();
        if let Some(printer) = &mut self.printer
            && !changed.is_empty()
        {
            let mut out = std::io::stdout().lock();
            changed.iter().try_for_each(|(_, alert)| printer.alert(alert, &mut out))?;
        }
        Ok(changed)
    }

    /// Writes what changed to the database. That it cannot be written does not keep alerts from being published.
    async fn keep(&mut self, changed: &[(SmolStr, Alert)]) {
        let (Some(store), false) = (self.store.clone(), changed.is_empty()) else { return };
        let changed = changed.to_vec();
        let failed = match spawn_blocking(move || store.keep(&changed)).await {
            Ok(Ok(())) => return self.warned = None,
            Ok(Err(error)) => error.to_string(),
            Err(_) => return,
        };
        if self.warned.as_ref() != Some(&failed) {
            warn!("alerts are not kept for the next start: {failed}");
            self.warned = Some(failed);
        }
    }

    /// What was found in the past is forgotten: what is still so is found again.
    fn end_past(&mut self) {
        self.engine.end_past();
        let _ = self.engine.take_changed();
        info!("{} events of archives show what is usual", self.engine.events());
    }

    /// Writes what is usual to the database.
    async fn keep_baselines(&mut self) {
        let Some(store) = self.store.clone() else { return };
        let baselines = self.engine.baselines();
        if let Ok(Err(error)) = spawn_blocking(move || store.keep_baselines(&baselines, now_ns())).await {
            warn!("what is usual is not kept for the next start: {error}");
        }
    }

    /// Reads files with networks again that have changed.
    async fn read_again(&mut self) {
        let before = self.engine.enrichment().clone();
        let files = self.files.clone();
        let read = move || before.changed().then(|| Enrichment::read(&files, Some(&before)));
        match spawn_blocking(read).await {
            Ok(Some(Ok(enrichment))) => self.engine.set_enrichment(enrichment),
            Ok(Some(Err(error))) => warn!("{error}"),
            Ok(None) | Err(_) => {}
        }
    }
}
