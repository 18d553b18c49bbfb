//! A reader's connection to a NATS server, which comes back by itself, and what is known of its state.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::{NatsError, Options};
use crate::accounts::{Reason, Stage};

/// Longest pause between two attempts to connect again: a server that is back is found within this time.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);
/// How often a reader asks the server whether it is there. After two questions without an answer the connection is given up, which shows
/// that a server's machine is gone.
const PING: Duration = Duration::from_secs(5);

/// Forbidden subjects that are remembered; we use fewer.
const MAX_FORBIDDEN: usize = 1024;

/// A connection to a server.
pub(super) struct Link {
    pub client: Client,
    /// Whether the connection is up.
    pub connected: watch::Receiver<bool>,
    /// Subjects that the server does not let us use, as it reports them.
    pub forbidden: watch::Receiver<Vec<String>>,
}

impl Link {
    /// Connects. What the client library drops is counted in `stage`, which also knows whether the connection is up.
    pub(super) async fn connect(options: &Options, stage: Arc<Stage>) -> Result<Self, NatsError> {
        let link = Self::try_connect(options, Arc::clone(&stage)).await;
        stage.set_connected(&options.shown_url(), link.is_ok());
        link
    }

    async fn try_connect(options: &Options, stage: Arc<Stage>) -> Result<Self, NatsError> {
        let (sender, connected) = watch::channel(true);
        let (forbidden_sender, forbidden) = watch::channel(Vec::new());
        let url = options.shown_url();
        let events = Events { url, stage, sender, forbidden: forbidden_sender, last_trouble: Mutex::default() };
        let connect = connect_options(options, Arc::new(events)).await?;
        let client = connect.connect(options.url.clone()).await.map_err(|error| explain(options, &error))?;
        Ok(Self { client, connected, forbidden })
    }
}

async fn connect_options(options: &Options, events: Arc<Events>) -> Result<ConnectOptions, NatsError> {
    let mut connect = ConnectOptions::new()
        .name("peer-observer")
        .skip_subject_validation(true)
        .max_reconnects(None)
        .ping_interval(PING)
        .reconnect_delay_callback(|attempt| {
            let millis = 10_u64.saturating_mul(1 << attempt.saturating_sub(1).min(7));
            Duration::from_millis(millis).min(MAX_RECONNECT_DELAY)
        })
        .event_callback(move |event| {
            let events = Arc::clone(&events);
            async move { events.note(event) }
        });
    if let Some((user, password)) = &options.user {
        connect = connect.user_and_password(user.clone(), password.clone());
    }
    if let Some(token) = &options.token {
        connect = connect.token(token.clone());
    }
    if let Some(path) = &options.credentials {
        let failed = |reason| NatsError::Credentials { path: path.clone(), reason };
        connect = connect.credentials_file(path).await.map_err(failed)?;
    }
    if let Some(path) = &options.tls_ca {
        connect = connect.add_root_certificates(path.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = &options.tls_certificate {
        connect = connect.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
    }
    Ok(connect)
}

fn explain(options: &Options, error: &async_nats::ConnectError) -> NatsError {
    let url = options.shown_url();
    let reason = options.hide_password(error.to_string());
    match error.kind() {
        ConnectErrorKind::ServerParse => NatsError::Address { url, reason },
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            NatsError::Refused { url, reason }
        }
        ConnectErrorKind::Tls => NatsError::Tls { url, reason },
        _ => NatsError::Unreachable { url, reason },
    }
}

/// Turns the events of the client library into state, counts and log lines.
struct Events {
    url: String,
    stage: Arc<Stage>,
    sender: watch::Sender<bool>,
    forbidden: watch::Sender<Vec<String>>,
    /// The trouble that was logged last; it is not logged again until the connection is back.
    last_trouble: Mutex<String>,
}

impl Events {
    fn note(&self, event: Event) {
        match event {
            Event::Connected => {
                info!("connected to the NATS server at {}", self.url);
                self.last_trouble.lock().clear();
                self.stage.set_connected(&self.url, true);
                self.sender.send_replace(true);
            }
            Event::Disconnected => {
                warn!("lost the connection to the NATS server at {}; connecting again", self.url);
                self.stage.set_connected(&self.url, false);
                self.sender.send_replace(false);
            }
            Event::SlowConsumer(_) => {
                self.stage.add_in(1);
                self.stage.add_dropped(Reason::SlowConsumer, 1);
                self.warn_once("we read too slowly, and the NATS client drops events".to_owned());
            }
            Event::ServerError(error) => match forbidden_subject(&error.to_string()) {
                Some(subject) => self.forbid(subject),
                None => self.warn_once(format!("the NATS server at {} reports: {error}", self.url)),
            },
            Event::ClientError(error) => self.warn_once(format!("NATS server at {}: {error}", self.url)),
            Event::LameDuckMode | Event::Draining | Event::Closed => debug!("NATS server at {}: {event}", self.url),
        }
    }

    /// Notes that we may not use a subject. Those who use it say what follows from that.
    fn forbid(&self, subject: &str) {
        self.forbidden.send_if_modified(|known| {
            let new = known.len() < MAX_FORBIDDEN && !known.iter().any(|one| one == subject);
            if new {
                known.push(subject.to_owned());
            }
            new
        });
    }

    fn warn_once(&self, trouble: String) {
        let mut last = self.last_trouble.lock();
        if *last != trouble {
            warn!("{trouble}");
            *last = trouble;
        }
    }
}

/// The subject in the server's report that it does not let us publish or subscribe:
/// `Permissions Violation for Subscription to "peer-observer.>"`.
pub(super) fn forbidden_subject(report: &str) -> Option<&str> {
    let (_, rest) = report.split_once("Permissions Violation")?;
    let (_, rest) = rest.split_once('"')?;
    rest.split_once('"').map(|(subject, _)| subject)
}
