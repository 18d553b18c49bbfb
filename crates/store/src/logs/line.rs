//! What a line says: its time, and the peers and addresses in it.

use decode::log::{Decoder, MAX_ENTRY_BYTES};
use event::filter::ip_of;
use memchr::memmem;

/// Bytes of a line that are looked at: a longer one is kept, and searched piece by piece.
pub(super) const MAX_LINE: usize = MAX_ENTRY_BYTES;

/// Where a word ends.
const BETWEEN: &[u8] = b" \t\r\n,;()'\"=<>|";

/// Reads the times of lines, in order: what another program put before them is learnt from those before.
#[derive(Debug, Default)]
pub struct LineFacts(Decoder);

impl LineFacts {
    /// The node's time of a line, in nanoseconds since the UNIX epoch; none if it has none.
    pub fn time_ns(&mut self, line: &[u8]) -> Option<u64> {
        let time_us = self.0.parse(line.into(), 0).log.log_timestamp;
        (time_us > 0).then(|| time_us.saturating_mul(1000))
    }
}

/// The ids of peers in a line: of `peer=7`.
pub(super) fn peers(line: &[u8]) -> impl Iterator<Item = u64> + '_ {
    const NAME: &[u8] = b"peer=";
    memmem::find_iter(line, NAME).filter_map(|at| {
        if at.checked_sub(1).and_then(|before| line.get(before)).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let rest = line.get(at.saturating_add(NAME.len())..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
    })
}

/// The addresses in a line: of IP, with or without port, and those of onion services and I2P.
pub(super) fn addresses(line: &[u8]) -> impl Iterator<Item = &str> + '_ {
    line.split(|byte| BETWEEN.contains(byte)).filter_map(|word| {
        let may_be = word.len() >= 2 && word.iter().any(|byte| matches!(byte, b'.' | b':'));
        let word = may_be.then(|| std::str::from_utf8(word).ok()).flatten()?.trim_end_matches(['.', ':']);
        let is_overlay = || word.contains(".onion") || word.contains(".b32.i2p");
        (ip_of(word).is_some() || is_overlay()).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lines_say() {
        for (line, ids, addrs) in [
            ("2026-06-23T16:19:13Z [net] received: ping (8 bytes) peer=7", &[7][..], &[][..]),
            ("x disconnecting peer=12, peeraddr=1.2.3.4:8333", &[12], &["1.2.3.4:8333"]),
            ("connection from [2001:db8::1]:5000 accepted", &[], &["[2001:db8::1]:5000"]),
            ("Added 3 addresses from 10.0.0.1: 0 tried", &[], &["10.0.0.1"]),
            ("speer=3 peer= peer=99999999999999999999 peer=x", &[], &[]),
            ("trying v2 connection (outbound) to abc.onion:8333, lastseen=1.0hrs", &[], &["abc.onion:8333"]),
            ("version 70016: /Satoshi:30.0.0/ 12:00:00", &[], &[]),
        ] {
            assert_eq!(peers(line.as_bytes()).collect::<Vec<_>>(), ids, "{line}");
            assert_eq!(addresses(line.as_bytes()).collect::<Vec<_>>(), addrs, "{line}");
        }
        let mut facts = LineFacts::default();
        let time = facts.time_ns(b"2026-06-23T16:19:13.123456Z [net] x\n");
        assert_eq!(time, Some(1_782_231_553_123_456_000));
        assert_eq!(facts.time_ns(b"  more of it\n"), None);
    }
}
