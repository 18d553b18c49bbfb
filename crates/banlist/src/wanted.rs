//! What the sets say is to be banned.

use std::collections::BTreeMap;

use ipnet::IpNet;
use networks::sets::{Entry, SetError, SetSource, entries};
use tracing::warn;

use crate::Protected;

/// A network that is to be banned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The network.
    pub network: IpNet,
    /// The sets that it is in.
    pub sets: Vec<String>,
    /// When the sets have it no more, in seconds since the UNIX epoch; none if they do not say so.
    pub until_s: Option<u64>,
}

/// A network of a set that is not banned, or not as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The network, as the set has it.
    pub network: IpNet,
    /// The set.
    pub set: String,
    /// Why, as the end of a sentence.
    pub why: String,
}

/// The networks of these sets that are to be banned at a time (seconds since the UNIX epoch), none of them within another
/// one, and those that are not. What is over by then is left out. What files have that cannot be read is logged.
///
/// # Errors
/// There is no such set, or a file cannot be read.
pub fn wanted(
    sources: &[SetSource],
    sets: &[String],
    protected: &Protected,
    now_s: u64,
) -> Result<(Vec<Wanted>, Vec<LeftOut>), SetError> {
    let mut networks: BTreeMap<IpNet, Wanted> = BTreeMap::new();
    let mut left_out = Vec::new();
    for set in sets {
        let (entries, warnings) = entries(sources, set)?;
        warnings.iter().for_each(|warning| warn!("{warning}"));
        for Entry { network, until_s } in entries {
            if until_s.is_some_and(|until| until <= now_s) {
                continue;
            }
            let (parts, why) = protected.allowed(network);
            left_out.extend(why.into_iter().map(|why| LeftOut { network, set: set.clone(), why }));
            for network in parts {
                let new = Wanted { network, sets: Vec::new(), until_s };
                let wanted = networks.entry(network).or_insert(new);
                // Without an end, it has none, whatever another list says.
                wanted.until_s = wanted.until_s.zip(until_s).map(|(one, other)| one.max(other));
                if !wanted.sets.contains(set) {
                    wanted.sets.push(set.clone());
                }
            }
        }
    }
    left_out.sort_by(|a, b| (a.network, &a.set, &a.why).cmp(&(b.network, &b.set, &b.why)));
    left_out.dedup();
    let mut outermost: Vec<Wanted> = Vec::new();
    // By their first addresses, wider ones first: what is within another one comes right after it.
    let mut all: Vec<Wanted> = networks.into_values().collect();
    all.sort_by_key(|wanted| (wanted.network.network(), wanted.network.prefix_len()));
    for inner in all {
        match outermost.last_mut() {
            Some(outer) if outer.network.contains(&inner.network) => {
                outer.sets.extend(inner.sets.into_iter().filter(|set| !outer.sets.contains(set)).collect::<Vec<_>>());
            }
            _ => outermost.push(inner),
        }
    }
    Ok((outermost, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_become_networks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        let list = "45.33.0.0/16\n45.33.7.7 # until 2100-01-01T00:00:00Z\n1.2.3.4 # until 2001-01-01T00:00:00Z\n\
                    9.9.9.9 # until 2100-01-01T00:00:00Z\n10.0.0.1\n87.229.79.5\n";
        std::fs::write(&path, list).unwrap();
        let sources = [SetSource { name: "ours".to_owned(), path }];
        let sets = ["ours".to_owned(), "linkinglion".to_owned()];
        let (wanted, left_out) = wanted(&sources, &sets, &Protected::default(), 1_800_000_000).unwrap();
        let found: Vec<String> =
            wanted.iter().map(|wanted| format!("{} {}", wanted.network, wanted.sets.join(","))).collect();
        assert_eq!(
            found,
            [
                "9.9.9.9/32 ours",
                "31.58.215.0/24 linkinglion",
                "45.33.0.0/16 ours",
                "69.17.52.1/32 linkinglion",
                "87.229.79.0/24 linkinglion,ours",
                "104.234.118.2/32 linkinglion",
                "143.20.137.0/24 linkinglion",
                "2602:f5c0:0:ace::/64 linkinglion",
            ]
        );
        assert_eq!(wanted[0].until_s, Some(4_102_444_800));
        assert_eq!(wanted[4].until_s, None);
        assert_eq!(left_out.len(), 1);
        assert_eq!((left_out[0].network.to_string(), left_out[0].set.as_str()), ("10.0.0.1/32".to_owned(), "ours"));
    }
}
