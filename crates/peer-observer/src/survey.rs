//! What archives are about, by their indexes: when, how much, and from where on to read what led to a moment.

use std::time::Duration;

use bus::Recording;
use event::{Filter, Kind, time::nanoseconds};
use store::archive::{Archive, Part, PartKind, Place};

/// Parts of the time of a recording whose density is shown.
const PARTS: usize = 240;
/// About how many bytes of a file an event takes, where no index has their number.
const EVENT_BYTES: u64 = 64;
/// What happened for so long before a moment is read, however much it is.
const LEAST_NS: u64 = 600_000_000_000;

/// What archives are about.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// By the time of their first events.
    spans: Vec<Span>,
    /// Nothing was left out when they were written.
    pub is_complete: bool,
}

/// Some events.
#[derive(Clone, Copy, Debug)]
struct Span {
    earliest_ns: u64,
    latest_ns: u64,
    events: u64,
    is_counted: bool,
}

impl Survey {
    /// Looks at archives. What cannot be read is left out: whoever reads the events reports it.
    pub fn of(places: &[Place], filter: &Filter) -> Self {
        let mut survey = Self { spans: Vec::new(), is_complete: true };
        for archive in places.iter().filter_map(|place| Archive::open(place.clone()).ok()) {
            survey.is_complete &= archive.header().is_none_or(|header| header.selection.is_none());
            survey.is_complete &= !archive.index().is_some_and(|index| index.has(Kind::Selection));
            match archive.index() {
                Some(index) => {
                    let frames = index.frames.iter().filter(|frame| index.may_match(frame, filter));
                    survey.spans.extend(frames.map(|frame| Span {
                        earliest_ns: frame.earliest_ns,
                        latest_ns: frame.latest_ns,
                        events: frame.events,
                        is_counted: true,
                    }));
                }
                None => survey.spans.extend(without_index(&archive)),
            }
        }
        let (since, until) = (filter.since_ns.unwrap_or(0), filter.until_ns.unwrap_or(u64::MAX));
        for span in &mut survey.spans {
            span.earliest_ns = span.earliest_ns.clamp(since, until);
            span.latest_ns = span.latest_ns.clamp(since, until);
        }
        survey.spans.sort_by_key(|span| span.earliest_ns);
        survey
    }

    /// The whole of it, without the events.
    pub fn recording(&self) -> Recording {
        let from_ns = self.spans.iter().map(|span| span.earliest_ns).min().unwrap_or(0);
        let until_ns = self.spans.iter().map(|span| span.latest_ns).max().unwrap_or(0);
        let mut density = vec![Some(0.0); PARTS];
        let part_ns = (until_ns.saturating_sub(from_ns) / PARTS as u64).saturating_add(1);
        let part_of = |time_ns: u64| (time_ns.saturating_sub(from_ns) / part_ns).min(PARTS as u64 - 1) as usize;
        for span in &self.spans {
            let (first, last) = (part_of(span.earliest_ns), part_of(span.latest_ns));
            let share = span.events as f64 / (last.saturating_sub(first) + 1) as f64;
            for part in density.iter_mut().take(last + 1).skip(first) {
                *part = part.filter(|_| span.is_counted).map(|events| events + share);
            }
        }
        let density = density.into_iter().map(|events: Option<f64>| events.map(|events| events.ceil() as u64));
        Recording { from_ns, until_ns, density: density.collect() }
    }

    /// From which time on to read, to know what was so at a moment: at most so long before, and about so many events, if that is more than ten
    /// minutes.
    pub fn fill_from(&self, to_ns: u64, longest: Duration, most: u64) -> u64 {
        let earliest_ns = to_ns.saturating_sub(nanoseconds(longest));
        let mut events = 0_u64;
        for span in self.spans.iter().rev().filter(|span| span.earliest_ns <= to_ns) {
            events = events.saturating_add(span.events);
            if events > most {
                return span.latest_ns.min(to_ns.saturating_sub(LEAST_NS)).max(earliest_ns);
            }
        }
        earliest_ns
    }
}

/// An archive that was not completed, by its first and its last event.
fn without_index(archive: &Archive) -> Option<Span> {
    let has_events = |part: &&Part| matches!(part.kind, PartKind::Frame | PartKind::Cut | PartKind::Raw);
    let times = |part: &Part| archive.records_of(part).filter_map(Result::ok).map(|record| record.envelope().time_ns);
    let earliest_ns = archive.parts().iter().filter(has_events).find_map(|part| times(part).next())?;
    let latest_ns = archive.parts().iter().rev().filter(has_events).find_map(|part| times(part).max())?;
    Some(Span { earliest_ns, latest_ns, events: archive.size() / EVENT_BYTES, is_counted: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn density_has_gaps_and_what_led_to_a_moment_is_bounded() {
        let second = 1_000_000_000;
        let span = |from: u64, until: u64, events| Span {
            earliest_ns: from * second,
            latest_ns: until * second,
            events,
            is_counted: true,
        };
        let spans = vec![span(10_000, 12_000, 1_000), span(12_000, 14_000, 1_000), span(30_000, 34_000, 1_000)];
        let survey = Survey { spans, is_complete: true };
        let recording = survey.recording();
        assert_eq!((recording.from_ns, recording.until_ns), (10_000 * second, 34_000 * second));
        assert_eq!((recording.density.len(), recording.density[0], recording.density[100]), (240, Some(50), Some(0)));
        let day = Duration::from_secs(86_400);
        let from = |to: u64, longest, most| survey.fill_from(to * second, longest, most) / second;
        assert_eq!(from(34_000, day, 10_000), 0);
        assert_eq!(from(34_000, day, 1_500), 14_000);
        assert_eq!(from(34_000, Duration::from_secs(3_600), 1_500), 30_400);
        assert_eq!(from(13_000, day, 10), 12_400);
    }
}
