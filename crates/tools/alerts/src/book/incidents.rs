//! Alerts that have one cause are one incident.

use event::pb::alerts::{Alert, SubjectKind};
use networks::Enrichment;
use smol_str::SmolStr;

use super::{Book, Case, Phase};
use crate::detector::{Me, Row};
use crate::subject::{asn_of, touch};

/// What begins at several nodes within this time may have one cause.
const TOGETHER_NS: u64 = 600 * model::bounds::SECOND;

impl Book {
    /// Makes an alert that has just opened a part of the incident of another one that may have the same cause: the oldest that is open, or
    /// has been over for a short time.
    pub(super) fn join(&mut self, place: &(Me, SmolStr), enrichment: &Enrichment) {
        let row = |me: &Me| self.settings.get(*me).map(|detector| detector.row);
        let (Some(case), Some(own)) = (self.cases.get(place), row(&place.0)) else { return };
        let asn = asn_of(&case.alert.subject, enrichment);
        let others = self.cases.iter().filter(|(other, found)| *other != place && found.phase != Phase::Pending);
        let related = others.filter(|((me, _), other)| {
            let Some(row) = row(me) else { return false };
            let is_in_same_as = || asn.is_some() && asn == asn_of(&other.alert.subject, enrichment);
            // What is over, or at another node, has one cause with it only if it looks the same.
            let is_alike = me == &place.0 || are_related(&own, &row);
            is_alike && is_in_same_as()
                || me == &place.0 && began_together(&case.alert, &other.alert)
                || other.phase == Phase::Open && have_one_cause(&own, case, &row, other)
        });
        let oldest = related.min_by_key(|(_, other)| (other.alert.since_ns, &other.alert.id));
        let Some(incident) = oldest.map(|(_, other)| other.alert.incident.clone()) else { return };
        if let Some(case) = self.cases.get_mut(place) {
            case.alert.incident = incident;
        }
    }
}

/// Whether the catalogue lists two detectors as related.
fn are_related(row: &Row, other: &Row) -> bool {
    row.related.contains(&other.name) || other.related.contains(&row.name)
}

/// Whether two alerts of one detector are about two nodes, and began at about the same time.
fn began_together(alert: &Alert, other: &Alert) -> bool {
    let are_nodes = [alert, other].iter().all(|alert| alert.subject.kind() == SubjectKind::Node);
    are_nodes && alert.since_ns.abs_diff(other.since_ns) <= TOGETHER_NS
}

/// Whether alerts of two detectors may have one cause: the detectors are related or the subject is the same, at one node at least.
fn have_one_cause(row: &Row, case: &Case, other_row: &Row, other: &Case) -> bool {
    let (subject, other_subject) = (&case.alert.subject, &other.alert.subject);
    let is_same = subject.kind() == other_subject.kind()
        && subject.text == other_subject.text
        && !matches!(subject.kind(), SubjectKind::Node | SubjectKind::Network);
    let share_a_node = || case.nodes().any(|node| other.nodes().any(|other| node == other));
    (is_same || are_related(row, other_row) && touch(subject, other_subject)) && share_a_node()
}
