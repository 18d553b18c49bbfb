//! What is usual at an hour of the week: known after three weeks.

use super::median;

const HOURS: usize = 24 * 7;
/// Weeks that are remembered.
const WEEKS: usize = 5;
/// Weeks after which something is known.
const ENOUGH: usize = 3;
const HOUR_NS: u64 = 3_600 * model::bounds::SECOND;
/// Values that an hour must have, one a minute.
const VALUES: usize = 40;

/// The values of each hour of the week in the last weeks, from Thursday 0:00 UTC on, as the UNIX epoch began on one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hours {
    /// The newest first. Empty as long as there is none; what is not known is not a number.
    weeks: Vec<[f32; WEEKS]>,
    /// The median of each hour, if enough is known.
    medians: Vec<f32>,
    /// Values of the hour at hand, and which hour that is.
    values: Vec<f32>,
    hour: u64,
}

impl Hours {
    /// Learns a value.
    pub fn learn(&mut self, time_ns: u64, value: f64) {
        let hour = time_ns / HOUR_NS;
        if hour != self.hour {
            let ended = std::mem::replace(&mut self.hour, hour);
            if self.values.len() >= VALUES {
                let value = midmean(&mut self.values);
                self.end(ended, value);
            }
            self.values.clear();
        }
        if self.values.len() < 60 {
            self.values.push(value as f32);
        }
    }

    fn end(&mut self, hour: u64, value: f32) {
        if self.weeks.is_empty() {
            (self.weeks, self.medians) = (vec![[f32::NAN; WEEKS]; HOURS], vec![f32::NAN; HOURS]);
        }
        if let Some(weeks) = self.weeks.get_mut(index(hour)) {
            weeks.rotate_right(1);
            let [newest, ..] = weeks;
            *newest = value;
        }
        self.sum_up(index(hour));
    }

    fn sum_up(&mut self, index: usize) {
        let (Some(weeks), Some(place)) = (self.weeks.get(index), self.medians.get_mut(index)) else { return };
        let known: Vec<f64> = weeks.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value)).collect();
        *place = if known.len() >= ENOUGH { median(known) as f32 } else { f32::NAN };
    }

    /// What is usual at this time: between the middles of two hours, a value between theirs. None if too little is known.
    pub fn usual(&self, time_ns: u64) -> Option<f64> {
        let hour = time_ns / HOUR_NS;
        let part = (time_ns % HOUR_NS) as f64 / HOUR_NS as f64 - 0.5;
        let other = if part < 0.0 { hour.saturating_sub(1) } else { hour + 1 };
        let of = |hour: u64| self.medians.get(index(hour)).filter(|value| value.is_finite()).map(|v| f64::from(*v));
        let own = of(hour)?;
        Some(own + part.abs() * (of(other).unwrap_or(own) - own))
    }

    /// All values, for the next start.
    pub fn saved(&self) -> Vec<f32> {
        self.weeks.iter().flatten().copied().collect()
    }

    /// What was saved.
    pub fn restored(saved: &[f32]) -> Self {
        let (weeks, rest) = saved.as_chunks::<WEEKS>();
        let mut hours = Self::default();
        if weeks.len() == HOURS && rest.is_empty() {
            (hours.weeks, hours.medians) = (weeks.to_vec(), vec![f32::NAN; HOURS]);
            (0..HOURS).for_each(|index| hours.sum_up(index));
        }
        hours
    }
}

/// The mean of the middle half: as robust as needed, and finer than a median where values are few small numbers.
fn midmean(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let quarter = values.len() / 4;
    let middle = values.get(quarter..values.len() - quarter).unwrap_or_default();
    middle.iter().sum::<f32>() / middle.len().max(1) as f32
}

fn index(hour: u64) -> usize {
    (hour % HOURS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hour_of_the_week_has_its_own() {
        let mut hours = Hours::default();
        let start = 1_769_860_800 * model::bounds::SECOND;
        for hour in 0..4 * HOURS as u64 {
            let at = start + hour * HOUR_NS;
            assert_eq!(hours.usual(at).is_some(), hour >= 3 * HOURS as u64, "{hour}");
            (0..60)
                .for_each(|minute| hours.learn(at + minute * HOUR_NS / 60, if hour % 24 < 12 { 10.0 } else { 50.0 }));
        }
        let next = start + 4 * HOURS as u64 * HOUR_NS;
        let again = Hours::restored(&hours.saved());
        for hours in [&hours, &again] {
            assert_eq!(hours.usual(next + HOUR_NS / 2), Some(10.0));
            assert_eq!(hours.usual(next + 12 * HOUR_NS), Some(30.0), "between both");
            assert_eq!(hours.usual(next + 13 * HOUR_NS), Some(50.0));
        }
        assert_eq!(Hours::restored(&[1.0; 7]).usual(next), None);
    }
}
