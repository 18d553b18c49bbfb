//! `api/alerts`: the incidents, and what people decide about them.

use alert_state::{Acknowledgement, Decision, Error, Matcher, Note, Silence, Store};
use event::pb::alerts::{Severity, State};
use event::text::{Sentence, SubjectText, severity_name};
use event::time::now_ns;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Context;
use super::endpoint::{self, Command, RequestContext};
use super::parameters::{ApiError, NODE, Parameter, ParameterKind};
use super::values::Time;
use crate::kept::Kept;
use crate::state::alerts::Incident;
use crate::state::series::SECOND;

pub(crate) struct Endpoint;

/// Alerts: what was found, and what is decided about it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Alerts {
    /// What looks for alerts. Null if that is not known here.
    watching: Option<Watching>,
    /// How many alerts are open. Null if it is not known whether anything looks for them.
    open: Option<OpenAlerts>,
    /// The incidents: those that are open first, the most severe before others; then those that changed last.
    incidents: Vec<AlertIncident>,
    /// How many more there are, beyond `number`.
    more: u64,
    /// Silences that have not ended. Null where decisions are not at hand, and in the public mode.
    silences: Option<Vec<AlertSilence>>,
    /// Whether whoever asks may decide something.
    may_decide: bool,
}

/// What looks for alerts.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Watching {
    /// Number of detectors.
    detectors: u64,
    /// Since when.
    since: Time,
    /// When they were last seen to look. It is noted once a minute.
    last: Time,
}

/// How many alerts are open, by severity.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OpenAlerts {
    /// To be looked at now.
    critical: u64,
    /// To be looked at during the day.
    warning: u64,
    /// Worth knowing.
    info: u64,
}

impl OpenAlerts {
    /// Those of a state. None if it is not known whether anything looks for alerts.
    pub fn of(state: &crate::state::State) -> Option<Self> {
        let open = |severity| state.alerts.open(severity);
        Some(Self {
            critical: open(Severity::Critical)?,
            warning: open(Severity::Warning)?,
            info: open(Severity::Info)?,
        })
    }
}

/// Alerts that have one cause.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertIncident {
    /// Id: that of its first alert.
    id: String,
    /// Whether one of its alerts is open.
    open: bool,
    /// The highest severity of its alerts: `info`, `warning`, `critical`.
    severity: &'static str,
    /// When it began.
    since: Time,
    /// When any of it was last seen.
    last: Time,
    /// When all of it had been over for long enough. Null if it is open.
    resolved: Option<Time>,
    /// Names of the nodes at which it was seen.
    nodes: Vec<String>,
    /// Names of the detectors that found something of it.
    detectors: Vec<String>,
    /// What the most severe of its alerts is about, in words.
    subject: String,
    /// The sentence of the most severe of its alerts.
    text: String,
    /// Number of its alerts.
    alerts: u64,
    /// Who looks after it. Null if nobody does.
    acknowledged: Option<Decided>,
    /// Until when nothing of it is sent to receivers. Null if something is.
    silenced_until: Option<Time>,
    /// Number of its notes. Null where decisions are not at hand, and in the public mode.
    notes: Option<u64>,
}

/// Who decided something, why and when.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Decided {
    /// The name that the person gave; empty if none.
    by: String,
    /// The reason; empty if none was given.
    why: String,
    /// When.
    time: Time,
}

impl Decided {
    fn of(Decision { by, why, time_ns }: &Decision) -> Self {
        Self { by: by.to_string(), why: why.to_string(), time: Time(*time_ns) }
    }
}

/// Until a time, nothing is sent to receivers of alerts for which all of `detector`, `subject`, `node` and `incident`
/// is so that is not null.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertSilence {
    /// Its number.
    id: i64,
    /// Name of the detector, or of its family.
    detector: Option<String>,
    /// What the alert is about. A peer by its address; a subnet has its peers in it.
    subject: Option<String>,
    /// The only node at which the alert is seen.
    node: Option<String>,
    /// Id of the incident.
    incident: Option<String>,
    /// Who made it, why, and when it began.
    decided: Decided,
    /// When it ends.
    until: Time,
}

impl AlertSilence {
    fn of(silence: &Silence) -> Self {
        let Silence { id, matcher: Matcher { detector, subject, node, incident }, decision, until_ns } = silence;
        let text = |part: &Option<SmolStr>| part.as_ref().map(ToString::to_string);
        Self {
            id: *id,
            detector: text(detector),
            subject: text(subject),
            node: text(node),
            incident: text(incident),
            decided: Decided::of(decision),
            until: Time(*until_ns),
        }
    }
}

