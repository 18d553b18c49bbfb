//! The server: endpoints, their list, and a page that shows what they send.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bus::Subscription;
use serve::{Access, serve_socket, with_messages_up_to};
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::hub::{Hub, Nodes, Refusal};

/// The address that it listens on by default: that of the original.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 47_482);

/// How many clients there are at most, by default.
const MAX_CLIENTS: usize = 1_000;
/// Events that come within this time are sent to a client together.
const BATCH_TIME: Duration = Duration::from_millis(10);
/// The maximum size of a client's message, in bytes: subscriptions have some hundred.
const MAX_MESSAGE: usize = 4 << 10;
/// What the endpoint without a node's name is called in the list, where events have none.
const UNNAMED: &str = "node";

/// The checked configuration of the tool, except the address that it listens on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who may connect, and under which names.
    pub access: Access,
    /// The path that all addresses begin with: "", or one such as `/websocket`.
    pub prefix: String,
    /// How many clients there are at most.
    pub max_clients: usize,
    /// The names of the nodes that will be observed, as far as they are known at the start.
    pub nodes: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { access: Access::default(), prefix: String::new(), max_clients: MAX_CLIENTS, nodes: Vec::new() }
    }
}

/// The error with which the tool ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate cannot be used.
    #[error("websocket: {0}")]
    Serve(#[from] serve::Error),
    /// The server failed.
    #[error("websocket: cannot serve events: {0}")]
    Io(#[from] io::Error),
}

/// The tool before it runs: its certificate is read, and its address is bound.
pub struct Server {
    server: serve::Server,
    options: Options,
}

impl Server {
    /// Reads the certificate. The listener is already bound.
    ///
    /// # Errors
    /// [`Error::Serve`] names the file that cannot be read or used, and the reason.
    pub fn new(listener: TcpListener, options: Options) -> Result<Self, Error> {
        let server = serve::Server::new("websocket", listener, options.access.clone())?;
        server.warn_if_open("all events, the nodes' addresses too; --websocket-auth requires a login");
        Ok(Self { server, options })
    }

    /// Where it is, such as `http://127.0.0.1:47482/`.
    pub fn url(&self) -> String {
        format!("{}{}/", self.server.url(), self.options.prefix)
    }

    /// Passes events on to clients until the subscription ends.
    ///
    /// # Errors
    /// The server fails.
    pub async fn run(self, mut events: Subscription) -> Result<(), Error> {
        info!("websocket on {}", self.url());
        let Self { server, options } = self;
        let hub = Arc::new(Hub::new(options.max_clients, options.nodes.clone()));
        let running = server.start(router(&options.prefix, &hub));
        loop {
            let mut deliveries = events.next_many().await;
            if deliveries.is_empty() {
                break;
            }
            let next = Instant::now() + BATCH_TIME;
            hub.publish(deliveries.make_contiguous());
            sleep_until(next).await;
        }
        hub.end();
        Ok(running.end().await?)
    }
}

#[derive(Clone)]
struct Place {
    hub: Arc<Hub>,
    prefix: Arc<str>,
}

fn router(prefix: &str, hub: &Arc<Hub>) -> Router {
    let file = |content_type: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, content_type)], text) })
    };
    let mut router = Router::new()
        .route(&format!("{prefix}/"), get(root))
        .route(&format!("{prefix}/websockets.json"), get(list))
        .route(&format!("{prefix}/page.js"), file("text/javascript", include_str!("../pages/page.js")))
        .route(&format!("{prefix}/style.css"), file("text/css", include_str!("../pages/style.css")))
        .route(&format!("{prefix}/{{node}}"), get(of_node))
        .route(&format!("{prefix}/{{node}}/"), get(of_node));
    if !prefix.is_empty() {
        let whole = format!("{prefix}/");
        router = router.route(prefix, get(move || async move { Redirect::permanent(&whole) }));
    }
    router.with_state(Place { hub: Arc::clone(hub), prefix: prefix.into() })
}

/// Whether a request is one for a WebSocket.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// `/`: the events of the only node, and those without a node's name; a page for browsers.
async fn root(State(place): State<Place>, upgrade: Upgrade) -> Response {
    match upgrade {
        Ok(upgrade) => open(&place.hub, None, upgrade),
        Err(_) => {
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("../pages/index.html")).into_response()
        }
    }
}

/// `/NODE/`: the events of a node.
async fn of_node(State(place): State<Place>, Path(node): Path<String>, upgrade: Upgrade) -> Response {
    match upgrade {
        Ok(upgrade) => open(&place.hub, Some(node), upgrade),
        Err(_) if place.hub.nodes().named.contains(&*node) => {
            (StatusCode::UPGRADE_REQUIRED, "this is the place of a WebSocket\n").into_response()
        }
        Err(_) => (StatusCode::NOT_FOUND, "there is no such page, and no such node\n").into_response(),
    }
}

fn open(hub: &Arc<Hub>, node: Option<String>, upgrade: WebSocketUpgrade) -> Response {
    match hub.connect(node) {
        Ok(connected) => with_messages_up_to(upgrade, MAX_MESSAGE)
            .on_upgrade(move |socket| async move { serve_socket(socket, &*connected.client).await }),
        Err(Refusal::Full) => {
            let text = "too many clients, or the server is shutting down: try again later\n";
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        Err(Refusal::NoNode(nodes)) => {
            let names: Vec<String> = nodes.named.iter().map(|name| format!("/{name}/")).collect();
            let text = format!("choose the endpoint of a node: {}\n", names.join(" or "));
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

/// `/websockets.json`: the endpoints by the names of their nodes.
async fn list(State(place): State<Place>) -> Response {
    let Nodes { named, unnamed } = place.hub.nodes();
    let prefix = &place.prefix;
    let mut endpoints: BTreeMap<String, String> =
        named.iter().map(|name| (name.to_string(), format!("{prefix}/{name}/"))).collect();
    if unnamed || endpoints.is_empty() {
        endpoints.entry(UNNAMED.to_owned()).or_insert_with(|| format!("{prefix}/"));
    }
    let text = serde_json::to_string(&endpoints).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
