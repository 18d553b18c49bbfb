//! How many connections may be opened: in all, to a group of neighbours, and to an autonomous system. Each connection
//! counts, also the second one to an address.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use networks::Group;

/// Rates of connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// A second, in all.
    pub per_second: f64,
    /// A minute, to each network group: /16 of IPv4, /32 of IPv6.
    pub group_per_minute: f64,
    /// A minute, to each autonomous system.
    pub asn_per_minute: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { per_second: 5.0, group_per_minute: 12.0, asn_per_minute: 60.0 }
    }
}

/// To whom a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbourhood {
    /// Its network group. None in networks that have none.
    pub group: Option<Group>,
    /// Its autonomous system, if that is known.
    pub asn: Option<u32>,
}

/// A bucket of tokens: it fills at a rate, up to a size, and each connection takes one.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    /// When it had so many.
    at: Instant,
}

/// How fast a bucket fills, in tokens per second, and how many it holds.
#[derive(Clone, Copy, Debug)]
struct Pace {
    per_second: f64,
    size: f64,
}

impl Pace {
    fn per_second(rate: f64) -> Self {
        // What comes within a second, at least one.
        Self { per_second: rate, size: rate.max(1.0) }
    }

    fn per_minute(rate: f64) -> Self {
        // What comes within ten seconds, at least one.
        Self { per_second: rate / 60.0, size: (rate / 6.0).max(1.0) }
    }
}

impl Bucket {
    fn full(pace: Pace, now: Instant) -> Self {
        Self { tokens: pace.size, at: now }
    }

    fn level(&self, pace: Pace, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + since * pace.per_second).min(pace.size)
    }

    /// When it has a token.
    fn ready(&self, pace: Pace, now: Instant) -> Instant {
        let missing = 1.0 - self.level(pace, now);
        if missing <= 0.0 {
            return now;
        }
        let wait = Duration::try_from_secs_f64(missing / pace.per_second).unwrap_or(Duration::MAX);
        // Rounded up: a token that is nearly there is not there.
        now.checked_add(wait.saturating_add(Duration::from_micros(1))).unwrap_or(now + Duration::from_secs(86_400))
    }

    fn take(&mut self, pace: Pace, now: Instant) {
        *self = Self { tokens: self.level(pace, now) - 1.0, at: now };
    }
}

/// From so many buckets on, those that are full are forgotten: a new one is full, too. The others are few, since each
/// has had a connection within the last minute or so.
const FORGET_FROM: usize = 1_024;

/// The buckets.
#[derive(Debug)]
pub struct Budget {
    all: (Pace, Bucket),
    group_pace: Pace,
    groups: HashMap<Group, Bucket>,
    asn_pace: Pace,
    asns: HashMap<u32, Bucket>,
    /// From so many on, full ones are forgotten.
    forget_from: usize,
}

impl Budget {
    /// Nothing was spent yet.
    pub fn new(rates: Rates, now: Instant) -> Self {
        let pace = Pace::per_second(rates.per_second);
        Self {
            all: (pace, Bucket::full(pace, now)),
            group_pace: Pace::per_minute(rates.group_per_minute),
            groups: HashMap::new(),
            asn_pace: Pace::per_minute(rates.asn_per_minute),
            asns: HashMap::new(),
            forget_from: FORGET_FROM,
        }
    }

    /// When the next connection may be opened to anybody.
    pub fn ready(&self, now: Instant) -> Instant {
        self.all.1.ready(self.all.0, now)
    }

    /// Whether a connection may be opened to a neighbourhood now.
    ///
    /// # Errors
    /// Not before the time that it returns.
    pub fn check(&self, to: Neighbourhood, now: Instant) -> Result<(), Instant> {
        let group = to.group.and_then(|group| self.groups.get(&group)).map(|bucket| bucket.ready(self.group_pace, now));
        let asn = to.asn.and_then(|asn| self.asns.get(&asn)).map(|bucket| bucket.ready(self.asn_pace, now));
        let ready = [Some(self.ready(now)), group, asn].into_iter().flatten().max().unwrap_or(now);
        if ready <= now { Ok(()) } else { Err(ready) }
    }

