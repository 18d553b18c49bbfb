//! What can be watched for a change: rates, levels and shares, by name.

use event::names::{CONNECTION_TYPES, NETWORKS};
use event::similar::instead;
use event::{Kind, message_types};
use smol_str::{SmolStr, format_smolstr};

/// Something that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Its name, which reads well with spaces: at most 40 letters, digits and underscores.
    pub name: SmolStr,
    pub what: What,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Rate(Rate),
    Level(Level),
    Share(Share),
}

/// How much of something happens in a minute. Numbers are places in the tables of names; the one after the last is of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    Received(usize),
    Sent(usize),
    BytesReceived,
    BytesSent,
    /// Gossip, without answers to a getaddr of the node.
    Addresses,
    /// Announcements of transactions that are received, for each transaction.
    AnnouncementsPerTransaction,
    /// Connections that peers open: all, and those of a network.
    Inbound,
    InboundOf(usize),
    /// Connections that the node opens, by type.
    Outbound(usize),
    Closed,
    Evictions,
    Misbehaviours,
    Events(Kind),
}

/// A number that is known at each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    InboundPeers,
    OutboundPeers,
    /// The median of the peers' last pings, milliseconds.
    Ping,
    MempoolTransactions,
    MempoolMemory,
    OrphanTransactions,
    NewAddresses,
    TriedAddresses,
    /// Of the smallest target that is asked for, sat/kvB.
    FeeEstimate,
}

/// What something is composed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    TypesReceived,
    TypesSent,
    UserAgents,
    Networks,
    AddressAges,
}

impl Level {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// Its unit, as alerts have it.
    pub fn unit(self) -> &'static str {
        match self {
            Self::InboundPeers | Self::OutboundPeers => "peers",
            Self::Ping => "ms",
            Self::MempoolTransactions | Self::OrphanTransactions => "transactions",
            Self::MempoolMemory => "bytes",
            Self::NewAddresses | Self::TriedAddresses => "addresses",
            Self::FeeEstimate => "sat-kvb",
        }
    }
}

/// The name that stands for those that are watched by default.
const DEFAULT: &str = "default";

/// Types of messages whose rate is watched by default, in either direction.
const TYPES: [&str; 18] = [
    "inv",
    "tx",
    "getdata",
    "ping",
    "addrv2",
    "addr",
    "headers",
    "getheaders",
    "version",
    "verack",
    "cmpctblock",
    "block",
    "getblocktxn",
    "blocktxn",
    "notfound",
    "getaddr",
    "feefilter",
    "sendcmpct",
];

/// Kinds of events whose rate is watched by default.
const KINDS: [Kind; 6] = [
    Kind::MempoolAdded,
    Kind::MempoolReplaced,
    Kind::MempoolRejected,
    Kind::UtxocacheUncache,
    Kind::AddressAnnouncement,
    Kind::InventoryAnnouncement,
];

/// All that can be watched, with whether it is by default.
fn all() -> impl Iterator<Item = (Watch, bool)> {
    let rate = |name: SmolStr, rate, default| (Watch { name, what: What::Rate(rate) }, default);
    let types = message_types::ALL.iter().enumerate().flat_map(move |(index, known)| {
        let (name, default) = (known.name, TYPES.contains(&known.name));
        [
            rate(format_smolstr!("{name}_messages_received"), Rate::Received(index), default),
            rate(format_smolstr!("{name}_messages_sent"), Rate::Sent(index), default),
        ]
    });
    let others = message_types::ALL.len();
    let fixed = [
        ("other_messages_received", Rate::Received(others)),
        ("other_messages_sent", Rate::Sent(others)),
        ("bytes_received", Rate::BytesReceived),
        ("bytes_sent", Rate::BytesSent),
        ("addresses_received", Rate::Addresses),
        ("announcements_per_transaction", Rate::AnnouncementsPerTransaction),
        ("inbound_connections_opened", Rate::Inbound),
        ("connections_closed", Rate::Closed),
        ("evictions", Rate::Evictions),
        ("misbehaviours", Rate::Misbehaviours),
    ];
    let fixed = fixed.into_iter().map(move |(name, what)| rate(name.into(), what, true));
    let networks = NETWORKS.iter().enumerate().filter(|(_, name)| **name != "internal").map(move |(index, name)| {
        let name = if *name == "not_publicly_routable" { "unroutable" } else { name };
        rate(format_smolstr!("inbound_{name}_connections_opened"), Rate::InboundOf(index), true)
    });
    let outbound = CONNECTION_TYPES.iter().enumerate().filter(|(_, name)| **name != "inbound");
    let outbound = outbound.map(move |(index, name)| {
        let name = name.replace('-', "_");
        rate(format_smolstr!("{name}_connections_opened"), Rate::Outbound(index), true)
    });
    let events = Kind::ALL.iter().filter(|kind| super::counts::source(**kind).is_some());
    let events = events
        .map(move |kind| rate(format_smolstr!("{}_events", kind.name()), Rate::Events(*kind), KINDS.contains(kind)));
    let levels = [
        ("inbound_peers", Level::InboundPeers, true),
        ("outbound_peers", Level::OutboundPeers, true),
        ("median_ping", Level::Ping, true),
        ("mempool_transactions", Level::MempoolTransactions, true),
        ("mempool_memory", Level::MempoolMemory, false),
        ("orphan_transactions", Level::OrphanTransactions, true),
        ("addresses_in_new_table", Level::NewAddresses, true),
        ("addresses_in_tried_table", Level::TriedAddresses, true),
        ("fee_estimate", Level::FeeEstimate, true),
    ];
    let levels = levels
        .into_iter()
        .map(|(name, level, default)| (Watch { name: name.into(), what: What::Level(level) }, default));
    let shares = [
        ("types_of_messages_received", Share::TypesReceived),
        ("types_of_messages_sent", Share::TypesSent),
        ("user_agents_of_inbound_peers", Share::UserAgents),
        ("networks_of_inbound_peers", Share::Networks),
        ("ages_of_addresses", Share::AddressAges),
    ];
    let shares = shares.into_iter().map(|(name, share)| (Watch { name: name.into(), what: What::Share(share) }, true));
    fixed.chain(networks).chain(outbound).chain(types).chain(events).chain(levels).chain(shares)
}

/// What is watched unless something else is chosen.
pub(crate) fn default() -> Vec<Watch> {
    all().filter_map(|(watch, default)| default.then_some(watch)).collect()
}

/// What these names mean; `default` means all that is watched by default.
///
/// # Errors
/// One of them means nothing: a sentence that says what would be right.
pub(crate) fn named(chosen: &[String]) -> Result<Vec<Watch>, String> {
    let mut list: Vec<Watch> = Vec::new();
    for name in chosen {
        let before = list.len();
        list.extend(
            all().filter(|(watch, by_default)| watch.name == *name || *by_default && name == DEFAULT).map(|w| w.0),
        );
        if list.len() == before {
            let known: Vec<SmolStr> = all().map(|(watch, _)| watch.name).collect();
            let meant = instead(name, known.iter().map(SmolStr::as_str).chain([DEFAULT]));
            return Err(format!("alerts.watch: there is nothing {name:?} to watch; {meant}"));
        }
    }
    // Each once, in the order in which they are named.
    let mut seen = std::collections::BTreeSet::new();
    list.retain(|watch| seen.insert(watch.name.clone()));
    Ok(list)
}
