//! What would change at a node.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use event::time::rfc3339;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::{Ours, Wanted};

/// A ban, as a node has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Banned {
    /// The network.
    pub network: IpNet,
    /// When it ends, in seconds since the UNIX epoch.
    pub until_s: u64,
}

/// How long bans last, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a new ban lasts, in seconds.
    pub duration_s: u64,
    /// How many bans of ours a node gets at most.
    pub most: usize,
}

/// What happens to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is banned.
    Add,
    /// Our ban is made longer.
    Renew,
    /// Our ban is lifted.
    Lift,
}

/// A change at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What happens.
    pub change: Change,
    /// To which network.
    #[serde(serialize_with = "as_text")]
    pub network: IpNet,
    /// When the ban that is set ends, in seconds since the UNIX epoch; none if it is lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_s: Option<u64>,
    /// When the ban that is there ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was_until_s: Option<u64>,
    /// The sets because of which it is banned.
    pub sets: Vec<String>,
}

/// What would change at a node, and what would not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The changes: first what is lifted, then what is banned.
    pub steps: Vec<Step>,
    /// Bans of ours that stay as they are.
    pub kept: usize,
    /// Bans of others. Nobody touches them.
    pub others: usize,
    /// Wanted networks that a ban of somebody else has already, and that ban.
    #[serde(serialize_with = "as_texts")]
    pub covered: Vec<(IpNet, IpNet)>,
    /// Wanted networks for which there is no room.
    pub no_room: usize,
}

impl Plan {
    /// Compares what is wanted with what a node has, where `ours` are the bans that we have set there.
    pub fn of(wanted: &[Wanted], banned: &[Banned], ours: &[Ours], limits: Limits, now_s: u64) -> Self {
        let known: BTreeSet<Banned> = ours.iter().map(|Ours(ban)| *ban).collect();
        let (mine, others): (Vec<Banned>, Vec<Banned>) = banned.iter().copied().partition(|ban| known.contains(ban));
        let mut mine: BTreeMap<IpNet, u64> = mine.into_iter().map(|ban| (ban.network, ban.until_s)).collect();
        let mut plan = Self { others: others.len(), ..Self::default() };
        let (mut set, mut room) = (Vec::new(), limits.most);
        for Wanted { network, sets, until_s } in wanted {
            let full = now_s.saturating_add(limits.duration_s);
            let until = until_s.map_or(full, |until| until.min(full));
            if let Some(other) = others.iter().find(|other| other.network.contains(network)) {
                plan.covered.push((*network, other.network));
                continue;
            }
            let Some(left) = room.checked_sub(1) else {
                plan.no_room += 1;
                continue;
            };
            room = left;
            let was_until_s = mine.remove(network);
            let is_long_enough = |was: u64| was >= until || was.saturating_sub(now_s) > limits.duration_s / 2;
            let change = match was_until_s {
                Some(was) if is_long_enough(was) && until_s.is_none_or(|end| was <= end) => {
                    plan.kept += 1;
                    continue;
                }
                Some(_) => Change::Renew,
                None => Change::Add,
            };
            set.push(Step { change, network: *network, until_s: Some(until), was_until_s, sets: sets.clone() });
        }
        // A node refuses to ban an address in a network that it bans: what goes makes room first.
        let lifted = mine.into_iter().map(|(network, was)| Step {
            change: Change::Lift,
            network,
            until_s: None,
            was_until_s: Some(was),
            sets: Vec::new(),
        });
        plan.steps = lifted.chain(set).collect();
        plan
    }

    /// How many changes there are of a kind.
    pub fn count(&self, change: Change) -> usize {
        self.steps.iter().filter(|step| step.change == change).count()
    }
}

fn as_text<S: Serializer>(network: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(network)
}

fn as_texts<S: Serializer>(pairs: &[(IpNet, IpNet)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pairs.iter().map(|(network, by)| (network.to_string(), by.to_string())))
}

