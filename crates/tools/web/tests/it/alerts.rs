//! Incidents: what is shown of them, what people may decide, and the feed.

use std::sync::Arc;

use alert_state::Store;
use event::Record;
use event::time::{now_ns, rfc3339};
use reqwest::{Client as Http, StatusCode};
use serde_json::{Value, json};
use web::{Options, Public};

use crate::running::{Running, event, message};

/// What a peer might write.
const HOSTILE: &str = "<script>window.hacked=1</script>]]>&\u{202e}\u{7}<!-- \"'";

/// An alert about a user agent, which an event proves.
fn alert(id: &str, state: &str, severity: &str, updates: u64) -> Arc<Record> {
    let now = now_ns();
    let resolved = (state == "RESOLVED").then(|| now.to_string());
    let mut body = json!({
        "id": id, "incident": "00000000000000a1", "detector": "ping_spam", "family": "protocol",
        "severity": severity, "state": state, "nodes": ["alice"], "subject": { "kind": "AGENT", "text": HOSTILE },
        "since_ns": (now - 60_000_000_000).to_string(), "last_ns": now.to_string(), "score": 2.5,
        "sentence": "{subject} sent {pings} and wrote {what}.", "updates": updates,
        "numbers": [{ "name": "pings", "value": 250.0, "unit": "1/min", "threshold": 100.0 }],
        "texts": [{ "name": "what", "kind": "FREE", "value": HOSTILE }],
        "evidence": [
            { "node": "alice", "run": "7", "sequence": "2", "time_ns": now.to_string() },
            { "node": "alice", "run": "7", "sequence": "99", "time_ns": now.to_string() },
        ],
    });
    if let Some(resolved) = resolved {
        body["resolved_ns"] = resolved.into();
    }
    event(&json!({
        "time": rfc3339(now), "node": "alice", "run": 9, "sequence": updates + 1, "source": "observer", "kind": "alert",
        "body": body,
    }))
}

/// A few pings of a peer.
fn pings() -> Vec<Arc<Record>> {
    (1..=4).map(|sequence| message(sequence, 5, "ping", true, json!({ "ping": { "value": sequence } }))).collect()
}

/// A server, and what it keeps of alerts.
fn start() -> (Running, Store) {
    let store = Store::in_memory().unwrap();
    (Running::start(Options { alerts: Some(store.clone()), ..Options::default() }), store)
}

/// As the tool `alerts` does: to the database, and as an event.
async fn raise(running: &Running, store: &Store, record: Arc<Record>) {
    let Some(event::Body::Alerts(alerts)) = record.body() else { panic!("no alert") };
    let Some(event::pb::alerts::alerts::AlertsEvent::Alert(alert)) = &alerts.alerts_event else { panic!("no alert") };
    store.keep(&[("key".into(), alert.clone())]).unwrap();
    running.publish([record]).await;
}

