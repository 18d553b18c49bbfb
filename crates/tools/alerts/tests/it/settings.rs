//! What can be set, and what is wrong about it.

use alerts::{Settings, Value};

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    let mut settings = Settings::default();
    for (text, expected) in [
        (
            "inbound_flod.per_minute=3",
            "alerts.inbound_flod: there is no such detector; did you mean \"inbound_flood\"?",
        ),
        (
            "inbound_flood.per_minut=3",
            "alerts.inbound_flood.per_minut: detector inbound_flood has no such parameter; did you mean \"per_minute\"?",
        ),
        ("inbound_flood.per_minute=0", "alerts.inbound_flood.per_minute = 0: it must be from 1 to 100000 (1/min)"),
        ("inbound_flood.per_minute=many", "alerts.inbound_flood.per_minute: write a number from 1 to 100000 (1/min)"),
        ("inbound_flood.enabled=1", "alerts.inbound_flood.enabled: write true or false"),
        ("inbound_flood.severity=bad", "alerts.inbound_flood.severity: write \"info\", \"warning\" or \"critical\""),
        ("inbound_flood.hold=-1", "alerts.inbound_flood.hold = -1: it must be from 0 to 10000000 (seconds)"),
        ("x", "\"x\": write DETECTOR.PARAMETER=VALUE, such as inbound_flood.per_minute=60"),
    ] {
        assert_eq!(settings.set_text(text).unwrap_err(), expected);
    }
    for text in ["inbound_flood.per_minute=60", "inbound_flood.enabled=false", "inbound_flood.severity=critical"] {
        settings.set_text(text).unwrap();
    }
    settings.set("node_gone", "after", &Value::Number(0.0)).unwrap();
}
