//! What the node is, and how its tip stands.

use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as Validation;
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::log_extractor::log::LogEvent;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::pb::rpc_extractor::{BlockchainInfo, NetworkInfo};
use event::{Body, Record, time};
use smol_str::{SmolStr, ToSmolStr};

use super::{SECOND, log_entry, rpc, short, short_of_text, tracepoint};
use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// Version, user agent and chain of the node, and its tip.
#[derive(Debug, Default)]
pub(super) struct Chain {
    version: SmolStr,
    subversion: SmolStr,
    chain: SmolStr,
    tip: Option<u64>,
    changed_ns: u64,
}

impl Chain {
    fn show(&self, store: &mut Store) {
        if !self.version.is_empty() && !self.chain.is_empty() {
            store.set_all(ids::NODE_INFO, [([&*self.version, &self.subversion, &self.chain], 1.0)]);
        }
    }

    /// The tip became this one.
    fn changed(&mut self, tip: Option<u64>, context: &mut Context) {
        if tip.is_some() && self.tip != tip {
            self.tip = tip;
            self.changed_ns = self.changed_ns.max(context.time_ns);
            self.show_changed(context);
        }
    }

    fn show_changed(&self, context: &mut Context) {
        if self.changed_ns > 0 {
            context.sink.set(ids::TIP_CHANGED, &[], self.changed_ns as f64 / SECOND as f64);
        }
    }

    /// The tip is this one. If it is the first one that is seen, nobody knows since when.
    fn is(&mut self, tip: Option<u64>, context: &mut Context) {
        if self.tip.is_none() {
            self.tip = tip;
        }
        self.changed(tip, context);
    }

    fn blockchain(&mut self, info: &BlockchainInfo, context: &mut Context) {
        self.chain = info.chain.to_smolstr();
        self.show(context.sink);
        if info.time > 0 {
            context.sink.set(ids::TIP_TIME, &[], info.time.into());
        }
        self.is(short_of_text(&info.bestblockhash), context);
        self.show_changed(context);
    }

    fn tracepoint(&mut self, event: &EbpfEvent, context: &mut Context) {
        if let EbpfEvent::Validation(validation) = event
            && let Some(Validation::BlockConnected(connected)) = &validation.event
        {
            self.changed(short(&connected.hash), context);
        }
    }

    fn log(&mut self, entry: &LogEvent, context: &mut Context) {
        let LogEvent::UpdateTip(tip) = entry else { return };
        if tip.background {
            return;
        }
        if let Some(time_ns) = time::parse_rfc3339(&tip.date) {
            context.sink.set(ids::TIP_TIME, &[], (time_ns / SECOND) as f64);
        }
        self.changed(short_of_text(&tip.block_hash), context);
    }
}

/// How far the node is behind with announcing transactions, as far as it reports that.
fn announcements(info: &NetworkInfo, store: &mut Store) {
    for (direction, backlog) in [("inbound", info.inbound_backlog), ("outbound", info.outbound_backlog)] {
        if let Some(backlog) = backlog {
            store.set(ids::INV_BACKLOG, &[direction], backlog as f64);
        }
    }
    if let Some(rate) = info.tx_send_rate {
        store.set(ids::TX_SEND_RATE, &[], rate);
    }
}

impl Observer<Store> for Chain {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        match rpc(record) {
            Some(RpcEvent::NetworkInfo(info)) => {
                self.version = if info.version == 0 { SmolStr::default() } else { info.version.to_smolstr() };
                self.subversion = info.subversion.to_smolstr();
                self.show(context.sink);
                announcements(info, context.sink);
            }
            Some(RpcEvent::BlockchainInfo(info)) => self.blockchain(info, context),
            _ => {}
        }
        if let Some(event) = tracepoint(record) {
            self.tracepoint(event, context);
        }
        if let Some(entry) = log_entry(record) {
            self.log(entry, context);
        }
        if let Some(Body::IpcExtractor(ipc)) = record.body()
            && let Some(IpcEvent::BlockTip(tip)) = &ipc.ipc_event
        {
            self.is(short(&tip.hash), context);
        }
    }
}
