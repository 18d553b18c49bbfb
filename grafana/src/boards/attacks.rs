//! What the tool alerts found, and whether it reached people.

use super::prelude::*;

/// How alerts are grouped.
const DETECTOR: [&str; 4] = ["instance", "node", "detector", "severity"];

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "attacks",
        "attacks and anomalies",
        "What the tool alerts found, at which nodes, and whether it reached people.",
    )
    .row("Is something wrong?", is_something_wrong())
    .row("What was found", what_was_found())
    .row("Notifications", notifications())
}

fn is_something_wrong() -> Vec<Panel> {
    let open = |severity| of(ALERTS_OPEN).is("severity", severity).now().sum(&[]).named("open");
    let failed = of(ALERT_NOTIFICATIONS).unlike("result", "sent").grown("1h").sum(&[]);
    vec![
        stat("Critical", unit::COUNT, open("critical"))
            .about("Open alerts that a person should look at now.")
            .steps(Steps::Bad(1.0)),
        stat("Warnings", unit::COUNT, open("warning"))
            .about("Open alerts to look at today.")
            .steps(Steps::Rising(1.0, 50.0)),
        stat("Raised in an hour", unit::COUNT, last_hour(ALERTS_RAISED).named("alerts")),
        stat("Failed in an hour", unit::COUNT, failed.named("notifications"))
            .about("Notifications that a receiver did not take, or that there was no room for.")
            .steps(Steps::Rising(1.0, 100.0)),
    ]
}

fn what_was_found() -> Vec<Panel> {
    vec![
        table("Open alerts", unit::COUNT, of(ALERTS_OPEN).now().above(0.0).max(&DETECTOR).named("open"))
            .about("Open alerts by detector, at the node where each was first seen. docs/detectors.md has what each detector sees.")
            .size(24, 8),
        lines("Open alerts by node", unit::COUNT, of(ALERTS_OPEN).now().sum(&NODE)),
        lines("Raised by detector", unit::PER_HOUR, of(ALERTS_RAISED).per_hour().sum(&["detector"])),
        lines("Resolved by detector", unit::PER_HOUR, of(ALERTS_RESOLVED).per_hour().sum(&["detector"])),
    ]
}

fn notifications() -> Vec<Panel> {
    vec![
        lines("Notifications", unit::PER_HOUR, of(ALERT_NOTIFICATIONS).per_hour().sum(&["receiver", "result"])),
        lines("Waiting", unit::COUNT, of(ALERT_NOTIFICATIONS_WAITING).now().max(&["instance", "receiver"]))
            .hint("A receiver does not take them."),
    ]
}
