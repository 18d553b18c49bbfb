//! The tool `metrics`: folds the events of a subscription into numbers, and serves the page for Prometheus over HTTP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bus::{Bus, Delivery, Playback, Subscription};
use event::quote::Quoted;
use networks::SetSource;
use parking_lot::Mutex;
use serde::Deserialize;
use serve::Access;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tracing::{info, warn};

use crate::enrichment::{Enrichment, Files};
use crate::metrics::{Metrics, NodeLabel};
use crate::page::Format;
use crate::store::Limits;

/// How often series that have not changed for long are dropped, and those of what is gone.
const TICK: Duration = Duration::from_secs(1);
/// After so many ticks, files are checked for changes.
const CHECK_EVERY: u32 = 5;
/// How many deliveries are folded at once. Between two slices, a page can be made.
const SLICE: usize = 1_024;

/// The checked configuration of the tool, except the address that it listens on.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Who gets the page, and under which names.
    pub access: Access,
    /// Whether series have the name of their node as label `node`.
    pub node_label: NodeLabel,
    /// The limits that keep the page small.
    pub limits: Limits,
    /// Files with sets of networks.
    pub sets: Vec<SetSource>,
    /// The map of autonomous systems, a file in the format of Bitcoin Core's `-asmap`.
    pub asmap: Option<PathBuf>,
    /// The names of the nodes that will be observed, as far as they are known at the start.
    pub nodes: Vec<String>,
    /// Set if the events are those of a recording.
    pub playback: Option<Playback>,
}

/// The address that it listens on by default.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8282);

/// The error with which the tool ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file with a set of networks, or the map of autonomous systems, cannot be read or parsed.
    #[error("metrics: {0}")]
    File(String),
    /// The certificate cannot be used.
    #[error("metrics: {0}")]
    Serve(#[from] serve::Error),
    /// The HTTP server failed.
    #[error("metrics: cannot serve the page: {0}")]
    Io(#[from] io::Error),
}

/// The tool before it runs: its files are read, and its address is bound.
pub struct Server {
    server: serve::Server,
    options: Options,
    enrichment: Enrichment,
}

impl Server {
    /// Reads the files that the options name. The listener is already bound.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Serve`] name the file that cannot be read, and the reason.
    pub fn new(listener: TcpListener, options: Options) -> Result<Self, Error> {
        let server = serve::Server::new("metrics", listener, options.access.clone())?;
        server.warn_if_open("what the nodes and their peers do; --metrics-auth requires a login");
        let enrichment = Enrichment::read(&files(&options), None).map_err(Error::File)?;
        Ok(Self { server, options, enrichment })
    }

    /// The address of the page, such as `http://127.0.0.1:8282/metrics`.
    pub fn url(&self) -> String {
        format!("{}/metrics", self.server.url())
    }

    /// Adds names of nodes that will be observed, so that the first page already tells several nodes apart.
    pub fn expect(&mut self, nodes: impl IntoIterator<Item = String>) {
        self.options.nodes.extend(nodes);
    }

    /// Folds events into numbers and serves the page until the subscription ends. Files with sets of networks and the map of autonomous
    /// systems are read again when they change, and on SIGHUP.
    ///
    /// # Errors
    /// [`Error::Io`] if the HTTP server fails or SIGHUP cannot be handled.
    pub async fn run(self, subscription: Subscription, bus: Bus) -> Result<(), Error> {
        // Whoever reads that the page is there may send SIGHUP.
        let hangups = signal(SignalKind::hangup())?;
        info!("metrics on {}", self.url());
        let Self { server, options, enrichment } = self;
        let files = files(&options);
        let mut metrics = Metrics::new(options.limits, options.node_label, enrichment, &options.nodes, bus);
        if let Some(playback) = &options.playback {
            metrics = metrics.of(playback);
        }
        let metrics = Arc::new(Mutex::new(metrics));
        let running = server.start(router(Arc::clone(&metrics)));
        let maintenance = bus::task::spawn("metrics maintenance", maintain(Arc::clone(&metrics), files, hangups));
        fold(subscription, &metrics).await;
        maintenance.abort();
        Ok(running.end().await?)
    }
}

fn router(metrics: Arc<Mutex<Metrics>>) -> Router {
    Router::new()
        .route("/metrics", get(serve))
        .route("/", get(index))
        .with_state(metrics)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
}

fn files(options: &Options) -> Files {
    Files { sets: options.sets.clone(), asmap: options.asmap.clone() }
}

async fn fold(mut subscription: Subscription, metrics: &Mutex<Metrics>) {
    loop {
        let mut deliveries = subscription.next_many().await;
        if deliveries.is_empty() {
            return;
        }
        for slice in deliveries.make_contiguous().chunks(SLICE) {
            fold_slice(slice, metrics);
            tokio::task::yield_now().await;
        }
    }
}

fn fold_slice(deliveries: &[Delivery], metrics: &Mutex<Metrics>) {
    let mut metrics = metrics.lock();
    deliveries.iter().for_each(|delivery| metrics.fold(delivery));
}

/// Drops old series every few seconds, and reads the files again when they change or on SIGHUP.
async fn maintain(metrics: Arc<Mutex<Metrics>>, files: Files, mut hangups: Signal) {
    let mut ticks = interval(TICK);
    for count in (0..CHECK_EVERY).cycle() {
        let requested = tokio::select! {
            _ = ticks.tick() => false,
            Some(()) = hangups.recv() => true,
        };
        metrics.lock().pass();
        if requested || (count == 0 && metrics.lock().enrichment().changed()) {
            reload(&metrics, &files).await;
        }
    }
}

/// Reads the files again. If one cannot be read, what was read before stays in use.
async fn reload(metrics: &Mutex<Metrics>, files: &Files) {
    let before = metrics.lock().enrichment().clone();
    let files = files.clone();
    match tokio::task::spawn_blocking(move || Enrichment::read(&files, Some(&before))).await {
        Ok(Ok(enrichment)) => {
            info!("read the sets of networks and the map of autonomous systems anew");
            metrics.lock().set_enrichment(enrichment);
        }
        Ok(Err(cause)) => warn!("{cause}; what was read before stays in use"),
        Err(cause) => warn!("reading the sets of networks broke down: {cause}"),
    }
}

/// The query parameters of the page.
#[derive(Debug, Deserialize)]
struct PageQuery {
    /// Only the series of this node, without the label `node`.
    node: Option<String>,
}

/// `GET /metrics`.
async fn serve(
    State(metrics): State<Arc<Mutex<Metrics>>>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accept);
    // A page takes milliseconds to write: this must not hold up the threads that carry events.
    let page = tokio::task::spawn_blocking(move || {
        let mut metrics = metrics.lock();
        metrics.page(query.node.as_deref(), format).ok_or_else(|| {
            let names: Vec<String> = metrics.names().map(|name| Quoted(name).to_string()).collect();
            let node = query.node.unwrap_or_default();
            format!("there is no node {}; there are: {}\n", Quoted(&node), names.join(", "))
        })
    })
    .await;
    match page {
        Ok(Ok(page)) => {
            let headers =
                [(CONTENT_TYPE, format.content_type()), (VARY, "accept, accept-encoding"), (CACHE_CONTROL, "no-store")];
            (headers, page).into_response()
        }
        Ok(Err(text)) => (StatusCode::NOT_FOUND, text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET /`: a page for people who open the address in a browser.
async fn index() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><title>peer-observer metrics</title><h1>peer-observer</h1>\
         <p><a href=metrics>metrics</a> for Prometheus; <code>metrics?node=NAME</code> is the page of one node</p>",
    )
}
