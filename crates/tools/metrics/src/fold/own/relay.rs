//! How soon the node announces what it has, on our own P2P connection.

use model::{Announced, Change, Relayed};

use crate::fold::{Context, Observer, Peers};
use crate::ids;
use crate::store::Store;

/// Transactions and blocks that were announced.
#[derive(Debug, Default)]
pub(super) struct Relay;

impl Observer<Store> for Relay {
    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context) {
        if let Change::Relayed(relayed) = change {
            count(relayed, context.sink);
        }
    }
}

fn count(relayed: &Relayed, store: &mut Store) {
    let (seconds, since) = (relayed.seconds(), relayed.since);
    match relayed.what {
        Announced::Transaction if seconds < 0.0 => store.inc(ids::RELAY_EARLY, &["tx", since]),
        Announced::Block(_) if seconds < 0.0 => store.inc(ids::RELAY_EARLY, &["block", since]),
        Announced::Transaction => store.observe(ids::RELAY_TX, &[since], seconds),
        Announced::Block(message_type) => store.observe(ids::RELAY_BLOCK, &[since, message_type], seconds),
    }
}
