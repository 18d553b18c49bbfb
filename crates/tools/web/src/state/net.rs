//! The bytes that the node sends and receives in all, by getnettotals: those of connections that come and go between two answers of
//! getpeerinfo too.

use event::pb::rpc_extractor::NetTotals;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, Record};
use model::Observer;

use super::node::{Context, Peers};
use super::peer::Details;
use super::series::{Coverage, SECOND, Series};
use super::types::Types;

/// Bytes of one node.
#[derive(Debug)]
pub(crate) struct Net {
    /// The last answer.
    pub totals: Option<Totals>,
    /// Bytes between two answers, at the time of the second.
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
            self.coverage.note(at_ns);
            self.received.add(at_ns, new_received);
            self.sent.add(at_ns, new_sent);
            (new_received / seconds, new_sent / seconds)
        });
        self.totals = Some(Totals { at_ns, received, sent, rates });
    }
}
