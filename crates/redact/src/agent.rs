//! User agents: names and versions of the peers' programs.

/// Programs whose user agent begins with the program that they are based on. Of any other chain of names only the first is shown: a chain of
/// names and numbers has room for an address.
const MADE_OF: [(&str, &str); 3] = [("Satoshi", "Knots"), ("btcwire", "btcd"), ("bitcoinj", "Bitcoin Wallet")];

/// A user agent as name and version of a common program, without comments; "/other/" if it is none.
pub(super) fn user_agent(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let Some((name, version, rest)) = text.strip_prefix('/').and_then(known) else {
        return "/other/".to_owned();
    };
    match known(rest).filter(|(made_of_it, _, _)| MADE_OF.contains(&(name, made_of_it))) {
        Some((last, its_version, _)) => format!("/{name}:{version}/{last}:{its_version}/"),
        None => format!("/{name}:{version}/"),
    }
}

/// Name and version of the known program that a text begins with, and the rest.
fn known(text: &str) -> Option<(&str, String, &str)> {
    let (name, version, rest) = segment(text)?;
    Some((name, known_version(name, version)?, rest))
}

/// `name:version(comments)/rest` in its parts without the comments.
fn segment(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let end = rest.find(['/', '('])?;
    let (version, rest) = rest.split_at_checked(end)?;
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    Some((name, version, rest.strip_prefix('/').unwrap_or_default()))
}

/// Common programs.
const PROGRAMS: [&str; 19] = [
    "Bitcoin Wallet",
    "BitcoinUnlimited",
    "Gocoin",
    "bcoin",
    "bitcoin-seeder",
    "bitcoinj",
    "bitcore",
    "bitnodes.io",
    "btcd",
    "btcwire",
    "electrs",
    "floresta",
    "libbitcoin",
    "mempool",
    "nbitcoin",
    "NBitcoin",
    "neutrino",
    "Satoshi-rs",
    "dnsseedrs",
];

/// The version of a known program, if it is a plausible one: a number of an attacker's choice would mark a connection.
fn known_version(name: &str, version: &str) -> Option<String> {
    let mut numbers = [0u32; 4];
    let mut count = 0;
    for part in version.split('.') {
        *numbers.get_mut(count)? = part.parse().ok().filter(|_| part.len() <= 8)?;
        count += 1;
    }
    match (name, numbers) {
        ("Satoshi", [0, minor @ 8..=21, patch @ 0..=9, 0 | 99]) if count >= 3 => Some(format!("0.{minor}.{patch}")),
        ("Satoshi", [major @ 22..=40, minor @ (0..=3 | 99), patch @ 0..=9, 0]) if count == 3 => {
            Some(format!("{major}.{minor}.{patch}"))
        }
        ("Knots", [day @ 20_110_000..=20_400_000, 0, 0, 0]) if count == 1 => Some((day / 10_000).to_string()),
        (name, [major @ 0..=20, minor @ 0..=40, ..]) if count >= 2 && PROGRAMS.contains(&name) => {
            Some(format!("{major}.{minor}"))
        }
        _ => None,
    }
}

/// The comments of a user agent.
pub(super) fn comments(user_agent: &str) -> impl Iterator<Item = &str> {
    let groups = user_agent.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    groups.flat_map(|group| group.split(';')).map(str::trim).take(16)
}
