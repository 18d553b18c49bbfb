//! The tool `web`: folds the events of a subscription into its state, passes them on to the clients of the feed, and serves everything over HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alert_state::Store;
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use bus::{Bus, Delivery, Loss, Mark, Playback, Subscription};
use networks::{Enrichment, Files, SetSource};
use parking_lot::Mutex;
use redact::{NoRandomness, Redactor};
use serve::Access;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tower_http::compression::CompressionLayer;
use tracing::info;

use crate::advice::Advice;
use crate::api;
use crate::assets::{self, Source};
use crate::atom;
use crate::feed::{self, Hub};
use crate::kept;
use crate::logs;
use crate::state::{self, State};
use crate::status;

/// The address that it listens on by default.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// How many clients the feed has at most, by default.
const MAX_CLIENTS: usize = 1_000;
/// How long proxies may keep feed and status page of the public, in seconds.
const SHARED_DOCUMENTS: u32 = 10;
/// Events that come within this time are sent to a client together: a hundred writes per second are enough for a client.
const BATCH_TIME: Duration = Duration::from_millis(10);
/// How many deliveries are folded at once. Between two slices, answers can be made from the state.
const SLICE: usize = 1_024;
/// How often it is looked whether nodes and extractors are still there, old state is dropped, and files are checked for changes.
const TICK: Duration = Duration::from_millis(500);

/// The checked configuration of the tool, except the address that it listens on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who sees the pages, and under which names.
    pub access: Access,
    /// The path that all addresses begin with: "", or one such as `/observer`.
    pub prefix: String,
    /// Set if the pages are public.
    pub public: Option<Public>,
    /// A folder with pages, which are served instead of those in the program.
    pub pages: Option<PathBuf>,
    /// How many clients the feed has at most.
    pub max_clients: usize,
    /// The files with sets of networks.
    pub sets: Vec<SetSource>,
    /// The map of autonomous systems, a file in the format of Bitcoin Core's `-asmap`.
    pub asmap: Option<PathBuf>,
    /// The names of the nodes that will be observed, as far as they are known at the start.
    pub nodes: Vec<String>,
    /// Why tracepoints report nothing of nodes, as far as that is known, by their names.
    pub advice: BTreeMap<String, Advice>,
    /// Set if the events are those of a recording.
    pub playback: Option<Playback>,
    /// What is kept of alerts, and what people decide about them. None in the public mode, and where it is not at hand.
    pub alerts: Option<Store>,
    /// Where the tool `chain` serves its API to those who see the pages, such as `https://chain.example`, without a slash at the end.
    pub chain_url: Option<String>,
    /// Where logs are kept. They are not served in the public mode.
    pub logs: Option<PathBuf>,
    /// What a display on a wall shows.
    pub playlist: state::Playlist,
}

/// The configuration of the public mode, in which nothing is shown that would reveal where the nodes are.
#[derive(Clone, Debug, Default)]
pub struct Public {
    /// The key of the pseudonyms of addresses. `None` for a random key.
    pub key: Option<[u8; 32]>,
    /// Addresses of the nodes that must not be shown, besides those that are discovered.
    pub own: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access: Access::default(),
            prefix: String::new(),
            public: None,
            pages: None,
            max_clients: MAX_CLIENTS,
            sets: Vec::new(),
            asmap: None,
            nodes: Vec::new(),
            advice: BTreeMap::new(),
            playback: None,
            alerts: None,
            chain_url: None,
            logs: None,
            playlist: state::Playlist::default(),
        }
    }
}

