//! The dashboards, one file each, with one function per row. The first row answers whether something is wrong; then come rates, then
//! distributions, then who is responsible.

mod addr;
mod addrman;
mod asn;
mod attacks;
mod blocks;
mod connections;
mod health;
mod log;
mod mempool;
mod messages;
mod node;
mod overview;
mod p2p;
mod process;
mod sets;
mod tx;

use crate::dashboard::Dashboard;

/// What the files of all dashboards use.
mod prelude {
    pub use metrics::ids::*;
    pub use metrics::table::Id;

    pub use crate::dashboard::Dashboard;
    pub use crate::panel::{Panel, Steps, bars, gauge, heatmap, lines, stack, stat, table, tally, timeline};
    pub use crate::query::{NODE, Query, Selector, alerts, each, last_hour, most, of, rate, total, up};
    pub use crate::style::{BAD, GOOD, WARN, unit};

    /// The satoshis per virtual byte in a fee rate of 1 BTC per 1,000 virtual bytes.
    pub const SAT_PER_VBYTE: f64 = 100_000.0;

    /// The numbers that the original's series of messages have for connection types, and their names.
    pub const CONNECTION_TYPES: [(&str, &str); 5] =
        [("1", "inbound"), ("2", "outbound-full-relay"), ("3", "block-relay-only"), ("4", "feeler"), ("0", "others")];

    /// The numbers that the original's series of connections have for networks, and their names.
    pub const NETWORKS: [(&str, &str); 5] =
        [("1", "ipv4"), ("2", "ipv6"), ("3", "onion"), ("4", "i2p"), ("5", "cjdns")];

    /// The quantiles that are shown together.
    pub const QUANTILES: [(f64, &str); 3] = [(0.5, "median"), (0.9, "90 %"), (0.99, "99 %")];

    /// The share of time in which the node's message thread is busy. Close to 1, peers have to wait.
    pub fn message_thread() -> Query {
        of(THREAD_CPU).is("thread", "b-msghand").rate().sum(&NODE)
    }
}

/// All dashboards.
pub fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        attacks::dashboard(),
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
        p2p::dashboard(),
        process::dashboard(),
        health::dashboard(),
    ]
}
