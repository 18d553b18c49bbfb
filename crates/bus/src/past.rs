//! Events of the past: the marks that stand between them, the clock that follows them, and how a recording is played.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::Arc;

use event::time::now_ns;
use thiserror::Error;
use tokio::sync::watch;

/// What stands between events that are delivered later than they happened. It has its place in their order, and no queue drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// What was known before is to be forgotten. The events that follow, up to [`Mark::Ready`], lead to a moment, and come as fast as they are taken.
    Begin,
    /// The time by the clock of the events, in nanoseconds since the UNIX epoch. It goes back only after [`Mark::Begin`].
    Time(u64),
    /// The moment is reached. Of a recording, events come at its pace from here on; otherwise they are live.
    Ready,
    /// The recording has ended.
    End,
}

/// The clock of whoever reads events: that of this machine for live ones, that of the events for those of the past.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventClock {
    /// The time of the last mark; none while events are live.
    past_ns: Option<u64>,
    /// All events are of the past.
    is_recording: bool,
}

impl EventClock {
    /// For events of a recording, if there is one, and for live ones otherwise.
    pub fn new(playback: Option<&Playback>) -> Self {
        Self { past_ns: playback.map(|playback| playback.recording().from_ns), is_recording: playback.is_some() }
    }

    /// Takes the time from a mark.
    pub fn mark(&mut self, mark: Mark) {
        match mark {
            Mark::Begin => self.past_ns = self.past_ns.or(Some(0)),
            Mark::Time(time_ns) => self.past_ns = Some(time_ns),
            Mark::Ready if !self.is_recording => self.past_ns = None,
            Mark::Ready | Mark::End => {}
        }
    }

    /// The time that the events have reached; none while they are live.
    pub fn past_ns(&self) -> Option<u64> {
        self.past_ns
    }

    /// The time, in nanoseconds since the UNIX epoch.
    pub fn now_ns(&self) -> u64 {
        self.past_ns.unwrap_or_else(now_ns)
    }
}

/// When time is to pass for whoever lets it pass in steps of `step_ns` or more, did so at `last_ns` (0: never), and reads [`Mark::Time`] with `time_ns`.
/// Where nothing came for longer than that, it also passes one step after the last time: silence counts from then on, and not from now.
pub fn steps(last_ns: u64, time_ns: u64, step_ns: u64) -> impl Iterator<Item = u64> {
    let due_ns = last_ns.saturating_add(step_ns);
    let was_silent = last_ns > 0 && time_ns >= due_ns.saturating_add(step_ns);
    [was_silent.then_some(due_ns), (time_ns >= due_ns).then_some(time_ns)].into_iter().flatten()
}

/// How fast the past goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as it is taken.
    Fast,
    /// So many times as fast as it was.
    Times(f64),
}

/// A text that is no pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("write original, fast, or a number of times as fast as it was, such as 10x")]
pub struct PaceError;

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        match text {
            "original" => Ok(Self::Times(1.0)),
            "fast" => Ok(Self::Fast),
            _ => {
                let times: Option<f64> = text.strip_suffix('x').and_then(|number| number.parse().ok());
                let times = times.filter(|times| times.is_finite() && *times > 0.0);
                times.map(Self::Times).ok_or(PaceError)
            }
        }
    }
}

impl Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fast => f.write_str("fast"),
            Self::Times(1.0) => f.write_str("original"),
            Self::Times(times) => write!(f, "{times}x"),
        }
    }
}

/// What is recorded, without the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Time of the first event, nanoseconds since the UNIX epoch.
    pub from_ns: u64,
    /// Time of the last event.
    pub until_ns: u64,
    /// About how many events there are in each of equal parts of that time; none where it is not known.
    pub density: Vec<Option<u64>>,
}

/// How a recording is to be played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Control {
    /// How fast.
    pub pace: Pace,
    /// Not now.
    pub is_paused: bool,
    /// The last jump, if there was any.
    pub jump: Option<Jump>,
}

/// A jump to another time of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Where to, nanoseconds since the UNIX epoch.
    pub to_ns: u64,
    /// Its number: each has another one.
    pub number: u64,
}

/// A recording that is played: what it is, and how fast it goes on. Cloning it gives another handle.
#[derive(Clone, Debug)]
pub struct Playback(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    recording: Recording,
    control: watch::Sender<Control>,
}

impl Playback {
    /// A recording that is played from its beginning.
    pub fn new(recording: Recording, pace: Pace) -> Self {
        let control = watch::Sender::new(Control { pace, is_paused: false, jump: None });
        Self(Arc::new(Inner { recording, control }))
    }

    /// What is recorded.
    pub fn recording(&self) -> &Recording {
        &self.0.recording
    }

    /// How it is to be played.
    pub fn control(&self) -> Control {
        *self.0.control.borrow()
    }

    /// Follows how it is to be played.
    pub fn watch(&self) -> watch::Receiver<Control> {
        self.0.control.subscribe()
    }

    /// Stops it at the present place, or goes on.
    pub fn pause(&self, is_paused: bool) {
        self.0.control.send_modify(|control| control.is_paused = is_paused);
    }

    /// Goes on at another pace.
    pub fn set_pace(&self, pace: Pace) {
        self.0.control.send_modify(|control| control.pace = pace);
    }

    /// Goes on at another time, nanoseconds since the UNIX epoch. A time outside of the recording means its beginning or its end.
    pub fn jump(&self, to_ns: u64) {
        let Recording { from_ns, until_ns, .. } = self.0.recording;
        let to_ns = to_ns.clamp(from_ns, until_ns.max(from_ns));
        self.0.control.send_modify(|control| {
            let number = control.jump.map_or(1, |jump| jump.number.wrapping_add(1));
            control.jump = Some(Jump { to_ns, number });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces() {
        let read = ["original", "fast", "10x", "0.5x"].map(|text| text.parse().ok());
        assert_eq!(read, [Pace::Times(1.0), Pace::Fast, Pace::Times(10.0), Pace::Times(0.5)].map(Some));
        assert_eq!(
            [Pace::Times(1.0), Pace::Fast, Pace::Times(10.0)].map(|pace| pace.to_string()),
            ["original", "fast", "10x"]
        );
        for text in ["", "x", "0x", "-1x", "NaNx", "infx", "10"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }

    #[test]
    fn silence_counts_from_when_it_began() {
        let times = [(0, 9), (0, 10), (20, 29), (20, 30), (20, 39), (20, 40)].map(|(last_ns, time_ns)| {
            let times: Vec<_> = steps(last_ns, time_ns, 10).collect();
            times
        });
        assert_eq!(times, [vec![], vec![10], vec![], vec![30], vec![39], vec![30, 40]]);
    }

    #[test]
    fn the_clock_follows_marks_until_events_are_live() {
        let mut live = EventClock::new(None);
        assert_eq!(live.past_ns(), None);
        let times = [Mark::Begin, Mark::Time(7), Mark::Ready].map(|mark| {
            live.mark(mark);
            live.past_ns()
        });
        assert_eq!(times, [Some(0), Some(7), None]);
        let playback = Playback::new(Recording { from_ns: 5, until_ns: 9, ..Recording::default() }, Pace::Fast);
        let mut past = EventClock::new(Some(&playback));
        assert_eq!(past.now_ns(), 5);
        [Mark::Begin, Mark::Time(7), Mark::Ready, Mark::End].into_iter().for_each(|mark| past.mark(mark));
        assert_eq!(past.now_ns(), 7);
        playback.jump(3);
        playback.jump(20);
        assert_eq!(playback.control().jump, Some(Jump { to_ns: 9, number: 2 }));
    }
}