async fn decide(running: &Running, body: Value) -> (StatusCode, Value) {
    let answer = Http::new().post(format!("{}api/alerts", running.url)).json(&body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn an_incident_is_shown_with_what_proves_it_and_decided() {
    let (running, store) = start();
    running.publish(pings()).await;
    raise(&running, &store, alert("00000000000000a1", "OPEN", "CRITICAL", 0)).await;
    raise(&running, &store, alert("00000000000000a2", "OPEN", "WARNING", 0)).await;
    let open = |info: &Value| info["alerts"] == json!({ "critical": 1, "warning": 1, "info": 0 });
    running.wait_for("info", open).await;
    let all = running.wait_for("alerts", |all| all["incidents"][0]["alerts"] == 2).await;
    let incident = &all["incidents"][0];
    assert_eq!(
        (&incident["severity"], &incident["open"], &incident["notes"]),
        (&json!("critical"), &json!(true), &json!(0))
    );
    assert_eq!((&all["may_decide"], &all["more"]), (&json!(true), &json!(0)));
    for (query, count) in
        [("severity=critical", 1), ("detector=protocol", 1), ("detector=ping", 0), ("open=1", 1), ("node=alice", 1)]
    {
        let answer = running.wait_for(&format!("alerts?{query}"), |_| true).await;
        assert_eq!(answer["incidents"].as_array().map(Vec::len), Some(count), "{query}: {answer}");
    }

    // The event that it refers to, and others of this peer. One never came.
    let one = running.wait_for("alerts/00000000000000a1", |one| one["all"][0]["events"][3].is_object()).await;
    let first = &one["all"][0];
    let events = first["events"].as_array().unwrap();
    let proves: Vec<_> = events.iter().filter(|event| event["proves"] == true).collect();
    assert_eq!((proves.len(), &proves[0]["sequence"], &first["evidence"]), (1, &json!(2), &json!(2)), "{one:#}");
    assert!(proves[0]["text"].as_str().unwrap().contains("ping"), "{one:#}");
    assert_eq!(
        (&first["numbers"][0]["text"], &first["numbers"][0]["threshold_text"]),
        (&json!("250/min"), &json!("100/min"))
    );

    let id = "00000000000000a1";
    for body in [
        json!({ "action": "acknowledge", "incident": id, "by": "alice", "why": HOSTILE }),
        json!({ "action": "silence", "incident": id, "seconds": 3600, "by": "bob" }),
        json!({ "action": "note", "incident": id, "text": HOSTILE }),
    ] {
        let (status, answer) = decide(&running, body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{body}: {answer}");
    }
    let one = running.wait_for("alerts/00000000000000a1", |one| one["notes"] == 1).await;
    assert_eq!((&one["acknowledged"]["by"], &one["acknowledged"]["why"]), (&json!("alice"), &json!(HOSTILE)));
    assert_eq!((&one["written"][0]["text"], &one["all"][0]["quiet"]), (&json!(HOSTILE), &json!("silenced")));
    assert!(one["silenced_until"].is_string());
    // The database has it: it is what the tool alerts asks.
    let decisions = store.decisions(now_ns()).unwrap();
    assert_eq!((decisions.silences.len(), decisions.acknowledged.len()), (1, 1));
    let silence = decisions.silences[0].id;
    let (status, all) = decide(&running, json!({ "action": "end_silence", "silence": silence })).await;
    assert_eq!((status, &all["silences"]), (StatusCode::OK, &json!([])));

    for (body, expected) in [
        (json!({ "action": "acknowledge", "incident": "ffff" }), StatusCode::NOT_FOUND),
        (json!({ "action": "acknowledge" }), StatusCode::NOT_FOUND),
        (json!({ "action": "end_silence", "silence": silence }), StatusCode::NOT_FOUND),
        (json!({ "action": "silence", "seconds": 60 }), StatusCode::BAD_REQUEST),
        (json!({ "action": "silence", "detector": "x", "seconds": u64::MAX }), StatusCode::BAD_REQUEST),
        (json!({ "action": "note", "incident": id, "text": "x".repeat(4_001) }), StatusCode::BAD_REQUEST),
        (json!({ "action": "note", "incident": id, "text": " " }), StatusCode::BAD_REQUEST),
        (json!({ "action": "note", "incident": id, "text": "x", "by": "x".repeat(65) }), StatusCode::BAD_REQUEST),
        (json!({ "action": "drop" }), StatusCode::BAD_REQUEST),
        (json!({ "action": "note", "other": 1 }), StatusCode::BAD_REQUEST),
        (json!({ "action": "note", "text": "x".repeat(40_000) }), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (status, answer) = decide(&running, body.clone()).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    running.end().await;
}

/// A server that starts later knows what the database has, by no event.
#[tokio::test]
async fn what_is_kept_is_shown_after_a_restart() {
    let (running, store) = start();
    raise(&running, &store, alert("00000000000000a1", "OPEN", "INFO", 0)).await;
    running.end().await;
    store.watches(&alert_state::Watching { detectors: 67, since_ns: now_ns(), last_ns: now_ns() }).unwrap();
    let running = Running::start(Options { alerts: Some(store.clone()), ..Options::default() });
    let all = running.wait_for("alerts", |all| all["incidents"][0]["open"] == true).await;
    assert_eq!(all["watching"]["detectors"], 67);
    let mut other = store.open_alerts().unwrap().remove(0);
    (other.1.id, other.1.incident) = ("00000000000000b1".to_owned(), "00000000000000b1".to_owned());
    store.keep(&[other]).unwrap();
    running.end().await;
    let running = Running::start(Options { alerts: Some(store), ..Options::default() });
    let first = running.wait_for("alerts?number=1", |all| all["incidents"][0].is_object()).await;
    assert_eq!((first["incidents"].as_array().map(Vec::len), &first["more"]), (Some(1), &json!(1)));
    running.end().await;
}

#[tokio::test]
async fn nobody_else_decides() {
    let body = json!({ "action": "acknowledge", "incident": "00000000000000a1" });
    // Without the database, and in public, nothing is decided.
    let public = Options { public: Some(Public::default()), ..Options::default() };
    for options in [Options::default(), public] {
        let is_public = options.public.is_some();
        let running = Running::start(options);
        running.publish([alert("00000000000000a1", "OPEN", "CRITICAL", 0)]).await;
        let all = running.wait_for("alerts", |all| all["incidents"][0]["open"] == true).await;
        let expected = (&json!(false), &Value::Null, &Value::Null);
        assert_eq!((&all["may_decide"], &all["silences"], &all["incidents"][0]["notes"]), expected);
        assert_eq!(decide(&running, body.clone()).await.0, StatusCode::FORBIDDEN);
        let atom = reqwest::get(format!("{}alerts.atom", running.url)).await.unwrap().text().await.unwrap();
        assert_eq!(is_public, !format!("{all} {atom}").contains("00000000000000a1"), "{all} {atom}");
        running.end().await;
    }
    // Neither do pages of other sites.
    let (running, store) = start();
    raise(&running, &store, alert("00000000000000a1", "OPEN", "CRITICAL", 0)).await;
    let post = |headers: &[(&'static str, &'static str)]| {
        let mut request = Http::new().post(format!("{}api/alerts", running.url)).body(body.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send()
    };
    let json = ("content-type", "application/json");
    let (elsewhere, simple) = ([json, ("origin", "https://evil.example")], [("content-type", "text/plain")]);
    assert_eq!(post(&elsewhere).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(post(&[json, ("sec-fetch-site", "cross-site")]).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(post(&simple).await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(store.acknowledgements().unwrap().is_empty());
    running.end().await;
}

#[tokio::test]
async fn a_reader_of_atom_understands_the_feed() {
    let (running, store) = start();
    let feed = async || {
        let answer = reqwest::get(format!("{}alerts.atom", running.url)).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/atom+xml; charset=utf-8");
        atom_syndication::Feed::read_from(answer.text().await.unwrap().as_bytes()).unwrap()
    };
    assert_eq!(feed().await.entries(), []);
    raise(&running, &store, alert("00000000000000a1", "OPEN", "CRITICAL", 0)).await;
    raise(&running, &store, alert("00000000000000a2", "OPEN", "WARNING", 0)).await;
    running.wait_for("alerts", |all| all["incidents"][0]["alerts"] == 2).await;
    let before = feed().await;
    let [entry] = before.entries() else { panic!("{before:?}") };
    assert_eq!(entry.id(), "tag:peer-observer,2026:incident:00000000000000a1");
    assert_eq!(entry.links()[0].href(), "./#/alerts?id=00000000000000a1");
    assert!(entry.title().as_str().starts_with("CRITICAL ping_spam at alice: user agent \""), "{entry:?}");
    // What peers wrote is text.
    let content = entry.content().unwrap();
    assert!(content.value().unwrap().contains("<script>window.hacked=1</script>]]>&"), "{entry:?}");
    assert_eq!(content.content_type(), Some("text"));
    // It goes on: nothing new. It ends: that is.
    raise(&running, &store, alert("00000000000000a1", "RESOLVED", "CRITICAL", 1)).await;
    raise(&running, &store, alert("00000000000000a2", "RESOLVED", "WARNING", 1)).await;
    running.wait_for("alerts", |all| all["incidents"][0]["open"] == false).await;
    let after = feed().await;
    assert_eq!(after.entries()[0].id(), entry.id());
    assert!(after.entries()[0].updated() > entry.updated() && after.updated() >= after.entries()[0].updated());
    assert!(after.entries()[0].title().as_str().starts_with("over: "));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_decide_on_the_page() {
    if testbed::require_chromium().is_none() {
        return;
    }
    let (running, store) = start();
    store.watches(&alert_state::Watching { detectors: 67, since_ns: now_ns(), last_ns: now_ns() }).unwrap();
    let browser = testbed::Browser::start().await.unwrap();
    let page = browser.page(1_366, 900).await.unwrap();
    let until = async |shows: &str| {
        let shown = format!("(() => {{ const text = () => document.body.innerText; return Boolean({shows}); }})()");
        if let Err(error) = page.until(&shown, crate::running::PATIENCE).await {
            panic!("{error}: {} {:?}", page.value("document.body.innerText").await.unwrap(), page.wrong());
        }
    };
    // Before there is any alert, it says what is watched.
    running.publish(pings()).await;
    page.go(&format!("{}#/alerts", running.url)).await.unwrap();
    until("text().includes('67 detectors watch alice since')").await;
    raise(&running, &store, alert("00000000000000a1", "OPEN", "CRITICAL", 0)).await;
    until("document.querySelectorAll('.view-alerts tbody tr').length > 0 && text().includes('1 critical alert')").await;
    page.value("document.querySelector('.view-alerts tbody a').click()").await.unwrap();
    until("text().includes('Evidence') && document.querySelectorAll('.events .proves').length === 1").await;
    let press = async |name: &str| {
        let button =
            format!("[...document.querySelectorAll('button')].find((el) => el.textContent.includes('{name}')).click()");
        page.value(&button).await.unwrap();
    };
    page.value("[...document.querySelectorAll('.decide input')][0].value = 'alice'").await.unwrap();
    press("I look after it").await;
    until("text().includes('by alice') && text().includes('Nobody looks after it any more')").await;
    press("For 1 hour").await;
    until("text().includes('Silenced') && document.querySelector('.alert .badges').innerText.includes('silenced')")
        .await;
    page.value(&format!("document.querySelector('textarea').value = {}", json!(HOSTILE))).await.unwrap();
    press("Add the note").await;
    until("document.querySelectorAll('.notes li').length === 1").await;
    let decisions = store.decisions(now_ns()).unwrap();
    assert_eq!((decisions.silences.len(), decisions.acknowledged.len()), (1, 1));
    assert_eq!(store.incident("00000000000000a1").unwrap().notes[0].text, HOSTILE);
    match testbed::axe() {
        Ok(path) => {
            page.value(&format!("{}\n;true", std::fs::read_to_string(path).unwrap())).await.unwrap();
            let run = "axe.run(document, { resultTypes: ['violations'] }).then((found) => \
                       found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html)}`))";
            assert_eq!(page.value(run).await.unwrap(), json!([]));
        }
        Err(error) => testbed::skipped(&format!("accessibility: {error}")),
    }
    // A peer's text is shown, and does nothing.
    assert_eq!(page.value("window.hacked ?? null").await.unwrap(), Value::Null);
    assert_eq!(page.value("document.querySelectorAll('main script').length").await.unwrap(), 0);
    let over = page.value("document.documentElement.scrollWidth - window.innerWidth").await.unwrap();
    assert!(over.as_i64() <= Some(0), "{over} pixels too wide");
    assert!(page.wrong().is_empty(), "{:#?}", page.wrong());
    // It ends, which is seen without asking.
    raise(&running, &store, alert("00000000000000a1", "RESOLVED", "CRITICAL", 1)).await;
    until("document.querySelector('.badges').innerText.includes('over') && !text().includes('1 critical alert')").await;
    running.end().await;
}
