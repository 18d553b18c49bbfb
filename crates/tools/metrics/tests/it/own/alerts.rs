//! What the tool `alerts` found, and what became of its notifications.

use super::*;

fn alert(id: &str, state: &str, updates: u32) -> (&'static str, String) {
    let subject = r#""subject":{"kind":"NODE","text":"alice"}"#;
    event(
        "alert",
        &format!(
            r#""id":"{id}","incident":"{id}","detector":"node_gone","family":"instrument","severity":"CRITICAL","state":"{state}","nodes":["alice"],{subject},"since_ns":1,"last_ns":2,"score":1,"sentence":"x","updates":{updates}"#
        ),
    )
}

#[test]
fn open_alerts() {
    let of = ["node_gone", "critical"];
    let mut play = Play::new();
    play.at(0.0, alert("a", "OPEN", 0)).at(1.0, alert("a", "OPEN", 1)).at(2.0, alert("b", "OPEN", 0));
    // One that opened before this tool began.
    play.at(3.0, alert("c", "OPEN", 7));
    play.is(ids::ALERTS_OPEN, &of, 3.0).is(ids::ALERTS_RAISED, &of, 2.0).is(ids::ALERTS_RESOLVED, &of, 0.0);
    play.at(4.0, alert("a", "RESOLVED", 2)).at(5.0, alert("a", "RESOLVED", 2)).at(6.0, alert("d", "RESOLVED", 9));
    play.is(ids::ALERTS_OPEN, &of, 2.0).is(ids::ALERTS_RESOLVED, &of, 2.0);
    // That the node is gone does not end what is to be known of that.
    play.tick(100.0).is(ids::ALERTS_OPEN, &of, 2.0);
    play.at(101.0, alert("a", "OPEN", 3)).is(ids::ALERTS_OPEN, &of, 3.0).is(ids::ALERTS_RAISED, &of, 3.0);
}

#[test]
fn notifications() {
    let receiver = r#"{"name":"receiver","value":"ops"}"#;
    let counts = [
        format!(
            r#"{{"name":"alert_notifications","labels":[{receiver},{{"name":"result","value":"failed"}}],"value":3}}"#
        ),
        format!(r#"{{"name":"alert_notifications_waiting","labels":[{receiver}],"value":2}}"#),
    ]
    .join(",");
    let shared = format!(r#""shared":{{"process":1,"counts":[{counts}]}}"#);
    let status = format!(r#""extractor":"alerts","started_ns":1,"last_sequence":1,"ended":false,{shared}"#);
    let mut play = Play::new();
    play.at(0.0, event("status", &status));
    play.is(ids::ALERT_NOTIFICATIONS, &["ops", "failed"], 3.0).is(ids::ALERT_NOTIFICATIONS_WAITING, &["ops"], 2.0);
}
