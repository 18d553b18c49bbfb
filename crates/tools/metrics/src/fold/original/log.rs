//! Lines of debug.log.

use event::pb::log_extractor::log::LogEvent;
use event::pb::log_extractor::{Log as Line, LogDebugCategory, LogLevel};
use event::{Body, Record};
use smol_str::SmolStr;

use super::{begin_at_0, begin_each_at_0};
use crate::fold::{Context, Observer, Origin, Peers};
use crate::store::Store;
use crate::table::ids::{
    LOG_BLOCK_CHECKED_EVENTS, LOG_BLOCK_CONNECTED_EVENTS, LOG_BYTES, LOG_EVENTS, LOG_MUTATED_BLOCKS,
};

/// Lines by category and level, as debug.log writes both: `net`, `debug`. Uncategorised ones are `unknown`.
pub(super) struct Log {
    /// Names of categories by number.
    categories: Vec<SmolStr>,
}

/// States of a block that somebody changed: without the header's work being lost, it can be any block.
pub(in crate::fold) const MUTATED: [&str; 5] = [
    "bad-txnmrklroot",
    "bad-txns-duplicate",
    "bad-witness-nonce-size",
    "bad-witness-merkle-match",
    "unexpected-witness",
];

impl Default for Log {
    fn default() -> Self {
        let known = (0..).map_while(|number| LogDebugCategory::try_from(number).ok());
        Self { categories: known.map(|category| category.as_str_name().to_ascii_lowercase().into()).collect() }
    }
}

impl Observer<Store> for Log {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        if origin != Origin::LogValidation {
            return;
        }
        begin_at_0(store, &[LOG_BLOCK_CONNECTED_EVENTS, LOG_BLOCK_CHECKED_EVENTS]);
        begin_each_at_0(store, &[LOG_MUTATED_BLOCKS], MUTATED);
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        let Some(Body::LogExtractor(line)) = record.body() else { return };
        let store = &mut *context.sink;
        let labels = [self.category(line), level(line)];
        store.inc(LOG_EVENTS, &labels);
        store.add(LOG_BYTES, &labels, line.log_line_bytes as f64);
        match &line.log_event {
            Some(LogEvent::BlockConnectedLog(_)) => store.inc(LOG_BLOCK_CONNECTED_EVENTS, &[]),
            Some(LogEvent::BlockCheckedLog(checked)) => {
                store.inc(LOG_BLOCK_CHECKED_EVENTS, &[]);
                if MUTATED.contains(&checked.state.as_str()) {
                    store.inc(LOG_MUTATED_BLOCKS, &[&checked.state]);
                }
            }
            _ => {}
        }
    }
}

impl Log {
    fn category<'a>(&'a self, line: &'a Line) -> &'a str {
        match &line.category_name {
            Some(name) => name,
            None => {
                let known = usize::try_from(line.category).ok().and_then(|number| self.categories.get(number));
                known.map_or("unknown", SmolStr::as_str)
            }
        }
    }
}

fn level(line: &Line) -> &'static str {
    match LogLevel::try_from(line.log_level) {
        Ok(LogLevel::Info) => "info",
        Ok(LogLevel::Warning) => "warning",
        Ok(LogLevel::Error) => "error",
        Ok(LogLevel::Debug) => "debug",
        Ok(LogLevel::Trace) => "trace",
        Err(_) => "unknown",
    }
}