/// The error with which the tool ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file with a set of networks, or the map of autonomous systems, cannot be read or parsed.
    #[error("web: {0}")]
    File(String),
    /// The certificate cannot be used.
    #[error("web: {0}")]
    Serve(#[from] serve::Error),
    /// The public mode has no key for its pseudonyms.
    #[error("web: {0}")]
    Public(#[from] NoRandomness),
    /// The HTTP server failed.
    #[error("web: cannot serve the pages: {0}")]
    Io(#[from] io::Error),
}

/// The tool before it runs: its certificate is read, and its address is bound.
pub struct Server {
    server: serve::Server,
    options: Options,
}

impl Server {
    /// Reads the certificate, and tries to read the other files. The listener is already bound.
    ///
    /// # Errors
    /// [`Error::Serve`] and [`Error::File`] name the file that cannot be read or used, and the reason.
    pub fn new(listener: TcpListener, options: Options) -> Result<Self, Error> {
        let server = serve::Server::new("web", listener, options.access.clone())?;
        // The state reads them when there is a bus. What cannot be read is an error before that.
        let files = Files { sets: options.sets.clone(), asmap: options.asmap.clone() };
        Enrichment::read(&files, None).map_err(Error::File)?;
        if options.public.is_none() {
            server.warn_if_open(
                "everything, the nodes' addresses too; --web-auth requires a login, --public hides what would reveal where the nodes are",
            );
        }
        Ok(Self { server, options })
    }

    /// The address of the pages, such as `http://127.0.0.1:8080/`.
    pub fn url(&self) -> String {
        format!("{}{}/", self.server.url(), self.options.prefix)
    }

    /// Adds names of nodes that will be observed, so that they are shown before their first event.
    pub fn expect(&mut self, nodes: impl IntoIterator<Item = String>) {
        self.options.nodes.extend(nodes);
    }

    /// Folds events, passes them on to clients, and serves everything until the subscription ends.
    ///
    /// # Errors
    /// [`Error::File`] if a file with networks cannot be read, [`Error::Io`] if the HTTP server fails or SIGHUP cannot be handled.
    pub async fn run(self, subscription: Subscription, bus: Bus) -> Result<(), Error> {
        // Whoever reads that the pages are there may send SIGHUP.
        let hangups = signal(SignalKind::hangup())?;
        info!("pages on {}", self.url());
        let Self { server, options } = self;
        let redactor = options.public.as_ref().map(redactor).transpose()?;
        let hub = Arc::new(Hub::new(options.max_clients));
        let state_options = state::Options {
            nodes: options.nodes.clone(),
            sets: options.sets.clone(),
            asmap: options.asmap.clone(),
            public: options.public.is_some(),
            advice: options.advice.clone(),
            playback: options.playback.clone(),
            chain_url: options.chain_url.clone(),
            playlist: options.playlist.clone(),
        };
        let state = Arc::new(Mutex::new(State::new(state_options, bus).map_err(Error::File)?));
        let running = server.start(router(&options, &state, &hub));
        let kept =
            options.alerts.clone().map(|store| bus::task::spawn("web alerts", kept::follow(store, Arc::clone(&state))));
        let maintenance = bus::task::spawn("web maintenance", maintain(Arc::clone(&state), hangups));
        let packing = bus::task::spawn("web tables", pack_tables(Arc::clone(&state)));
        dispatch(subscription, redactor, &hub, &state).await;
        hub.end();
        maintenance.abort();
        packing.abort();
        kept.inspect(tokio::task::JoinHandle::abort);
        Ok(running.end().await?)
    }
}

/// Everything that is served.
fn router(options: &Options, state: &Arc<Mutex<State>>, hub: &Arc<Hub>) -> Router {
    let pages = Arc::new(options.pages.clone().map_or(Source::Embedded, Source::Folder));
    let clients = Arc::clone(hub);
    let context = api::Context {
        state: Arc::clone(state),
        clients: Arc::new(move || clients.clients()),
        // Who logs in is no member of the public.
        may_control: options.public.is_none() || options.access.auth.is_some(),
        browsers: Arc::default(),
        alerts: options.alerts.clone(),
        is_shared: options.public.is_some() && options.access.auth.is_none(),
    };
    let prefix = &options.prefix;
    let documents = Router::new()
        .route(&format!("{prefix}/alerts.atom"), get(atom::feed))
        .route(&format!("{prefix}/status"), get(status::page))
        .with_state(Arc::clone(state));
    let shared = |documents| serve::compressed_and_shared(documents, SHARED_DOCUMENTS);
    let documents = if context.is_shared { shared(documents) } else { documents };
    let tables = Router::new().nest(&format!("{prefix}/addrman"), api::tables(Arc::clone(state)));
    // What nodes wrote is not redacted line by line.
    let logs = logs::router(prefix, options.logs.clone().filter(|_| options.public.is_none()));
    let feed = Router::new()
        .route(&format!("{prefix}/ws"), get(feed::socket))
        .route(&format!("{prefix}/events"), get(feed::events))
        .with_state(Arc::clone(hub));
    let mut pages = Router::new()
        .route(&format!("{prefix}/"), get(assets::index))
        .route(&format!("{prefix}/{{*path}}"), get(assets::page))
        .layer(CompressionLayer::new())
        .with_state(pages);
    if !prefix.is_empty() {
        let whole = format!("{prefix}/");
        pages = pages.route(prefix, get(move || async move { Redirect::permanent(&whole) }));
    }
    Router::new()
        .nest(&format!("{prefix}/api"), api::router(context))
        .merge(documents)
        .merge(tables)
        .merge(logs)
        .merge(feed)
        .merge(pages)
}

/// Passes deliveries on to the clients of the feed and folds them, until the subscription ends. Events that only lead to a moment are not passed on.
async fn dispatch(mut subscription: Subscription, mut redactor: Option<Redactor>, hub: &Hub, state: &Mutex<State>) {
    let mut is_filling = false;
    loop {
        let mut deliveries = subscription.next_many().await;
        if deliveries.is_empty() {
            return;
        }
        let next = Instant::now() + BATCH_TIME;
        if let Some(redactor) = &mut redactor {
            deliveries = redact(deliveries, redactor);
        }
        for slice in deliveries.make_contiguous().chunks(SLICE) {
            for part in slice.chunk_by(|_, next| !matches!(next, Delivery::Mark(Mark::Begin | Mark::Ready))) {
                match part.first() {
                    Some(Delivery::Mark(Mark::Begin)) => is_filling = true,
                    Some(Delivery::Mark(Mark::Ready)) => is_filling = false,
                    _ => {}
                }
                if !is_filling {
                    hub.publish(part);
                }
            }
            fold(slice, state);
            tokio::task::yield_now().await;
        }
        // What leads to a moment is not waited for.
        if !is_filling {
            sleep_until(next).await;
        }
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

/// Removes what would reveal where a node is.
fn redact(deliveries: VecDeque<Delivery>, redactor: &mut Redactor) -> VecDeque<Delivery> {
    let mut redacted = |delivery| match delivery {
        Delivery::Event(record) => redactor.redact(&record).map(|record| Delivery::Event(Arc::new(record))),
        Delivery::Lost(loss) => {
            let run = redactor.run(&loss.node, loss.run);
            Some(Delivery::Lost(Arc::new(Loss { run, ..(*loss).clone() })))
        }
        Delivery::Mark(mark) => {
            if matches!(mark, Mark::Begin) {
                redactor.begin_anew();
            }
            Some(Delivery::Mark(mark))
        }
        other @ Delivery::Checkpoint(_) => Some(other),
    };
    deliveries.into_iter().filter_map(&mut redacted).collect()
}

/// Lets time pass in the state, and reads files again when they change or on SIGHUP.
async fn maintain(state: Arc<Mutex<State>>, mut hangups: Signal) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => state.lock().tick(),
            Some(()) = hangups.recv() => {
                state.lock().reread();
                info!("web: read the sets of networks and the map of autonomous systems again");
            }
        }
    }
}

/// Packs tables of address managers that came, besides the threads that carry events.
async fn pack_tables(state: Arc<Mutex<State>>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let waiting = state.lock().waiting_tables();
        if waiting.all.is_empty() {
            continue;
        }
        let state = Arc::clone(&state);
        let packing = tokio::task::spawn_blocking(move || {
            for (node, one) in waiting.all {
                if let Some(made) = one.make(&waiting.enrichment) {
                    state.lock().keep_tables(&node, made, waiting.begun);
                }
            }
        });
        // It fails only if it panics, which is logged.
        let _ = packing.await;
    }
}
