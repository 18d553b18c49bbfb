//! Our own P2P connection to the node: whether it is there, what the node says of itself on it, and its messages.

use event::pb::bitcoin_primitives::Address;
use event::pb::bitcoin_primitives::address::Address as Name;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{ConnectionExpected, ConnectionOpened, MessageSeen, NodeVersion, Way};
use event::{Body, Record};
use model::Observer;
use model::bounds::{MAX_ADDR, MAX_TEXT, MAX_USER_AGENT};
use model::text::cut;
use smol_str::{SmolStr, format_smolstr};

use super::messages::Messages;
use super::node::{Context, Peers};
use super::peer::Details;
use super::types::Types;

/// The maximum number of features kept.
const MAX_FEATURES: usize = 16;

/// Our own connection to one node.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// The last one, open or not. `None` if none was ever expected.
    pub connection: Option<Connection>,
    /// What the node's version message said last.
    pub version: Option<Version>,
    /// The node's own address, as it announced it last.
    pub announced: Option<SmolStr>,
    /// What the node can do of its own accord (BIP 434), by name.
    pub features: Vec<SmolStr>,
    /// Its messages. Directions are those of the node.
    pub messages: Messages,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub way: &'static str,
    /// Run of the extractor.
    pub run: u64,
    /// Where the node sees us.
    pub address: Option<SmolStr>,
    /// "v1", "v2", or "" until versions were exchanged.
    pub transport: &'static str,
    pub state: State,
    /// Since when it is in this state, nanoseconds since the UNIX epoch.
    pub since_ns: u64,
    /// Why it ended.
    pub reason: Option<SmolStr>,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// We wait for the node, or try to reach it.
    Expected,
    /// Versions were exchanged.
    Open,
    /// It has ended, and no other one is expected yet.
    Ended,
}

impl State {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Open => "open",
            Self::Ended => "ended",
        }
    }
}

/// What a version message says.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub version: u32,
    pub services: u64,
    pub user_agent: SmolStr,
    /// How far the node's clock is before ours, in seconds.
    pub clock_offset: i64,
}

impl Own {
    /// Connections of the node that are ours: those that it accepted, and those that it opened.
    pub fn sides(&self) -> (u64, u64) {
        match &self.connection {
            Some(Connection { state: State::Open, way, .. }) if *way == "dialling" => (1, 0),
            Some(Connection { state: State::Open, .. }) => (0, 1),
            _ => (0, 0),
        }
    }

    fn expected(&mut self, expected: &ConnectionExpected, run: u64, time_ns: u64) {
        // It may listen on while a connection is open.
        if self.connection.as_ref().is_some_and(|connection| connection.state == State::Open && connection.run == run) {
            return;
        }
        let reason = self.connection.take().and_then(|before| before.reason);
        self.connection = Some(Connection {
            way: way(expected.way()),
            run,
            address: expected.our_address.as_deref().map(|address| cut(address, MAX_ADDR)),
            transport: "",
            state: State::Expected,
            since_ns: time_ns,
            reason,
        });
    }

    fn opened(&mut self, opened: &ConnectionOpened, run: u64, time_ns: u64) {
        let address = opened.our_address.as_deref().map(|address| cut(address, MAX_ADDR));
        self.connection = Some(Connection {
            way: way(opened.way()),
            run,
            address: address.or(self.connection.take().and_then(|expected| expected.address)),
            transport: ["v1", "v2"].into_iter().find(|known| *known == opened.transport).unwrap_or_default(),
            state: State::Open,
            since_ns: time_ns,
            reason: None,
        });
        self.features.clear();
    }

    fn ended(&mut self, reason: &str, time_ns: u64) {
        if let Some(connection) = &mut self.connection {
            connection.state = State::Ended;
            connection.since_ns = time_ns;
            connection.reason = (!reason.is_empty()).then(|| cut(reason, MAX_TEXT));
        }
    }

    fn message(&mut self, seen: &MessageSeen, context: &mut Context) {
        let kind = context.sink.number(&seen.message_type);
        self.messages.add(kind, seen.sent, 1, seen.size, context.time_ns);
    }
}

impl Observer<Types, Details> for Own {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::P2pExtractor(p2p)) = record.body() else { return };
        let time_ns = context.time_ns;
        match &p2p.p2p_event {
            Some(P2pEvent::ConnectionExpected(expected)) => self.expected(expected, context.run, time_ns),
            Some(P2pEvent::ConnectionOpened(opened)) => self.opened(opened, context.run, time_ns),
            Some(P2pEvent::ConnectionEnded(ended)) => self.ended(&ended.reason, time_ns),
            Some(P2pEvent::MessageSeen(seen)) => self.message(seen, context),
            Some(P2pEvent::NodeVersion(version)) => self.version = Some(Version::of(version)),
            Some(P2pEvent::OwnAddress(own)) => self.announced = Some(address(&own.address)),
            Some(P2pEvent::FeatureOffered(feature)) => {
                let name = cut(&feature.feature_id, 80);
                if self.features.len() < MAX_FEATURES && !self.features.contains(&name) {
                    self.features.push(name);
                }
            }
            _ => {}
        }
    }
}

impl Version {
    fn of(message: &NodeVersion) -> Self {
        Self {
            version: message.version,
            services: message.services,
            user_agent: cut(&message.user_agent, MAX_USER_AGENT),
            clock_offset: message.clock_offset,
        }
    }
}

/// The name of a way in the API.
pub(crate) fn way(way: Way) -> &'static str {
    match way {
        Way::Listening => "listening",
        Way::Dialling => "dialling",
    }
}

/// An address and its port.
pub(crate) fn address(address: &Address) -> SmolStr {
    match &address.address {
        Some(Name::Unknown(unknown)) => format_smolstr!("an address of the unknown network {}", unknown.id),
        _ => cut(&address.text_with_port(), MAX_ADDR),
    }
}
