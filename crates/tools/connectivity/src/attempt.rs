//! One attempt: whether somebody is at an address, and who.
//!
//! Transport v2 first, and v1 over another connection if that says nothing of v2. A node with v1 only closes the first
//! connection without having sent a byte, and so does a node of another network; what else listens there mostly says
//! something of its own.

use std::net::Ipv6Addr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use event::pb::connectivity::{Outcome, Version as Said};
use event::quote::HexText;
use event::time::now_s;
use node::Chain;
use p2p::{Connection, MessageType, Transport, Version};
use reach::{Dialer, Endpoint};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Limits;

/// The version of the protocol that we speak: that of BIP155 and BIP339.
const PROTOCOL: i32 = 70_016;
/// The service bit of transport v2 (`NODE_P2P_V2`, BIP324).
const P2P_V2: u64 = 1 << 11;
/// Bytes of a connection that are read at most: enough for a handshake with the most garbage and some decoys, and a
/// version message.
const MAX_READ: usize = 32 << 10;
/// The first bytes of a connection that are kept, to see what it is.
const BEGINNING: usize = 64;
/// Messages that may come before `version`.
const MAX_MESSAGES: usize = 8;
/// How long the other side may take to close a connection that we have done with. What it sent meanwhile is read, so
/// that it is not reset.
const FAREWELL: Duration = Duration::from_secs(1);

/// The reason of a node whose transport v2 has the keys of another network.
const OTHER_V2: &str = "it speaks transport v2, but not of this network";

const VERSION: MessageType = MessageType::new("version");

/// What came of an attempt.
#[derive(Debug)]
pub struct Outcomes {
    /// The class.
    pub outcome: Outcome,
    /// What the node says of itself.
    pub version: Option<Said>,
    /// For people: what went wrong.
    pub reason: Option<String>,
    /// From the first packet to the outcome, without what was waited for a turn.
    pub duration: Duration,
}

/// Waits until a further connection may be opened.
pub trait Turn {
    /// Waits for it.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// Attempts at one address.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// How it is reached.
    pub dialer: &'a Dialer,
    /// Where it is.
    pub endpoint: &'a Endpoint,
    /// Whose network it should be in.
    pub chain: Chain,
    /// Services that were claimed.
    pub services: u64,
    /// What we say that we are.
    pub user_agent: &'a str,
    /// How long each part of it may take.
    pub limits: Limits,
}

/// Why no version message came.
#[derive(Debug)]
enum Failure {
    /// It took too long.
    Slow,
    /// The connection ended, or what came is no message.
    Ended(p2p::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Slow => f.write_str("there was no answer in time"),
            Self::Ended(error) => error.fmt(f),
        }
    }
}

/// What a connection without a version message showed.
#[derive(Debug)]
struct Silent {
    failure: Failure,
    /// The keys of transport v2 were agreed upon.
    agreed: bool,
    /// The first bytes that came.
    beginning: Vec<u8>,
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    Nothing,
    /// A message of transport v1 of this network.
    Ours,
    /// A message of transport v1 of another network.
    OtherNetwork,
    /// Enough bytes for a key of transport v2, that are no text.
    Key,
    Foreign,
}

impl Silent {
    fn beginning(&self, chain: Chain) -> Beginning {
        let bytes = &*self.beginning;
        if bytes.is_empty() {
            return Beginning::Nothing;
        }
        if let Some((magic, rest)) = bytes.split_first_chunk::<4>()
            && let Some(name) = rest.first_chunk::<12>()
            && MessageType::from_bytes(*name).is_some_and(|name| is_name(name.as_str()))
        {
            return if *magic == chain.magic() { Beginning::Ours } else { Beginning::OtherNetwork };
        }
        if bytes.len() >= BEGINNING && !bytes.iter().take(16).all(is_text) {
            Beginning::Key
        } else {
            Beginning::Foreign
        }
    }

    /// The class of a connection that ended or hung before a version message came.
    fn ended(&self) -> Outcome {
        match self.failure {
            Failure::Slow => Outcome::Timeout,
            Failure::Ended(_) => Outcome::Reset,
        }
    }
}