/// A time in seconds since the UNIX epoch, as RFC 3339 has it.
pub(crate) fn time(seconds: u64) -> String {
    let text = rfc3339(seconds.saturating_mul(1_000_000_000));
    text.split_once('.').map_or_else(|| text.clone(), |(whole, _)| format!("{whole}Z"))
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { change, network, until_s, was_until_s, sets } = self;
        let mark = match change {
            Change::Add => '+',
            Change::Renew => '~',
            Change::Lift => '-',
        };
        write!(f, "{mark} {network}")?;
        if let Some(until) = until_s {
            write!(f, " until {}", time(*until))?;
        }
        if let Some(was) = was_until_s {
            write!(f, ", was until {}", time(*was))?;
        }
        if sets.is_empty() { f.write_str(", is wanted no more") } else { write!(f, " ({})", sets.join(", ")) }
    }
}

/// A line of counts, and one for each change.
impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [add, renew, lift] = [Change::Add, Change::Renew, Change::Lift].map(|change| self.count(change));
        let Self { kept, others, covered, no_room, .. } = self;
        write!(f, "{add} to ban, {renew} to renew, {lift} to lift; {kept} stay, and {others} of others")?;
        if *no_room > 0 {
            write!(f, "; {no_room} have no room (banlist.most)")?;
        }
        for step in &self.steps {
            write!(f, "\n{step}")?;
        }
        for (network, other) in covered {
            write!(f, "\n  {network} is left to the ban of {other} that is not ours")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { duration_s: 1000, most: 5 };

    fn banned(network: &str, until_s: u64) -> Banned {
        Banned { network: network.parse().unwrap(), until_s }
    }

    fn want(network: &str, until_s: Option<u64>) -> Wanted {
        Wanted { network: network.parse().unwrap(), sets: vec!["s".to_owned()], until_s }
    }

    #[test]
    fn what_changes() {
        let now = 10_000;
        let there = [
            banned("1.0.0.0/24", 10_900),
            banned("2.0.0.0/24", 10_400),
            banned("3.0.0.0/24", 10_900),
            banned("4.0.0.0/24", 10_900),
            banned("5.0.0.0/16", 99_999),
            banned("7.0.0.0/24", 10_900),
        ];
        // The ban of 4.0.0.0/24 was set anew by somebody, and ends when ours never did.
        let mut ours: Vec<Ours> = there.iter().take(3).copied().map(Ours).collect();
        ours.extend([Ours(banned("4.0.0.0/24", 10_899)), Ours(there[5])]);
        let wanted = [
            want("1.0.0.0/24", None),
            want("2.0.0.0/24", None),
            want("4.0.0.0/24", None),
            want("5.0.1.2/32", None),
            want("6.0.0.1/32", Some(10_300)),
            want("7.0.0.0/24", Some(10_800)),
            want("8.0.0.0/24", None),
            want("9.0.0.0/24", None),
        ];
        let plan = Plan::of(&wanted, &there, &ours, LIMITS, now);
        assert_eq!((plan.kept, plan.others, plan.no_room), (1, 2, 1));
        assert_eq!(
            plan.to_string(),
            "2 to ban, 2 to renew, 1 to lift; 1 stay, and 2 of others; 1 have no room (banlist.most)\n\
             - 3.0.0.0/24, was until 1970-01-01T03:01:40Z, is wanted no more\n\
             ~ 2.0.0.0/24 until 1970-01-01T03:03:20Z, was until 1970-01-01T02:53:20Z (s)\n\
             + 6.0.0.1/32 until 1970-01-01T02:51:40Z (s)\n\
             ~ 7.0.0.0/24 until 1970-01-01T03:00:00Z, was until 1970-01-01T03:01:40Z (s)\n\
             + 8.0.0.0/24 until 1970-01-01T03:03:20Z (s)\n  \
             4.0.0.0/24 is left to the ban of 4.0.0.0/24 that is not ours\n  \
             5.0.1.2/32 is left to the ban of 5.0.0.0/16 that is not ours"
        );
    }
}
