//! Queues events for the clients. An event is turned into JSON at most once for each form, whatever the number of clients.

use std::cell::OnceCell;
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use bus::Delivery;
use event::json::{to_json, to_json_brief};
use parking_lot::Mutex;

use super::client::{Client, Transport};
use super::subscribe::{Form, SubscribeRequest};
use crate::api;

/// All clients of the feed.
pub struct Hub {
    clients: Mutex<Clients>,
    max_clients: usize,
}

struct Clients {
    /// Shared, so that the lock is not held while events are queued for the clients.
    connected: Arc<Vec<Arc<Client>>>,
    next_id: u64,
    ended: bool,
}

impl Hub {
    /// A hub without clients, which will take up to `max_clients`.
    pub fn new(max_clients: usize) -> Self {
        let clients = Clients { connected: Arc::default(), next_id: 1, ended: false };
        Self { clients: Mutex::new(clients), max_clients }
    }

    /// Adds a client. `None` if there are too many, or the feed has ended.
    pub(super) fn connect(self: &Arc<Self>, transport: Transport, request: SubscribeRequest) -> Option<Connected> {
        let mut clients = self.clients.lock();
        if clients.ended || clients.connected.len() >= self.max_clients {
            return None;
        }
        let client = Arc::new(Client::new(clients.next_id, transport, request));
        clients.next_id += 1;
        Arc::make_mut(&mut clients.connected).push(Arc::clone(&client));
        Some(Connected { hub: Arc::clone(self), client })
    }

    /// Queues deliveries for the clients that subscribed to them.
    pub fn publish(&self, deliveries: &[Delivery]) {
        let connected = Arc::clone(&self.clients.lock().connected);
        if connected.is_empty() {
            return;
        }
        let texts: Vec<Texts> = deliveries.iter().map(Texts::new).collect();
        for client in connected.iter() {
            let mut state = client.state.lock();
            let mut queued = false;
            for text in &texts {
                if wanted(text.delivery, &state.request) && state.accepts() {
                    let text = text.in_form(state.request.form);
                    state.push(text);
                    queued = true;
                }
            }
            drop(state);
            if queued {
                client.notify();
            }
        }
    }

    /// Ends the feed of all clients.
    pub fn end(&self) {
        let mut clients = self.clients.lock();
        clients.ended = true;
        clients.connected.iter().for_each(|client| client.end());
    }

    /// The state of all clients, for the API.
    pub fn clients(&self) -> Vec<api::Client> {
        let connected = Arc::clone(&self.clients.lock().connected);
        connected.iter().map(|client| client.describe()).collect()
    }
}

/// Whether a delivery matches a request. A loss matches if its node does, whatever else is filtered.
fn wanted(delivery: &Delivery, request: &SubscribeRequest) -> bool {
    match delivery {
        Delivery::Event(record) => request.filter.matches(record),
        Delivery::Lost(loss) => {
            let nodes = &request.filter.nodes;
            nodes.is_empty() || nodes.iter().any(|node| **node == *loss.node)
        }
        Delivery::Mark(_) | Delivery::Checkpoint(_) => false,
    }
}

/// The JSON of a delivery in each form, made when the first client needs it.
struct Texts<'a> {
    delivery: &'a Delivery,
    full: OnceCell<Utf8Bytes>,
    brief: OnceCell<Utf8Bytes>,
}

impl<'a> Texts<'a> {
    fn new(delivery: &'a Delivery) -> Self {
        Self { delivery, full: OnceCell::new(), brief: OnceCell::new() }
    }

    fn in_form(&self, form: Form) -> Utf8Bytes {
        let (cell, make): (_, fn(&event::Record) -> String) = match form {
            Form::Full => (&self.full, to_json),
            Form::Brief => (&self.brief, to_json_brief),
        };
        let made = cell.get_or_init(|| match self.delivery {
            Delivery::Event(record) => make(record).into(),
            Delivery::Lost(loss) => loss.to_json().into(),
            Delivery::Mark(_) | Delivery::Checkpoint(_) => Utf8Bytes::default(), // no client wants it
        });
        made.clone()
    }
}

/// A connected client. Dropping it removes the client from the hub.
pub(super) struct Connected {
    hub: Arc<Hub>,
    pub client: Arc<Client>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut clients = self.hub.clients.lock();
        Arc::make_mut(&mut clients.connected).retain(|client| client.id != self.client.id);
    }
}
