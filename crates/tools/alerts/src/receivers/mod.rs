//! Where alerts go: one file for each type of receiver, and one row of the table.
//!
//! Each receiver has a queue of its own ([`outbox`]) and a task of its own ([`worker`]), so that none delays another one. What each knows is
//! noted in the database ([`ledger`]).

mod alertmanager;
mod discord;
mod email;
mod failure;
mod http;
mod ledger;
mod matrix;
mod ntfy;
mod outbox;
mod settings;
mod slack;
mod telegram;
mod text;
mod webhook;
mod worker;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use alert_state::{Decisions, Store};
use bus::Accounts;
use event::pb::alerts::alerts::AlertsEvent;
use event::pb::alerts::{Alert, Alerts, Severity, State, Subject, SubjectKind};
use event::time::now_ns;
use event::{Body, Record};
use parking_lot::{Mutex, RwLock};
use redact::Redactor;
use smol_str::SmolStr;
use tokio::task::JoinHandle;

pub use self::settings::{COMMON, Key, Section, Settings};

use self::failure::Failure;
use self::ledger::Ledger;
use self::outbox::Grouping;
use self::settings::Values;
use self::worker::{Line, Worker};

/// All types of receivers.
pub const KINDS: &[Kind] = &[
    alertmanager::KIND,
    discord::KIND,
    email::KIND,
    matrix::KIND,
    ntfy::KIND,
    slack::KIND,
    telegram::KIND,
    webhook::KIND,
];

/// A type of receivers.
#[derive(Debug)]
pub struct Kind {
    /// Its name, the value of the key `type`.
    pub name: &'static str,
    /// The keys that it has besides those of all.
    pub keys: &'static [Key],
    /// Makes a receiver, or one for each of several places that are each informed of everything.
    make: fn(&mut Values) -> Result<Vec<Boxed>, String>,
}

/// What sends alerts somewhere.
trait Receiver: Send + Sync {
    /// How alerts are put together.
    fn grouping(&self) -> Grouping {
        Grouping { most: 10, wait: Some(Duration::from_secs(5)) }
    }

    /// How often all open alerts are sent again.
    fn again(&self) -> Option<Duration> {
        None
    }

    /// Says which of the alerts that it knows people do not want to hear of, to one that would repeat them by itself. It
    /// is called before anything is sent.
    fn hush<'a>(&'a self, _alerts: &'a [&'a Alert]) -> Hushing<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Sends alerts, of which there is one at least. Returns how many of them had room.
    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a>;
}

type Boxed = Box<dyn Receiver>;
type Hushing<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;
type Sending<'a> = Pin<Box<dyn Future<Output = Result<usize, Failure>> + Send + 'a>>;

/// All receivers.
pub struct Receivers {
    lines: Vec<Arc<Line>>,
    workers: Vec<Worker>,
    tasks: Vec<JoinHandle<()>>,
    decisions: Arc<RwLock<Decisions>>,
    redactor: Option<Arc<Mutex<Redactor>>>,
}

/// How long receivers have at the end for what waits.
const GRACE: Duration = Duration::from_secs(3);

impl Receivers {
    /// Makes receivers, with what they know in the database. Blocks.
    ///
    /// # Errors
    /// A secret or the database cannot be read, or a value cannot be: says which.
    pub fn open(settings: &[Settings], store: Option<&Store>) -> Result<Self, String> {
        let mut key = [0; 32];
        let is_public = settings.iter().any(|settings| settings.public);
        if is_public {
            getrandom::fill(&mut key).map_err(|error| format!("the system gives no randomness: {error}"))?;
            if let Some(store) = store {
                key = ledger::pseudonym_key(store, || key).map_err(|error| error.to_string())?;
            }
        }
        let redactor = is_public.then(|| Arc::new(Mutex::new(Redactor::new(key))));
        let decisions = store.map(|store| store.decisions(now_ns())).transpose().map_err(|error| error.to_string())?;
        let decisions = Arc::new(RwLock::new(decisions.unwrap_or_default()));
        let mut workers = Vec::new();
        for settings in settings {
            let (receivers, secrets) = make(settings)?;
            for (index, receiver) in receivers.into_iter().enumerate() {
                let place = if index == 0 { settings.name.clone() } else { format!("{} {}", settings.name, index + 1) };
                let ledger = store.map(|store| Ledger::new(store, &place));
                let redactor = redactor.clone().filter(|_| settings.public);
                let line = Arc::new(Line::new(settings, ledger, Arc::clone(&decisions)));
                line.restore().map_err(|error| error.to_string())?;
                workers.push((place, Worker { line, receiver, redactor, secrets: secrets.clone() }));
            }
        }
        if let Some(store) = store {
            let places: Vec<&str> = workers.iter().map(|(place, _)| place.as_str()).collect();
            Ledger::keep(store, &places).map_err(|error| error.to_string())?;
        }
        let workers: Vec<_> = workers.into_iter().map(|(_, worker)| worker).collect();
        let lines = workers.iter().map(|worker| Arc::clone(&worker.line)).collect();
        Ok(Self { lines, workers, tasks: Vec::new(), decisions, redactor })
    }

