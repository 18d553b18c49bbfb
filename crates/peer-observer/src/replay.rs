//! Events of archives as an input: as fast as whoever reads them takes them, or with the pauses that were between them; and as what a tool begins
//! with.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bus::{Bus, Delivery, Jump, Mark, Pace, Playback};
use event::Filter;
use event::pb::observer::{Pass, Selection};
use event::selection::Selections;
use store::archive::{self, Place};
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::player::{self, Player};
use crate::selections;
use crate::survey::Survey;

/// Batches that are read ahead.
const AHEAD: usize = 16;
/// What led to a moment is read from so long before: that is what the memory of `web` holds.
const FILL: Duration = Duration::from_secs(24 * 60 * 60);
/// About how many events are read to know what led to a moment.
pub const FILL_EVENTS: u64 = 3_000_000;

/// Archives that are read by time.
#[derive(Clone, Debug)]
pub struct Replay {
    places: Vec<Place>,
    pace: Pace,
    filter: Filter,
    /// What the filter leaves out is stated with the events, for readers elsewhere.
    stated: Option<Pass>,
    played: Option<Played>,
}

/// A recording that people can control.
#[derive(Clone, Debug)]
struct Played {
    playback: Playback,
    survey: Survey,
}

impl Replay {
    /// The events that a filter lets pass of archives.
    pub fn new(places: Vec<Place>, pace: Pace, filter: Filter) -> Self {
        Self { places, pace, filter, stated: None, played: None }
    }

    /// States what the filter leaves out with the events, for readers that do not know of it.
    #[must_use]
    pub fn stating(self) -> Self {
        Self { stated: self.filter.pass(), ..self }
    }

    /// What was left out of the events of each node when they were recorded.
    pub fn selections(&self) -> Vec<(Arc<str>, Selection)> {
        selections::of(&self.places)
    }

    /// The files, for people.
    pub fn describe(&self) -> String {
        match &*self.places {
            [place] => place.to_string(),
            places => format!("{} archives", places.len()),
        }
    }

    /// Lets people control it. It looks at all archives.
    pub fn playback(&mut self) -> Playback {
        let played = self.played.get_or_insert_with(|| {
            let survey = Survey::of(&self.places, &self.filter);
            Played { playback: Playback::new(survey.recording(), self.pace), survey }
        });
        played.playback.clone()
    }

    /// What happened in the time before now, as far as about so many events hold it.
    pub fn before_now(self, longest: Duration, now_ns: u64) -> History {
        let survey = Survey::of(&self.places, &self.filter);
        let since_ns = Some(survey.fill_from(now_ns, longest, FILL_EVENTS));
        let is_complete = survey.is_complete && self.filter == Filter::default();
        History { places: self.places, filter: Filter { since_ns, ..self.filter }, is_complete }
    }

    /// Delivers all events, by time, until the end or the shutdown. `stays`: at the end, it waits for a jump to another time.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub async fn run(self, bus: Bus, shutdown: CancellationToken, stays: bool) -> Result<()> {
        let playback = self.played.as_ref().map(|played| played.playback.clone());
        let playback = playback.unwrap_or_else(|| Playback::new(bus::Recording::default(), self.pace));
        let mut player = Player::new(&playback, bus);
        let playing = async {
            let mut jump = None;
            loop {
                jump = self.play(&mut player, jump).await?;
                if jump.is_none() {
                    player.hand_over(vec![Delivery::Mark(Mark::End)]).await;
                    if !stays {
                        return Ok(());
                    }
                    info!("{} has ended; what it held is shown until SIGINT or SIGTERM", self.describe());
                    jump = Some(player.end().await);
                }
            }
        };
        shutdown.run_until_cancelled(playing).await.unwrap_or(Ok(()))
    }

    /// Plays from the beginning, or from where a jump led, until the end or the next jump.
    async fn play(&self, player: &mut Player, jump: Option<Jump>) -> Result<Option<Jump>> {
        let mut filter = self.filter.clone();
        if let (Some(jump), Some(played)) = (jump, &self.played) {
            filter.since_ns = filter.since_ns.max(Some(played.survey.fill_from(jump.to_ns, FILL, FILL_EVENTS)));
        }
        let stated = self.stated.clone();
        let batches = start(self.places.clone(), filter, stated, jump.map(|jump| jump.to_ns), player.stage()).await?;
        Ok(player.play(batches).await)
    }
}

/// Begins to read archives in a thread, which ends when it notices that nobody takes its events any more.
async fn start(
    places: Vec<Place>,
    filter: Filter,
    stated: Option<Pass>,
    to_ns: Option<u64>,
    stage: Arc<bus::Stage>,
) -> Result<Receiver<Vec<Delivery>>> {
    let merged = tokio::task::spawn_blocking(move || archive::merge(places, filter)).await??;
    let mut selections = Selections::new(stated, false);
    merged.selections().iter().for_each(|(node, selection)| selections.inherit(node, selection));
    let (sender, batches) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || player::read(merged, selections, to_ns, &sender, &stage));
    Ok(batches)
}

/// What happened before a tool was started.
#[derive(Clone, Debug)]
pub struct History {
    places: Vec<Place>,
    filter: Filter,
    /// Nothing was left out when it was recorded.
    pub is_complete: bool,
}

impl History {
    /// Begins to read it.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub async fn start(&self, bus: &Bus) -> Result<Receiver<Vec<Delivery>>> {
        start(self.places.clone(), self.filter.clone(), None, Some(u64::MAX), bus.accounts().stage("history")).await
    }
}

/// Logs that the end is reached, and waits for a signal where what was read is still looked at.
pub async fn stay(what: &str, shutdown: &CancellationToken) {
    if !shutdown.is_cancelled() {
        info!("{what} has ended; what it held is shown until SIGINT or SIGTERM");
        shutdown.cancelled().await;
    }
}
