//! What the node reports about itself: version, chain, tip, mempool.

use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as Validation;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{BlockchainInfo, NetworkInfo};
use event::{Body, Record};
use model::Observer;
use model::bounds::{MAX_TEXT, SECOND};
use model::text::{cut, hash};
use smol_str::SmolStr;

use super::node::{Context, Details, Peers};

/// Warnings that are kept.
const MAX_WARNINGS: usize = 8;

/// What the node reports about itself.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub version: Option<SmolStr>,
    pub chain: Option<SmolStr>,
    /// Connections: inbound, outbound.
    pub connections: Option<(u64, u64)>,
    pub network_active: Option<bool>,
    pub initial_block_download: Option<bool>,
    pub progress: Option<f64>,
    pub height: Option<u32>,
    /// The time in the header of the tip, in nanoseconds since the UNIX epoch.
    pub block_ns: Option<u64>,
    /// Transactions in the mempool, and their virtual bytes.
    pub mempool: Option<(u64, u64)>,
    network_warnings: Vec<SmolStr>,
    chain_warnings: Vec<SmolStr>,
}

impl About {
    fn network(&mut self, info: &NetworkInfo) {
        self.version = Some(cut(&info.subversion, MAX_TEXT)).filter(|version| !version.is_empty());
        self.connections = Some((info.connections_in.into(), info.connections_out.into()));
        self.network_active = Some(info.network_active);
        self.network_warnings = warnings(&info.warnings);
    }

    fn blockchain(&mut self, info: &BlockchainInfo) {
        self.chain = Some(cut(&info.chain, 32));
        self.initial_block_download = Some(info.initialblockdownload);
        self.progress = Some(info.verificationprogress);
        self.chain_warnings = warnings(&info.warnings);
        let time = Some(info.time).filter(|time| *time > 0);
        self.tip(info.blocks, time.map(|time| u64::from(time) * SECOND));
    }

    fn tip(&mut self, height: u32, block_ns: Option<u64>) {
        if self.height.replace(height) != Some(height) || block_ns.is_some() {
            self.block_ns = block_ns;
        }
    }

    /// The node's warnings.
    pub fn warnings(&self) -> Vec<&SmolStr> {
        let mut all: Vec<_> = self.network_warnings.iter().chain(&self.chain_warnings).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Observer<(), Details> for About {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        match record.body() {
            Some(Body::RpcExtractor(rpc)) => match &rpc.rpc_event {
                Some(RpcEvent::NetworkInfo(info)) => self.network(info),
                Some(RpcEvent::BlockchainInfo(info)) => self.blockchain(info),
                Some(RpcEvent::MempoolInfo(info)) => {
                    let known = u64::try_from(info.size).ok().zip(u64::try_from(info.bytes).ok());
                    self.mempool = known.or(self.mempool);
                }
                _ => {}
            },
            Some(Body::LogExtractor(line)) => {
                if let Some(LogEvent::UpdateTip(tip)) = &line.log_event
                    && !tip.background
                {
                    self.tip(tip.height, event::time::parse_rfc3339(&tip.date));
                }
            }
            Some(Body::EbpfExtractor(ebpf)) => {
                if let Some(EbpfEvent::Validation(validation)) = &ebpf.ebpf_event
                    && let Some(Validation::BlockConnected(connected)) = &validation.event
                    && let Ok(height) = u32::try_from(connected.height)
                {
                    let block = hash(&connected.hash).and_then(|hash| context.blocks.find(&hash));
                    self.tip(height, block.and_then(|block| block.time).map(|time| u64::from(time) * SECOND));
                }
            }
            _ => {}
        }
    }
}

fn warnings(warnings: &[String]) -> Vec<SmolStr> {
    let warnings = warnings.iter().filter(|warning| !warning.is_empty()).take(MAX_WARNINGS);
    warnings.map(|warning| cut(warning, MAX_TEXT)).collect()
}