impl AlertIncident {
    /// An incident, with what people decided about it.
    pub fn of(incident: &Incident, kept: Option<&Kept>) -> Self {
        let worst = &incident.worst.alert;
        let mut detectors: Vec<String> = incident.all().map(|alert| alert.detector.clone()).collect();
        detectors.sort();
        detectors.dedup();
        let is_open = incident.is_open();
        let max = |time: fn(&event::pb::alerts::Alert) -> u64| Time(incident.all().map(time).max().unwrap_or_default());
        let acknowledged: Option<&Acknowledgement> = kept.and_then(|kept| kept.acknowledged.get(incident.id));
        Self {
            id: incident.id.to_owned(),
            open: is_open,
            severity: severity_name(worst.severity()),
            since: Time(incident.first.alert.since_ns),
            last: max(|alert| alert.last_ns),
            resolved: (!is_open).then(|| max(|alert| alert.resolved_ns.unwrap_or(alert.last_ns))),
            nodes: incident.nodes(),
            detectors,
            subject: SubjectText(&worst.subject).to_string(),
            text: Sentence(worst).to_string(),
            alerts: incident.alerts.len() as u64,
            acknowledged: acknowledged.map(|acknowledged| Decided::of(&acknowledged.decision)),
            silenced_until: kept.and_then(|kept| silenced_until(incident, kept)),
            notes: kept.map(|kept| kept.counts.get(incident.id).copied().unwrap_or_default()),
        }
    }
}

/// Until when nothing is sent of an incident: if each of its alerts that are open is silenced, until the first of them
/// is no more.
fn silenced_until(incident: &Incident, kept: &Kept) -> Option<Time> {
    let open = incident.all().filter(|alert| alert.state() == State::Open);
    let until = open.map(|alert| {
        let silences = kept.decisions.silences.iter().filter(|silence| silence.matcher.matches(alert));
        silences.map(|silence| silence.until_ns).max()
    });
    until.min().flatten().map(Time)
}

/// Whether whoever asks may decide something.
pub(crate) fn may_decide(request: &RequestContext) -> bool {
    request.may_control && !request.state.public && request.kept.is_some_and(|kept| kept.is_writable)
}

const OPEN: Parameter =
    Parameter { name: "open", kind: ParameterKind::Flag, about: "1: only incidents that are open." };
const SEVERITY: Parameter = Parameter {
    name: "severity",
    kind: ParameterKind::Text,
    about: "Only incidents of this severity (`info`, `warning`, `critical`) or a higher one.",
};
const DETECTOR: Parameter = Parameter {
    name: "detector",
    kind: ParameterKind::Text,
    about: "Only incidents with an alert of this detector, or of this family of detectors.",
};
const NUMBER: Parameter =
    Parameter { name: "number", kind: ParameterKind::Number(1, 1_000, 100), about: "How many incidents at most." };

impl endpoint::Endpoint for Endpoint {
    type Answer = Alerts;
    const PATH: &'static str = "alerts";
    const TITLE: &'static str = "Incidents: alerts that have one cause";
    const ABOUT: &'static str = "What the tool `alerts` found, and what people decided about it (see [alerts.md](alerts.md)). \
        The last 1,000 alerts are known. As an Atom feed: `alerts.atom`, beside `api/`.";
    const PARAMETERS: &'static [Parameter] = &[NODE, OPEN, SEVERITY, DETECTOR, NUMBER];
    const KEPT: bool = true;
    const COMMAND: Option<Command> = Some(Command {
        about: "POST with a JSON object (`Content-Type: application/json`) decides something; the answer is as that of GET. \
            403 in the public mode, and where the database of alerts is not at hand or can only be read.",
        schema: |generator| generator.subschema_for::<AlertsCommand>(),
        run: command,
    });

