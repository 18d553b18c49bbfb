//! A real Alertmanager.

use std::time::Duration;

use alert_state::Decisions;
use event::pb::alerts::{Severity, State};
use event::time::now_ns;
use serde_json::json;
use testbed::{Monitor, Webhook};

use super::{alert, note, settings, start};

#[tokio::test]
async fn an_alertmanager_gets_alerts_and_their_ends() {
    if testbed::require_prometheus().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut webhook = Webhook::start().await.unwrap();
    let config = dir.path().join("alertmanager.yml");
    let text = format!(
        "route:\n  receiver: test\n  group_by: [incident]\n  group_wait: 0s\n  group_interval: 1s\n\
         receivers:\n  - name: test\n    webhook_configs:\n      - url: {}\n        send_resolved: true\n",
        webhook.url()
    );
    std::fs::write(&config, text).unwrap();
    let monitor = Monitor::alertmanager(&config).await.unwrap();
    // The first one of the cluster is down.
    let section = json!({ "type": "alertmanager", "url": ["http://127.0.0.1:1", monitor.url()] });
    let (receivers, _) = start(&[settings("r", section)], None);
    let mut open = alert("a1", "a1", State::Open);
    open.since_ns = now_ns() - 5_000_000_000;
    note(&receivers, None, open.clone()).await;
    let patience = Duration::from_secs(30);
    let firing = webhook.next(patience, |post| post["status"] == "firing").await.unwrap();
    let labels = &firing["alerts"][0]["labels"];
    assert_eq!(
        (&labels["alertname"], &labels["severity"], &labels["id"]),
        (&json!("subnet_flood"), &json!("warning"), &json!("a1"))
    );
    assert_eq!(labels.as_object().unwrap().len(), 6, "{labels}");
    assert_eq!(firing["alerts"][0]["annotations"]["nodes"], "alice");

    // Somebody looks after it: it stays there, and is quiet.
    let acknowledged = [("a1".into(), Severity::Warning)].into();
    receivers.decide(Decisions { acknowledged, ..Decisions::default() });
    let suppressed = async || {
        let alerts = reqwest::get(format!("{}/api/v2/alerts", monitor.url())).await.ok()?;
        let alerts: serde_json::Value = alerts.json().await.ok()?;
        Some(alerts).filter(|alerts| alerts[0]["status"]["state"] == "suppressed")
    };
    testbed::eventually("the alert is silenced there", patience, suppressed).await.unwrap();
    receivers.decide(Decisions::default());

    // More nodes and a higher score are no other alert, and its end is that of the same.
    open.state = State::Resolved.into();
    open.nodes.push("bob".to_owned());
    (open.score, open.updates, open.resolved_ns) = (9.0, 3, Some(now_ns()));
    note(&receivers, None, open).await;
    let resolved = webhook.next(patience, |post| post["status"] == "resolved").await.unwrap();
    assert_eq!(resolved["alerts"].as_array().map(Vec::len), Some(1), "{resolved}");
    assert_eq!(&resolved["alerts"][0]["labels"], labels);
    receivers.end().await;
}
