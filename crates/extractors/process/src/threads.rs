//! CPU time of threads by name, that never falls.

use std::collections::{BTreeMap, HashMap};

use event::pb::observer::NodeThreads;

use crate::proc::{Cpu, Stat, TICKS_PER_SECOND};

/// How many names are kept apart at most. A node has some 30.
const MAX_NAMES: usize = 64;

/// The longest name, in characters; the kernel cuts those of threads at 15 bytes.
const MAX_NAME: usize = 32;

/// The name for threads beyond those.
const OTHER: &str = "(other)";

/// The name for the time that no thread that was seen has used.
const ENDED: &str = "(ended)";

/// CPU time of the threads of a process by their names, those included that have ended.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    names: BTreeMap<String, Used>,
    /// By thread id: when the thread was started, in clock ticks, and what it had used when it was last seen.
    seen: HashMap<u32, (u64, Cpu)>,
    ended: Cpu,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    count: u32,
    cpu: Cpu,
}

impl Threads {
    /// Adds what a process and its threads have used by now. `total` must have been read before `threads`, so that it is not more than what all of
    /// them have used.
    pub(crate) fn note(&mut self, total: Cpu, threads: &[(u32, Stat)]) {
        self.names.values_mut().for_each(|used| used.count = 0);
        let mut seen = HashMap::with_capacity(threads.len());
        for (id, stat) in threads {
            let last = self.seen.get(id).filter(|(started, _)| *started == stat.started).map(|(_, cpu)| *cpu);
            let more = stat.cpu.since(last.unwrap_or_default());
            let used = self.used(pool(&stat.name));
            used.count = used.count.saturating_add(1);
            used.cpu = used.cpu.plus(more);
            seen.insert(*id, (stat.started, stat.cpu));
        }
        self.seen = seen;
        let known = self.names.values().fold(Cpu::default(), |sum, used| sum.plus(used.cpu));
        // The sum of rounded times may be a little off.
        let rest = total.since(known);
        self.ended = Cpu { user: self.ended.user.max(rest.user), system: self.ended.system.max(rest.system) };
    }

    fn used(&mut self, name: &str) -> &mut Used {
        let name: String = name.chars().take(MAX_NAME).collect();
        let room = self.names.len() < MAX_NAMES || self.names.contains_key(&name);
        self.names.entry(if room { name } else { OTHER.to_owned() }).or_default()
    }

    /// The time by name, sorted by name.
    pub(crate) fn by_name(&self) -> Vec<NodeThreads> {
        let mut all: Vec<_> = self.names.iter().map(|(name, used)| row(name, used.count, used.cpu)).collect();
        if self.ended != Cpu::default() {
            all.push(row(ENDED, 0, self.ended));
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        all
    }
}

fn row(name: &str, count: u32, cpu: Cpu) -> NodeThreads {
    let seconds = |ticks: u64| ticks as f64 / TICKS_PER_SECOND as f64;
    NodeThreads {
        name: name.to_owned(),
        count,
        cpu_user_seconds: seconds(cpu.user),
        cpu_system_seconds: seconds(cpu.system),
    }
}

/// The name of a thread without its number in a pool: `b-scriptch.03`, `b-http_pool_3`.
fn pool(name: &str) -> &str {
    let without = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let pool = without.strip_suffix(['.', '_']).filter(|pool| !pool.is_empty() && without.len() < name.len());
    pool.unwrap_or(name)
}

impl Cpu {
    fn plus(self, other: Self) -> Self {
        Self { user: self.user.saturating_add(other.user), system: self.system.saturating_add(other.system) }
    }

