//! How a connection to the node comes about, and that it is the node's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::Publisher;
use event::pb::observer::node_state::State;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{ConnectionExpected, Way};
use node::rpc::RpcClient;
use node::{Chain, Discovery, HostPort, Located, NotFound};
use p2p::Transport;
use reach::{Dialer, Endpoint};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::refusals::Refusals;
use crate::session::Ending;
use crate::{Error, PAUSE, Ways, events, identity, magic};

/// How long a connection may take until its transport is agreed upon.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that agree on a transport at once. One more, and the oldest is given up: memory stays bounded, and the node gets through,
/// whoever connects.
const HANDSHAKES: usize = 64;
/// How long the node may take to connect after it was asked to.
const ASKED: Duration = Duration::from_secs(5);
/// How long a call may take.
const CALL: Duration = Duration::from_secs(5);
/// How long what we send may stay without an acknowledgement.
const GONE: Duration = Duration::from_secs(60);
/// The longest pause between two attempts to reach a node on another machine.
const REMOTE_PAUSE: Duration = Duration::from_secs(60);

type Reader = Box<dyn AsyncRead + Send + Sync + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// A connection to the node whose transport is agreed upon.
pub struct Connected {
    pub connection: p2p::Connection<Reader, Writer>,
    pub way: Way,
    /// Where the node sees us. None behind a proxy.
    pub our_address: Option<String>,
    pub node_address: String,
    pub place: Place,
}

/// Makes connections to the node.
pub struct Link {
    ways: Ways,
    dialer: Dialer,
    publisher: Publisher,
    discovery: Discovery,
    listener: Option<(TcpListener, SocketAddr)>,
    refusals: Arc<Refusals>,
    /// The transport of the next connection that we open. A node that closes one of v2 without an answer gets v1.
    next: Transport,
    pause: Duration,
    /// What was last logged, so that it is logged once.
    said: Option<String>,
    /// A connection has ended since the last one was made: the node may be gone.
    lost: bool,
}

