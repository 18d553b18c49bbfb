//! Hands the events of archives over at their pace, and does what people ask for meanwhile.

use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Control, Delivery, Jump, Mark, Pace, Playback};
use event::Kind;
use event::selection::Selections;
use store::archive::Merged;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// How many events are handed over at once at most.
const BATCH: usize = 256;
/// Damaged places that are named in the log; the others are counted.
const NAMED: u64 = 10;
/// Events that are due so soon go with those before.
const SOON: Duration = Duration::from_millis(1);
/// How often readers get the time by the clock of the events, in nanoseconds of it.
const MARK_NS: u64 = 100_000_000;
/// How often they get it while no event comes.
const MARK_EVERY: Duration = Duration::from_millis(100);
/// What is further away than this is not waited for in one piece.
const FAR: Duration = Duration::from_secs(86_400);

/// Reads all events, in batches, with statements of what was left out of them, until nobody takes them any more. Those up to `to_ns` lead to that
/// moment; without it, only the first does. Returns how many places could not be read.
pub fn read(
    merged: Merged,
    mut selections: Selections,
    to_ns: Option<u64>,
    sender: &Sender<Vec<Delivery>>,
    stage: &bus::Stage,
) -> u64 {
    let (mut damaged, mut latest_ns, mut next_mark_ns) = (0, 0, 0);
    let mut leads_to = Some(to_ns.unwrap_or(0));
    let mut batch = Vec::with_capacity(BATCH + 2);
    batch.push(Delivery::Mark(Mark::Begin));
    for item in merged {
        match item {
            Ok(record) if record.envelope().kind == Kind::Selection => {}
            Ok(record) => {
                let time_ns = record.envelope().time_ns;
                if leads_to.is_some_and(|to_ns| time_ns > to_ns) {
                    let at_ns = leads_to.take().filter(|to_ns| *to_ns > 0).unwrap_or(time_ns);
                    batch.extend([Mark::Time(at_ns), Mark::Ready].map(Delivery::Mark));
                    next_mark_ns = next_mark_ns.max(at_ns.saturating_add(MARK_NS));
                }
                if time_ns >= next_mark_ns {
                    batch.push(Delivery::Mark(Mark::Time(time_ns)));
                    next_mark_ns = time_ns.saturating_add(MARK_NS);
                }
                latest_ns = latest_ns.max(time_ns);
                batch.extend(selections.before(&record).into_iter().map(Arc::new).map(Delivery::Event));
                batch.push(Delivery::Event(Arc::new(record)));
            }
            Err((place, damage)) => {
                damaged += 1;
                stage.add_in(damage.events.unwrap_or_default());
                stage.add_dropped(bus::Reason::Undecodable, damage.events.unwrap_or_default());
                if damaged <= NAMED {
                    warn!("{place}: {damage}");
                }
            }
        }
        if batch.len() >= BATCH
            && sender.blocking_send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH + 2))).is_err()
        {
            return damaged;
        }
    }
    let end_ns = leads_to.filter(|to_ns| (1..u64::MAX).contains(to_ns)).unwrap_or(latest_ns);
    if end_ns > 0 {
        batch.push(Delivery::Mark(Mark::Time(end_ns)));
    }
    if leads_to.is_some() {
        batch.push(Delivery::Mark(Mark::Ready));
    }
    let _ = sender.blocking_send(batch);
    if damaged > NAMED {
        warn!("{} more places in the archives could not be read", damaged - NAMED);
    }
    damaged
}

/// Hands events over to the readers of a bus.
pub struct Player {
    bus: Bus,
    stage: Arc<bus::Stage>,
    asked: watch::Receiver<Control>,
    /// What was asked for, as far as it is done.
    control: Control,
    /// The time of the events at a time of this machine: where it began to go on at this pace.
    since: (Instant, u64),
}

impl Player {
    /// Plays as is asked for.
    pub fn new(playback: &Playback, bus: Bus) -> Self {
        let stage = bus.accounts().stage("input");
        Self { bus, stage, asked: playback.watch(), control: playback.control(), since: (Instant::now(), 0) }
    }

    /// The account of what is read.
    pub fn stage(&self) -> Arc<bus::Stage> {
        Arc::clone(&self.stage)
    }

    /// Hands over all events of one reading, up to the end or to a jump, which it returns.
    pub async fn play(&mut self, mut batches: Receiver<Vec<Delivery>>) -> Option<Jump> {
        let mut is_filling = true;
        while let Some(mut batch) = batches.recv().await {
            if is_filling {
                let ready = batch.iter().position(|delivery| matches!(delivery, Delivery::Mark(Mark::Ready)));
                let rest = ready.map_or_else(Vec::new, |place| batch.split_off(place + 1));
                if ready.is_some() {
                    is_filling = false;
                    self.since = (Instant::now(), batch.iter().rev().find_map(time_of).unwrap_or(0));
                }
                self.hand_over(std::mem::replace(&mut batch, rest)).await;
            }
            let jump = if is_filling {
                self.jump_asked_for()
            } else if self.is_unbound() {
                if let Some(time_ns) = batch.last().and_then(time_of) {
                    self.since = (Instant::now(), time_ns);
                }
                self.hand_over(batch).await;
                None
            } else {
                self.hand_over_in_time(batch).await
            };
            if jump.is_some() {
                return jump;
            }
        }
        None
    }