    /// Takes a token for a connection, also if it is not there yet: whoever asks later comes later. Returns when the
    /// connection may be opened.
    pub fn reserve(&mut self, to: Neighbourhood, now: Instant) -> Instant {
        let ready = self.check(to, now).err().unwrap_or(now);
        self.all.1.take(self.all.0, now);
        if let Some(group) = to.group {
            let full = Bucket::full(self.group_pace, now);
            self.groups.entry(group).or_insert(full).take(self.group_pace, now);
        }
        if let Some(asn) = to.asn {
            let full = Bucket::full(self.asn_pace, now);
            self.asns.entry(asn).or_insert(full).take(self.asn_pace, now);
        }
        if self.groups.len() + self.asns.len() >= self.forget_from {
            let (group_pace, asn_pace) = (self.group_pace, self.asn_pace);
            self.groups.retain(|_, bucket| bucket.level(group_pace, now) < group_pace.size);
            self.asns.retain(|_, bucket| bucket.level(asn_pace, now) < asn_pace.size);
            self.forget_from = FORGET_FROM.max(2 * (self.groups.len() + self.asns.len()));
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(ip: [u8; 4], asn: u32) -> Neighbourhood {
        Neighbourhood { group: Some(networks::group16(std::net::IpAddr::from(ip))), asn: Some(asn) }
    }

    /// Opens a connection as often as it may be, for so long. Returns how many.
    fn spend(budget: &mut Budget, start: Instant, seconds: u64, mut next: impl FnMut(usize) -> Neighbourhood) -> usize {
        let (mut now, mut count) = (start, 0);
        while now < start + Duration::from_secs(seconds) {
            let to = next(count);
            match budget.check(to, now) {
                Ok(()) => {
                    assert_eq!(budget.reserve(to, now), now);
                    count += 1;
                }
                Err(ready) => {
                    assert!(ready > now);
                    now = ready;
                }
            }
        }
        count
    }

    #[test]
    fn each_rate_holds() {
        let start = Instant::now();
        let rates = Rates { per_second: 5.0, group_per_minute: 12.0, asn_per_minute: 60.0 };
        let budget = || Budget::new(rates, start);
        // What it holds at first, and what comes meanwhile.
        let everywhere = |n: usize| to([(n % 250) as u8, (n / 250) as u8, 1, 1], n as u32);
        assert!((100 * 5..=100 * 5 + 6).contains(&spend(&mut budget(), start, 100, everywhere)));
        let neighbours = spend(&mut budget(), start, 100, |n| to([1, 2, (n / 250) as u8, n as u8], n as u32));
        assert!((20..=22).contains(&neighbours), "{neighbours}");
        let one_asn = spend(&mut budget(), start, 100, |n| to([(n % 250) as u8, (n / 250) as u8, 1, 1], 7));
        assert!((100..=111).contains(&one_asn), "{one_asn}");
        let onion = spend(&mut budget(), start, 100, |_| Neighbourhood { group: None, asn: None });
        assert!((500..=506).contains(&onion), "{onion}");
    }

    #[test]
    fn what_is_reserved_comes_first() {
        let now = Instant::now();
        let mut budget = Budget::new(Rates { per_second: 1.0, ..Rates::default() }, now);
        let waits: Vec<_> = (0..4).map(|n| budget.reserve(to([n, 1, 1, 1], n.into()), now) - now).collect();
        for (n, wait) in waits.into_iter().enumerate() {
            assert!(wait.abs_diff(Duration::from_secs(n as u64)) < Duration::from_millis(1), "{n}: {wait:?}");
        }
        let ready = budget.check(to([9, 1, 1, 1], 9), now).unwrap_err();
        assert!(ready - now >= Duration::from_secs(4));
    }

    #[test]
    fn buckets_are_forgotten() {
        let (start, mut now) = (Instant::now(), Instant::now());
        let mut budget = Budget::new(Rates { per_second: 1_000.0, ..Rates::default() }, start);
        for n in 0..65_000_u32 {
            let [_, _, c, d] = n.to_be_bytes();
            now = now.max(budget.ready(now));
            budget.reserve(to([c, d, 1, 1], n), now);
        }
        let (groups, asns) = (budget.groups.len(), budget.asns.len());
        assert!(groups + asns < 20_000, "{groups} {asns}");
    }
}
