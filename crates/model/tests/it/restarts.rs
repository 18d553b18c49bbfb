//! Starts of the node, by three sources.

use super::*;

#[test]
fn a_start_that_several_report_is_one() {
    let uptime = |seconds: u32| ("uptime", seconds.to_string());
    let process =
        |play: &Play, seconds: f64| event("node_process", &format!(r#""pid":1,"started_ns":"{}""#, play.ns(seconds)));
    let started = || line("node_started", r#""version":"v31""#);
    let mut play = Play::new();
    play.at(0.0, uptime(100)).at(10.0, uptime(110));
    assert_eq!((play.model.restarts.count, play.model.restarts.started_ns), (0, Some(play.ns(0.0) - 100 * SECOND)));
    // The process starts, logs, and answers: that is one restart.
    let restarted = process(&play, 200.0);
    play.at(100.0, process(&play, -100.0)).at(201.0, restarted).at(201.5, started()).at(210.0, uptime(9));
    assert_eq!((play.model.restarts.count, play.model.restarts.started_ns), (1, Some(play.ns(200.0))));
    // Another one, which only debug.log reports.
    play.at(500.0, started());
    assert_eq!((play.model.restarts.count, play.model.restarts.started_ns), (2, Some(play.ns(500.0))));
    let names = play.names(|change| match change {
        Change::NodeStarted { .. } => Some("started".to_owned()),
        Change::NodeRestarted { .. } => Some("restarted".to_owned()),
        _ => None,
    });
    assert_eq!(names.iter().filter(|name| *name == "restarted").count(), 2, "{names:?}");
}

#[test]
fn a_node_that_crashes_at_its_start_is_restarted_each_time() {
    let process =
        |play: &Play, seconds: f64| event("node_process", &format!(r#""pid":1,"started_ns":"{}""#, play.ns(seconds)));
    let started = || line("node_started", r#""version":"v31""#);
    let mut play = Play::new();
    let (first, second, third) = (process(&play, 0.0), process(&play, 110.0), process(&play, 120.0));
    play.at(1.0, first).at(110.5, started()).at(111.0, second).at(120.5, started()).at(121.0, third);
    assert_eq!(play.model.restarts.count, 2);
    // The process that is reported is not yet the new one.
    let late = process(&play, 120.0);
    play.at(130.5, started()).at(131.0, late).at(140.5, started());
    assert_eq!((play.model.restarts.count, play.model.restarts.started_ns), (4, Some(play.ns(140.5))));
}

#[test]
fn the_first_start_is_no_restart() {
    let mut play = Play::new();
    play.at(0.0, line("node_started", r#""version":"v31""#)).at(9.0, ("uptime", "9".to_owned()));
    assert_eq!(play.model.restarts.count, 0);
    let mut play = Play::new();
    play.at(0.0, sent(1, "ping", "")).at(1.0, line("node_started", r#""version":"v31""#));
    assert_eq!(play.model.restarts.count, 1);
}
