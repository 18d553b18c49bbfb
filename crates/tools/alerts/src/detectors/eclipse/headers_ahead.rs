//! The node knows headers of blocks that it does not get.

use event::Record;
use event::pb::alerts::Severity;
use event::pb::rpc_extractor::rpc::RpcEvent;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{begins_anew, polled};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

parameters! {
    /// Headers without a block.
    headers: 1.0, "headers", 1.0..=1e6, "A node has the block seconds after its header.";
}

/// Finds nodes that get headers without blocks.
pub(crate) struct HeadersAhead {
    me: Me,
    parameters: Parameters,
    ahead: f64,
}

impl Detector for HeadersAhead {
    const ROW: Row = Row {
        name: "headers_ahead",
        family: "eclipse",
        severity: Severity::Warning,
        title: "the node knows headers of blocks that it does not get",
        sees: "Headers beyond the node's last block for ten minutes, by getblockchaininfo, once it has caught up with the chain.",
        misses: "Headers that are withheld as well. A node with a slow disk or line that needs longer than ten minutes.",
        timing: Timing { after: 600, hold: 120, warm_up: 1_800 },
        parameters: Parameters::ALL,
        related: &["block_withheld", "block_stalling", "stale_tip", "node_behind"],
    };

    fn new(me: Me, values: &Values) -> Self {
        Self { me, parameters: Parameters::of(values), ahead: 0.0 }
    }
}

impl Observer<Sink, Details> for HeadersAhead {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, _: &mut Context<Sink>) {
        if begins_anew(change) {
            self.ahead = 0.0;
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(RpcEvent::BlockchainInfo(info)) = polled(record) {
            let ahead = info.headers.saturating_sub(info.blocks);
            self.ahead = if info.initialblockdownload { 0.0 } else { f64::from(ahead) };
            if ahead == 0 {
                context.clear(self.me, &Subject::Node);
            }
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let (ahead, threshold) = (self.ahead, self.parameters.headers);
        context.report(self.me, ahead / threshold, || {
            Finding::new(Subject::Node, "{subject} knows {ahead} of blocks that it does not get.")
                .compared("ahead", ahead, "headers", threshold)
        });
    }
}
