//! A peer claims services that there are not.

use event::message::{Message, Payload};
use event::pb::alerts::Severity;
use model::{Context, Peer};

use super::OfPeer;
use super::rule::{Rule, Slot, limit, window};
use crate::detector::{Row, Timing};
use crate::detectors::Details;
use crate::sink::Sink;

/// Flags that nobody ever used: those from 24 to 31 are for experiments, the lower ones were given to something.
const UNUSED: u64 = !0 << 32;
/// Flags at once that are more than any program has.
const TOO_MANY: u32 = 16;

/// Version messages with flags that mean nothing.
#[derive(Default)]
pub(crate) struct BogusServices;

impl Rule for BogusServices {
    const ROW: Row = Row {
        name: "bogus_services",
        family: "protocol",
        severity: Severity::Info,
        title: "a peer claims services that there are not",
        sees: "Service flags in version messages: the upper half of the flags, which means nothing, or 16 and more at once.",
        misses: "Flags that mean something and are not true: disguised_agent and the connectivity check find some of those.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[
            limit("Such version messages within the window.", 1.0, "messages", "Each connection has one."),
            window(600.0, "A connection every ten minutes keeps the alert open."),
        ],
        related: &["disguised_agent"],
    };
    const UNIT: &'static str = "messages";
    const SENTENCE: &'static str = "{subject} ({agent}) claims services that there are not.";

    fn slot(of: &mut OfPeer) -> &mut Slot {
        &mut of.bogus_services
    }

    #[inline]
    fn count(&mut self, message: &Message, _: &mut Peer<Details>, _: &Context<Sink>) -> f64 {
        let Payload::Version(version) = message.payload else { return 0.0 };
        let is_bogus = version.services & UNUSED != 0 || version.services.count_ones() >= TOO_MANY;
        f64::from(u8::from(message.inbound && is_bogus))
    }
}