    fn answer(request: &RequestContext) -> Result<Alerts, ApiError> {
        // A name that there is not is an error, also here.
        request.nodes()?;
        let arguments = request.arguments;
        let least = match arguments.text(SEVERITY.name) {
            None | Some("info") => Severity::Info,
            Some("warning") => Severity::Warning,
            Some("critical") => Severity::Critical,
            Some(_) => return Err(ApiError::query("severity: give info, warning or critical".to_owned())),
        };
        let (node, detector) = (arguments.node(), arguments.text(DETECTOR.name));
        let only_open = arguments.flag(OPEN.name);
        let is_wanted = |incident: &Incident| {
            (!only_open || incident.is_open())
                && incident.worst.alert.severity() >= least
                && node.is_none_or(|node| incident.all().any(|alert| alert.nodes.iter().any(|other| other == node)))
                && detector
                    .is_none_or(|name| incident.all().any(|alert| alert.detector == name || alert.family == name))
        };
        let incidents = request.state.alerts.incidents();
        let wanted: Vec<&Incident> = incidents.iter().filter(|incident| is_wanted(incident)).collect();
        let number = usize::try_from(arguments.number(NUMBER)).unwrap_or(usize::MAX);
        let silences = |kept: &Kept| kept.decisions.silences.iter().map(AlertSilence::of).collect();
        let watching = request.state.alerts.watching;
        Ok(Alerts {
            watching: watching.map(|alert_state::Watching { detectors, since_ns, last_ns }| Watching {
                detectors,
                since: Time(since_ns),
                last: Time(last_ns),
            }),
            open: OpenAlerts::of(request.state),
            incidents: wanted.iter().take(number).map(|incident| AlertIncident::of(incident, request.kept)).collect(),
            more: wanted.len().saturating_sub(number) as u64,
            silences: request.kept.map(silences),
            may_decide: may_decide(request),
        })
    }
}

/// A decision about an incident, or about alerts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsCommand {
    /// What is decided.
    action: Action,
    /// Id of the incident. All but `silence` and `end_silence` need it.
    incident: Option<String>,
    /// `silence`: name of a detector, or of a family of them.
    detector: Option<String>,
    /// `silence`: what alerts are about: the address of a peer, a subnet, the name of a node, and so on.
    subject: Option<String>,
    /// `silence`: the only node at which they are seen.
    node: Option<String>,
    /// `silence`: for how many seconds, a year at most.
    seconds: Option<u64>,
    /// `end_silence`: number of the silence.
    silence: Option<i64>,
    /// `note`: what was found out, 4,000 bytes at most.
    text: Option<String>,
    /// Name of the person, 64 bytes at most.
    by: Option<String>,
    /// `acknowledge`, `silence`: the reason, 4,000 bytes at most.
    why: Option<String>,
}

/// What is decided: somebody looks after an incident (`acknowledge`) or does so no more (`unacknowledge`), alerts are
/// silenced for a time (`silence`) or no more (`end_silence`), or a `note` is added to an incident.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    Acknowledge,
    Unacknowledge,
    Silence,
    EndSilence,
    Note,
}

fn command(context: &Context, body: &[u8]) -> Result<(), ApiError> {
    let store = context.alerts.as_ref().filter(|store| store.is_writable()).ok_or_else(|| {
        let text = "nothing can be decided here: the database of alerts is not at hand, or can only be read; \
                    on its machine, there is peer-observer alerts ack|silence|note";
        ApiError::forbidden(text.to_owned())
    })?;
    let command: AlertsCommand = serde_json::from_slice(body).map_err(|error| ApiError::query(error.to_string()))?;
    apply(store, command, now_ns()).map_err(|error| match error {
        Error::NoIncident(_) | Error::NoSilence(_) => ApiError::not_found(error.to_string()),
        Error::Database(_) => ApiError::broken(error.to_string()),
        _ => ApiError::query(error.to_string()),
    })
}

fn apply(store: &Store, command: AlertsCommand, now_ns: u64) -> Result<(), Error> {
    let AlertsCommand { action, incident, detector, subject, node, seconds, silence, text, by, why } = command;
    let given = |text: Option<String>| text.map(|text| SmolStr::from(text.trim())).filter(|text| !text.is_empty());
    let decision = Decision { by: given(by).unwrap_or_default(), why: given(why).unwrap_or_default(), time_ns: now_ns };
    let of = incident.clone().unwrap_or_default();
    match action {
        Action::Acknowledge => store.acknowledge(&of, &decision),
        Action::Unacknowledge => store.unacknowledge(&of),
        Action::Silence => {
            let until_ns = now_ns.saturating_add(seconds.unwrap_or_default().saturating_mul(SECOND));
            let (detector, subject, node) = (given(detector), given(subject), given(node));
            let matcher = Matcher { detector, subject, node, incident: given(incident) };
            store.silence(&matcher, &decision, until_ns).map(drop)
        }
        Action::EndSilence => store.end_silence(silence.unwrap_or_default(), now_ns),
        Action::Note => {
            let text = given(text).unwrap_or_default();
            store.add_note(&of, &Note { by: decision.by, text, time_ns: now_ns })
        }
    }
}
