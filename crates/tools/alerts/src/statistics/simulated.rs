//! False alarms and delays of [`Series`], by made-up traffic: by day and week, heavy-tailed, and with values that follow each other.

use std::f64::consts::TAU;

use fastrand::Rng;

use super::{Limits, RATES, Series, Value};

const MINUTE_NS: u64 = 60_000_000_000;
const DAY: u64 = 1_440;
const YEAR: u64 = 365 * DAY;
/// A Thursday.
const START: u64 = 1_767_225_600 / 60;

fn normal(random: &mut Rng) -> f64 {
    (-2.0 * random.f64().max(1e-12).ln()).sqrt() * (TAU * random.f64()).cos()
}

/// Traffic of a node.
struct Traffic {
    random: Rng,
    /// A minute has so many, usually.
    usual: f64,
    drift: f64,
    noise: f64,
}

impl Traffic {
    fn new(usual: f64, seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), usual, drift: 0.0, noise: 0.0 }
    }

    /// How many there are in a minute, in which there are so many times what is usual.
    fn minute(&mut self, minute: u64, times: f64) -> f64 {
        let Self { random, usual, drift, noise } = self;
        // Twice as many in the afternoon as at night, fewer at the weekend, and more or less for hours, and for minutes.
        let day = 0.35 * (TAU * minute as f64 / DAY as f64).sin();
        let weekend = if minute / DAY % 7 > 4 { -0.2 } else { 0.0 };
        *drift = 0.998 * *drift + 0.004 * normal(random);
        *noise = 0.9 * *noise + 0.06 * normal(random);
        let mut rate = *usual * times * (day + weekend + *drift + *noise).exp();
        // Once in an hour or two, many at once: up to hundreds of times the usual.
        if random.u32(0..90) == 0 {
            rate *= 1.0 + random.f64().max(1e-3).powf(-0.8);
        }
        let count = if rate > 50.0 { rate + rate.sqrt() * normal(random) } else { poisson(rate, random) };
        count.round().max(0.0)
    }
}

fn poisson(rate: f64, random: &mut Rng) -> f64 {
    let (mut count, mut product, least) = (0.0, random.f64(), (-rate).exp());
    while product > least {
        count += 1.0;
        product *= random.f64();
    }
    count
}

/// How often what is usual must be more or less, as `rate_changed` has it.
const TIMES: f64 = 1.75;

/// How near a count comes to an alarm, which it is from 1 on.
fn score(series: &mut Series, minute: u64, count: f64, limits: &Limits) -> f64 {
    let at_ns = (START + minute) * MINUTE_NS;
    let value = Value { at_ns, value: count.ln_1p(), counts: true, is_open: false };
    series.take(&value, limits).map_or(0.0, |turn| turn.sum.min((turn.now - turn.usual).abs() / TIMES.ln()))
}

/// Limits for so many false alarms a year in so many series.
fn limits(alarms: f64, series: f64) -> Limits {
    Limits::new(YEAR as f64 * series / alarms)
}

#[test]
fn false_alarms_are_no_more_than_stated() {
    for (alarms, of, usual) in [(2.0, 80.0, 3.0), (2.0, 80.0, 2_000.0), (50.0, 1.0, 2_000.0)] {
        let limits = limits(alarms, of);
        let (mut traffic, mut series) = (Traffic::new(usual, 1), Series::new(&RATES));
        let (mut found, mut is_open, mut highest) = (0u32, false, 0.0f64);
        for minute in 0..YEAR {
            let count = traffic.minute(minute, 1.0);
            let score = score(&mut series, minute, count, &limits);
            found += u32::from(score >= 1.0 && !is_open);
            is_open = score >= 1.0 || is_open && score >= crate::STAYS;
            highest = highest.max(score);
        }
        println!(
            "{usual} a minute: {found} false alarms in a year, {} stated; highest score {highest:.2}",
            alarms / of
        );
        assert!(f64::from(found) <= alarms / of, "{usual} a minute: {found}, {highest}");
    }
}

#[test]
fn shifts_are_found_soon() {
    let limits = limits(2.0, 80.0);
    for usual in [3.0, 60.0, 2_000.0] {
        // What is usual at the hour of the week is known after three weeks.
        let cases = [(2, 5.0, 60), (2, 0.1, 60), (30, 5.0, 60), (30, 2.0, 240)];
        // Twice as many of three a minute is no more than chance brings about.
        let count = if usual < 10.0 { 3 } else { 4 };
        for (days, times, most) in cases.into_iter().take(count) {
            let (mut traffic, mut series) = (Traffic::new(usual, 1), Series::new(&RATES));
            let begin = days * DAY + 900;
            for minute in 0..begin {
                let count = traffic.minute(minute, 1.0);
                score(&mut series, minute, count, &limits);
            }
            let found = (begin..begin + most).find(|minute| {
                let count = traffic.minute(*minute, times);
                score(&mut series, *minute, count, &limits) >= 1.0
            });
            let delay = found.map(|minute| minute + 1 - begin);
            println!("{usual} a minute, after {days} days, {times} times as many: found after {delay:?} minutes");
            assert!(delay.is_some(), "{usual} a minute, after {days} days, {times} times as many");
        }
    }
}