/// Whether it may be a type of messages: of lower-case letters and digits.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl Attempt<'_> {
    /// Makes the attempt. The first connection has its turn already.
    ///
    /// # Errors
    /// Nothing is known of the address: what failed is on our side.
    pub async fn run(&self, turn: &impl Turn) -> Result<Outcomes, reach::Error> {
        let mut took = Duration::ZERO;
        let (outcome, version, reason) = self.classify(turn, &mut took).await?;
        Ok(Outcomes { outcome, version, reason, duration: took })
    }

    async fn classify(
        &self,
        turn: &impl Turn,
        took: &mut Duration,
    ) -> Result<(Outcome, Option<Said>, Option<String>), reach::Error> {
        let first = match self.connection(self.chain, Transport::V2, took).await {
            Ok(Ok(said)) => return Ok((Outcome::V2, Some(said), None)),
            Ok(Err(silent)) => silent,
            Err(error) => return unreached(error),
        };
        let beginning = first.beginning(self.chain);
        match beginning {
            _ if first.agreed => {
                return Ok((first.ended(), None, Some(format!("after the v2 handshake: {}", first.failure))));
            }
            Beginning::Nothing | Beginning::Ours | Beginning::Key => {}
            Beginning::OtherNetwork => return Ok((Outcome::WrongNetwork, None, Some(began(&first)))),
            Beginning::Foreign => return Ok((Outcome::NotBitcoin, None, Some(began(&first)))),
        }
        turn.wait().await;
        let second = match self.connection(self.chain, Transport::V1, took).await {
            Ok(Ok(said)) => {
                let claimed = self.services & P2P_V2 != 0;
                let reason =
                    claimed.then(|| "it was gossiped with the service P2P_V2, but has transport v1 only".to_owned());
                return Ok((Outcome::V1, Some(said), reason));
            }
            Ok(Err(silent)) => silent,
            // It was there a moment ago.
            Err(error) if !error.is_ours() && beginning == Beginning::Nothing => {
                return Ok((first.ended(), None, Some(format!("{}; then {error}", first.failure))));
            }
            Err(error) => return unreached(error),
        };
        let (outcome, reason) = match second.beginning(self.chain) {
            Beginning::OtherNetwork => (Outcome::WrongNetwork, began(&second)),
            // A key is another one each time, whatever it is the answer to.
            Beginning::Key if beginning == Beginning::Key && !same_beginning(&first, &second) => {
                (Outcome::WrongNetwork, OTHER_V2.to_owned())
            }
            Beginning::Foreign | Beginning::Key => (Outcome::NotBitcoin, began(&second)),
            Beginning::Ours => match &second.failure {
                Failure::Slow | Failure::Ended(p2p::Error::Closed | p2p::Error::Io(_)) => {
                    (second.ended(), second.failure.to_string())
                }
                Failure::Ended(error) => (Outcome::NotBitcoin, error.to_string()),
            },
            // It has v2, but not with our network's keys, and refuses our network's v1.
            Beginning::Nothing if beginning == Beginning::Key => (Outcome::WrongNetwork, OTHER_V2.to_owned()),
            Beginning::Nothing => match self.elsewhere(turn, took).await {
                Some(chain) => (Outcome::WrongNetwork, format!("it is a node of {chain}")),
                None => (second.ended(), second.failure.to_string()),
            },
        };
        Ok((outcome, None, Some(reason)))
    }

    /// Whose network it is in, if it says nothing in ours and has the default port of another one.
    async fn elsewhere(&self, turn: &impl Turn, took: &mut Duration) -> Option<Chain> {
        let other =
            Chain::ALL.into_iter().find(|chain| *chain != self.chain && chain.p2p_port() == self.endpoint.port)?;
        turn.wait().await;
        let said = self.connection(other, Transport::V1, took).await;
        matches!(said, Ok(Ok(_))).then_some(other)
    }

    /// Opens a connection with a transport, and waits for the version message of the other side.
    async fn connection(
        &self,
        chain: Chain,
        transport: Transport,
        took: &mut Duration,
    ) -> Result<Result<Said, Silent>, reach::Error> {
        let start = Instant::now();
        let limit = if self.endpoint.host.is_overlay() { self.limits.connect_overlay } else { self.limits.connect };
        // What is waited for between two connections is no part of it.
        let left = |took: Duration| self.limits.total.saturating_sub(took);
        let connecting = timeout(limit.min(left(*took)), self.dialer.connect(self.endpoint));
        let connected = connecting.await.unwrap_or(Err(reach::Error::TimedOut));
        let outcome = match connected {
            Ok(stream) => {
                let limit = self.limits.handshake.min(left(took.saturating_add(start.elapsed())));
                Ok(self.greet(stream, chain, transport, limit).await)
            }
            Err(error) => Err(error),
        };
        *took = took.saturating_add(start.elapsed());
        outcome
    }

    async fn greet(
        &self,
        stream: TcpStream,
        chain: Chain,
        transport: Transport,
        limit: Duration,
    ) -> Result<Said, Silent> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = Watched { reader, beginning: Vec::new(), left: MAX_READ };
        let mut agreed = false;
        let talk = async {
            let mut connection = p2p::dial(chain.magic(), transport, &mut reader, &mut writer).await?;
            agreed = transport == Transport::V2;
            self.exchange(&mut connection).await
        };
        let failure = match timeout(limit, talk).await {
            Ok(Ok(version)) => {
                let said = said(version);
                // As a node would: what is ready to be said is read, and the connection is closed in order.
                let _ = writer.shutdown().await;
                let mut rest = [0; 1_024];
                let reading = async { while reader.read(&mut rest).await.is_ok_and(|length| length > 0) {} };
                let _ = timeout(FAREWELL, reading).await;
                return Ok(said);
            }
            Ok(Err(error)) => Failure::Ended(error),
            Err(_) => Failure::Slow,
        };
        Err(Silent { failure, agreed, beginning: reader.beginning })
    }

    async fn exchange<R, W>(&self, connection: &mut Connection<R, W>) -> Result<Version, p2p::Error>
    where
        R: AsyncRead + Unpin,
        W: tokio::io::AsyncWrite + Unpin,
    {
        let ours = Version {
            version: PROTOCOL,
            time: now_s(),
            nonce: fastrand::u64(..),
            user_agent: self.user_agent.as_bytes().to_owned(),
            // No transactions, please.
            relay: Some(false),
            ..Version::default()
        };
        connection.writer.send(VERSION, &ours.encode()).await?;
        for _ in 0..MAX_MESSAGES {
            let message = connection.reader.next().await?;
            if message.message_type == VERSION {
                return Version::decode(&message.payload);
            }
        }
        Err(p2p::Error::Version(0))
    }
}

