//! What happened lately that should not happen often: each kind once, with how often and when last.

use std::collections::BTreeMap;

use event::pb::log_extractor::log::LogEvent;
use event::{Body, Record};
use model::bounds::{MAX_TEXT, SECOND};
use model::text::cut;
use model::{Change, Observer};
use smol_str::SmolStr;

use super::node::{Context, Details, Peers};

/// How long it is shown after it happened last.
const RECENT_NS: u64 = 600 * SECOND;

/// Kinds of what is odd, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    InvalidChain,
    Disconnected,
    Mutated,
    InvalidBlock,
    Misbehaved,
    Lost,
    StaleTip,
    Stalled,
    LogLimited,
    AddrLimited,
    Evicted,
    Restarted,
}

impl What {
    /// What it is, if it happened so many times.
    pub fn text(self, times: u64) -> String {
        let (one, many) = match self {
            Self::InvalidChain => ("an invalid chain was found", "invalid chains were found"),
            Self::Disconnected => ("block disconnected (reorganisation)", "blocks disconnected (reorganisation)"),
            Self::Mutated => ("mutated block", "mutated blocks"),
            Self::InvalidBlock => ("invalid block", "invalid blocks"),
            Self::Misbehaved => ("misbehaviour", "misbehaviours"),
            Self::Lost => ("event lost", "events lost"),
            Self::StaleTip => ("no block for a long time (stale tip)", "times no block for a long time (stale tip)"),
            Self::Stalled => ("peer stalls the block download", "times a peer stalls the block download"),
            Self::LogLimited => ("time the node limits its log", "times the node limits its log"),
            Self::AddrLimited => ("address dropped by the rate limit", "addresses dropped by the rate limit"),
            Self::Evicted => ("peer evicted", "peers evicted"),
            Self::Restarted => ("restart", "restarts"),
        };
        match (self, times) {
            (Self::InvalidChain | Self::StaleTip, 1) => one.to_owned(),
            _ => format!("{times} {}", if times == 1 { one } else { many }),
        }
    }
}

/// Something that happened lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happening {
    /// How often since it began.
    pub times: u64,
    /// When last, in nanoseconds since the UNIX epoch.
    pub last_ns: u64,
    /// What is known of the last one.
    pub last: SmolStr,
}

/// What happened lately at a node.
#[derive(Debug, Default)]
pub(crate) struct Oddities(BTreeMap<What, Happening>);

impl Oddities {
    fn note(&mut self, what: What, times: u64, time_ns: u64, last: &str) {
        let happening = self.0.entry(what).or_default();
        if happening.last_ns.saturating_add(RECENT_NS) < time_ns {
            happening.times = 0;
        }
        happening.times = happening.times.saturating_add(times);
        if time_ns >= happening.last_ns {
            (happening.last_ns, happening.last) = (time_ns, cut(last, MAX_TEXT));
        }
    }

    /// What happened in the last ten minutes, the worst first.
    pub fn recent(&self, now_ns: u64) -> impl Iterator<Item = (What, &Happening)> {
        let is_recent = move |happening: &Happening| happening.last_ns.saturating_add(RECENT_NS) >= now_ns;
        self.0.iter().filter(move |(_, happening)| is_recent(happening)).map(|(what, happening)| (*what, happening))
    }
}

impl Observer<(), Details> for Oddities {
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context) {
        let time_ns = context.time_ns;
        match change {
            Change::NodeRestarted { .. } => self.note(What::Restarted, 1, time_ns, ""),
            Change::PeerMisbehaved { id, message } => {
                self.note(What::Misbehaved, 1, time_ns, &format!("peer {id}: {message}"));
            }
            Change::PeerEvicted { id, .. } => self.note(What::Evicted, 1, time_ns, &format!("peer {id}")),
            Change::BlockDisconnected { .. } => self.note(What::Disconnected, 1, time_ns, ""),
            Change::BlockMutated { state } => self.note(What::Mutated, 1, time_ns, state),
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::LogExtractor(line)) = record.body() else { return };
        let time_ns = context.time_ns;
        let peer = |id: &Option<u64>| id.map(|id| format!("peer {id}")).unwrap_or_default();
        match &line.log_event {
            Some(LogEvent::InvalidChainFound(found)) if !found.current_best => {
                let height = found.height.map(|height| format!("height {height}")).unwrap_or_default();
                self.note(What::InvalidChain, 1, time_ns, &height);
            }
            Some(LogEvent::BlockCheckedLog(checked)) if checked.state != "Valid" => {
                self.note(What::InvalidBlock, 1, time_ns, &checked.state);
            }
            Some(LogEvent::StaleTip(_)) => self.note(What::StaleTip, 1, time_ns, ""),
            Some(LogEvent::BlockDownloadStalled(stalled)) => {
                self.note(What::Stalled, 1, time_ns, &peer(&stalled.peer_id));
            }
            Some(LogEvent::LogRateLimit(limit)) if limit.begins => {
                self.note(What::LogLimited, 1, time_ns, &limit.location);
            }
            Some(LogEvent::AddrProcessed(addrs)) if addrs.rate_limited > 0 => {
                let last = format!("peer {}", addrs.peer_id);
                self.note(What::AddrLimited, addrs.rate_limited.into(), time_ns, &last);
            }
            _ => {}
        }
    }

    fn lost(&mut self, loss: &model::Loss, context: &mut Context) {
        self.note(What::Lost, loss.missing, context.time_ns, "");
    }
}
