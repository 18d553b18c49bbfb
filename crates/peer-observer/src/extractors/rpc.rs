//! The extractor `rpc`: polled RPCs.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Result;
use bus::Publisher;
use clap::Args;
use event::Source;
use node::Target;
use serde::{Deserialize, Deserializer, Serialize};
use tokio_util::sync::CancellationToken;

use crate::extractor::{Extractor, ExtractorEntry, PerNode, Running};
use crate::options::{Check, Context, Part};
use crate::values::{Interval, Span, ValueError, args_by_flags, from_text};

pub const ENTRY: ExtractorEntry = ExtractorEntry {
    name: "rpc",
    summary: "Polled RPCs",
    expected: Some(Source::Rpc),
    options: Part::of::<RpcOptions>("rpc"),
};

/// Section `[rpc]`, and its flags.
#[derive(Args, Clone, Debug, Deserialize, Serialize)]
#[command(next_help_heading = "RPC")]
#[serde(default, deny_unknown_fields)]
struct RpcOptions {
    /// Longest time for one call
    #[arg(id = "rpc_timeout", long = "rpc-timeout", env = "PEER_OBSERVER_RPC_TIMEOUT", value_name = "DURATION")]
    timeout: Span,
    /// By method: how often it is called.
    #[command(flatten)]
    interval: Intervals,
}

impl Default for RpcOptions {
    fn default() -> Self {
        Self { timeout: Span(extractor_rpc::Options::default().timeout), interval: Intervals::default() }
    }
}

/// By method: how often it is called.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
struct Intervals(BTreeMap<String, Interval>);

impl Default for Intervals {
    fn default() -> Self {
        let options = extractor_rpc::Options::default();
        Self(options.intervals().map(|(method, interval)| (method.to_owned(), Interval(interval))).collect())
    }
}

impl<'de> Deserialize<'de> for Intervals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut intervals = Self::default();
        let given: BTreeMap<Method, Interval> = BTreeMap::deserialize(deserializer)?;
        intervals.0.extend(given.into_iter().map(|(Method(method), interval)| (method, interval)));
        Ok(intervals)
    }
}

/// Intervals as they are written on the command line.
#[derive(Args)]
struct IntervalFlags {
    /// How often an RPC is called: METHOD=DURATION, or METHOD=off
    #[arg(
        id = "rpc_interval",
        long = "rpc-interval",
        env = "PEER_OBSERVER_RPC_INTERVAL",
        value_delimiter = ',',
        value_name = "METHOD=DURATION"
    )]
    interval: Vec<IntervalFlag>,
}

#[derive(Clone, Debug)]
struct IntervalFlag {
    method: String,
    interval: Interval,
}

impl FromStr for IntervalFlag {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let usage = "write METHOD=DURATION, such as getpeerinfo=5s, or METHOD=off";
        let (method, interval) = text.split_once('=').ok_or_else(|| ValueError::new(usage))?;
        let Method(method) = method.parse()?;
        Ok(Self { method, interval: interval.parse()? })
    }
}

/// The name of a method that there is. It is refused while it is read, so that the error has its place.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Method(String);

impl FromStr for Method {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let known = extractor_rpc::Options::default().set_interval(text, None);
        known.map(|()| Self(text.to_owned())).map_err(|error| ValueError::new(error.to_string()))
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Intervals {
    fn lay_over(&mut self, flags: IntervalFlags) {
        self.0.extend(flags.interval.into_iter().map(|IntervalFlag { method, interval }| (method, interval)));
    }
}

args_by_flags!(Intervals, IntervalFlags);

impl Check<Extractor> for RpcOptions {
    fn check(&self, _: &Context) -> Result<Extractor> {
        let mut options = extractor_rpc::Options::default();
        options.timeout = self.timeout.0;
        for (method, Interval(interval)) in &self.interval.0 {
            options.set_interval(method, *interval)?;
        }
        Ok(Extractor::PerNode(Box::new(Rpc(options))))
    }
}

/// The RPC that dumps the address manager, and how often it is called for nodes of our own, whose address managers are small and fill quickly.
const DUMP: (&str, Duration) = ("getrawaddrman", Duration::from_secs(10));

struct Rpc(extractor_rpc::Options);

impl PerNode for Rpc {
    fn is_usual(&self, _: &Target) -> bool {
        true
    }

    fn for_own_nodes(&mut self) {
        let (method, often) = DUMP;
        if self.0.interval(method) == extractor_rpc::Options::default().interval(method) {
            let _ = self.0.set_interval(method, Some(often)); // there is such a method
        }
    }

    fn observe(&self, target: Target, publisher: Publisher, shutdown: CancellationToken) -> Running {
        let running = extractor_rpc::run(target, self.0.clone(), publisher, shutdown);
        Box::pin(async { Ok(running.await?) })
    }
}
