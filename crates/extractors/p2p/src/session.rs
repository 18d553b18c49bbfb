//! One connection, from the exchange of versions to its end.

use std::fmt;
use std::time::{Duration, Instant};

use bus::Publisher;
use bus::counters::P2P_FOREIGN_PONGS;
use event::pb::bitcoin_primitives::Address;
use event::pb::ebpf_extractor::message::message_event::Msg;
use event::pb::observer::node_state::State;
use event::pb::p2p_extractor::p2p::P2pEvent;
use event::pb::p2p_extractor::{
    AddressAnnouncement, ConnectionEnded, ConnectionOpened, DataRequest, InventoryAnnouncement, OwnAddress,
    PingDuration, Way,
};
use event::time::{nanoseconds, now_ns, now_s};
use p2p::{Message, MessageType, Version};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::info;

use crate::blocks::{Blocks, Question};
use crate::link::Connected;
use crate::memory::Memory;
use crate::pings::Pings;
use crate::{MIN_PING_INTERVAL, Options, events, features, identity};

/// The version of the protocol that we speak: that of BIP 434.
const PROTOCOL: i32 = features::FEATURE_VERSION;
/// How long the exchange of versions may take.
const GREETING: Duration = Duration::from_secs(30);
/// After so long without an answer to a ping the node is hanging.
const HANGING: Duration = Duration::from_secs(5);
/// After so long it is given up, as Bitcoin Core does with its peers (`TIMEOUT_INTERVAL`).
const LOST: Duration = Duration::from_secs(20 * 60);
/// How long the node may take to read what we send.
const SENDING: Duration = Duration::from_secs(60);
/// How long ago a node's own address was last seen when it announces it.
const JUST_NOW: u32 = 2;

/// Why a connection ended.
#[derive(Debug)]
pub enum End {
    /// The connection was closed, or what came is no message.
    Connection(p2p::Error),
    /// The node did not do this in time.
    Slow(&'static str),
    /// The node has made another one.
    Replaced,
}

impl End {
    /// The state of a node whose connection ended like this.
    pub fn state(&self) -> State {
        match self {
            Self::Connection(_) => State::Unreachable,
            Self::Slow(_) => State::Hanging,
            Self::Replaced => State::Up,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => write!(f, "{error}"),
            Self::Slow(what) => write!(f, "it did not {what} in time"),
            Self::Replaced => f.write_str("the node has made another one"),
        }
    }
}

impl From<p2p::Error> for End {
    fn from(error: p2p::Error) -> Self {
        Self::Connection(error)
    }
}

/// What the node's RPC server knows.
struct Facts {
    own_addresses: Vec<String>,
    /// Hash of the newest block.
    tip: Option<Vec<u8>>,
}

/// How a connection ended.
#[derive(Debug)]
pub struct Ending {
    /// Why.
    pub why: End,
    /// Versions had been exchanged.
    pub was_open: bool,
}

/// A conversation with the node.
pub struct Session<'a> {
    options: &'a Options,
    publisher: &'a Publisher,
    connected: Connected,
    memory: &'a mut Memory,
    pings: Pings,
    blocks: Blocks,
    /// The node's own addresses; none if it can't be asked for them.
    own_addresses: Option<Vec<String>>,
    addresses_came: bool,
    opened: Option<Instant>,
    our_nonce: u64,
    greeted: bool,
    acknowledged: bool,
}

impl<'a> Session<'a> {
    pub fn new(options: &'a Options, publisher: &'a Publisher, connected: Connected, memory: &'a mut Memory) -> Self {
        Self {
            options,
            publisher,
            connected,
            memory,
            pings: Pings::default(),
            blocks: Blocks::default(),
            own_addresses: None,
            addresses_came: false,
            opened: None,
            our_nonce: fastrand::u64(..),
            greeted: false,
            acknowledged: false,
        }
    }

    /// Publishes what the node sends, until the connection ends, or the node makes another one, which is then returned.
    pub async fn run(&mut self, another: impl Future<Output = Connected>) -> (Ending, Option<Connected>) {
        let (why, next) = tokio::select! {
            why = self.converse() => match why {
                Ok(never) => match never {},
                Err(why) => (why, None),
            },
            another = another => (End::Replaced, Some(another)),
        };
        if let Some(opened) = self.opened {
            let duration_ns = nanoseconds(opened.elapsed());
            let ended = ConnectionEnded { reason: why.to_string(), duration_ns };
            self.publish(now_ns(), vec![P2pEvent::ConnectionEnded(ended)]).await;
        }
        (Ending { why, was_open: self.opened.is_some() }, next)
    }

