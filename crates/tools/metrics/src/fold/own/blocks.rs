//! New blocks: how they were announced, and how long each stage took until one was the tip.

use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as Validation;
use event::pb::log_extractor::log::LogEvent;
use event::{Record, names};
use model::Change;
use model::blocks::{Block, Stage};

use super::{SECOND, log_entry, seconds, tracepoint};
use crate::fold::original::MUTATED;
use crate::fold::{Context, Observer, Origin, Peers};
use crate::ids;
use crate::store::Store;
use crate::table::Id;

/// From which stage to which one times are of interest.
const DELAYS: [(Stage, Stage); 7] = [
    (Stage::Header, Stage::CompactBlock),
    (Stage::Header, Stage::Block),
    (Stage::Header, Stage::Connected),
    (Stage::Header, Stage::Tip),
    (Stage::CompactBlock, Stage::Connected),
    (Stage::Block, Stage::Connected),
    (Stage::Connected, Stage::Tip),
];

/// New blocks.
#[derive(Debug, Default)]
pub(super) struct Blocks;

/// Takes the numbers of a block that is the tip or was.
fn settled(block: &Block, store: &mut Store) {
    for (from, to) in DELAYS {
        if let (Some(from_ns), Some(to_ns)) = (block.at(from), block.at(to)) {
            store.observe(ids::BLOCK_DELAY, &[from.name(), to.name()], seconds(from_ns, to_ns));
        }
    }
    if let (Some(header_ns), Some(time)) = (block.at(Stage::Header), block.time) {
        store.observe(ids::BLOCK_TIME_OFFSET, &[], seconds(u64::from(time) * SECOND, header_ns));
    }
    if let Some((message_type, connection_type)) = block.first_announcement {
        store.inc(ids::BLOCK_FIRST_ANNOUNCEMENTS, &[message_type, connection_type]);
    }
}

impl Observer<Store> for Blocks {
    fn begin(&mut self, origin: Origin, store: &mut Store) {
        let counters: &[Id] = match origin {
            Origin::Validation => &[ids::BLOCKS_CONNECTED],
            Origin::LogValidation => &[ids::BLOCKS_DISCONNECTED],
            Origin::Log => &[ids::BLOCKS_CONNECTED, ids::INVALID_CHAINS, ids::STALE_TIPS],
            _ => &[],
        };
        counters.iter().for_each(|id| store.add(*id, &[], 0.0));
        if origin == Origin::LogValidation {
            MUTATED.iter().chain(&[names::UNKNOWN]).for_each(|state| store.add(ids::MUTATED_BLOCKS, &[state], 0.0));
        }
    }

    #[inline]
    fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context) {
        match change {
            Change::BlockConnected { .. } => context.sink.inc(ids::BLOCKS_CONNECTED, &[]),
            Change::BlockDisconnected { .. } => context.sink.inc(ids::BLOCKS_DISCONNECTED, &[]),
            Change::BlockMutated { state } => context.sink.inc(ids::MUTATED_BLOCKS, &[state]),
            Change::BlockSettled { hash } => {
                if let Some(block) = context.blocks.find(hash) {
                    settled(block, context.sink);
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers, context: &mut Context) {
        if let Some(EbpfEvent::Validation(validation)) = tracepoint(record)
            && let Some(Validation::BlockConnected(connected)) = &validation.event
        {
            context.sink.observe(ids::BLOCK_CONNECTION, &[], connected.connection_time as f64 / SECOND as f64);
        }
        match log_entry(record) {
            Some(LogEvent::InvalidChainFound(found)) if !found.current_best => {
                context.sink.inc(ids::INVALID_CHAINS, &[]);
            }
            Some(LogEvent::StaleTip(_)) => context.sink.inc(ids::STALE_TIPS, &[]),
            _ => {}
        }
    }
}
