//! The tool: folds what comes from the bus, hands it on, and serves it.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::get;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use bus::{Bus, Delivery, Subscription};
use networks::SetSource;
use parking_lot::Mutex;
use redact::{NoRandomness, Redactor};
use rustls::ServerConfig;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tower_http::compression::CompressionLayer;
use tracing::{info, warn};

use crate::api;
use crate::assets::{self, Source};
use crate::feed::{self, Hub};
use crate::guard::{Auth, Guard, Names, guard};
use crate::state::{self, State};
use crate::tls::{TlsError, TlsFiles};

/// Where it listens unless told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Clients of the feed at the most, unless told otherwise.
const MAX_CLIENTS: usize = 1_000;
/// Events that come within this time are handed to clients together: a hundred writes a second and client are enough for every eye.
const TOGETHER: Duration = Duration::from_millis(10);
/// Deliveries that are handed on before others may look at what is known.
const SLICE: usize = 1_024;
/// How often old things are forgotten, and files are looked at.
const TICK: Duration = Duration::from_secs(1);

/// What the tool is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names that it answers under, besides its addresses and `localhost`.
    pub names: Vec<String>,
    /// What people log in with.
    pub auth: Option<Auth>,
    /// Certificate, if it encrypts by itself.
    pub tls: Option<TlsFiles>,
    /// Path that everything is under: "" or `/observer`.
    pub prefix: String,
    /// For strangers.
    pub public: Option<Public>,
    /// Folder with pages, in place of those in the program.
    pub pages: Option<PathBuf>,
    /// Clients of the feed at the most.
    pub max_clients: usize,
    /// Files with sets of networks.
    pub sets: Vec<SetSource>,
    /// Map of autonomous systems, in Bitcoin Core's form.
    pub asmap: Option<PathBuf>,
    /// Names of nodes that will be observed, as far as they are known.
    pub nodes: Vec<String>,
}

/// What is needed to show things to strangers.
#[derive(Clone, Debug, Default)]
pub struct Public {
    /// Key of the pseudonyms of addresses; a random one if there is none.
    pub key: Option<[u8; 32]>,
    /// Addresses of the nodes that must not be told, besides those that are found out.
    pub own: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            auth: None,
            tls: None,
            prefix: String::new(),
            public: None,
            pages: None,
            max_clients: MAX_CLIENTS,
            sets: Vec::new(),
            asmap: None,
            nodes: Vec::new(),
        }
    }
}

/// Why the tool cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file with sets or the map of autonomous systems cannot be read.
    #[error("web: {0}")]
    File(String),
    /// The certificate cannot be used.
    #[error("web: {0}")]
    Tls(#[from] TlsError),
    /// The public mode has no key for its pseudonyms.
    #[error("web: {0}")]
    Public(#[from] NoRandomness),
    /// Serving failed.
    #[error("web: cannot serve the pages: {0}")]
    Io(#[from] io::Error),
}

/// The tool, before it begins: its files are read, it has its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    options: Options,
}

impl Server {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read: which, and why.
    pub fn new(listener: TcpListener, options: Options) -> Result<Self, Error> {
        let address = listener.local_addr()?;
        let tls = options.tls.as_ref().map(TlsFiles::read).transpose()?;
        if !address.ip().is_loopback() && options.auth.is_none() && options.public.is_none() {
            warn!(
                "web: whoever reaches {address} sees everything, the nodes' addresses too; --web-auth asks for a login, --public hides what \
                 tells where the nodes are"
            );
        }
        Ok(Self { listener, address, tls, options })
    }

    /// Where it is found: `http://127.0.0.1:8080/`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}/", self.address, self.options.prefix)
    }

    /// Nodes that will be observed.
    pub fn expect(&mut self, nodes: impl IntoIterator<Item = String>) {
        self.options.nodes.extend(nodes);
    }

    /// Folds events, hands them on and serves everything until the subscription ends.
    ///
    /// # Errors
    /// It cannot serve.
    pub async fn run(self, subscription: Subscription, bus: Bus) -> Result<(), Error> {
        info!("pages on {}", self.url());
        let Self { listener, tls, options, .. } = self;
        listener.set_nonblocking(true)?;
        let redactor = options.public.as_ref().map(redactor).transpose()?;
        let hub = Arc::new(Hub::new(options.max_clients));
        let known = state::Options {
            nodes: options.nodes.clone(),
            sets: options.sets.clone(),
            asmap: options.asmap.clone(),
            public: options.public.is_some(),
        };
        let state = Arc::new(Mutex::new(State::new(known, bus).map_err(Error::File)?));
        let router = router(&options, &state, &hub);
        let handle = Handle::new();
        let stop = handle.clone();
        let config = tls.map(RustlsConfig::from_config);
        let keeping = tokio::spawn(keep(Arc::clone(&state), options.tls.clone().zip(config.clone())));
        let serving = tokio::spawn(async move {
            let service = router.into_make_service();
            match config {
                Some(config) => axum_server::from_tcp_rustls(listener, config)?.handle(handle).serve(service).await,
                None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await,
            }
        });
        carry(subscription, redactor, &hub, &state).await;
        hub.end();
        // A client that holds its connection open is not waited for.
        stop.graceful_shutdown(Some(Duration::from_secs(1)));
        keeping.abort();
        match tokio::time::timeout(Duration::from_secs(2), serving).await {
            Ok(Ok(result)) => Ok(result?),
            _ => Ok(()),
        }
    }
}