    /// What is more than `earlier`.
    fn since(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn thread(id: u32, name: &str, started: u64, user: u64, system: u64) -> (u32, Stat) {
        let cpu = Cpu { user, system };
        (id, Stat { name: name.to_owned(), ended: false, stopped: false, major_faults: 0, cpu, started })
    }

    fn rows(threads: &Threads) -> Vec<(String, u32, f64, f64)> {
        let row = |t: NodeThreads| (t.name, t.count, t.cpu_user_seconds, t.cpu_system_seconds);
        threads.by_name().into_iter().map(row).collect()
    }

    fn row_of(name: &str, count: u32, user: f64, system: f64) -> (String, u32, f64, f64) {
        (name.to_owned(), count, user, system)
    }

    #[test]
    fn what_ended_threads_used_is_kept() {
        let mut threads = Threads::default();
        let both =
            [thread(1, "b-net", 5, 100, 10), thread(2, "b-scriptch.00", 6, 50, 0), thread(3, "b-scriptch.1", 6, 7, 0)];
        threads.note(Cpu { user: 157, system: 10 }, &both);
        assert_eq!(rows(&threads), [row_of("b-net", 1, 1.0, 0.1), row_of("b-scriptch", 2, 0.57, 0.0)]);
        // 3 ended after it used 10 more; 2 is another thread now, of another name.
        threads.note(Cpu { user: 170, system: 12 }, &[thread(1, "b-net", 5, 102, 12), thread(2, "b-http", 9, 1, 0)]);
        let expected = [
            row_of("(ended)", 0, 0.1, 0.0),
            row_of("b-http", 1, 0.01, 0.0),
            row_of("b-net", 1, 1.02, 0.12),
            row_of("b-scriptch", 0, 0.57, 0.0),
        ];
        assert_eq!(rows(&threads), expected);
        // A thread that takes another name; a kernel that counts back.
        threads.note(Cpu { user: 150, system: 0 }, &[thread(1, "b-shutoff", 5, 110, 11)]);
        let expected = [
            row_of("(ended)", 0, 0.1, 0.0),
            row_of("b-http", 0, 0.01, 0.0),
            row_of("b-net", 0, 1.02, 0.12),
            row_of("b-scriptch", 0, 0.57, 0.0),
            row_of("b-shutoff", 1, 0.08, 0.0),
        ];
        assert_eq!(rows(&threads), expected);
    }

    #[test]
    fn names_are_bounded() {
        let mut threads = Threads::default();
        for round in 0..10 {
            let many: Vec<_> = (0..1000).map(|id| thread(id, &format!("t{id}x"), 1, round, 0)).collect();
            threads.note(Cpu { user: round * 1000, system: 0 }, &many);
        }
        let rows = rows(&threads);
        assert_eq!(rows.len(), MAX_NAMES + 1);
        assert_eq!(rows[0], row_of("(other)", 936, 9.36 * 9.0, 0.0));
        threads.note(Cpu::default(), &[thread(1, &"ä".repeat(1000), 1, 0, 0), thread(2, "t5x", 2, 0, 0)]);
        assert_eq!(threads.by_name().iter().map(|row| row.count).sum::<u32>(), 2);
    }

    #[test]
    fn pools() {
        for (name, expected) in [
            ("b-scriptch.03", "b-scriptch"),
            ("b-httpworker.15", "b-httpworker"),
            ("b-http_pool_3", "b-http_pool"),
            ("b-net", "b-net"),
            ("b-net.", "b-net."),
            ("b-i2p2", "b-i2p2"),
            (".5", ".5"),
            ("42", "42"),
            ("", ""),
        ] {
            assert_eq!(pool(name), expected);
        }
    }

    proptest! {
        /// Whatever threads come, go and do between two looks: no time is lost, counted twice, or taken back.
        #[test]
        fn all_of_the_time_is_there(steps in prop::collection::vec((0u32..8, 0u64..3, 0u64..50, any::<bool>()), 1..200)) {
            let mut threads = Threads::default();
            let (mut living, mut total) = (BTreeMap::<u32, (u64, u64)>::new(), 0);
            let mut last = BTreeMap::new();
            for (step, (id, fate, used, look)) in (1u64..).zip(steps) {
                let (_, user) = living.entry(id).or_insert((step, 0));
                *user += used;
                total += used;
                if fate == 0 {
                    living.remove(&id);
                }
                if !look {
                    continue;
                }
                let stat = |(id, (started, user)): (&u32, &(u64, u64))| {
                    thread(*id, &format!("t{}", id % 3), *started, *user, 0)
                };
                threads.note(Cpu { user: total, system: 0 }, &living.iter().map(stat).collect::<Vec<_>>());
                let ticks = |row: NodeThreads| (row.name, (row.cpu_user_seconds * 100.0).round() as u64);
                let now: BTreeMap<_, _> = threads.by_name().into_iter().map(ticks).collect();
                prop_assert_eq!(now.values().sum::<u64>(), total);
                for (name, before) in &last {
                    prop_assert!(now.get(name).is_some_and(|now| now >= before), "{}", name);
                }
                last = now;
            }
        }
    }
}
