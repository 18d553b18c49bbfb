//! Reading a message from its beginning to its end.

use std::str::FromStr;

/// What is left to read of a message. A method returns `None` where something else follows than it reads.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a>(pub(super) &'a [u8]);

/// A peer as the node names it: `peer=7`, and with -logips `peer=7, peeraddr=192.0.2.1:8333` (`CNode::LogPeer`;
/// without the comma from v29 to v31).
pub(super) struct Peer {
    pub(super) id: u64,
    pub(super) addr: Option<String>,
}

impl<'a> Scan<'a> {
    /// Passes over this text.
    pub(super) fn skip(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text.as_bytes())?;
        Some(())
    }

    /// Passes over this text if it comes next.
    pub(super) fn skips(&mut self, text: &str) -> bool {
        self.skip(text).is_some()
    }

    /// Everything before this text, and passes over both.
    pub(super) fn until(&mut self, text: &str) -> Option<&'a [u8]> {
        let at = memchr::memmem::find(self.0, text.as_bytes())?;
        let (before, rest) = self.0.split_at_checked(at)?;
        self.0 = rest.get(text.len()..)?;
        Some(before)
    }

    /// The next bytes for which `is` holds.
    fn take_while(&mut self, is: impl Fn(&u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !is(byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(end).unwrap_or((self.0, b""));
        self.0 = rest;
        taken
    }

    /// Everything up to the next white space or the end; at least one byte.
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        Some(self.take_while(|byte| !byte.is_ascii_whitespace())).filter(|word| !word.is_empty())
    }

    /// A decimal number without sign.
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Option<T> {
        let digits = self.take_while(u8::is_ascii_digit);
        if digits.is_empty() {
            return None;
        }
        let number = digits
            .iter()
            .try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
        T::try_from(number).ok()
    }

    /// A number in any form that Rust reads, such as a signed or a floating point one.
    pub(super) fn parse<T: FromStr>(&mut self) -> Option<T> {
        let text = self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'));
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// A hash as 64 hexadecimal digits.
    pub(super) fn hash(&mut self) -> Option<String> {
        let (hash, rest) = self.0.split_first_chunk::<64>()?;
        if !is_hexadecimal(hash) {
            return None;
        }
        self.0 = rest;
        Some(lossy(hash))
    }

    /// An address, with port or without, as the node prints it; no punctuation of the sentence that follows. An IPv6
    /// address without port may end in two colons of its own.
    pub(super) fn addr(&mut self) -> Option<String> {
        let before = self.0;
        let mut addr = self.word()?;
        loop {
            addr = match addr {
                [rest @ .., b',' | b';' | b')'] => rest,
                [rest @ .., b':'] if !rest.ends_with(b":") || rest.ends_with(b"::") => rest,
                _ => break,
            };
        }
        self.0 = before.get(addr.len()..)?;
        (!addr.is_empty()).then(|| lossy(addr))
    }

    /// A peer.
    pub(super) fn peer(&mut self) -> Option<Peer> {
        self.skip("peer=")?;
        self.peer_after_name()
    }

    /// What follows `peer=`.
    pub(super) fn peer_after_name(&mut self) -> Option<Peer> {
        let id = self.number()?;
        let addr = if self.skips(", peeraddr=") || self.skips(" peeraddr=") { Some(self.addr()?) } else { None };
        Some(Peer { id, addr })
    }

    /// A peer at the end of what is left, which is then what stands before it. What stands there may be text of a peer,
    /// so this is read from the end.
    pub(super) fn peer_at_end(&mut self) -> Option<Peer> {
        let mut end = self.0.len();
        loop {
            end = memchr::memrchr(b'=', self.0.get(..end)?)?;
            let (before, after) = (self.0.get(..end)?, self.0.get(end + 1..)?);
            if let Some(before) = before.strip_suffix(b"peer") {
                let mut after = Scan(after);
                let peer = after.peer_after_name()?;
                after.end()?;
                self.0 = before;
                return Some(peer);
            }
        }
    }

    /// Drops this text from the end.
    pub(super) fn skip_end(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_suffix(text.as_bytes())?;
        Some(())
    }

    /// A fee rate as the node prints it, `0.00001000 BTC/kvB`, in sat/kvB.
    pub(super) fn fee_rate(&mut self) -> Option<u64> {
        let bitcoins: u64 = self.number()?;
        self.skip(".")?;
        let (satoshis, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        let satoshis: u64 = Scan(satoshis).whole_number()?;
        self.skip(" BTC/kvB")?;
        bitcoins.checked_mul(100_000_000)?.checked_add(satoshis)
    }

    /// A number that is all that is left.
    pub(super) fn whole_number<T: TryFrom<u64>>(mut self) -> Option<T> {
        let number = self.number()?;
        self.end()?;
        Some(number)
    }

    /// A hash, or this word in its place.
    pub(super) fn hash_or(&mut self, word: &str) -> Option<Option<String>> {
        if self.skips(word) { Some(None) } else { self.hash().map(Some) }
    }

    /// All that is left.
    pub(super) fn rest(self) -> String {
        lossy(self.0)
    }

    /// That nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Whether all are hexadecimal digits. On its own this becomes a few instructions for all of them together; within its callers, a branch for each,
/// which no processor can predict.
#[inline(never)]
fn is_hexadecimal(hash: &[u8; 64]) -> bool {
    hash.iter().fold(true, |all, digit| all & digit.is_ascii_hexdigit())
}

/// Bytes as text; what is not UTF-8 is replaced.
pub(super) fn lossy(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
