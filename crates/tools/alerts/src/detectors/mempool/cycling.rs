//! Transactions that were replaced come again.
//!
//! Replacement cycling (2023) keeps a transaction out of the mempool: one of the attacker's replaces it, and is then replaced itself by one that has nothing to
//! do with the first. Its owner sends it again, and the attacker begins anew.

use event::Body;
use event::Record;
use event::message::short;
use event::pb::alerts::{Severity, TextKind};
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::mempool::mempool_event::Event as Mempool;
use model::bounded::RecentMap;
use model::bounds::SECOND;
use model::{Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing, parameters};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::Noted;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Replaced transactions that are remembered, and for how long.
const REPLACED: (usize, u64) = (20_000, 3_600 * SECOND);

parameters! {
    /// Transactions that come again after they were replaced, within the window.
    cycles: 3.0, "transactions", 1.0..=1e6, "An honest wallet does not send again what it has replaced; an attack needs a cycle for each block.";
    /// The window.
    window: 3_600.0, "s", 60.0..=86_400.0, "Six blocks: the delay of a payment channel lasts for longer.";
}

/// Finds replacement cycling.
pub(crate) struct ReplacementCycling {
    me: Me,
    parameters: Parameters,
    replaced: RecentMap<()>,
    cycles: Noted,
    /// The last one that came again, as explorers show it.
    last: String,
}

impl Detector for ReplacementCycling {
    const ROW: Row = Row {
        name: "replacement_cycling",
        family: "mempool",
        severity: Severity::Warning,
        title: "transactions that were replaced come again and again",
        sees: "Transactions that enter the mempool after they had been replaced within the last hour, by the tracepoints. So \
               replacement cycling looks, by which payments in channels are held up.",
        misses: "A victim that sends a transaction with a new fee, and so a new txid, each time.",
        timing: Timing { after: 0, hold: 1_800, warm_up: 0 },
        parameters: Parameters::ALL,
        related: &[],
    };

    fn new(me: Me, values: &Values) -> Self {
        let parameters = Parameters::of(values);
        let (replaced, cycles) = (RecentMap::new(REPLACED.0, REPLACED.1), Noted::new(parameters.window));
        Self { me, parameters, replaced, cycles, last: String::new() }
    }
}

impl Observer<Sink, Details> for ReplacementCycling {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(Body::EbpfExtractor(ebpf)) = record.body() else { return };
        let Some(EbpfEvent::Mempool(mempool)) = &ebpf.ebpf_event else { return };
        match &mempool.event {
            Some(Mempool::Replaced(replaced)) => {
                if let Some(txid) = short(&replaced.replaced_txid) {
                    self.replaced.put(txid, context.time_ns, ());
                }
            }
            Some(Mempool::Added(added)) => {
                let Some(txid) = short(&added.txid) else { return };
                if self.replaced.remove(txid).is_some() {
                    self.cycles.add(1.0, context);
                    self.last = event::HashText(&added.txid).to_string();
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Parameters { cycles: threshold, window } = self.parameters;
        let cycles = self.cycles.sum(context.time_ns);
        let (last, evidence) = (&self.last, &self.cycles.evidence);
        context.report(self.me, cycles / threshold, || {
            Finding::new(
                Subject::Node,
                "At {subject}, {cycles} came again within {window} after they were replaced, the last one {last}.",
            )
            .compared("cycles", cycles, "transactions", threshold)
            .number("window", window, "s")
            .text("last", TextKind::Hash, last)
            .evidence(evidence)
        });
    }
}
