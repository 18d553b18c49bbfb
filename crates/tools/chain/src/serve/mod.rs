//! What the tool serves over HTTP: fork-observer's API, its stream of changes and its feeds, under the same paths, so that its page and whatever else
//! was made for it go on working.

mod activity;
mod api;
mod block;
mod changes;
mod pages;
mod rss;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ::serve::{Access, Running, compressed_and_cached_while};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use event::quote::Plain;
use rustix::net::sockopt::set_tcp_user_timeout;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::snapshot::{Kept, Published};

/// Clients of the stream of changes at most, by default.
pub const MAX_CLIENTS: usize = 1_000;

/// How often a client of the stream of changes gets a line when nothing changes, by default.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Blocks that are downloaded at a time at most.
const MAX_DOWNLOADS: usize = 16;

/// Queries of the database at a time at most.
const MAX_QUERIES: usize = 4;

/// Connections whose other end takes nothing for so long are closed.
const STUCK: Duration = Duration::from_secs(60);

/// What is served, and to whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who gets it, and under which names.
    pub access: Access,
    /// The address that feeds name as their own, without the path: `https://forks.example`. None: where it listens.
    pub rss_base_url: Option<String>,
    /// The page that shows the chains, which `/` leads to. None: `/` says what there is.
    pub page: Option<String>,
    /// HTML that pages show at their end, which `info.json` has.
    pub footer: String,
    /// Clients of the stream of changes at most.
    pub max_clients: usize,
    /// How often a client of the stream of changes gets a line when nothing changes, so that it and proxies see that it is connected.
    pub keep_alive: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access: Access::default(),
            rss_base_url: None,
            page: None,
            footer: String::new(),
            max_clients: MAX_CLIENTS,
            keep_alive: KEEP_ALIVE,
        }
    }
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate cannot be used.
    #[error("chain: {0}")]
    Serve(#[from] ::serve::Error),
    /// The listener cannot be used.
    #[error("chain: cannot use the listener: {0}")]
    Listener(#[from] io::Error),
}

/// The server before it runs: its certificate is read, and its address is bound.
pub struct Server {
    server: ::serve::Server,
    options: Options,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Server").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Server {
    /// Reads the certificate. The listener is already bound.
    ///
    /// # Errors
    /// [`Error::Serve`] names the file that cannot be read or used, and the reason.
    pub fn new(listener: TcpListener, options: Options) -> Result<Self, Error> {
        // Connections inherit it. It ends those of clients that read nothing, which would keep their places otherwise.
        set_tcp_user_timeout(&listener, u32::try_from(STUCK.as_millis()).unwrap_or(u32::MAX))
            .map_err(io::Error::from)?;
        let server = ::serve::Server::new("chain", listener, options.access.clone())?;
        server.warn_if_open("the names of the nodes and their tips; --chain-auth requires a login");
        Ok(Self { server, options })
    }

    /// Where it is, such as `http://127.0.0.1:2323/`.
    pub fn url(&self) -> String {
        format!("{}/", self.server.url())
    }

    /// Begins to serve what is published, in tasks of its own.
    pub fn start(self, published: Published, kept: Arc<dyn Kept>) -> Running {
        let Self { server, options } = self;
        let base = options.rss_base_url.clone().unwrap_or_else(|| server.url());
        let context = Context(Arc::new(Shared {
            published,
            kept,
            base: base.trim_end_matches('/').to_owned(),
            clients: Arc::new(Semaphore::new(options.max_clients)),
            downloads: Arc::new(Semaphore::new(MAX_DOWNLOADS)),
            queries: Semaphore::new(MAX_QUERIES),
            options,
        }));
        server.start(router(context))
    }
}

/// What all answers are made from.
#[derive(Clone)]
struct Context(Arc<Shared>);

struct Shared {
    published: Published,
    kept: Arc<dyn Kept>,
    /// What addresses of feeds begin with, without a slash at the end.
    base: String,
    options: Options,
    /// Places of clients of the stream of changes.
    clients: Arc<Semaphore>,
    /// Places of downloads of blocks.
    downloads: Arc<Semaphore>,
    /// Places of queries of the database.
    queries: Semaphore,
}

impl std::ops::Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

fn router(context: Context) -> Router {
    let published = context.published.clone();
    let answers = Router::new()
        .route("/api/networks.json", get(api::networks))
        .route("/api/info.json", get(api::info))
        .route("/api/{network}/data.json", get(api::data))
        .route("/api/{network}/stale.json", get(api::stale))
        .route("/api/{network}/activity.json", get(activity::activity))
        .route("/rss/{network}/{feed}", get(rss::feed))
        .route("/", get(pages::index))
        .with_state(context.clone());
    let others = Router::new()
        .route("/api/changes", get(changes::changes))
        .route("/api/{network}/block/{hash}/{form}", get(block::block))
        .route("/fullscreen", get(pages::page))
        .route("/activity", get(pages::page))
        .route("/playback", get(pages::page))
        .route("/{slug}", get(pages::network))
        .fallback(pages::nothing)
        .with_state(context);
    compressed_and_cached_while(answers, move || published.version()).merge(others)
}

/// An answer in JSON, which clients may keep, but must ask about each time.
fn json(answer: &impl Serialize) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => answer_of("application/json", body),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("the answer cannot be made: {error}")),
    }
}

/// An answer that clients may keep, but must ask about each time.
fn answer_of(kind: &'static str, body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache"), (VARY, "accept-encoding")], body).into_response()
}

/// An answer that says in one line why there is no other one.
fn refusal(status: StatusCode, why: &str) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], format!("{why}\n")).into_response()
}

/// The id of a network in a path.
fn network_id(text: &str) -> Result<u32, Box<Response>> {
    text.parse().map_err(|_| Box::new(refusal(StatusCode::NOT_FOUND, "networks have numbers: see /api/networks.json")))
}

/// Text of others, in which nothing acts on a terminal or hides.
fn harmless(text: &str) -> String {
    Plain(text).to_string()
}
