//! The node is of another version than before.

use event::Record;
use event::pb::alerts::{Severity, TextKind};
use event::pb::rpc_extractor::rpc::RpcEvent;
use model::bounds::MAX_USER_AGENT;
use model::text::cut;
use model::{Context, Observer, Peers};
use smol_str::SmolStr;

use crate::detector::{Detector, Me, Row, Timing};
use crate::detectors::Details;
use crate::finding::{Finding, Report};
use crate::noted::polled;
use crate::settings::Values;
use crate::sink::Sink;
use crate::subject::Subject;

/// Finds upgrades, and nodes that were replaced by others.
pub(crate) struct VersionChanged {
    me: Me,
    before: Option<(i32, SmolStr)>,
}

impl Detector for VersionChanged {
    const ROW: Row = Row {
        name: "version_changed",
        family: "instrument",
        severity: Severity::Info,
        title: "a node is of another version than before",
        sees: "The version and user agent of the node, by getnetworkinfo. Limits that depend on the version change with it.",
        misses: "A change while nothing observed the node.",
        timing: Timing { after: 0, hold: 600, warm_up: 0 },
        parameters: &[],
        related: &["node_restarted"],
    };

    fn new(me: Me, _: &Values) -> Self {
        Self { me, before: None }
    }
}

impl Observer<Sink, Details> for VersionChanged {
    fn event(&mut self, record: &Record, _: &mut Peers<Details>, context: &mut Context<Sink>) {
        let Some(RpcEvent::NetworkInfo(info)) = polled(record) else { return };
        if info.subversion.is_empty() {
            return; // it was redacted
        }
        let now = (info.version, cut(&info.subversion, MAX_USER_AGENT));
        let before = self.before.replace(now.clone());
        let Some((_, agent)) = before.filter(|before| *before != now) else { return };
        context.report(self.me, 1.0, || {
            Finding::new(Subject::Node, "{subject} is {now} now; it was {before}.")
                .text("now", TextKind::UserAgent, &now.1)
                .text("before", TextKind::UserAgent, &agent)
        });
    }
}
