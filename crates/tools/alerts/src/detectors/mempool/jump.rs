//! The mempool fills or empties suddenly.

use std::collections::VecDeque;

use event::Record;
use event::pb::alerts::Severity;
use event::pb::rpc_extractor::rpc::RpcEvent;
use model::bounded::push;
use model::{Change, Context, Observer, Peers};

use crate::counting::Sliding;
use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::{begins_anew, has_caught_up, polled, share_of};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Answers of getmempoolinfo that are remembered at most.
const MAX_SAMPLES: usize = 256;
/// Transactions that a block takes away at most, nearly.
const OF_A_BLOCK: f64 = 8_000.0;

parameters! {
    /// Part of the mempool's memory that is filled within the window.
    filled: 0.2, "share", 0.01..=1.0, "A rush of 40 transactions a second fills a tenth of the default 300 MB in ten minutes.";
    /// Part of its transactions that are gone within the window, without those that blocks may have taken.
    emptied: 0.5, "share", 0.01..=1.0, "What is evicted for its size, or expires, is a small part.";
    /// Transactions that must be gone.
    transactions: 5_000.0, "transactions", 1.0..=1e9, "A small mempool halves easily.";
    /// The window.
    window: 600.0, "s", 60.0..=86_400.0, "Long enough for several answers of getmempoolinfo.";
}

/// Finds sudden changes of the mempool.
pub(crate) struct MempoolJump {
    me: Me,
    parameters: Parameters,
    /// When, how many transactions, and the share of the memory that they take.
    samples: VecDeque<(u64, f64, f64)>,
    blocks: Sliding,
}

impl Detector for MempoolJump {
    const ROW: Row = Row {
        name: "mempool_jump",
        family: "mempool",
        severity: Severity::Warning,
        title: "the mempool fills or empties suddenly",
        sees: "Size and memory of the mempool within ten minutes, by getmempoolinfo, once it is loaded and the node has caught up \
               with the chain. What the blocks of that time may have taken is left out.",
        misses: "Slow changes, such as a rush that lasts for hours. Whether somebody imported a mempool.",
        timing: Timing { after: 0, hold: 300, warm_up: 600 },
        parameters: Parameters::ALL,
        related: &["inv_backlog", "reorg"],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        Self { me, parameters, samples: VecDeque::new(), blocks: Sliding::new(parameters.window) }
    }
}

impl MempoolJump {
    fn judge(&self, blocks: f64, context: &mut Context<Sink>) {
        let Parameters { filled: most_filled, emptied: most_emptied, transactions, window } = self.parameters;
        let Some((_, now, share)) = self.samples.back().copied() else { return };
        let (mut least_share, mut most) = (share, now);
        for (_, size, share) in &self.samples {
            (least_share, most) = (least_share.min(*share), most.max(*size));
        }
        let filled = share - least_share;
        let gone = (most - now - blocks * OF_A_BLOCK).max(0.0);
        let emptied = share_of(gone, most);
        let (by_filled, by_emptied) = (filled / most_filled, (emptied / most_emptied).min(gone / transactions));
        context.report(self.me, by_filled.max(by_emptied), || {
            let sentence = if by_filled >= by_emptied {
                "{filled} of the memory of the mempool of {subject} were filled within {window}."
            } else {
                "{emptied} of the mempool of {subject}, {gone}, are gone within {window}, more than {blocks} can explain."
            };
            Finding::new(Subject::Node, sentence)
                .compared("filled", filled, "share", most_filled)
                .compared("emptied", emptied, "share", most_emptied)
                .compared("gone", gone, "transactions", transactions)
                .number("blocks", blocks, "blocks")
                .number("window", window, "s")
        });
    }
}

impl Observer<Sink, Details> for MempoolJump {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::BlockConnected { .. } => self.blocks.add(context.time_ns, 1.0),
            change if begins_anew(change) => self.samples.clear(),
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(RpcEvent::MempoolInfo(info)) = polled(record) else { return };
        if !info.loaded || info.max_mempool <= 0 || !has_caught_up(context) {
            return self.samples.clear();
        }
        let share = info.usage as f64 / info.max_mempool as f64;
        push(&mut self.samples, (context.time_ns, info.size as f64, share), MAX_SAMPLES);
        let window = self.parameters.window;
        self.samples.retain(|(at_ns, ..)| context.time_ns.saturating_sub(*at_ns) as f64 / 1e9 <= window);
        let blocks = self.blocks.sum(context.time_ns);
        self.judge(blocks, context);
    }
}
