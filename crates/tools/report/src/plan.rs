//! Which parts of archives are read. Of complete files the index says what is in each part; of others, their parts are looked into.

use std::ops::Range;

use event::Filter;
use event::pb::alerts::Reference;
use store::archive::{Archive, ArchiveError, Part, PartKind, Place};

use crate::scope::Scope;

/// Events that are read at most: some seconds.
pub(crate) const MAX_EVENTS: u64 = 6_000_000;
/// How far a file may be out of order.
const SLACK_NS: u64 = 60_000_000_000;
/// Bytes of a file for each of its events, about, where no index has counted them.
const BYTES_PER_EVENT: u64 = 60;

/// Which parts of archives are read.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// By the time of their first events.
    pub pieces: Vec<Piece>,
    /// Parts in which no address of the incident occurs are not read, so that of others not all is known.
    pub is_by_address: bool,
    /// What lies between is not read: there is too much.
    pub cut_ns: Option<(u64, u64)>,
}

/// A part of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// Which archive.
    pub place: usize,
    /// Where it is in the file.
    pub range: Range<u64>,
    /// The time of its first event, about, and of its last one.
    pub times_ns: (u64, u64),
    events: u64,
    may_match: bool,
    /// It is read for the events that prove something, and not counted.
    pub is_evidence: bool,
}

impl Plan {
    /// Finds out what is to be read.
    ///
    /// # Errors
    /// An archive cannot be opened.
    pub fn new(
        places: &[Place],
        scope: &Scope,
        evidence: &[(Reference, Option<String>)],
    ) -> Result<Self, ArchiveError> {
        let in_time = Filter { since_ns: Some(scope.from_ns), until_ns: Some(scope.to_ns), ..Filter::default() };
        let in_time = Filter { nodes: scope.nodes.clone(), ..in_time };
        let by_address = scope.patterns().map(|addrs| Filter { addrs, ..in_time.clone() });
        let is_elsewhere = |event: &&Reference| !(scope.from_ns..=scope.to_ns).contains(&event.time_ns);
        let elsewhere: Vec<&Reference> = evidence.iter().map(|(event, _)| event).filter(is_elsewhere).collect();
        let mut pieces = Vec::new();
        for (place, archive) in places.iter().enumerate() {
            let archive = Archive::open(archive.clone())?;
            match archive.index() {
                Some(_) => indexed(&mut pieces, place, &archive, &in_time, by_address.as_ref(), &elsewhere),
                None => looked_into(&mut pieces, place, &archive, scope),
            }
        }
        pieces.sort_by_key(|piece| piece.times_ns.0);
        let mut plan = Self { pieces, is_by_address: false, cut_ns: None };
        if plan.events() > MAX_EVENTS && by_address.is_some() {
            plan.is_by_address = true;
            plan.pieces.retain(|piece| piece.may_match || piece.is_evidence);
        }
        plan.cut();
        Ok(plan)
    }

    /// Events in it, about.
    fn events(&self) -> u64 {
        self.pieces.iter().filter(|piece| !piece.is_evidence).map(|piece| piece.events).sum()
    }

    /// Leaves out what lies between the beginning and the end, if there is too much.
    fn cut(&mut self) {
        if self.events() <= MAX_EVENTS {
            return;
        }
        let (mut before, mut after) = (0, self.events());
        let mut left_out: Option<(u64, u64)> = None;
        self.pieces.retain(|piece| {
            if piece.is_evidence {
                return true;
            }
            before += piece.events;
            let stays = before <= MAX_EVENTS / 2 || after <= MAX_EVENTS / 2;
            after = after.saturating_sub(piece.events);
            if !stays {
                let (from, to) = left_out.unwrap_or(piece.times_ns);
                left_out = Some((from.min(piece.times_ns.0), to.max(piece.times_ns.1)));
            }
            stays
        });
        self.cut_ns = left_out;
    }
}

fn indexed(
    pieces: &mut Vec<Piece>,
    place: usize,
    archive: &Archive,
    in_time: &Filter,
    by_address: Option<&Filter>,
    elsewhere: &[&Reference],
) {
    let Some(index) = archive.index() else { return };
    for frame in &index.frames {
        let is_in_time = index.may_match(frame, in_time);
        let proves = |reference: &&&Reference| {
            let at = Some(reference.time_ns);
            index.may_match(frame, &Filter { since_ns: at, until_ns: at, ..Filter::default() })
        };
        if is_in_time || elsewhere.iter().any(|reference| proves(&reference)) {
            pieces.push(Piece {
                place,
                range: frame.offset..frame.offset + 1,
                times_ns: (frame.earliest_ns, frame.latest_ns),
                events: frame.events,
                may_match: by_address.is_none_or(|filter| index.may_match(frame, filter)),
                is_evidence: !is_in_time,
            });
        }
    }
}

/// A file that is still written, or is of another program: its parts are in the order of their times, so that those of the right time are
/// found without reading the others.
fn looked_into(pieces: &mut Vec<Piece>, place: usize, archive: &Archive, scope: &Scope) {
    let is_read = |part: &&Part| matches!(part.kind, PartKind::Frame | PartKind::Cut | PartKind::Raw);
    let parts: Vec<&Part> = archive.parts().iter().filter(is_read).collect();
    // A part that cannot be read has the time of the next one.
    let begin_of = |from: usize| {
        let first = |part: &&Part| archive.records_of(part).find_map(Result::ok);
        parts.get(from..).into_iter().flatten().find_map(first).map(|record| record.envelope().time_ns)
    };
    let count_before = |time_ns: u64| {
        let (mut low, mut high) = (0, parts.len());
        while low < high {
            let middle = low.midpoint(high);
            let is_before = begin_of(middle).is_some_and(|begin_ns| begin_ns < time_ns);
            (low, high) = if is_before { (middle + 1, high) } else { (low, middle) };
        }
        low
    };
    let first = count_before(scope.from_ns.saturating_sub(SLACK_NS)).saturating_sub(1);
    let end = count_before(scope.to_ns.saturating_add(SLACK_NS));
    for (index, part) in parts.iter().enumerate().take(end).skip(first) {
        let Some(begin_ns) = begin_of(index) else { continue };
        let end_ns = begin_of(index + 1).unwrap_or(scope.to_ns);
        pieces.push(Piece {
            place,
            range: part.offset..part.offset + 1,
            times_ns: (begin_ns, end_ns),
            events: part.size / BYTES_PER_EVENT,
            may_match: true,
            is_evidence: false,
        });
    }
}
