//! What alerts found as a file for a set of networks, or as commands.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use event::pb::alerts::{Alert, Severity, SubjectKind};
use event::quote::Plain;
use event::text::Sentence;
use ipnet::IpNet;

use crate::Protected;
use crate::plan::time;

/// Networks that are listed at most: those that were seen last.
pub const MAX_LISTED: usize = 10_000;
/// Bytes of a reason that are written at most.
const MAX_REASON: usize = 300;
const SECOND: u64 = 1_000_000_000;

/// Which alerts are taken, and for how long.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Of detectors or families with these names; of all if there are none.
    pub detectors: Vec<String>,
    /// Not below this severity.
    pub severity: Severity,
    /// A ban lasts for so long after what it is for was last seen, in seconds.
    pub duration_s: u64,
}

/// How networks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A network a line, with its end and the reason in a comment.
    List,
    /// `bitcoin-cli setban`, a script.
    Commands,
}

/// A network that alerts are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The network.
    pub network: IpNet,
    /// When its ban ends, in seconds since the UNIX epoch.
    pub until_s: u64,
    /// The alert about it that was seen last, in a sentence, and the detector.
    pub reason: String,
    /// How many alerts are about it.
    pub alerts: usize,
    /// When it was seen, in nanoseconds since the UNIX epoch.
    pub first_ns: u64,
    /// When it was seen last.
    pub last_ns: u64,
}

/// What alerts found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// The networks, those that were seen last first.
    pub found: Vec<Found>,
    /// What is not in the list: how many, and why.
    pub left_out: BTreeMap<String, usize>,
}

impl Export {
    /// The networks that alerts are about: the addresses of peers, and subnets.
    pub fn of(alerts: &[Alert], selection: &Selection, protected: &Protected, now_s: u64) -> Self {
        let mut export = Self::default();
        let mut by_network: BTreeMap<IpNet, Found> = BTreeMap::new();
        let named = |alert: &Alert| {
            let names = &selection.detectors;
            names.is_empty() || names.iter().any(|name| *name == alert.detector || *name == alert.family)
        };
        for alert in alerts.iter().filter(|alert| named(alert) && alert.severity() >= selection.severity) {
            let until_s = (alert.last_ns / SECOND).saturating_add(selection.duration_s);
            let Some(network) = network_of(alert) else {
                export.leave_out("alerts are about no address that is reached by IP");
                continue;
            };
            if until_s <= now_s {
                export.leave_out("alerts were seen too long ago");
                continue;
            }
            let (parts, why) = protected.allowed(network);
            why.iter().for_each(|why| export.leave_out(&format!("alerts are about networks of which {why}")));
            for network in parts {
                let new = Found { network, until_s, reason: reason(alert), alerts: 0, first_ns: u64::MAX, last_ns: 0 };
                let found = by_network.entry(network).or_insert(new);
                found.alerts += 1;
                found.first_ns = found.first_ns.min(alert.since_ns);
                found.until_s = found.until_s.max(until_s);
                if alert.last_ns > found.last_ns {
                    (found.last_ns, found.reason) = (alert.last_ns, reason(alert));
                }
            }
        }
        export.found = by_network.into_values().collect();
        export.found.sort_by_key(|found| (std::cmp::Reverse(found.last_ns), found.network));
        for _ in MAX_LISTED..export.found.len() {
            export.leave_out("networks have no room in the list");
        }
        export.found.truncate(MAX_LISTED);
        export
    }

    fn leave_out(&mut self, why: &str) {
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }

    /// The file.
    pub fn text(&self, form: Form, now_ns: u64) -> String {
        let mut text = String::new();
        if form == Form::Commands {
            text += "#!/bin/sh\n";
        }
        let _ = writeln!(text, "# {} networks that alerts are about, {}", self.found.len(), time(now_ns / SECOND));
        for (why, count) in &self.left_out {
            let _ = writeln!(text, "# left out: {count} {}", Plain(why));
        }
        for Found { network, until_s, reason, alerts, first_ns, last_ns } in &self.found {
            let network = if network.prefix_len() == network.max_prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            };
            let until = time(*until_s);
            let (first, last) = (time(first_ns / SECOND), time(last_ns / SECOND));
            let seen = format!("alerts: {alerts}, from {first} to {last}; {reason}");
            let _ = match form {
                Form::List => writeln!(text, "{network} # until {until}; {seen}"),
                Form::Commands => writeln!(text, "bitcoin-cli setban {network} add {until_s} true # {seen}"),
            };
        }
        text
    }
}

