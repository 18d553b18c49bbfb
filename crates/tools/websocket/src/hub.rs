//! All clients, and the nodes that they may choose from. An event is turned into JSON at most once, whatever the number of clients.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::ws::{Utf8Bytes, close_code};
use bus::Delivery;
use event::quote::Quoted;
use event::{Kind, Record, original};
use parking_lot::Mutex;
use serve::Farewell;
use tracing::warn;

use crate::client::Client;

/// Nodes that have an endpoint at most: their names come from others.
const MAX_NODES: usize = 1_000;

/// All clients.
pub struct Hub {
    state: Mutex<State>,
    max_clients: usize,
}

#[derive(Default)]
struct State {
    /// Shared, so that the lock is not held while events are queued.
    connected: Arc<Vec<Arc<Client>>>,
    next_id: u64,
    nodes: Nodes,
    has_ended: bool,
}

/// The nodes whose events have come, or will come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// Those with a name.
    pub named: BTreeSet<Arc<str>>,
    /// There are events of a node without a name, as the original's extractors publish them.
    pub unnamed: bool,
}

/// Why a client is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are too many, or the server is shutting down.
    Full,
    /// There is no such node; these there are.
    NoNode(Nodes),
}

impl Nodes {
    /// Whether the endpoint without a node's name has events: those without a name, and those of the only node.
    fn at_root(&self, node: &str) -> bool {
        node.is_empty() || self.named.len() <= 1
    }

    fn may_be_chosen(&self, node: Option<&str>) -> bool {
        match node {
            None => self.unnamed || self.named.len() <= 1,
            // Nothing has come yet: it may be about to.
            Some(_) if self.named.is_empty() && !self.unnamed => true,
            Some(node) => self.named.contains(node),
        }
    }

    /// Notes the node of an event. Returns whether it is the second one that is known.
    fn note(&mut self, node: &Arc<str>) -> bool {
        if node.is_empty() {
            self.unnamed = true;
            return false;
        }
        if self.named.contains(node) || self.named.len() >= MAX_NODES {
            return false;
        }
        self.named.insert(Arc::clone(node));
        self.named.len() == 2
    }
}

impl Hub {
    /// A hub without clients, which will take up to `max_clients`, with the nodes that are known.
    pub fn new(max_clients: usize, nodes: impl IntoIterator<Item = String>) -> Self {
        let named = nodes.into_iter().map(Into::into).collect();
        let state = State { nodes: Nodes { named, unnamed: false }, ..State::default() };
        Self { state: Mutex::new(state), max_clients }
    }

    /// The nodes that are known.
    pub fn nodes(&self) -> Nodes {
        self.state.lock().nodes.clone()
    }

    /// Adds a client at the endpoint of a node, or at that without a name.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn connect(self: &Arc<Self>, node: Option<String>) -> Result<Connected, Refusal> {
        let mut state = self.state.lock();
        if state.has_ended || state.connected.len() >= self.max_clients {
            return Err(Refusal::Full);
        }
        if !state.nodes.may_be_chosen(node.as_deref()) {
            return Err(Refusal::NoNode(state.nodes.clone()));
        }
        state.next_id += 1;
        let client = Arc::new(Client::new(state.next_id, node));
        Arc::make_mut(&mut state.connected).push(Arc::clone(&client));
        Ok(Connected { hub: Arc::clone(self), client })
    }

    /// Queues events for the clients that subscribed to them.
    pub fn publish(&self, deliveries: &[Delivery]) {
        let events: Vec<Event> = deliveries.iter().filter_map(Event::of).collect();
        let (connected, nodes) = {
            let mut state = self.state.lock();
            let is_second = events.iter().filter(|event| state.nodes.note(event.node())).count() > 0;
            if is_second && !state.nodes.unnamed {
                state.leave_root();
            }
            (Arc::clone(&state.connected), (!state.connected.is_empty()).then(|| state.nodes.clone()))
        };
        let Some(nodes) = nodes else { return };
        for client in connected.iter() {
            let is_its_own = |event: &&Event| match &client.node {
                Some(node) => **event.node() == **node,
                None => nodes.at_root(event.node()),
            };
            client.queue(events.iter().filter(is_its_own));
        }
    }

    /// Closes all connections, and takes no more.
    pub fn end(&self) {
        let mut state = self.state.lock();
        state.has_ended = true;
        let reason = "the server is shutting down".to_owned();
        state
            .connected
            .iter()
            .for_each(|client| client.end(Farewell { code: close_code::AWAY, reason: reason.clone() }));
    }
}

impl State {
    /// A second node is there: what came without a name until now were events of the first one.
    fn leave_root(&self) {
        let names: Vec<String> = self.nodes.named.iter().map(|name| Quoted(name).to_string()).collect();
        warn!("websocket: there are several nodes ({}): each has its own endpoint, /NAME/", names.join(", "));
        let reason = "there are several nodes now: choose an endpoint of websockets.json".to_owned();
        let at_root = self.connected.iter().filter(|client| client.node.is_none());
        at_root.for_each(|client| client.end(Farewell { code: close_code::POLICY, reason: reason.clone() }));
    }
}

/// A connected client. Dropping it removes the client from the hub.
pub struct Connected {
    hub: Arc<Hub>,
    /// The client.
    pub client: Arc<Client>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut state = self.hub.state.lock();
        Arc::make_mut(&mut state.connected).retain(|client| client.id != self.client.id);
    }
}

/// An event, and its JSON when the first client needs it.
pub struct Event<'a> {
    record: &'a Record,
    text: OnceCell<Option<Utf8Bytes>>,
}

impl<'a> Event<'a> {
    fn of(delivery: &'a Delivery) -> Option<Self> {
        match delivery {
            Delivery::Event(record) => Some(Self { record, text: OnceCell::new() }),
            Delivery::Lost(_) | Delivery::Mark(_) | Delivery::Checkpoint(_) => None,
        }
    }

    fn node(&self) -> &Arc<str> {
        &self.record.envelope().node
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.record.envelope().kind
    }

    /// Its JSON; none of a kind that the original lacks.
    pub fn text(&self) -> Option<Utf8Bytes> {
        self.text.get_or_init(|| original::to_json(self.record).map(Into::into)).clone()
    }
}