/// Why there is no connection to the node.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error(transparent)]
    Address(#[from] reach::EndpointError),
    #[error(transparent)]
    Way(#[from] reach::Error),
    #[error(transparent)]
    Connection(#[from] p2p::Error),
}

impl From<std::io::Error> for DialError {
    fn from(error: std::io::Error) -> Self {
        Self::Connection(error.into())
    }
}

impl DialError {
    /// Whether another transport may do better.
    fn is_of_the_transport(&self) -> bool {
        match self {
            Self::Address(_) | Self::Way(_) => false,
            Self::Connection(p2p::Error::Io(error)) => error.kind() != std::io::ErrorKind::ConnectionRefused,
            Self::Connection(_) => true,
        }
    }
}

/// The node as it is found.
#[derive(Clone)]
pub struct Place {
    magic: p2p::Magic,
    /// Its RPC server, if there is one.
    pub client: Option<Arc<RpcClient>>,
}

impl Link {
    /// Listens, if that is a way.
    pub fn new(ways: Ways, publisher: Publisher, discovery: Discovery) -> Result<Self, Error> {
        let listener = match &ways.listener {
            Some(listener) => {
                let (node, address) = (publisher.node().to_owned(), listener.address());
                let socket = listener.for_runtime().map_err(|source| Error::Listen { node, address, source })?;
                Some((socket, address))
            }
            None => None,
        };
        let refusals = Arc::new(Refusals::new(publisher.clone()));
        let next = Transport::V2;
        let dialer = Dialer::new(ways.proxies.clone());
        Ok(Self { ways, dialer, publisher, discovery, listener, refusals, next, pause: PAUSE, said: None, lost: false })
    }

    /// Waits for a connection to the node.
    pub async fn connect(&mut self) -> Result<Connected, Error> {
        let connected = match (self.listener.take(), self.ways.dial.clone()) {
            (Some((listener, listening)), dial) => {
                let outcome = self.by_any_way(&listener, listening, dial.as_ref()).await;
                self.listener = Some((listener, listening));
                outcome?
            }
            (None, Some(address)) => self.dial(&address).await?,
            (None, None) => std::future::pending().await,
        };
        self.said = None;
        Ok(connected)
    }

    /// Refuses all connections that come while there is one, until the node makes another: then it has lost the first.
    pub async fn another(&self, place: Place) -> Connected {
        match &self.listener {
            Some((listener, listening)) => accept(listener, *listening, place, Arc::clone(&self.refusals), true).await,
            None => std::future::pending().await,
        }
    }

    /// Notes how a connection ended. Returns how long to wait before the next one.
    pub fn ended(&mut self, ending: Ending) -> Duration {
        let Ending { why, was_open } = ending;
        self.lost |= was_open;
        if was_open {
            self.pause = PAUSE;
            self.publisher.node_is(why.state(), Some(&format!("the P2P connection ended: {why}")));
            info!("node {}: P2P connection ended: {why}", self.publisher.node());
            return PAUSE;
        }
        // As a node does that is full, or has banned us, or knows only the other transport.
        self.next = other(self.next);
        self.trouble(why.state(), format!("no P2P connection: {why}"));
        self.next_pause()
    }

    /// The pause after an attempt that failed. They grow where the node is on another machine.
    fn next_pause(&mut self) -> Duration {
        let is_remote = self.ways.dial.as_ref().is_some_and(|address| !address.is_loopback());
        let pause = self.pause;
        if is_remote {
            self.pause = (pause * 2).min(REMOTE_PAUSE);
        }
        pause
    }

    /// Logs a trouble once, and reports it with the status.
    fn trouble(&mut self, state: State, text: String) {
        self.publisher.node_is(state, Some(&text));
        if self.said.as_ref() != Some(&text) {
            warn!("node {}: {text}", self.publisher.node());
            self.said = Some(text);
        }
    }

    /// The node, once it is found. One that is only dialled needs not be found.
    async fn locate(&mut self) -> Result<Place, Error> {
        loop {
            let outcome: Result<Located, NotFound<Error>> = self.discovery.locate_in_background(Ok).await;
            if let Some(located) = self.discovery.note(outcome)? {
                let chain = located.chain.or(self.discovery.target().chain).unwrap_or(Chain::Main);
                let client = RpcClient::of(&located).ok().flatten().map(Arc::new);
                let magic = magic::of_node(chain, client.as_deref()).await;
                return Ok(Place { magic, client });
            }
            // Where only the chain is configured, and the node cannot be seen from here, it is taken as it comes.
            let target = self.discovery.target();
            if let Some(chain) = target.chain.filter(|_| self.ways.listener.is_some() && !target.has_place()) {
                return Ok(Place { magic: magic::of_node(chain, None).await, client: None });
            }
            self.discovery.pause().await;
        }
    }

    async fn expect(&self, way: Way, our_address: Option<String>) {
        let expected = P2pEvent::ConnectionExpected(ConnectionExpected { way: way.into(), our_address });
        self.publisher.publish(event::time::now_ns(), events::body(expected)).await;
    }

    /// Accepts connections until one is the node's. Meanwhile asks the node for it, if that is a way. Where we may connect to the node, too,
    /// that is done when it does not come soon.
    async fn by_any_way(
        &mut self,
        listener: &TcpListener,
        listening: SocketAddr,
        dial: Option<&HostPort>,
    ) -> Result<Connected, Error> {
        self.expect(Way::Listening, Some(listening.to_string())).await;
        let place = self.locate().await?;
        let refusals = Arc::clone(&self.refusals);
        let accepting = accept(listener, listening, place.clone(), refusals, false);
        tokio::pin!(accepting);
        let patience = Instant::now() + ASKED;
        let mut ask_at = Instant::now();
        loop {
            tokio::select! {
                connected = &mut accepting => return Ok(connected),
                () = tokio::time::sleep_until(ask_at) => {}
            }
            ask_at = Instant::now() + ASKED;
            let mut connects = false;
            if self.ways.addnode {
                connects = self.addnode(&place, listening).await;
            } else if dial.is_none() {
                self.waits(listening);
            }
            let Some(dial) = dial else { continue };
            if !connects || Instant::now() >= patience {
                tokio::select! {
                    connected = &mut accepting => return Ok(connected),
                    connected = self.dial(dial) => return connected,
                }
            }
        }
    }

    /// Asks the node to connect to us. Returns whether it agreed.
    async fn addnode(&mut self, place: &Place, listening: SocketAddr) -> bool {
        let Some(client) = &place.client else {
            let text = "there is no RPC server to call addnode at".to_owned();
            self.trouble(State::Unreadable, format!("{text}: {}", advice(listening)));
            return false;
        };
        let asked: Result<Value, _> =
            client.call("addnode", &[json!(listening.to_string()), json!("onetry")], CALL).await;
        match asked {
            Ok(_) => true,
            Err(error) => {
                let state = if self.lost { State::Unreachable } else { State::Unreadable };
                self.trouble(state, format!("addnode failed: {error}"));
                false
            }
        }
    }

    /// Reports that the node has not connected yet.
    fn waits(&mut self, listening: SocketAddr) {
        let text = format!("waiting for its P2P connection at {listening}: {}", advice(listening));
        // That a connection was lost says more.
        let state = if self.lost { State::Unreachable } else { State::Unreadable };
        self.trouble(state, text);
    }

    async fn dial(&mut self, address: &HostPort) -> Result<Connected, Error> {
        loop {
            let place = self.locate().await?;
            let address = address.clone().or_port(self.default_port());
            match timeout(HANDSHAKE, self.dialled(&address, place.magic)).await {
                Ok(Ok((connection, our_address))) => {
                    let node_address = address.to_string();
                    return Ok(Connected { connection, way: Way::Dialling, our_address, node_address, place });
                }
                Ok(Err(error)) => {
                    if error.is_of_the_transport() {
                        self.next = other(self.next);
                    }
                    self.trouble(State::Unreachable, format!("no P2P connection to {address}: {error}"));
                }
                Err(_) => {
                    self.next = other(self.next);
                    let seconds = HANDSHAKE.as_secs();
                    self.trouble(State::Unreachable, format!("no P2P connection to {address} within {seconds} s"));
                }
            }
            let pause = self.next_pause();
            tokio::time::sleep(pause).await;
        }
    }

    fn default_port(&self) -> u16 {
        self.discovery.target().chain.unwrap_or(Chain::Main).p2p_port()
    }

    async fn dialled(
        &self,
        address: &HostPort,
        magic: p2p::Magic,
    ) -> Result<(p2p::Connection<Reader, Writer>, Option<String>), DialError> {
        let endpoint = Endpoint::new(&address.host, address.port)?;
        let (stream, our_address) = if self.dialer.is_direct(&endpoint) {
            let (socket, remote, bound) = bound_for(address).await?;
            if let Some(ours) = bound {
                self.expect(Way::Dialling, Some(ours.to_string())).await;
            }
            let stream = socket.connect(remote).await?;
            let ours = stream.local_addr()?.to_string();
            if bound.is_none() {
                self.expect(Way::Dialling, Some(ours.clone())).await;
            }
            (stream, Some(ours))
        } else {
            self.expect(Way::Dialling, None).await;
            (self.dialer.connect(&endpoint).await?, None)
        };
        let (reader, writer) = halves(stream);
        let connection = p2p::dial(magic, self.next, reader, writer).await?;
        Ok((connection, our_address))
    }
}

fn advice(listening: SocketAddr) -> String {
    format!(
        "add addnode={listening} to its bitcoin.conf and restart it, or run with --p2p-addnode, or with --p2p HOST:PORT"
    )
}

/// A socket from which an address can be reached, bound so that its own address is known before the node knows of it. A process that may
/// not bind any more knows it only afterwards.
async fn bound_for(address: &HostPort) -> Result<(TcpSocket, SocketAddr, Option<SocketAddr>), DialError> {
    let mut candidates = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
    let remote = candidates.next().ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    let bound = socket.bind(SocketAddr::new(reach::source_address(remote.ip())?, 0)).is_ok();
    let ours = if bound { Some(socket.local_addr()?) } else { None };
    Ok((socket, remote, ours))
}

fn halves(stream: TcpStream) -> (Reader, Writer) {
    let _ = stream.set_nodelay(true);
    // Where the other machine is gone, the system says so after that time.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, u32::try_from(GONE.as_millis()).unwrap_or(u32::MAX));
    let (reader, writer) = stream.into_split();
    (Box::new(reader), Box::new(writer))
}

/// Accepts connections until one is the node's. Where there is one already (`busy`), another must be the node's beyond doubt.
async fn accept(
    listener: &TcpListener,
    listening: SocketAddr,
    place: Place,
    refusals: Arc<Refusals>,
    busy: bool,
) -> Connected {
    let (found, mut connections) = mpsc::channel(1);
    let mut handshakes: VecDeque<Handshake> = VecDeque::new();
    loop {
        tokio::select! {
            Some(connected) = connections.recv() => return connected,
            accepted = listener.accept() => {
                let Ok((stream, remote)) = accepted else {
                    // Too many open files, say.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                handshakes.retain(|handshake| !handshake.task.is_finished());
                if handshakes.len() >= HANDSHAKES
                    && let Some(oldest) = handshakes.pop_front()
                {
                    refusals.note("too_many", oldest.remote, &format!("{HANDSHAKES} others came after it"));
                }
                let (place, found, refusals) = (place.clone(), found.clone(), Arc::clone(&refusals));
                let task = bus::task::spawn("p2p handshake", async move {
                    match ours(stream, remote, listening, place, busy).await {
                        Ok(connected) => drop(found.try_send(connected)),
                        Err(why) => refusals.note(why.reason(), remote, &why),
                    }
                });
                handshakes.push_back(Handshake { task: task.abort_handle(), remote });
            }
        }
    }
}

/// A connection that is about to agree on a transport. It ends with this.
struct Handshake {
    task: AbortHandle,
    remote: SocketAddr,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a connection is not used.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it did not agree on a transport within {} s", HANDSHAKE.as_secs())]
    Slow,
    #[error(transparent)]
    Handshake(#[from] p2p::Error),
    #[error("getpeerinfo of the node does not show it")]
    Foreign,
    #[error("there is one already, and the node's RPC server can't be asked whether this one is newer")]
    Second,
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Handshake(_) => "handshake",
            Self::Foreign => "foreign",
            Self::Second => "second",
        }
    }
}

/// Agrees on the transport of a connection that was accepted, and checks that it is the node's, if the node can be asked.
async fn ours(
    stream: TcpStream,
    remote: SocketAddr,
    listening: SocketAddr,
    place: Place,
    busy: bool,
) -> Result<Connected, Refusal> {
    let (reader, writer) = halves(stream);
    let connection =
        timeout(HANDSHAKE, p2p::accept(place.magic, reader, writer)).await.map_err(|_| Refusal::Slow)??;
    let known = match &place.client {
        Some(client) => {
            let session_id = connection.session_id.as_ref().map(identity::session_id);
            identity::is_the_nodes(client, listening, remote, session_id.as_deref()).await
        }
        None => None,
    };
    match known {
        Some(true) => {}
        Some(false) => return Err(Refusal::Foreign),
        None if busy => return Err(Refusal::Second),
        None => {}
    }
    Ok(Connected {
        connection,
        way: Way::Listening,
        our_address: Some(listening.to_string()),
        node_address: remote.to_string(),
        place,
    })
}

fn other(transport: Transport) -> Transport {
    match transport {
        Transport::V1 => Transport::V2,
        Transport::V2 => Transport::V1,
    }
}
