//! The frames that a batch becomes: one, and another one where a day ends.

use std::io;

use store::archive::{Packed, Packer};

use super::output::day;

/// Frames that are being made of a batch.
pub(super) struct Frames<'a> {
    packer: &'a mut Packer,
    day: u64,
    done: io::Result<Vec<Packed>>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(packer: &'a mut Packer) -> Self {
        Self { packer, day: 0, done: Ok(Vec::new()) }
    }

    /// Where an event of this time goes.
    pub(super) fn at(&mut self, time_ns: u64) -> &mut Packer {
        if day(time_ns) > self.day {
            self.pack();
            self.day = day(time_ns);
        }
        self.packer
    }

    fn pack(&mut self) {
        if self.packer.events() == 0 {
            return;
        }
        let packed = self.packer.pack();
        if let Ok(done) = &mut self.done {
            match packed {
                Ok(frame) => done.push(frame),
                Err(error) => self.done = Err(error),
            }
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// One could not be made.
    pub(super) fn finish(mut self) -> io::Result<Vec<Packed>> {
        self.pack();
        self.done
    }
}