/// What an alert is about, if that is an address or a network.
fn network_of(alert: &Alert) -> Option<IpNet> {
    let text = alert.subject.text.as_str();
    match alert.subject.kind() {
        SubjectKind::Peer => {
            let ip = text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse::<IpAddr>()).ok()?;
            Some(ip.to_canonical().into())
        }
        SubjectKind::Subnet => text.parse::<IpNet>().ok().map(|network| network.trunc()),
        _ => None,
    }
}

/// The detector, and its sentence: one line, whatever others wrote.
fn reason(alert: &Alert) -> String {
    let text = format!("{}: {}", Plain(&alert.detector), Sentence(alert));
    let end = text.floor_char_boundary(MAX_REASON);
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use event::pb::alerts::{State, Subject};

    use super::*;

    fn alert(kind: SubjectKind, text: &str, severity: Severity, last_s: u64) -> Alert {
        let mut alert = Alert {
            detector: "inbound_flood".to_owned(),
            family: "connections".to_owned(),
            subject: Subject { text: text.to_owned(), ..Subject::default() },
            since_ns: (last_s - 60) * SECOND,
            last_ns: last_s * SECOND,
            sentence: "{subject} did something.\nsetban 8.8.8.8 add".to_owned(),
            ..Alert::default()
        };
        alert.subject.set_kind(kind);
        alert.set_severity(severity);
        alert.set_state(State::Open);
        alert
    }

    #[test]
    fn what_alerts_found() {
        let now = 1_800_000_000;
        let alerts = [
            alert(SubjectKind::Peer, "45.33.1.65:50000", Severity::Warning, now),
            alert(SubjectKind::Peer, "45.33.1.65:50001", Severity::Critical, now - 500),
            alert(SubjectKind::Subnet, "143.20.137.0/24", Severity::Warning, now - 100),
            alert(SubjectKind::Peer, "45.33.1.66:50000", Severity::Info, now),
            alert(SubjectKind::Peer, "127.0.0.1:50000", Severity::Critical, now),
            alert(SubjectKind::Peer, "45.33.1.67:8333", Severity::Critical, now - 2000),
            alert(SubjectKind::Node, "alice", Severity::Critical, now),
        ];
        let selection =
            Selection { detectors: vec!["connections".to_owned()], severity: Severity::Warning, duration_s: 1000 };
        let export = Export::of(&alerts, &selection, &Protected::default(), now);
        let text = export.text(Form::List, now * SECOND);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert_eq!(lines[0], "# 2 networks that alerts are about, 2027-01-15T08:00:00Z");
        assert!(
            lines[1].contains("1 alerts are about networks of which it has addresses that are not routed"),
            "{text}"
        );
        assert_eq!(
            lines[4],
            "45.33.1.65 # until 2027-01-15T08:16:40Z; alerts: 2, from 2027-01-15T07:50:40Z to 2027-01-15T08:00:00Z; \
             inbound_flood: peer 45.33.1.65:50000 did something.\\nsetban 8.8.8.8 add"
        );
        let commands = export.text(Form::Commands, now * SECOND);
        assert!(commands.starts_with("#!/bin/sh\n# 2"), "{commands}");
        let banned: Vec<&str> = commands.lines().filter(|line| line.starts_with("bitcoin-cli")).collect();
        assert!(
            banned[1].starts_with("bitcoin-cli setban 143.20.137.0/24 add 1800000900 true # alerts: 1"),
            "{commands}"
        );
        assert_eq!(banned.len(), 2);
    }
}
