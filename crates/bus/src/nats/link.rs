//! A connection to a NATS server that comes back by itself, and what is known of its state.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::{NatsError, Options};
use crate::accounts::{Reason, Stage};
use crate::task;

/// Longest pause between two attempts to connect again: a server that is back is found within this time.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);
/// How often a reader asks the server whether it is there. After two questions without an answer the connection is given up, which shows
/// that a server's machine is gone.
const PING: Duration = Duration::from_secs(5);
/// The client library has no option not to connect again; we end its tasks long before this.
const NEVER: Duration = Duration::from_secs(86_400);

/// Forbidden subjects that are remembered; we use fewer.
const MAX_FORBIDDEN: usize = 1024;

/// What happens when a connection breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenBroken {
    /// The client library connects again, and sends what its own queue holds.
    Reconnect,
    /// It is over: nothing that was handed to this connection reaches the server any more.
    Over,
}

/// A connection to a server.
pub(super) struct Link {
    pub client: Client,
    /// Whether the connection is up.
    pub connected: watch::Receiver<bool>,
    /// Subjects that the server does not let us use, as it reports them.
    pub forbidden: watch::Receiver<Vec<String>>,
    /// The client library's tasks, where they must end with the connection. They cannot be ended otherwise: after a
    /// reconnection they would send what is left in their queue, ahead of what was lost before it.
    pub runtime: Option<OwnRuntime>,
}

/// A runtime that may be dropped within another one: its tasks end at their next await.
pub(super) struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn start() -> std::io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("nats").enable_all().build().map(|runtime| Self(Some(runtime)))
    }

    /// Runs a future on it. A panic in it is logged.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> std::io::Result<T> {
        match &self.0 {
            Some(runtime) => {
                let task = task::named("NATS connection", async { Ok::<_, Infallible>(future.await) });
                let Ok(output) = runtime.spawn(task).await.map_err(std::io::Error::other)?;
                Ok(output)
            }
            None => Err(std::io::Error::other("the runtime has ended")),
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

impl Link {
    /// Connects. What the client library drops is counted in `stage`, which also knows whether the connection is up.
    pub(super) async fn connect(
        options: &Options,
        stage: Arc<Stage>,
        when_broken: WhenBroken,
    ) -> Result<Self, NatsError> {
        let link = Self::try_connect(options, Arc::clone(&stage), when_broken).await;
        stage.set_connected(&options.shown_url(), link.is_ok());
        link
    }

    async fn try_connect(options: &Options, stage: Arc<Stage>, when_broken: WhenBroken) -> Result<Self, NatsError> {
        let (sender, connected) = watch::channel(true);
        let (forbidden_sender, forbidden) = watch::channel(Vec::new());
        let established = Arc::new(AtomicBool::new(false));
        let events = Events {
            url: options.shown_url(),
            stage,
            sender,
            forbidden: forbidden_sender,
            when_broken,
            last_trouble: Mutex::default(),
        };
        let connect = connect_options(options, Arc::new(events), Arc::clone(&established)).await?;
        let url = options.url.clone();
        let connecting = async move { connect.connect(url).await };
        let (client, runtime) = match when_broken {
            WhenBroken::Reconnect => (connecting.await, None),
            WhenBroken::Over => {
                let failed = |error: std::io::Error| NatsError::Unreachable {
                    url: options.shown_url(),
                    reason: error.to_string(),
                };
                let runtime = OwnRuntime::start().map_err(failed)?;
                (runtime.run(connecting).await.map_err(failed)?, Some(runtime))
            }
        };
        let client = client.map_err(|error| explain(options, &error))?;
        established.store(true, Ordering::Relaxed);
        Ok(Self { client, connected, forbidden, runtime })
    }
}

async fn connect_options(
    options: &Options,
    events: Arc<Events>,
    established: Arc<AtomicBool>,
) -> Result<ConnectOptions, NatsError> {
    let when_broken = events.when_broken;
    let mut connect = ConnectOptions::new()
        .name("peer-observer")
        .skip_subject_validation(true)
        .max_reconnects(None)
        .reconnect_delay_callback(move |attempt| match when_broken {
            WhenBroken::Over if established.load(Ordering::Relaxed) => NEVER,
            _ => {
                let millis = 10_u64.saturating_mul(1 << attempt.saturating_sub(1).min(7));
                Duration::from_millis(millis).min(MAX_RECONNECT_DELAY)
            }
        })
        .event_callback(move |event| {
            let events = Arc::clone(&events);
            async move { events.note(event) }
        });
    if when_broken == WhenBroken::Reconnect {
        connect = connect.ping_interval(PING);
    }
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
    let mut reason = error.to_string();
    if let Some(password) = options.user.as_ref().map(|(_, password)| password).filter(|p| !p.is_empty()) {
        reason = reason.replace(password.as_str(), "***");
    }
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
    when_broken: WhenBroken,
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
fn forbidden_subject(report: &str) -> Option<&str> {
    let (_, rest) = report.split_once("Permissions Violation")?;
    let (_, rest) = rest.split_once('"')?;
    rest.split_once('"').map(|(subject, _)| subject)
}