    /// Starts to send, and counts what becomes of that.
    pub fn start(&mut self, accounts: &Accounts) {
        for worker in self.workers.drain(..) {
            let name = format!("receiver {}", worker.line.name());
            self.tasks.push(bus::task::spawn(name, worker.run(accounts.clone())));
        }
    }

    /// Learns from an event what must not be public.
    pub fn see(&self, record: &Record) {
        if let Some(redactor) = &self.redactor {
            redactor.lock().see(record);
        }
    }

    /// Takes what people have decided, as it is now.
    pub fn decide(&self, decisions: Decisions) {
        if *self.decisions.read() != decisions {
            *self.decisions.write() = decisions;
            self.lines.iter().for_each(|line| line.decided());
        }
    }

    /// Takes alerts that opened, went on or were resolved.
    pub async fn note(&self, changed: &[(SmolStr, Alert)]) {
        let changed: Vec<_> = changed.iter().map(|(_, alert)| Arc::new(alert.clone())).collect();
        for line in &self.lines {
            line.note(&changed).await;
        }
    }

    /// Lets receivers send what waits, once, and ends them.
    pub async fn end(self) {
        self.lines.iter().for_each(|line| line.end());
        let until = tokio::time::Instant::now() + GRACE;
        for mut task in self.tasks {
            if tokio::time::timeout_at(until, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// Makes the receivers of a section. Returns the secrets besides, which must not be shown.
fn make(settings: &Settings) -> Result<(Vec<Boxed>, Vec<String>), String> {
    let place = format!("alerts.receivers.{}", settings.name);
    let mut values = settings.values(&place);
    let receivers = (settings.kind.make)(&mut values)?;
    Ok((receivers, values.secrets))
}

/// Sends an alert that is none to a receiver, to see whether it gets there.
///
/// # Errors
/// It does not: why.
pub async fn try_out(settings: &Settings) -> Result<(), String> {
    let (receivers, secrets) = make(settings)?;
    let now_ns = now_ns();
    let alert = Alert {
        id: format!("{now_ns:016x}"),
        incident: format!("{now_ns:016x}"),
        detector: "test".to_owned(),
        family: "test".to_owned(),
        severity: Severity::Info.into(),
        state: State::Open.into(),
        nodes: vec!["test".to_owned()],
        subject: Subject { kind: SubjectKind::Network.into(), text: String::new(), node: None, peer_id: None },
        since_ns: now_ns,
        last_ns: now_ns,
        score: 1.0,
        sentence: "This is a test of a receiver of alerts: nothing happened.".to_owned(),
        ..Alert::default()
    };
    for receiver in receivers {
        receiver.send(&[&alert]).await.map_err(|failure| worker::hidden(&failure.what, &secrets))?;
    }
    Ok(())
}

/// An alert as the public may see it.
fn redacted(redactor: &Mutex<Redactor>, alert: &Alert) -> Option<Alert> {
    let node = alert.nodes.first().map_or("", String::as_str).into();
    let body = Body::Alerts(Alerts { alerts_event: Some(AlertsEvent::Alert(alert.clone())) });
    let record = redactor.lock().redact(&Record::new(node, 0, 0, alert.last_ns, body))?;
    let Some(Body::Alerts(Alerts { alerts_event: Some(AlertsEvent::Alert(public)) })) = record.body() else {
        return None;
    };
    Some(public.clone())
}
