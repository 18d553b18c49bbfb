//! The time of an entry.

/// Reads times of the form `2026-06-23T16:19:13Z` or, with -logtimemicros, `2026-06-23T16:19:13.123456Z`.
///
/// Entries come in order, so it remembers the minute of the last one: only the seconds of the next are left to read.
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
            [b'Z', rest @ ..] => (0, rest),
            [b'.', a, b, c, d, e, f, b'Z', rest @ ..] => (number([*a, *b, *c, *d, *e, *f])?, rest),
            _ => return None,
        };
        Some((self.start_us + seconds * 1_000_000 + micros, rest))
    }
}

fn minute_start_us(minute: &[u8; 16]) -> Option<u64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2] = *minute else {
        return None;
    };
    let (year, month, day) = (number([y1, y2, y3, y4])?, number([m1, m2])?, number([d1, d2])?);
    let (hour, minute) = (number([h1, h2])?, number([n1, n2])?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60_000_000)
}

/// Days from the UNIX epoch to a day of the Gregorian calendar; the year is 1970 or later.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // A year that begins in March has its leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    // 1970-01-01 is day 719,469 when 0000-03-01 is day 1.
    before_year + before_month + day - 719_469
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
        let cases: [(&str, Option<u64>); 16] = [
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
        assert_eq!(clock.read(b"2026-06-23T16:19:13Z [net] a").unwrap().1, b" [net] a");
    }
}
