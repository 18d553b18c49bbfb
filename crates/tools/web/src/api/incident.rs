//! `api/alerts/{incident}`.

use alert_state::Quiet;
use event::pb::alerts::{Alert, Number, State, SubjectKind};
use event::text::{NumberText, Sentence, SubjectText, severity_name};
use schemars::JsonSchema;
use serde::Serialize;

use super::alerts::{AlertIncident, may_decide};
use super::endpoint::{self, RequestContext};
use super::parameters::{ApiError, Parameter};
use super::values::{Time, round};
use crate::kept::Kept;
use crate::state::alerts::Known;
use crate::state::evidence::Proof;

pub(crate) struct Endpoint;

/// An incident in detail.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IncidentInFull {
    #[serde(flatten)]
    incident: AlertIncident,
    /// All of its alerts, oldest first.
    all: Vec<AlertInFull>,
    /// What people found out, oldest first. Null where decisions are not at hand, and in the public mode.
    written: Option<Vec<AlertNote>>,
    /// Whether whoever asks may decide something.
    may_decide: bool,
}

/// An alert.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertInFull {
    /// Id.
    id: String,
    /// Name of the detector.
    detector: String,
    /// Family of the detector.
    family: String,
    /// `info`, `warning` or `critical`.
    severity: &'static str,
    /// Whether it goes on.
    open: bool,
    /// When it began.
    since: Time,
    /// When it was last seen.
    last: Time,
    /// When it had been over for long enough. Null if it is open.
    resolved: Option<Time>,
    /// Names of the nodes at which it was seen, in the order in which that was.
    nodes: Vec<String>,
    /// What it is about, in words.
    subject: String,
    /// The same as silences have it. Empty if it is about everything.
    subject_text: String,
    /// The peer that it is about. Null if it is about something else.
    peer: Option<AlertPeer>,
    /// The largest value in relation to its threshold: 1 is the threshold.
    score: f64,
    /// Its sentence.
    text: String,
    /// The numbers behind it.
    numbers: Vec<AlertNumber>,
    /// How many more subjects there was no room for. Null if none.
    more_subjects: Option<u64>,
    /// Why nothing of it is sent to receivers: `silenced` or `acknowledged`. Null if it is.
    quiet: Option<&'static str>,
    /// Number of events that prove it, as it refers to them.
    evidence: u64,
    /// Those of these events that were seen here, and some around them, by time.
    events: Vec<AlertEvent>,
}

/// The peer that an alert is about.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertPeer {
    /// Name of the node.
    node: String,
    /// The node's id of the peer, as it was at the beginning.
    id: u64,
}

/// A number behind an alert.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertNumber {
    /// Its name.
    name: String,
    /// The number.
    value: f64,
    /// Its unit: `addresses`, `s`, `1/min`, `share` (0 to 1); empty if it is a plain number.
    unit: String,
    /// What it was compared with. Null if with nothing.
    threshold: Option<f64>,
    /// The number with its unit, as people write it.
    text: String,
    /// The threshold with its unit, as people write it.
    threshold_text: Option<String>,
}

/// An event that proves an alert, or one around it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertEvent {
    /// When it happened.
    time: Time,
    /// Name of the node.
    node: String,
    /// Run of its extractor, as text: it is larger than numbers of JavaScript.
    run: String,
    /// Its place in the run.
    sequence: u64,
    /// Its kind.
    kind: &'static str,
    /// The node's id of the peer that it concerns.
    peer: Option<u64>,
    /// The event as `peer-observer watch` writes it, without time and node.
    text: String,
    /// Whether the alert refers to it. Others are around one that it refers to.
    proves: bool,
}

/// What somebody found out.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertNote {
    /// The name that the person gave; empty if none.
    by: String,
    /// What they found out.
    text: String,
    /// When it was written.
    time: Time,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = IncidentInFull;
    const PATH: &'static str = "alerts/{incident}";
    const TITLE: &'static str = "An incident in detail";
    const ABOUT: &'static str = "Its alerts with the numbers and the events that prove them, and what people found out. \
        404 if there is no incident with this id.";
    const PARAMETERS: &'static [Parameter] = &[];
    const KEPT: bool = true;

    fn answer(request: &RequestContext) -> Result<IncidentInFull, ApiError> {
        let id = request.arguments.path.first().map_or("", String::as_str);
        let incidents = request.state.alerts.incidents();
        let incident = incidents.iter().find(|incident| incident.id == id);
        let incident = incident.ok_or_else(|| {
            let id = event::quote::Quoted(id);
            ApiError::not_found(format!("there is no incident {id} among the last 1,000 alerts"))
        })?;
        let notes = |kept: &Kept| {
            let notes = kept.notes.iter();
            notes
                .map(|note| AlertNote {
                    by: note.by.to_string(),
                    text: note.text.to_string(),
                    time: Time(note.time_ns),
                })
                .collect()
        };
        Ok(IncidentInFull {
            incident: AlertIncident::of(incident, request.kept),
            all: incident.alerts.iter().map(|known| alert(known, request.kept)).collect(),
            written: request.kept.map(notes),
            may_decide: may_decide(request),
        })
    }
}

fn alert(Known { alert, proof }: &Known, kept: Option<&Kept>) -> AlertInFull {
    let quiet = kept.and_then(|kept| kept.decisions.quiet(alert)).map(|quiet| match quiet {
        Quiet::Silenced => "silenced",
        Quiet::Acknowledged => "acknowledged",
    });
    AlertInFull {
        id: alert.id.clone(),
        detector: alert.detector.clone(),
        family: alert.family.clone(),
        severity: severity_name(alert.severity()),
        open: alert.state() == State::Open,
        since: Time(alert.since_ns),
        last: Time(alert.last_ns),
        resolved: alert.resolved_ns.map(Time),
        nodes: alert.nodes.clone(),
        subject: SubjectText(&alert.subject).to_string(),
        subject_text: alert.subject.text.clone(),
        peer: peer(alert),
        score: round(alert.score, 3),
        text: Sentence(alert).to_string(),
        numbers: alert.numbers.iter().map(number).collect(),
        more_subjects: alert.more_subjects.filter(|more| *more > 0),
        quiet,
        evidence: alert.evidence.len() as u64,
        events: proof.iter().map(event).collect(),
    }
}

/// The peer, at the node where it has this id: the first one.
fn peer(alert: &Alert) -> Option<AlertPeer> {
    let subject = &alert.subject;
    let node = subject.node.as_ref().or(alert.nodes.first())?.clone();
    let id = subject.peer_id.filter(|_| subject.kind() == SubjectKind::Peer)?;
    Some(AlertPeer { node, id })
}

fn number(number: &Number) -> AlertNumber {
    let threshold = number.threshold.map(|value| Number { value, ..number.clone() });
    AlertNumber {
        name: number.name.clone(),
        value: number.value,
        unit: number.unit.clone(),
        threshold: number.threshold,
        text: NumberText(number).to_string(),
        threshold_text: threshold.map(|number| NumberText(&number).to_string()),
    }
}

fn event(proof: &Proof) -> AlertEvent {
    AlertEvent {
        time: Time(proof.time_ns),
        node: proof.node.to_string(),
        run: proof.run.to_string(),
        sequence: proof.sequence,
        kind: proof.kind.name(),
        peer: proof.peer,
        text: proof.text.to_string(),
        proves: proof.is_proof,
    }
}
