//! The tool: folds what comes from the bus, and serves the page.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bus::{Bus, Delivery, Subscription};
use event::quote::Quoted;
use flate2::Compression;
use flate2::write::GzEncoder;
use networks::SetSource;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::facts::{Facts, Files};
use crate::metrics::{Metrics, NodeLabel};
use crate::page::Format;
use crate::store::Limits;

/// How often old things are forgotten, and files are looked at.
const TICK: Duration = Duration::from_secs(5);
/// Deliveries that are folded before a page may be made in between.
const SLICE: usize = 1_024;

/// What the tool is told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether series carry the name of their node.
    pub node_label: NodeLabel,
    /// What keeps the page small.
    pub limits: Limits,
    /// Files with sets of networks.
    pub sets: Vec<SetSource>,
    /// Map of autonomous systems, in Bitcoin Core's form.
    pub asmap: Option<PathBuf>,
    /// Names of nodes that will be observed, as far as they are known.
    pub nodes: Vec<String>,
}

/// Where it listens unless told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8282);

/// Why the tool cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file with sets or the map of autonomous systems cannot be read.
    #[error("metrics: {0}")]
    File(String),
    /// Serving failed.
    #[error("metrics: cannot serve the page: {0}")]
    Io(#[from] io::Error),
}

/// The tool, before it begins: its files are read, it has its address.
pub struct Server {
    listener: StdListener,
    address: SocketAddr,
    options: Options,
    facts: Facts,
}

impl Server {
    /// Reads the files.
    ///
    /// # Errors
    /// One cannot be read: which, and why.
    pub fn new(listener: StdListener, options: Options) -> Result<Self, Error> {
        let address = listener.local_addr()?;
        let facts = Facts::read(&files(&options), None).map_err(Error::File)?;
        Ok(Self { listener, address, options, facts })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nodes that will be observed.
    pub fn expect(&mut self, nodes: impl IntoIterator<Item = String>) {
        self.options.nodes.extend(nodes);
    }

    /// Folds events into numbers and serves them until the subscription ends. SIGHUP makes it read its files anew; it does so by itself when they
    /// change.
    ///
    /// # Errors
    /// It cannot serve.
    pub async fn run(self, subscription: Subscription, bus: Bus) -> Result<(), Error> {
        let Self { listener, address, options, facts } = self;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        info!("metrics on http://{address}/metrics");
        let files = files(&options);
        let metrics = Metrics::new(options.limits, options.node_label, facts, &options.nodes, bus);
        let metrics = Arc::new(Mutex::new(metrics));
        let router =
            Router::new().route("/metrics", get(serve)).route("/", get(index)).with_state(Arc::clone(&metrics));
        let end = CancellationToken::new();
        let stop = end.clone().cancelled_owned();
        let serving = tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stop).await });
        let keeping = tokio::spawn(keep(Arc::clone(&metrics), files));
        fold(subscription, &metrics).await;
        end.cancel();
        keeping.abort();
        // A client that holds its connection open is not waited for.
        match tokio::time::timeout(Duration::from_secs(1), serving).await {
            Ok(Ok(result)) => Ok(result?),
            _ => Ok(()),
        }
    }
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

/// Forgets old things, and reads files anew.
async fn keep(metrics: Arc<Mutex<Metrics>>, files: Files) {
    let mut ticks = interval(TICK);
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    loop {
        let told = tokio::select! {
            _ = ticks.tick() => false,
            told = hangup.recv() => told.is_some(),
        };
        metrics.lock().tick();
        if !told && !metrics.lock().facts().changed() {
            continue;
        }
        let before = metrics.lock().facts().clone();
        let files = files.clone();
        let read = tokio::task::spawn_blocking(move || Facts::read(&files, Some(&before))).await;
        match read {
            Ok(Ok(facts)) => {
                info!("read the sets of networks and the map of autonomous systems anew");
                metrics.lock().set_facts(facts);
            }
            Ok(Err(cause)) => warn!("{cause}; what was read before stays in use"),
            Err(cause) => warn!("reading the sets of networks broke down: {cause}"),
        }
    }
}

/// What may be asked of the page.
#[derive(Debug, Deserialize)]
struct Asked {
    node: Option<String>,
}

async fn serve(State(metrics): State<Arc<Mutex<Metrics>>>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let header =
        |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let format = Format::accepted(&header(ACCEPT));
    let gzip = accepts_gzip(&header(ACCEPT_ENCODING));
    // Writing and packing take milliseconds: not in the threads that carry events.
    let made = tokio::task::spawn_blocking(move || {
        let text = metrics.lock().page(asked.node.as_deref(), format);
        match text {
            Some(text) if gzip => Ok((pack(&text), "gzip")),
            Some(text) => Ok((text.into_bytes(), "identity")),
            None => {
                let metrics = metrics.lock();
                let names: Vec<String> = metrics.names().map(|name| Quoted(name).to_string()).collect();
                let asked = asked.node.unwrap_or_default();
                Err(format!("there is no node {}; there are: {}\n", Quoted(&asked), names.join(", ")))
            }
        }
    })
    .await;
    match made {
        Ok(Ok((body, encoding))) => {
            let kind = [(CONTENT_TYPE, format.content_type()), (CONTENT_ENCODING, encoding)];
            (kind, [(VARY, "accept, accept-encoding"), (CACHE_CONTROL, "no-store")], body).into_response()
        }
        Ok(Err(text)) => (StatusCode::NOT_FOUND, text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether a client takes gzip, by its Accept-Encoding header.
fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let named = matches!(parts.next(), Some("gzip" | "*"));
        let refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
        named && !refused
    })
}

fn pack(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

async fn index() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><title>peer-observer metrics</title><h1>peer-observer</h1>\
         <p><a href=metrics>metrics</a> for Prometheus; <code>metrics?node=NAME</code> is the page of one node</p>",
    )
}
