//! CPU time, in seconds.

use rustix::time::{ClockId, clock_gettime};

/// That of this process so far.
pub fn of_process() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

/// That of this thread so far.
pub fn of_thread() -> f64 {
    seconds(ClockId::ThreadCPUTime)
}

fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