    /// Goes as fast as events are taken, and nothing else is asked for.
    fn is_unbound(&self) -> bool {
        let Control { pace, is_paused, .. } = self.control;
        pace == Pace::Fast && !is_paused && !self.asked.has_changed().unwrap_or(false)
    }

    /// Waits for a jump, after the end.
    pub async fn end(&mut self) -> Jump {
        loop {
            if let Some(jump) = self.jump_asked_for() {
                return jump;
            }
            // The sender lives as long as the recording does.
            if self.asked.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn jump_asked_for(&mut self) -> Option<Jump> {
        let asked = *self.asked.borrow_and_update();
        let jump = asked.jump.filter(|jump| self.control.jump != Some(*jump));
        self.control = asked;
        jump
    }

    /// Hands over each event when it is due.
    async fn hand_over_in_time(&mut self, batch: Vec<Delivery>) -> Option<Jump> {
        let mut due = Vec::new();
        for delivery in batch {
            if let Some(time_ns) = time_of(&delivery)
                && (self.asked.has_changed().unwrap_or(false) || self.control.is_paused || !self.is_due(time_ns))
            {
                self.hand_over(std::mem::take(&mut due)).await;
                if let Some(jump) = self.wait_for(time_ns).await {
                    return Some(jump);
                }
            }
            due.push(delivery);
        }
        self.hand_over(due).await;
        None
    }

    fn is_due(&self, time_ns: u64) -> bool {
        self.due(time_ns).is_none_or(|at| at <= Instant::now() + SOON)
    }

    /// When an event is due; none if at once.
    fn due(&self, time_ns: u64) -> Option<Instant> {
        let Pace::Times(times) = self.control.pace else { return None };
        let (since, since_ns) = self.since;
        let seconds = time_ns.saturating_sub(since_ns) as f64 / 1e9 / times;
        // What is further away than this machine can count is never due.
        since.checked_add(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)).or_else(|| Some(since + FAR))
    }

    /// The time by the clock of the events.
    fn position_ns(&self) -> u64 {
        let (since, since_ns) = self.since;
        let times = match self.control {
            Control { is_paused: true, .. } | Control { pace: Pace::Fast, .. } => 0.0,
            Control { pace: Pace::Times(times), .. } => times,
        };
        since_ns.saturating_add((since.elapsed().as_secs_f64() * times * 1e9) as u64)
    }

    /// Waits until an event is due. Returns a jump, if one is asked for meanwhile.
    async fn wait_for(&mut self, time_ns: u64) -> Option<Jump> {
        loop {
            let position_ns = self.position_ns().min(time_ns.max(self.since.1));
            if self.asked.has_changed().unwrap_or(false) {
                self.since = (Instant::now(), position_ns);
                if let Some(jump) = self.jump_asked_for() {
                    return Some(jump);
                }
            }
            if self.control.is_paused {
                if self.asked.changed().await.is_err() {
                    return None;
                }
                self.asked.mark_changed();
                continue;
            }
            let due = match self.due(time_ns) {
                Some(due) if due > Instant::now() + SOON => due,
                _ => return None,
            };
            let mark = Instant::now() + MARK_EVERY;
            tokio::select! {
                () = sleep_until(due.min(mark)) => {}
                changed = self.asked.changed() => {
                    if changed.is_ok() {
                        self.asked.mark_changed();
                    }
                }
            }
            if mark < due {
                let position_ns = self.position_ns().min(time_ns);
                self.hand_over(vec![Delivery::Mark(Mark::Time(position_ns))]).await;
            }
        }
    }

    /// Hands deliveries to all readers.
    pub async fn hand_over(&self, batch: Vec<Delivery>) {
        let events = batch.iter().filter(|delivery| matches!(delivery, Delivery::Event(_))).count() as u64;
        self.stage.add_in(events);
        self.bus.deliver(batch).await;
        self.stage.add_out(events);
    }
}

/// When something is due, by the clock of the events.
fn time_of(delivery: &Delivery) -> Option<u64> {
    match delivery {
        Delivery::Event(record) => Some(record.envelope().time_ns),
        Delivery::Mark(Mark::Time(time_ns)) => Some(*time_ns),
        Delivery::Mark(_) | Delivery::Lost(_) | Delivery::Checkpoint(_) => None,
    }
}
