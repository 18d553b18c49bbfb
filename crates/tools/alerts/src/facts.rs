//! What a node says of itself that detectors compare with: never assumed where it says so.

use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Kind, Record};
use smol_str::SmolStr;

use crate::noted::{logged, polled};

/// How debug.log begins the line with the limit of connections.
const AT_MOST: &str = "Using at most ";

/// From this version on there are 200 connections unless `-maxconnections` says otherwise; before, 125.
const V32: i32 = 320_000;

/// Slots that are kept for outbound connections: 8 full relay, 2 block relay, 1 feeler.
const OUTBOUND: u32 = 11;

/// `-inboundrelaypercent` unless it is set.
const RELAY_PERCENT: u32 = 50;

/// How debug.log begins lines with options that are set.
const ARGS: [&str; 3] = ["Command-line", "Config file", "Setting file"];

/// Bytes of a chain's name at most.
const MAX_CHAIN: usize = 16;

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Its version, 310000 for 31.0.0, by getnetworkinfo.
    pub version: Option<i32>,
    /// Its network: "main", "test", "testnet4", "signet" or "regtest", by getblockchaininfo.
    pub chain: Option<SmolStr>,
    /// `-maxconnections` as it is in effect, by debug.log.
    logged_connections: Option<u32>,
    /// `-inboundrelaypercent`, if debug.log reports that it is set.
    logged_relay_percent: Option<u32>,
}

impl Facts {
    /// How many connections it has at most: as logged at its start, else the default of its version; none if neither is known.
    fn max_connections(&self) -> Option<u32> {
        self.logged_connections.or(self.version.map(|version| if version >= V32 { 200 } else { 125 }))
    }

    /// How many of them may be inbound.
    pub fn max_inbound(&self) -> Option<u32> {
        self.max_connections().map(|most| most.saturating_sub(OUTBOUND))
    }

    /// How many inbound connections may relay transactions: from v32 on a share of all (`-inboundrelaypercent`), before that any.
    pub fn max_inbound_relaying(&self) -> Option<u32> {
        let most = self.max_inbound()?;
        let percent = if self.version? >= V32 { self.logged_relay_percent.unwrap_or(RELAY_PERCENT) } else { 100 };
        Some(most.saturating_mul(percent.min(100)) / 100)
    }

    pub(crate) fn note(&mut self, record: &Record) {
        match record.envelope().kind {
            Kind::NetworkInfo | Kind::BlockchainInfo => match polled(record) {
                Some(RpcEvent::NetworkInfo(info)) => self.version = Some(info.version),
                Some(RpcEvent::BlockchainInfo(info)) => {
                    self.chain = Some(model::text::cut(&info.chain, MAX_CHAIN));
                }
                _ => {}
            },
            Kind::UnknownLogMessage => {
                let Some(LogEvent::UnknownLogMessage(line)) = logged(record) else { return };
                let rest = line.raw_message.strip_prefix(AT_MOST);
                if let Some((number, rest)) = rest.and_then(|rest| rest.split_once(' '))
                    && rest.starts_with("automatic connections")
                {
                    self.logged_connections = number.parse().ok();
                }
                let option = line.raw_message.split_once(" arg: ").filter(|(before, _)| ARGS.contains(before));
                if let Some((_, option)) = option
                    && let Some(percent) = option.trim_start_matches('-').strip_prefix("inboundrelaypercent=")
                {
                    self.logged_relay_percent = percent.trim_matches('"').parse().ok();
                }
            }
            _ => {}
        }
    }
}
