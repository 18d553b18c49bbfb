//! The dashboards, one file each. In each, the first row answers whether something is wrong; rates follow, then distributions, then who.

mod addr;
mod addrman;
mod asn;
mod blocks;
mod connections;
mod health;
mod log;
mod mempool;
mod messages;
mod node;
mod overview;
mod process;
mod sets;
mod tx;

use crate::dashboard::Dashboard;

/// What all files of dashboards use.
mod prelude {
    pub use metrics::ids::*;

    pub use crate::dashboard::Dashboard;
    pub use crate::panel::{Steps, bars, gauge, heatmap, lines, stack, stat, table, tally, timeline};
    pub use crate::query::{NODE, Query, alerts, each, last_hour, most, of, rate, total, up};
    pub use crate::style::{BAD, GOOD, WARN, unit};

    /// Satoshis per virtual byte in a BTC per 1000 virtual bytes.
    pub const SAT_PER_VBYTE: f64 = 100_000.0;

    /// Numbers and names of connection types, as the series of messages have them.
    pub const CONNECTION_TYPES: [(&str, &str); 5] =
        [("1", "inbound"), ("2", "outbound-full-relay"), ("3", "block-relay-only"), ("4", "feeler"), ("0", "others")];

    /// Numbers and names of networks, as the original's series of connections have them.
    pub const NETWORKS: [(&str, &str); 5] =
        [("1", "ipv4"), ("2", "ipv6"), ("3", "onion"), ("4", "i2p"), ("5", "cjdns")];

    /// Quantiles that are shown together.
    pub const QUANTILES: [(f64, &str); 3] = [(0.5, "median"), (0.9, "90 %"), (0.99, "99 %")];

    /// The share of the time that the node's thread for messages is busy: above 1, peers wait.
    pub fn message_thread() -> Query {
        of(THREAD_CPU).is("thread", "b-msghand").rate().sum(&NODE)
    }
}

/// All dashboards.
pub fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        node::dashboard(),
        connections::dashboard(),
        messages::dashboard(),
        addr::dashboard(),
        tx::dashboard(),
        blocks::dashboard(),
        mempool::dashboard(),
        addrman::dashboard(),
        asn::dashboard(),
        sets::dashboard(),
        log::dashboard(),
        process::dashboard(),
        health::dashboard(),
    ]
}
