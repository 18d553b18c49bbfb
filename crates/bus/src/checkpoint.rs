//! How whoever keeps events for good tells the stream that they come from what of it need not come again.

use std::sync::Arc;

use tokio::sync::watch;

/// A place between events that come from a stream. Readers that do not keep events ignore it.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    number: u64,
    confirmed: Arc<watch::Sender<u64>>,
}

impl Checkpoint {
    /// Declares that everything before it is safe, whatever happens to this process and to the power. Confirms those before it, too.
    pub fn confirm(&self) {
        self.confirmed.send_if_modified(|confirmed| {
            let new = *confirmed < self.number;
            *confirmed = self.number.max(*confirmed);
            new
        });
    }
}

/// Makes checkpoints, which have the numbers 1, 2, 3, ...
#[derive(Debug)]
pub struct Checkpoints {
    made: u64,
    confirmed: Arc<watch::Sender<u64>>,
}

impl Checkpoints {
    /// None is made yet. The receiver has the number of the last one that was confirmed; it is closed when no more can be.
    pub fn new() -> (Self, watch::Receiver<u64>) {
        let (confirmed, receiver) = watch::channel(0);
        (Self { made: 0, confirmed: Arc::new(confirmed) }, receiver)
    }

    /// The next one, and its number.
    pub fn make(&mut self) -> (Checkpoint, u64) {
        self.made += 1;
        (Checkpoint { number: self.made, confirmed: Arc::clone(&self.confirmed) }, self.made)
    }
}
