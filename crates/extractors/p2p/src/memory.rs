//! What outlives a connection: what the node said before.

use std::hash::BuildHasher;
use std::num::NonZeroUsize;

use event::pb::bitcoin_primitives::Address;
use event::pb::bitcoin_primitives::address::Address as Name;
use event::pb::p2p_extractor::NodeVersion;
use foldhash::quality::RandomState;
use lru::LruCache;
use p2p::Version;

/// Addresses whose repetitions are counted: about a day of what a node passes on to one peer.
const MAX_ADDRESSES: NonZeroUsize = NonZeroUsize::new(1 << 15).expect("not zero");

/// What the node said before.
pub struct Memory {
    /// How often each address came, by a hash of it.
    times: LruCache<u64, u32>,
    hasher: RandomState,
    version: Option<NodeVersion>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { times: LruCache::new(MAX_ADDRESSES), hasher: RandomState::default(), version: None }
    }
}

impl Memory {
    /// How often an address came, this time included. Its time and services are no part of it.
    pub fn heard(&mut self, address: &Address) -> u32 {
        let key = match (&address.address, address.text()) {
            (_, Some(text)) => self.hasher.hash_one((text, address.port)),
            (Some(Name::Unknown(unknown)), _) => self.hasher.hash_one((unknown.id, &unknown.address, address.port)),
            _ => return 0,
        };
        let times = self.times.get_or_insert_mut(key, || 0);
        *times = times.saturating_add(1);
        *times
    }

    /// The node's version message, if it says something else than the last one: its clock (`now` is ours, in seconds since the UNIX epoch),
    /// nonce and height aside.
    pub fn version(&mut self, message: &Version, now: i64) -> Option<NodeVersion> {
        let version = NodeVersion {
            version: u32::try_from(message.version).unwrap_or_default(),
            services: message.services,
            user_agent: String::from_utf8_lossy(&message.user_agent).into_owned(),
            start_height: message.height,
            relay: message.relay.unwrap_or(true),
            clock_offset: message.time.saturating_sub(now),
            changed: self.version.is_some(),
        };
        let same = self.version.as_ref().is_some_and(|last| {
            (last.version, last.services, &last.user_agent, last.relay)
                == (version.version, version.services, &version.user_agent, version.relay)
        });
        self.version = Some(version.clone());
        (!same).then_some(version)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_by_address_and_port() {
        let address = |name: &str, port, timestamp| Address {
            timestamp,
            address: Some(Name::Ipv4(name.to_owned())),
            services: 9,
            port,
        };
        let mut memory = Memory::default();
        let heard = [("192.0.2.1", 8333, 1), ("192.0.2.1", 8333, 2), ("192.0.2.1", 8334, 2), ("192.0.2.2", 8333, 2)]
            .map(|(name, port, time)| memory.heard(&address(name, port, time)));
        assert_eq!(heard, [1, 2, 1, 1]);
        for number in 0..40_000_u32 {
            memory.heard(&address(&format!("a{number}"), 1, 1));
        }
        assert_eq!(memory.times.len(), MAX_ADDRESSES.get());
    }

    #[test]
    fn a_version_is_news_if_it_says_something_else() {
        let mut memory = Memory::default();
        let first = Version { version: 70_016, time: 90, height: 5, nonce: 1, ..Version::default() };
        let news = memory.version(&first, 100).unwrap();
        assert_eq!((news.changed, news.clock_offset, news.relay), (false, -10, true));
        assert_eq!(memory.version(&Version { time: 95, height: 6, nonce: 2, ..first.clone() }, 100), None);
        assert!(memory.version(&Version { services: 1, ..first }, 100).unwrap().changed);
    }
}
