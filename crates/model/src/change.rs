//! What an event changes in what is known of a node.

use std::borrow::Cow;

use event::pb::log_extractor::DisconnectReason;
use event::requests::Request;
use smol_str::SmolStr;

use crate::blocks::Stage;
use crate::text::Hash;
use crate::{NodeState, Relayed, SourceState};

/// A change. Peers and blocks are named by the id and the hash by which [`crate::Peers`] and [`crate::Blocks`] have them.
#[derive(Clone, Debug)]
pub enum Change {
    /// When the node was started is known for the first time, or better than before.
    NodeStarted {
        /// Nanoseconds since the UNIX epoch.
        at_ns: u64,
    },
    /// The node was restarted since it is observed.
    NodeRestarted {
        /// Nanoseconds since the UNIX epoch.
        at_ns: u64,
    },
    /// The node is doing something else than before: [`crate::Liveness::node`] has since when, and why.
    NodeState {
        /// What it was doing before; none if this is the first that is known of it.
        from: Option<NodeState>,
        /// What it is doing now.
        to: NodeState,
    },
    /// An extractor of the node is doing something else than before: [`crate::Liveness::source`] has since when, and why.
    SourceState {
        /// Its name.
        source: SmolStr,
        /// What it was doing before; none if this is the first that is known of it.
        from: Option<SourceState>,
        /// What it is doing now.
        to: SourceState,
    },
    /// The tracepoint extractor began a new run: what was seen by tracepoints before may be about other connections.
    TracepointsRestarted,
    /// A peer was seen for the first time, in whatever event.
    PeerSeen {
        /// The node's id of it.
        id: u64,
    },
    /// A tracepoint or debug.log reported that a connection was opened. A connection opens once, whoever reports it.
    PeerOpened {
        /// The node's id of the peer.
        id: u64,
    },
    /// The version message of a peer arrived.
    PeerIntroduced {
        /// The node's id of the peer.
        id: u64,
    },
    /// The node chose a peer to be evicted.
    PeerEvicted {
        /// The node's id of the peer.
        id: u64,
        /// Its network, if known.
        network: &'static str,
    },
    /// A peer broke the protocol. One misbehaviour is reported once, by tracepoint or by debug.log.
    PeerMisbehaved {
        /// The node's id of the peer.
        id: u64,
        /// What it did, as the node says it.
        message: SmolStr,
    },
    /// debug.log reported why the node gives up a connection, for the first time for this connection.
    DisconnectLogged {
        /// The node's id of the peer, if it was logged.
        id: Option<u64>,
        /// Why.
        reason: DisconnectReason,
    },
    /// A connection ended, and why is known or will not become known.
    PeerClosed {
        /// The connection.
        connection: ClosedConnection,
        /// Why it ended.
        why: CloseReason,
    },
    /// A message answered a request.
    Answered(Answer),
    /// A request will not be answered.
    Unanswered {
        /// The request.
        request: Request,
        /// Why not.
        reason: Unanswered,
    },
    /// A block reached a stage for the first time by one of the sources.
    BlockStage {
        /// Hash of the block.
        hash: Hash,
        /// The stage.
        stage: Stage,
        /// When, nanoseconds since the UNIX epoch.
        at_ns: u64,
    },
    /// A block was connected to the active chain. Each counts once, whoever reports it.
    BlockConnected {
        /// Hash of the block.
        hash: Hash,
    },
    /// A new block was connected, and nothing more will be reported of its stages.
    BlockSettled {
        /// Hash of the block.
        hash: Hash,
    },
    /// A block was disconnected from the active chain.
    BlockDisconnected {
        /// Hash of the block, if it was reported.
        hash: Option<Hash>,
    },
    /// A peer sent a block that was changed on the way (`IsBlockMutated`).
    BlockMutated {
        /// What shows it: one of a few reject reasons, or "unknown".
        state: &'static str,
    },
    /// The node announced on our own P2P connection what it is known to have had. Reported seconds after that.
    Relayed(Relayed),
}

/// An answer to a request.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The request.
    pub request: Request,
    /// Sequence number of the message that made it.
    pub sequence: u64,
    /// How long the answer took, in seconds.
    pub seconds: f64,
}

impl Answer {
    /// Whether the node asked, and the peer answers.
    pub fn by_peer(&self) -> bool {
        !self.request.inbound
    }
}

/// Why a request will not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The same was asked for again.
    Replaced,
    /// The other side does not have it.
    NotFound,
    /// The connection ended.
    Closed,
    /// It took too long.
    Timeout,
}

impl Unanswered {
    /// Its name, as metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::NotFound => "notfound",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
        }
    }
}

/// A connection that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosedConnection {
    /// The node's id of the peer.
    pub id: u64,
    /// When it was opened, nanoseconds since the UNIX epoch; None if that was not reported.
    pub opened_ns: Option<u64>,
    /// When it ended, nanoseconds since the UNIX epoch.
    pub closed_ns: u64,
    /// The peer's network.
    pub network: &'static str,
    /// Type of the connection.
    pub connection_type: &'static str,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// debug.log reported this reason. `Closed` if none was reported.
    Disconnected(DisconnectReason),
    /// The node evicted the peer to make room for another one.
    Evicted,
    /// The node was restarted.
    NodeRestarted,
    /// Nobody reported an end, but the peer is not there any more.
    Disappeared,
}

impl CloseReason {
    /// Its name: "evicted", "node_restarted", "disappeared", or that of the reason in debug.log in lower case.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Disconnected(reason) => Cow::Owned(reason.as_str_name().to_ascii_lowercase()),
            Self::Evicted => Cow::Borrowed("evicted"),
            Self::NodeRestarted => Cow::Borrowed("node_restarted"),
            Self::Disappeared => Cow::Borrowed("disappeared"),
        }
    }
}
