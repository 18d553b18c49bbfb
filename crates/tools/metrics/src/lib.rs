//! Numbers for Prometheus: folds events into counters, gauges and histograms, whose number untrusted peers cannot drive up, and serves them.

pub mod buckets;
mod cardinality;
mod enrichment;
mod fold;
mod label;
pub mod manual;
mod metrics;
mod page;
mod process;
mod server;
mod store;
pub mod table;

pub use enrichment::{Enrichment, Files, SetSource};
pub use fold::{Context, Node, Observer};
pub use metrics::{Metrics, NodeLabel};
pub use page::{Format, page};
pub use server::{Error, LISTEN, Options, Server};
pub use store::{Histogram, Limits, Series, Store, Value};
pub use table::{Family, Id, Type, ids};