/// The class of an address that was not reached.
fn unreached(error: reach::Error) -> Result<(Outcome, Option<Said>, Option<String>), reach::Error> {
    let outcome = match &error {
        reach::Error::Refused => Outcome::Refused,
        reach::Error::TimedOut => Outcome::Timeout,
        reach::Error::Reset => Outcome::Reset,
        reach::Error::Unreachable(_) => Outcome::Unreachable,
        reach::Error::NoProxy(_) | reach::Error::NoRoute | reach::Error::Proxy { .. } | reach::Error::Local(_) => {
            return Err(error);
        }
    };
    Ok((outcome, None, Some(error.to_string())))
}

/// Whether two connections have any of their first bytes in common, as greetings of other protocols have.
fn same_beginning(first: &Silent, second: &Silent) -> bool {
    // Of the first 16 bytes of two keys, three are equal once in 30,000 times.
    first.beginning.iter().zip(&second.beginning).take(16).filter(|(a, b)| a == b).count() > 2
}

/// How a connection began that is none of our network.
fn began(silent: &Silent) -> String {
    let start = silent.beginning.get(..silent.beginning.len().min(24)).unwrap_or_default();
    if start.iter().all(is_text) {
        let line = start.split(u8::is_ascii_control).next().unwrap_or_default();
        return format!("it said {}", String::from_utf8_lossy(line));
    }
    format!("it said {}", HexText { bytes: start, max: start.len() })
}

fn is_text(byte: &u8) -> bool {
    byte.is_ascii_graphic() || b" \r\n\t".contains(byte)
}

/// What a version message says, which has just come.
fn said(version: Version) -> Said {
    let (address, port) = version.sender;
    let address = Ipv6Addr::from(address);
    let is_said = !address.is_unspecified();
    Said {
        version: u32::try_from(version.version).unwrap_or_default(),
        services: version.services,
        user_agent: String::from_utf8_lossy(&version.user_agent).into_owned(),
        start_height: version.height,
        relay: version.relay.unwrap_or(true),
        nonce: version.nonce,
        timestamp: version.time,
        clock_offset: version.time.saturating_sub(now_s()),
        sender_address: is_said.then(|| address.to_canonical().to_string()),
        sender_port: is_said.then(|| port.into()),
    }
}

/// A reader that keeps the first bytes, and ends after so many.
#[derive(Debug)]
struct Watched<R> {
    reader: R,
    beginning: Vec<u8>,
    left: usize,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let mut bytes = [0; 2_048];
        let room = buffer.remaining().min(this.left).min(bytes.len());
        let mut part = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut this.reader).poll_read(context, &mut part))?;
        let read = part.filled();
        this.left = this.left.saturating_sub(read.len());
        let kept = BEGINNING.saturating_sub(this.beginning.len());
        this.beginning.extend(read.iter().take(kept));
        buffer.put_slice(read);
        Poll::Ready(Ok(()))
    }
}
