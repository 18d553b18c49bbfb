//! The chains that Bitcoin Core knows, and what follows from the chain: sub-directory and default ports.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One of Bitcoin Core's chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chain {
    /// The main chain.
    Main,
    /// Testnet3.
    Test,
    /// Testnet4.
    Testnet4,
    /// The default signet, or a custom one.
    Signet,
    /// A private chain for tests.
    Regtest,
}

/// A chain name that Bitcoin Core doesn't know.
#[derive(Clone, Debug, thiserror::Error)]
#[error("unknown chain {0:?}: use main, test, testnet4, signet or regtest")]
pub struct UnknownChain(String);

impl Chain {
    /// All chains, main first.
    pub const ALL: [Self; 5] = [Self::Main, Self::Test, Self::Testnet4, Self::Signet, Self::Regtest];

    /// Bitcoin Core's name: what `-chain=` takes, `getblockchaininfo` reports, and a `[section]` of bitcoin.conf is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Test => "test",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        }
    }

    /// The directory of the chain's files, given the data directory.
    #[must_use]
    pub fn net_datadir(self, datadir: &Path) -> PathBuf {
        match self {
            Self::Main => datadir.to_owned(),
            Self::Test => datadir.join("testnet3"),
            other => datadir.join(other.name()),
        }
    }

    /// The default of `-rpcport`.
    #[must_use]
    pub fn rpc_port(self) -> u16 {
        match self {
            Self::Main => 8332,
            Self::Test => 18332,
            Self::Testnet4 => 48332,
            Self::Signet => 38332,
            Self::Regtest => 18443,
        }
    }

    /// The default of `-port`.
    #[must_use]
    pub fn p2p_port(self) -> u16 {
        match self {
            Self::Main => 8333,
            Self::Test => 18333,
            Self::Testnet4 => 48333,
            Self::Signet => 38333,
            Self::Regtest => 18444,
        }
    }

    /// The bytes that tell its P2P network from others (`pchMessageStart` in Bitcoin Core's `kernel/chainparams.cpp`). A signet with a
    /// challenge of its own has others than the default signet, whose these are.
    #[must_use]
    pub fn magic(self) -> [u8; 4] {
        match self {
            Self::Main => [0xf9, 0xbe, 0xb4, 0xd9],
            Self::Test => [0x0b, 0x11, 0x09, 0x07],
            Self::Testnet4 => [0x1c, 0x16, 0x3f, 0x28],
            Self::Signet => [0x0a, 0x03, 0xcf, 0x40],
            Self::Regtest => [0xfa, 0xbf, 0xb5, 0xda],
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Chain {
    type Err = UnknownChain;

    /// Takes the names of `-chain=`, and `mainnet`, `testnet` and `testnet3`, which people write.
    fn from_str(name: &str) -> Result<Self, UnknownChain> {
        match name {
            "mainnet" => Ok(Self::Main),
            "testnet" | "testnet3" => Ok(Self::Test),
            _ => Self::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| UnknownChain(name.to_owned())),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Chain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::address::from_text(deserializer)
    }
}

impl serde::Serialize for Chain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
