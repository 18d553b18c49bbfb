//! How long answers take: of the node to its peers, and of them to it.

use event::names;
use event::requests::{Request, RequestKind};
use model::Change;

use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// The value of the label `request`; None for those that have no series.
fn name(asked: RequestKind) -> Option<&'static str> {
    match asked {
        RequestKind::Ping => Some("ping"),
        RequestKind::Tx => Some("getdata_tx"),
        RequestKind::Block | RequestKind::CompactBlock => Some("getdata_block"),
        RequestKind::Headers => Some("getheaders"),
        RequestKind::BlockTxn => Some("getblocktxn"),
        RequestKind::Addresses => None,
    }
}

/// The labels of a request.
fn labels(request: &Request) -> Option<[&'static str; 2]> {
    name(request.kind).map(|name| [name, names::direction(request.inbound)])
}

/// Answers, and requests without one.
#[derive(Debug, Default)]
pub(super) struct Requests;

impl Observer<Store> for Requests {
    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context) {
        match change {
            Change::Answered(answer) => {
                if let Some(labels) = labels(&answer.request) {
                    context.sink.observe(ids::REQUEST_DURATION, &labels, answer.seconds);
                }
            }
            Change::Unanswered { request, reason } => {
                if let Some([name, direction]) = labels(request) {
                    context.sink.inc(ids::REQUESTS_UNANSWERED, &[name, direction, reason.name()]);
                }
            }
            _ => {}
        }
    }
}