    async fn converse(&mut self) -> Result<std::convert::Infallible, End> {
        timeout(GREETING, self.greet()).await.map_err(|_| End::Slow("exchange versions"))??;
        let mut facts = self.open().await?;
        let mut ticks = interval(self.options.ping_interval.max(MIN_PING_INTERVAL));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(Facts { own_addresses, tip }) = facts.recv() => {
                    self.own_addresses = Some(own_addresses);
                    if let Some(tip) = tip {
                        self.ask(&Question::After(tip.into())).await?;
                    }
                }
                message = self.connected.connection.reader.next() => {
                    let now = Instant::now();
                    self.take(message?, now).await?;
                }
                _ = ticks.tick() => self.ping().await?,
            }
        }
    }

    /// Exchanges versions. Whoever opened the connection begins. The other messages that belong there may come in any order.
    async fn greet(&mut self) -> Result<(), End> {
        if self.connected.way == Way::Dialling {
            self.send_version().await?;
        }
        while !(self.greeted && self.acknowledged) {
            let message = self.connected.connection.reader.next().await?;
            self.take(message, Instant::now()).await?;
        }
        Ok(())
    }

    /// The first version message of the node. What we can do is sent between version and verack (BIP 155, BIP 339, BIP 434).
    async fn introduced(&mut self, message: &Message, events: &mut Vec<P2pEvent>) -> Result<(), End> {
        let version = Version::decode(&message.payload)?;
        events.extend(self.memory.version(&version, now_s()).map(P2pEvent::NodeVersion));
        self.greeted = true;
        if self.connected.way == Way::Listening {
            self.send_version().await?;
        }
        self.send("wtxidrelay", &[]).await?;
        self.send("sendaddrv2", &[]).await?;
        if version.version >= features::FEATURE_VERSION {
            self.send("feature", features::STALE_TIPS).await?;
        }
        self.send("verack", &[]).await
    }

    /// Versions are exchanged. What the node's RPC server knows follows when it answers.
    async fn open(&mut self) -> Result<mpsc::Receiver<Facts>, End> {
        self.opened = Some(Instant::now());
        self.publisher.node_is_up();
        let Connected { connection, way, our_address, node_address, place } = &self.connected;
        info!(
            "node {}: P2P connection opened, {}, {node_address}, transport {}",
            self.publisher.node(),
            if *way == Way::Listening { "by the node" } else { "by us" },
            connection.transport
        );
        let opened = ConnectionOpened {
            way: (*way).into(),
            our_address: our_address.clone(),
            node_address: node_address.clone(),
            transport: connection.transport.name().to_owned(),
            session_id: connection.session_id.as_ref().map(identity::session_id),
            our_nonce: self.our_nonce,
        };
        let client = place.client.clone();
        self.publish(now_ns(), vec![P2pEvent::ConnectionOpened(opened)]).await;
        // New blocks by headers, or better by compact blocks, as soon as the node has them.
        self.send("sendheaders", &[]).await?;
        self.send("sendcmpct", &[1, 2, 0, 0, 0, 0, 0, 0, 0]).await?;
        if self.connected.way == Way::Dialling {
            // An inbound peer gets addresses only after it asked for some.
            self.send("getaddr", &[]).await?;
        }
        let (answered, facts) = mpsc::channel(1);
        if let Some(client) = client {
            bus::task::spawn("p2p facts", async move {
                let own_addresses = identity::own_addresses(&client).await;
                let tip = identity::tip(&client).await;
                let _ = answered.send(Facts { own_addresses, tip }).await;
            });
        }
        Ok(facts)
    }

    async fn send_version(&mut self) -> Result<(), End> {
        let version = Version {
            version: PROTOCOL,
            time: now_s(),
            nonce: self.our_nonce,
            user_agent: self.options.user_agent.clone().into_bytes(),
            relay: Some(true),
            ..Version::default()
        };
        self.send("version", &version.encode()).await
    }

    async fn ask(&mut self, question: &Question) -> Result<(), End> {
        let (message_type, payload) = question.message(PROTOCOL);
        self.send(message_type, &payload).await
    }

    async fn send(&mut self, message_type: &'static str, payload: &[u8]) -> Result<(), End> {
        let message_type = MessageType::new(message_type);
        let sending = self.connected.connection.writer.send(message_type, payload);
        let size = timeout(SENDING, sending).await.map_err(|_| End::Slow("read what it was sent"))??;
        let time_ns = now_ns();
        self.publish(time_ns, vec![events::sent(message_type, payload.len(), size)]).await;
        Ok(())
    }

    async fn publish(&self, time_ns: u64, events: Vec<P2pEvent>) {
        let bodies = events.into_iter().map(|event| (time_ns, events::body(event)));
        self.publisher.publish_all(bodies).await;
    }

    /// Sends a ping, or notes that the last one waits for its answer.
    async fn ping(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if let Some(waiting) = self.pings.unanswered(now) {
            if waiting >= LOST {
                return Err(End::Slow("answer a ping"));
            }
            if waiting >= HANGING {
                let reason = format!("it has not answered a ping for {} s", waiting.as_secs());
                self.publisher.node_is(State::Hanging, Some(&reason));
            }
            return Ok(());
        }
        match self.pings.next(now) {
            Some(nonce) => self.send("ping", &nonce.to_le_bytes()).await,
            None => Ok(()),
        }
    }

    /// Publishes what a message says that arrived at `now`, and answers it where that is due.
    async fn take(&mut self, message: Message, now: Instant) -> Result<(), End> {
        let time_ns = now_ns();
        let mut events = vec![events::arrived(&message)];
        let mut question = None;
        let mut answer: Option<(&'static str, Vec<u8>)> = None;
        match message.message_type.as_str() {
            "version" if !self.greeted => {
                self.publish(time_ns, std::mem::take(&mut events)).await;
                self.introduced(&message, &mut events).await?;
            }
            "verack" => self.acknowledged = true,
            "ping" => answer = message.payload.get(..8).map(|nonce| ("pong", nonce.to_owned())),
            "pong" => events.extend(self.pong(&message, now)),
            "feature" => events.extend(features::feature(&message.payload).map(P2pEvent::FeatureOffered)),
            "staletip" => events.extend(features::stale_tips(&message.payload).map(P2pEvent::StaleTips)),
            "addr" | "addrv2" | "inv" | "feefilter" | "headers" | "cmpctblock" | "blocktxn" | "block" | "getdata" => {
                question = self.content(&message, now, &mut events);
            }
            "getheaders" => {
                events.push(requested(&message, Vec::new()));
                answer = Some(("headers", vec![0]));
            }
            "getaddr" | "getblocks" | "getblocktxn" | "mempool" | "getcfilters" | "getcfheaders" | "getcfcheckpt" => {
                events.push(requested(&message, Vec::new()));
            }
            _ => {}
        }
        self.publish(time_ns, events).await;
        if let Some((message_type, payload)) = answer {
            self.send(message_type, &payload).await?;
        }
        match question {
            Some(question) => self.ask(&question).await,
            None => Ok(()),
        }
    }

    fn pong(&mut self, message: &Message, now: Instant) -> Option<P2pEvent> {
        let nonce = message.payload.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let Some(took) = nonce.and_then(|nonce| self.pings.answered(nonce, now)) else {
            let node = self.publisher.node();
            self.publisher.accounts().count(&P2P_FOREIGN_PONGS, [node]).add(1.0);
            return None;
        };
        self.publisher.node_is_up();
        Some(P2pEvent::PingDuration(PingDuration { duration: nanoseconds(took) }))
    }

    /// The events of a message whose content is looked at, and what to ask the node for because of it.
    fn content(&mut self, message: &Message, now: Instant, events: &mut Vec<P2pEvent>) -> Option<Question> {
        match events::content(message)? {
            Msg::Addr(addr) => self.addresses(addr.addresses, events),
            Msg::Addrv2(addr) => self.addresses(addr.addresses, events),
            Msg::Feefilter(filter) => events.push(P2pEvent::FeefilterAnnouncement(filter.fee)),
            Msg::Inv(inv) => {
                let question = self.blocks.inv(&inv.items, events);
                events.push(P2pEvent::InventoryAnnouncement(InventoryAnnouncement { inventory: inv.items }));
                return question;
            }
            Msg::Headers(headers) => self.blocks.headers(&headers.headers, events),
            Msg::Compactblock(block) => return self.blocks.compact(&block, now, events),
            Msg::Blocktxn(answer) => self.blocks.served(&answer.block_hash, now, events),
            Msg::Block(block) => self.blocks.served(&block.header.hash, now, events),
            Msg::Getdata(request) => events.push(requested(message, request.items)),
            _ => {}
        }
        None
    }

    fn addresses(&mut self, addresses: Vec<Address>, events: &mut Vec<P2pEvent>) {
        let times = addresses.iter().map(|address| self.memory.heard(address)).collect();
        let is_first = !std::mem::replace(&mut self.addresses_came, true);
        let own = addresses.iter().filter(|address| self.is_own(address, is_first && addresses.len() == 1));
        events.extend(own.map(|address| P2pEvent::OwnAddress(OwnAddress { address: address.clone() })));
        events.push(P2pEvent::AddressAnnouncement(AddressAnnouncement { addresses, times }));
    }

    /// Whether an address is the node's own. Where it can't be asked: `alone` is that the address came alone, as the first of the connection,
    /// which a node does with its own, giving the present time.
    fn is_own(&self, address: &Address, alone: bool) -> bool {
        match &self.own_addresses {
            Some(own) => address.text().is_some_and(|name| own.iter().any(|own| own == name)),
            None => alone && u32::try_from(now_s()).is_ok_and(|now| now.abs_diff(address.timestamp) <= JUST_NOW),
        }
    }
}

fn requested(message: &Message, inventory: Vec<event::pb::bitcoin_primitives::InventoryItem>) -> P2pEvent {
    P2pEvent::DataRequest(DataRequest { message_type: message.message_type.as_str().to_owned(), inventory })
}
