//! Where the bytes of a log go that is followed.

use decode::log::Tail;
use event::pb::observer::node_state::State;

use crate::file::Identity;

/// Takes the bytes of a log, in order. It is used in a thread that may block.
pub(crate) trait Sink {
    /// Name of the node whose log it is.
    fn node(&self) -> &str;

    /// Says how the node is found, as [`bus::Publisher::node_is`].
    fn node_is(&self, state: State, reason: Option<&str>);

    /// Where the next bytes go: there is room for [`CHUNK`](crate::feed::CHUNK) of them.
    fn room(&mut self) -> &mut [u8];

    /// Takes the first `bytes` bytes of the room, which were put there.
    fn filled(&mut self, bytes: usize);

    /// Bytes that are not dealt with yet.
    fn pending(&self) -> usize;

    /// Deals with what is complete.
    fn publish(&mut self, tail: Tail);

    /// The same, if no more bytes are known to follow. When the last line is not complete, the rest of it is under way.
    fn publish_complete(&mut self);

    /// Deals with all there is, since the file ended. Another one may follow.
    fn end(&mut self) {
        self.publish(Tail::Ends);
    }

    /// The log goes on in another place.
    fn new_run(&mut self);

    /// A file was opened, and is read on behind these bytes.
    fn opened(&mut self, _seen: &[u8]) {}

    /// What was filled last ends there in a file.
    fn reached(&mut self, _file: Identity, _offset: u64) {}

    /// What was written to a file that was truncated is wanted, too, if a copy of the file has it.
    fn wants_copies(&self) -> bool {
        false
    }

    /// Something of the log is missing from here on.
    fn lost(&mut self) {}

    /// Nothing will come any more.
    fn stop(&mut self) {}
}