fn router(options: &Options, state: &Arc<Mutex<State>>, hub: &Arc<Hub>) -> Router {
    let checks =
        Guard { names: Names::new(options.names.clone()), auth: options.auth.clone(), tls: options.tls.is_some() };
    let pages = Arc::new(options.pages.clone().map_or(Source::Embedded, Source::Folder));
    let clients = Arc::clone(hub);
    let context = api::Context { state: Arc::clone(state), clients: Arc::new(move || clients.clients()) };
    let prefix = &options.prefix;
    let feed = Router::new()
        .route(&format!("{prefix}/ws"), get(feed::socket))
        .route(&format!("{prefix}/events"), get(feed::events))
        .with_state(Arc::clone(hub));
    let mut pages = Router::new()
        .route(&format!("{prefix}/"), get(assets::index))
        .route(&format!("{prefix}/{{*path}}"), get(assets::page))
        .with_state(pages);
    if !prefix.is_empty() {
        let whole = format!("{prefix}/");
        pages = pages.route(prefix, get(move || async move { Redirect::permanent(&whole) }));
    }
    Router::new()
        .nest(&format!("{prefix}/api"), api::router(context))
        .merge(feed)
        .merge(pages)
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(Arc::new(checks), guard))
}

/// Hands on what comes, until nothing comes any more.
async fn carry(mut subscription: Subscription, mut redactor: Option<Redactor>, hub: &Hub, state: &Mutex<State>) {
    loop {
        let mut deliveries = subscription.next_many().await;
        if deliveries.is_empty() {
            return;
        }
        let next = Instant::now() + TOGETHER;
        if let Some(redactor) = &mut redactor {
            deliveries = redact(deliveries, redactor);
        }
        for slice in deliveries.make_contiguous().chunks(SLICE) {
            hub.publish(slice);
            fold(slice, state);
            tokio::task::yield_now().await;
        }
        sleep_until(next).await;
    }
}

fn fold(deliveries: &[Delivery], state: &Mutex<State>) {
    let mut state = state.lock();
    deliveries.iter().for_each(|delivery| state.fold(delivery));
}

/// What makes events public, with the configured key or a random one.
fn redactor(public: &Public) -> Result<Redactor, NoRandomness> {
    let mut redactor = public.key.map_or_else(Redactor::random, |key| Ok(Redactor::new(key)))?;
    public.own.iter().for_each(|own| redactor.learn(own));
    Ok(redactor)
}

/// Without what would tell where a node is.
fn redact(deliveries: VecDeque<Delivery>, redactor: &mut Redactor) -> VecDeque<Delivery> {
    let redacted = |delivery| match delivery {
        Delivery::Event(record) => redactor.redact(&record).map(|record| Delivery::Event(Arc::new(record))),
        lost @ Delivery::Lost(_) => Some(lost),
    };
    deliveries.into_iter().filter_map(redacted).collect()
}

/// Forgets old things, and reads files anew when they change.
async fn keep(state: Arc<Mutex<State>>, tls: Option<(TlsFiles, RustlsConfig)>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = tls.as_ref().map(|(files, _)| files.written());
    loop {
        ticks.tick().await;
        state.lock().tick();
        if let Some((files, config)) = &tls {
            let now = Some(files.written());
            if now != written {
                written = now;
                files.reload(config);
            }
        }
    }
}
