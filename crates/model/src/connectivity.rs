//! What an attempt to reach a gossiped address shows, in names that all tools share.

use std::borrow::Cow;

use event::names::UNKNOWN;
use event::pb::connectivity::{Attempt, Outcome};

/// The source of addresses that the node itself sent, to our own P2P connection.
pub const OWN_CONNECTION: &str = "own_connection";

/// All outcomes, in the order of their numbers.
pub const OUTCOMES: [Outcome; 8] = [
    Outcome::V1,
    Outcome::V2,
    Outcome::Refused,
    Outcome::Timeout,
    Outcome::Reset,
    Outcome::Unreachable,
    Outcome::NotBitcoin,
    Outcome::WrongNetwork,
];

/// The service flag by which a node says that it speaks transport v2 (BIP 324).
pub const P2P_V2: u64 = 1 << 11;

/// What came of an attempt; None if that is not known to this version.
pub fn outcome(attempt: &Attempt) -> Option<Outcome> {
    Outcome::try_from(attempt.outcome).ok()
}

/// The name of an outcome; `unknown` if this version does not know it.
pub fn outcome_name(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::V1) => "v1",
        Some(Outcome::V2) => "v2",
        Some(Outcome::Refused) => "refused",
        Some(Outcome::Timeout) => "timeout",
        Some(Outcome::Reset) => "reset",
        Some(Outcome::Unreachable) => "unreachable",
        Some(Outcome::NotBitcoin) => "not_bitcoin",
        Some(Outcome::WrongNetwork) => "wrong_network",
        None => UNKNOWN,
    }
}

/// Whether there is a node of the network.
pub fn is_reachable(outcome: Option<Outcome>) -> bool {
    matches!(outcome, Some(Outcome::V1 | Outcome::V2))
}

/// Who gossiped the address: the peer's IP address or name without the port, which peers choose anew each time;
/// [`OWN_CONNECTION`] if it was the node itself.
pub fn source(attempt: &Attempt) -> Cow<'_, str> {
    match (&attempt.source_addr, attempt.source_peer_id) {
        (Some(addr), _) => match event::filter::ip_of(addr) {
            Some(ip) => Cow::Owned(ip.to_string()),
            None => Cow::Borrowed(addr.rsplit_once(':').map_or(addr.as_str(), |(host, _)| host)),
        },
        (None, None) => Cow::Borrowed(OWN_CONNECTION),
        (None, Some(_)) => Cow::Borrowed(UNKNOWN),
    }
}

/// How the services of a node are, compared with what gossip said of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// As gossip said.
    Same,
    /// Gossip said that it speaks transport v2, and it does not.
    UntrueP2pV2,
    /// Otherwise in another way.
    Other,
}

impl Claim {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Same, Self::UntrueP2pV2, Self::Other];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::UntrueP2pV2 => "p2p_v2_untrue",
            Self::Other => "other",
        }
    }
}

/// What gossip said of the services of a node; None if no node was found.
pub fn claim(attempt: &Attempt) -> Option<Claim> {
    let (outcome, version) = (outcome(attempt), attempt.version.as_ref()?);
    let claimed = attempt.address.services;
    match outcome {
        Some(Outcome::V1) if claimed & P2P_V2 != 0 => Some(Claim::UntrueP2pV2),
        Some(Outcome::V1 | Outcome::V2) if claimed == version.services => Some(Claim::Same),
        Some(Outcome::V1 | Outcome::V2) => Some(Claim::Other),
        _ => None,
    }
}
