//! The types of P2P messages: one table for the decoder, the tools and the tests.

/// What is known of a type of P2P messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageType {
    /// Its name on the wire, at most 12 bytes.
    pub name: &'static str,
    /// Where it comes from.
    pub since: Since,
    /// Who knows it.
    pub support: Support,
    /// The types that answer it; empty if it asks for nothing.
    pub answers: &'static [&'static str],
}

/// Where a type of messages comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The first versions of Bitcoin.
    Start,
    /// This protocol version.
    Protocol(u32),
    /// This BIP.
    Bip(u16),
}

/// Who knows a type of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Bitcoin Core sends it, takes it, or both.
    Core,
    /// Other nodes or old versions; it is decoded here.
    Decoded,
    /// Other nodes or drafts; it is not decoded, but statistics name it.
    Named,
    /// Only old versions and abandoned drafts; in statistics it is one of the others.
    Historic,
}

/// Declares the table and the search in it.
macro_rules! message_types {
    ($($name:literal $since:expr, $support:ident [$($answer:literal)*];)+) => {
        /// All types, the frequent ones first.
        pub const ALL: &[MessageType] = &[$(
            MessageType { name: $name, since: $since, support: Support::$support, answers: &[$($answer),*] },
        )+];

        /// The type of this name.
        #[inline]
        pub fn find(name: &str) -> Option<&'static MessageType> {
            match name {
                $($name => Some(const {
                    &MessageType { name: $name, since: $since, support: Support::$support, answers: &[$($answer),*] }
                }),)+
                _ => None,
            }
        }
    };
}

use Since::{Bip, Protocol, Start};

// A search compares in this order.
message_types! {
    "inv" Start, Core [];
    "tx" Start, Core [];
    "getdata" Start, Core ["tx" "block" "cmpctblock" "merkleblock" "ancpkginfo" "notfound"];
    "ping" Start, Core ["pong"];
    "pong" Bip(31), Core [];
    "addrv2" Bip(155), Core [];
    "addr" Start, Core [];
    "headers" Protocol(31_800), Core [];
    "getheaders" Protocol(31_800), Core ["headers"];
    "feefilter" Bip(133), Core [];
    "version" Start, Core [];
    "verack" Start, Core [];
    "cmpctblock" Bip(152), Core [];
    "block" Start, Core [];
    "getblocktxn" Bip(152), Core ["blocktxn" "block"];
    "blocktxn" Bip(152), Core [];
    "sendcmpct" Bip(152), Core [];
    "sendheaders" Bip(130), Core [];
    "wtxidrelay" Bip(339), Core [];
    "sendaddrv2" Bip(155), Core [];
    "getaddr" Start, Core ["addrv2" "addr"];
    "notfound" Protocol(70_001), Core [];
    "getblocks" Start, Core ["inv"];
    "mempool" Bip(35), Core ["inv"];
    "reject" Bip(61), Decoded [];
    "alert" Protocol(311), Decoded [];
    "filteradd" Bip(37), Core [];
    "filterclear" Bip(37), Core [];
    "filterload" Bip(37), Core [];
    "merkleblock" Bip(37), Core [];
    "getcfilters" Bip(157), Core ["cfilter"];
    "cfilter" Bip(157), Core [];
    "getcfheaders" Bip(157), Core ["cfheaders"];
    "cfheaders" Bip(157), Core [];
    "getcfcheckpt" Bip(157), Core ["cfcheckpt"];
    "cfcheckpt" Bip(157), Core [];
    "sendtxrcncl" Bip(330), Core [];
    "reqtxrcncl" Bip(330), Named ["sketch"];
    "sketch" Bip(330), Named [];
    "reqsketchext" Bip(330), Named ["sketch"];
    "reconcildiff" Bip(330), Named [];
    "sendpackages" Bip(331), Decoded [];
    "ancpkginfo" Bip(331), Decoded [];
    "getpkgtxns" Bip(331), Decoded ["pkgtxns" "notfound"];
    "pkgtxns" Bip(331), Decoded [];
    "feature" Bip(434), Core [];
    "sendrecon" Bip(330), Historic [];
    "reqrecon" Bip(330), Historic ["sketch"];
    "checkorder" Start, Historic ["reply"];
    "submitorder" Start, Historic ["reply"];
    "reply" Start, Historic [];
}

impl MessageType {
    /// Whether Bitcoin Core knows it.
    pub fn in_core(&self) -> bool {
        self.support == Support::Core
    }

    /// Whether there are messages of this type in the wire format.
    pub fn is_decoded(&self) -> bool {
        matches!(self.support, Support::Core | Support::Decoded)
    }
}

/// Whether a type has statistics of its own, however rare it is.
#[inline]
pub fn is_tracked(name: &str) -> bool {
    find(name).is_some_and(|found| found.support != Support::Historic)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_consistent() {
        let names: BTreeSet<_> = ALL.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), ALL.len());
        for one in ALL {
            assert_eq!(find(one.name), Some(one));
            assert!((1..=12).contains(&one.name.len()));
            assert!(one.answers.iter().all(|answer| names.contains(answer)), "{one:?}");
        }
        assert_eq!(find("unheard-of"), None);
        let count = |is: fn(&MessageType) -> bool| ALL.iter().filter(|one| is(one)).count();
        assert_eq!((count(MessageType::in_core), count(MessageType::is_decoded)), (36, 42));
        assert_eq!(ALL.iter().filter(|one| is_tracked(one.name)).count(), 46);
    }
}
