//! A peer sends a block that was changed on the way.

use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::log_extractor::log::LogEvent;
use model::{Change, Context, Observer, Peers};

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Evidence, Finding, Report};
use crate::noted::{logged, subject_of, with_agent};
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Finds blocks that were changed on the way.
pub(crate) struct MutatedBlock {
    me: Me,
    /// One that will be reported when it is known who sent it.
    found: Option<Mutated>,
}

struct Mutated {
    state: &'static str,
    peer: Option<u64>,
    evidence: Evidence,
}

impl Detector for MutatedBlock {
    const ROW: Row = Row {
        name: "mutated_block",
        family: "blocks",
        severity: Severity::Warning,
        title: "a peer sends a block that was changed",
        sees: "Blocks that do not fit their header, or lack their witnesses, by debug.log, and peers that the node reports as \
               misbehaving for it, by the tracepoint or debug.log.",
        misses: "Who sent it, before Bitcoin Core logged that, unless the node reports misbehaviour. A mining pool's peers have \
                 sent blocks without witnesses for years by a fault (b10c, observation 10).",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[],
        related: &["invalid_block"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me, found: None }
    }
}

impl MutatedBlock {
    fn found(&mut self, context: &Context<Sink>) -> &mut Mutated {
        let found = self.found.get_or_insert(Mutated { state: "unknown", peer: None, evidence: Evidence::default() });
        found.evidence.note(context);
        found
    }
}

impl Observer<Sink, Details> for MutatedBlock {
    fn change(&mut self, change: &Change, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        match change {
            Change::BlockMutated { state } => self.found(context).state = state,
            Change::PeerMisbehaved { id, message } if message.contains("mutated block") => {
                self.found(context).peer = Some(*id);
            }
            _ => {}
        }
    }

    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        if let Some(LogEvent::MutatedBlock(mutated)) = logged(record)
            && let Some(peer) = mutated.peer_id
        {
            self.found(context).peer = Some(peer);
        }
    }

    fn tick(&mut self, peers: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(Mutated { state, peer, evidence }) = self.found.take() else { return };
        context.report(self.me, 1.0, || {
            let finding = match peer {
                Some(id) => with_agent(
                    Finding::new(subject_of(id, peers), "{subject} ({agent}) sent a block that was changed: {state}."),
                    id,
                    peers,
                ),
                None => Finding::new(Subject::Node, "{subject} received a block that was changed: {state}."),
            };
            finding.text("state", TextKind::Word, &state.replace('-', "_")).evidence(&evidence)
        });
    }
}
