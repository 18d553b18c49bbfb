//! The time of an entry.

use jiff::civil::DateTime;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Reads times of the form `2026-06-23T16:19:13Z` or, with -logtimemicros, `2026-06-23T16:19:13.123456Z`.
///
/// Entries come in order, so it remembers the minute of the last one: only the seconds of the next are left to read.
/// They are read by hand because that is done for each entry; jiff reads the minutes.
#[derive(Debug)]
pub(super) struct Clock {
    /// `2026-06-23T16:19`
    minute: [u8; 16],
    /// When that minute begins, in microseconds since the UNIX epoch.
    start_us: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { minute: *b"1970-01-01T00:00", start_us: 0 }
    }
}

impl Clock {
    /// The time at the beginning of `text` in microseconds since the UNIX epoch, and what follows it.
    pub(super) fn read<'a>(&mut self, text: &'a [u8]) -> Option<(u64, &'a [u8])> {
        let (minute, rest) = text.split_first_chunk()?;
        let (time_us, rest) = self.seconds(minute, rest)?;
        Some((time_us, rest.strip_prefix(b"Z")?))
    }

    /// Bytes of a time that [`Clock::read`] reads.
    pub(super) fn length(text: &[u8]) -> usize {
        const SECONDS: &[u8] = b"2026-06-23T16:19:13Z";
        if text.get(SECONDS.len() - 1) == Some(&b'Z') { SECONDS.len() } else { SECONDS.len() + ".123456".len() }
    }

    /// As [`Clock::read`], for the form `2018-04-25 03:30:31` or `2018-04-25 03:30:31.123456` (UTC) that Bitcoin Core
    /// wrote before v0.17.
    pub(super) fn read_old<'a>(&mut self, text: &'a [u8]) -> Option<(u64, &'a [u8])> {
        let (minute, rest) = text.split_first_chunk::<16>()?;
        let mut minute = *minute;
        let separator = minute.get_mut(10).filter(|separator| **separator == b' ')?;
        *separator = b'T';
        self.seconds(&minute, rest)
    }

    /// Reads `:13` or `:13.123456` after a minute.
    #[inline]
    fn seconds<'a>(&mut self, minute: &[u8; 16], rest: &'a [u8]) -> Option<(u64, &'a [u8])> {
        if *minute != self.minute {
            self.start_us = minute_start_us(minute)?;
            self.minute = *minute;
        }
        let [b':', tens, ones, rest @ ..] = rest else {
            return None;
        };
        let seconds = number([*tens, *ones])?;
        if seconds > 59 {
            return None;
        }
        let (micros, rest) = match rest {
            [b'.', a, b, c, d, e, f, rest @ ..] => (number([*a, *b, *c, *d, *e, *f])?, rest),
            _ => (0, rest),
        };
        Some((self.start_us + seconds * 1_000_000 + micros, rest))
    }
}

fn minute_start_us(minute: &[u8; 16]) -> Option<u64> {
    // `2026-06-23T16:19` is a whole time for jiff, but so are forms that the node never writes.
    let digits = |byte: &u8| if byte.is_ascii_digit() { b'0' } else { *byte };
    if minute.each_ref().map(digits) != *b"0000-00-00T00:00" {
        return None;
    }
    let time: DateTime = std::str::from_utf8(minute).ok()?.parse().ok()?;
    u64::try_from(time.duration_since(EPOCH).as_micros()).ok()
}

/// The number that these digits are.
fn number<const N: usize>(digits: [u8; N]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let mut clock = Clock::default();
        let cases: [(&str, Option<u64>); 19] = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:59.000001Z", Some(59_000_001)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000_000)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000_000)),
            ("2026-06-23T16:19:13Z", Some(1_782_231_553_000_000)),
            ("2026-06-23T16:19:13.123456Z", Some(1_782_231_553_123_456)),
            ("2100-12-31T23:59:59.999999Z", Some(4_133_980_799_999_999)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-13-23T16:19:13Z", None),
            ("2026-02-29T16:19:13Z", None),
            ("2026-06-23T24:00:13Z", None),
            ("2026-06-23t16:19:13Z", None),
            ("2026-06-23T16:19:60Z", None),
            ("2026-06-23T16:19:13", None),
            ("2026-06-23T16:19:13.123Z", None),
            ("2026-06-23T16:19:1:Z", None),
            ("2026-06-23 16:19:13Z", None),
            ("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0:13Z", None),
        ];
        for (text, expected) in cases {
            assert_eq!(clock.read(text.as_bytes()).map(|(time, _)| time), expected, "{text:?}");
        }
        for text in [&b"2026-06-23T16:19:13Z [net] a"[..], b"2026-06-23T16:19:13.123456Z [net] a"] {
            assert_eq!(clock.read(text).unwrap().1, b" [net] a");
            assert_eq!(text[Clock::length(text)..], *b" [net] a");
        }
    }
    #[test]
    fn times_before_v0_17() {
        let mut clock = Clock::default();
        let cases: [(&str, Option<u64>); 5] = [
            ("2018-04-25 03:30:31", Some(1_524_627_031_000_000)),
            ("2016-12-11 15:36:23.372866", Some(1_481_470_583_372_866)),
            ("2016-12-11T15:36:23.372866", None),
            ("2016-12-11_15:36:23", None),
            ("2016-12-32 15:36:23", None),
        ];
        for (text, expected) in cases {
            assert_eq!(clock.read_old(text.as_bytes()).map(|(time, _)| time), expected, "{text:?}");
        }
    }
}
