//! Prometheus' Alertmanager, by its API of version 2. An alert is what its labels say, so that they have nothing that
//! changes. Alerts end there by themselves unless they are sent again.

use std::time::{Duration, Instant};

use event::pb::alerts::{Alert, State};
use event::text::{SubjectText, severity_name};
use event::time::{now_ns, rfc3339};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::http::{Endpoint, below};
use super::outbox::Grouping;
use super::settings::{Values, key};
use super::text::{PLAIN, facts, sentence};
use super::{Boxed, Hushing, Kind, Receiver, Sending};

pub(super) const KIND: Kind = Kind {
    name: "alertmanager",
    keys: &[
        key("url", "address of an Alertmanager, or of all of a cluster: without /api").required().secret(),
        key("username", "name to log in with"),
        key("password", "password to log in with").secret(),
    ],
    make,
};

/// How often open alerts are sent again.
const AGAIN: Duration = Duration::from_secs(60);
/// An alert that was not sent for so long is over: twice, something may go wrong.
const ENDS: Duration = AGAIN.saturating_mul(3);

struct Alertmanager {
    alerts: Endpoint,
    silences: Endpoint,
    silence: Endpoint,
    held: Mutex<Option<Held>>,
}

/// A silence there, which holds what people do not want to hear of.
#[derive(Clone)]
struct Held {
    id: String,
    /// Ids of alerts, as a regular expression.
    ids: String,
    since: Instant,
}

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let urls = match values.text("url_file")? {
        Some(_) => values.secret("url")?.map(|text| text.split_whitespace().map(str::to_owned).collect()),
        None => values.texts("url")?,
    };
    let password = values.secret("password")?;
    let mut receivers: Vec<Boxed> = Vec::new();
    for url in urls.unwrap_or_default() {
        let url = values.url("url", &url)?;
        let at = |path| below(&url, path).map_err(|error| values.wrong("url", &error));
        let (alerts, silences, silence) = (at("api/v2/alerts")?, at("api/v2/silences")?, at("api/v2/silence")?);
        let mut endpoint = Endpoint::new(alerts, values)?;
        endpoint = match (values.text("username")?, &password) {
            (Some(username), Some(password)) => {
                endpoint.authorized(&format!("Basic {}", basic(&username, password)), values, "password")?
            }
            (None, None) => endpoint,
            _ => return Err(values.wrong("username", "username and password go together: give both or neither")),
        };
        let (silences, silence) = (endpoint.at(silences), endpoint.at(silence));
        receivers.push(Box::new(Alertmanager { alerts: endpoint, silences, silence, held: Mutex::default() }));
    }
    Ok(receivers)
}

/// A name and a password as HTTP has them.
fn basic(username: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"))
}

impl Receiver for Alertmanager {
    fn grouping(&self) -> Grouping {
        Grouping { most: 200, wait: None }
    }

    fn again(&self) -> Option<Duration> {
        Some(AGAIN)
    }

    /// By one silence there, which ends by itself as the alerts do.
    fn hush<'a>(&'a self, alerts: &'a [&'a Alert]) -> Hushing<'a> {
        Box::pin(async move {
            let ids = alerts.iter().map(|alert| alert.id.as_str()).collect::<Vec<_>>().join("|");
            let held = self.held.lock().clone();
            match &held {
                Some(held) if held.ids == ids && held.since.elapsed() < AGAIN / 2 => return Ok(()),
                None if ids.is_empty() => return Ok(()),
                Some(held) if ids.is_empty() => {
                    // One that is gone there need not be ended.
                    *self.held.lock() = None;
                    return self.silence.delete(&held.id).await;
                }
                Some(_) | None => {}
            }
            let now_ns = now_ns();
            let mut body = json!({
                "matchers": [{ "name": "id", "value": ids, "isRegex": true, "isEqual": true }],
                "startsAt": rfc3339(now_ns),
                "endsAt": rfc3339(now_ns.saturating_add(event::time::nanoseconds(ENDS))),
                "createdBy": "peer-observer",
                "comment": "silenced or acknowledged in peer-observer",
            });
            // With other ids, the Alertmanager ends the old one and makes a new one.
            if let (Some(held), Some(fields)) = (&held, body.as_object_mut()) {
                fields.insert("id".to_owned(), held.id.clone().into());
            }
            let answer = self.silences.ask(&body).await;
            let id =
                answer.as_ref().ok().and_then(|answer| Some(answer.as_ref()?.get("silenceID")?.as_str()?.to_owned()));
            *self.held.lock() = id.map(|id| Held { id, ids, since: Instant::now() });
            answer.map(drop)
        })
    }

    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let now_ns = now_ns();
            let body: Vec<Value> = alerts.iter().map(|alert| of(alert, now_ns)).collect();
            self.alerts.post(&body.into()).await.map(|()| alerts.len())
        })
    }
}

fn of(alert: &Alert, now_ns: u64) -> Value {
    let ends_ns = match alert.state() {
        State::Open => now_ns.saturating_add(event::time::nanoseconds(ENDS)),
        State::Resolved => alert.resolved_ns.unwrap_or(now_ns).min(now_ns),
    };
    json!({
        "labels": {
            "alertname": alert.detector,
            "family": alert.family,
            "severity": severity_name(alert.severity()),
            "subject": SubjectText(&alert.subject).to_string(),
            "incident": alert.incident,
            "id": alert.id,
        },
        "annotations": {
            "summary": sentence(alert, PLAIN),
            "description": facts(alert),
            "nodes": alert.nodes.join(", "),
        },
        // It cannot begin after its end.
        "startsAt": rfc3339(alert.since_ns.min(ends_ns)),
        "endsAt": rfc3339(ends_ns),
    })
}
