//! What other interfaces of a node report of its tip, so that it is asked at once, and once.

use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use event::pb::ebpf_extractor::ebpf::EbpfEvent;
use event::pb::ebpf_extractor::validation::validation_event::Event as ValidationEvent;
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::pb::log_extractor::log::LogEvent;
use event::{Body, Kind, Record};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::snapshot::Hash;

/// Whether an event of a node says that its tip has changed.
pub(crate) fn shows_a_tip(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::BlockTip | Kind::BlockConnected | Kind::UpdateTip | Kind::InvalidChainFound | Kind::BlockDisconnectedLog
    )
}

/// The tip that an event reports; none if it says only that there is another one.
pub(crate) fn new_tip(record: &Record) -> Option<Hash> {
    match record.body()? {
        Body::IpcExtractor(ipc) => match ipc.ipc_event.as_ref()? {
            IpcEvent::BlockTip(tip) => Hash::try_from(&*tip.hash).ok(),
            IpcEvent::InitialBlockDownload(_) => None,
        },
        Body::EbpfExtractor(ebpf) => match ebpf.ebpf_event.as_ref()? {
            EbpfEvent::Validation(validation) => match validation.event.as_ref()? {
                ValidationEvent::BlockConnected(block) => Hash::try_from(&*block.hash).ok(),
            },
            _ => None,
        },
        Body::LogExtractor(line) => match line.log_event.as_ref()? {
            LogEvent::UpdateTip(tip) => tip.block_hash.parse().ok().map(BlockHash::to_byte_array),
            _ => None,
        },
        _ => None,
    }
}

/// Wakes whoever asks a node, since its tip has changed.
#[derive(Default)]
pub(crate) struct Wake {
    notify: Notify,
    changed: Mutex<Changed>,
}

/// What is known of a tip that has changed.
#[derive(Clone, Copy, Default)]
enum Changed {
    #[default]
    Not,
    /// The last one that was reported.
    To(Hash),
    /// What it is now must be asked.
    Somehow,
}

impl Wake {
    pub(crate) fn wake(&self, tip: Option<Hash>) {
        let mut changed = self.changed.lock();
        *changed = match (*changed, tip) {
            (Changed::Not | Changed::To(_), Some(tip)) => Changed::To(tip),
            _ => Changed::Somehow,
        };
        self.notify.notify_one();
    }

    /// Waits for the next report. Returns the tip if that names it.
    pub(crate) async fn woken(&self) -> Option<Hash> {
        self.notify.notified().await;
        match std::mem::take(&mut *self.changed.lock()) {
            Changed::To(tip) => Some(tip),
            Changed::Not | Changed::Somehow => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_names_no_tip_outweighs_what_does() {
        let wake = Wake::default();
        let woken = || wake.woken().now_or_never();
        for (reports, expected) in [
            (&[Some([1; 32])][..], Some([1; 32])),
            (&[Some([1; 32]), Some([2; 32])], Some([2; 32])),
            (&[None, Some([1; 32])], None),
            (&[Some([1; 32]), None], None),
        ] {
            assert_eq!(woken(), None);
            reports.iter().for_each(|tip| wake.wake(*tip));
            assert_eq!(woken(), Some(expected), "{reports:?}");
        }
    }
}
