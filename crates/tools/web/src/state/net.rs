//! The bytes that the node sends and receives in all, by getnettotals: those of connections that come and go between two answers of
//! getpeerinfo too.

use event::pb::rpc_extractor::NetTotals;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};
use model::Observer;

use super::node::{Context, Peers};
use super::peer::Details;
use super::series::{Coverage, FINE, SECOND, Series};
use super::types::Types;

/// Bytes of one node.
#[derive(Debug)]
pub(crate) struct Net {
    /// The last answer.
    pub totals: Option<Totals>,
    /// Bytes between two answers, evenly over the steps from one to the other.
    pub received: Series,
    pub sent: Series,
    /// The period between the first and the last answer.
    pub coverage: Coverage,
}

/// An answer of getnettotals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    pub at_ns: u64,
    pub received: u64,
    pub sent: u64,
    /// Bytes per second since the answer before: inbound, outbound.
    pub rates: Option<(f64, f64)>,
}

impl Default for Net {
    fn default() -> Self {
        Self { totals: None, received: Series::sum(), sent: Series::sum(), coverage: Coverage::default() }
    }
}

impl Observer<Types, Details> for Net {
    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(Body::RpcExtractor(rpc)) = record.body()
            && let Some(RpcEvent::NetTotals(totals)) = &rpc.rpc_event
        {
            self.polled(totals, context.time_ns);
        }
    }
}

impl Net {
    fn polled(&mut self, totals: &NetTotals, at_ns: u64) {
        let (received, sent) = (totals.total_bytes_received, totals.total_bytes_sent);
        // They begin anew when the node does.
        let before =
            self.totals.filter(|before| at_ns > before.at_ns && received >= before.received && sent >= before.sent);
        let rates = before.map(|before| {
            let seconds = (at_ns - before.at_ns) as f64 / SECOND as f64;
            let (new_received, new_sent) = ((received - before.received) as f64, (sent - before.sent) as f64);
            self.coverage.note(before.at_ns);
            self.coverage.note(at_ns);
            for (time_ns, share) in shares(before.at_ns, at_ns) {
                self.received.add(time_ns, new_received * share);
                self.sent.add(time_ns, new_sent * share);
            }
            (new_received / seconds, new_sent / seconds)
        });
        self.totals = Some(Totals { at_ns, received, sent, rates });
    }
}

/// The steps of a period that are still kept: when each begins, and its share of the period.
fn shares(from_ns: u64, until_ns: u64) -> impl Iterator<Item = (u64, f64)> {
    let (step_ns, kept) = FINE;
    let last = until_ns / step_ns;
    let first = (from_ns / step_ns).max(last.saturating_sub(kept as u64));
    (first..=last).map(move |step| {
        let start_ns = (step * step_ns).max(from_ns);
        let end_ns = (step + 1).saturating_mul(step_ns).min(until_ns);
        (start_ns, (end_ns - start_ns) as f64 / (until_ns - from_ns) as f64)
    })
}
