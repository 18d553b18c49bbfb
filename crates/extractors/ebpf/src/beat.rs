//! The beat at which the ring is read while there is much in it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::{Errno, read};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::ring::awaited;

/// The shortest time between two beats. None at all would stop the timer.
const SHORTEST: Duration = Duration::from_micros(100);

/// A timer of the kernel's that goes off again and again, while somebody waits for it. Tokio's are set anew each time, which costs three system calls
/// more: at 50 beats a second they are a part of the cost that shows.
pub(crate) struct Beat {
    timer: AsyncFd<OwnedFd>,
    period: Timespec,
    runs: bool,
}

impl Beat {
    /// A beat that does not run yet. On a Tokio runtime.
    ///
    /// # Errors
    /// Those of `timerfd_create(2)`.
    pub(crate) fn new(period: Duration) -> io::Result<Self> {
        let period = Timespec::try_from(period.max(SHORTEST)).map_err(io::Error::other)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { timer: awaited(timer)?, period, runs: false })
    }

    /// Waits for the next beat: a period from now if it did not run. If it went by meanwhile, that is at once. Cancel safe.
    ///
    /// # Errors
    /// The timer cannot be set or awaited.
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        if !self.runs {
            self.set(self.period)?;
            self.runs = true;
        }
        loop {
            let mut ready = self.timer.readable().await?;
            // The kernel sets the timer anew when it is read, and announces each beat as an edge.
            let beats = read(&self.timer, &mut [0; size_of::<u64>()]);
            ready.clear_ready();
            match beats {
                Ok(_) => return Ok(()),
                // It was stopped after it went off.
                Err(Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends the beat, until somebody waits for it again.
    ///
    /// # Errors
    /// The timer cannot be set.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.runs) {
            self.set(Timespec::default())?;
        }
        Ok(())
    }

    fn set(&self, period: Timespec) -> io::Result<()> {
        let both = Itimerspec { it_interval: period, it_value: period };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &both)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// It goes on by itself, begins anew after a pause, and does not come more often than it should.
    #[tokio::test]
    async fn goes_off_again_and_again() {
        let period = Duration::from_millis(20);
        let mut beat = Beat::new(period).unwrap();
        for _ in 0..2 {
            let begin = Instant::now();
            for _ in 0..5 {
                beat.next().await.unwrap();
            }
            assert!(begin.elapsed() >= 5 * period, "{:?}", begin.elapsed());
            beat.stop().unwrap();
        }
    }
}
