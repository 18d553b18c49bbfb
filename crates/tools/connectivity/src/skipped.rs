//! Why addresses are not tried.

use crate::ranges::Forbidden;

/// Why an address was not tried; see [`CONNECTIVITY_SKIPPED`](bus::counters::CONNECTIVITY_SKIPPED).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skipped {
    Special,
    Regtest,
    Never,
    Own,
    Port,
    Network,
    NoProxy,
    NoRoute,
    ProxyFailed,
    Local,
    QueueFull,
    Database,
}

impl Skipped {
    /// Its name in counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Special => "special",
            Self::Regtest => "regtest",
            Self::Never => "never",
            Self::Own => "own",
            Self::Port => "port",
            Self::Network => "network",
            Self::NoProxy => "no_proxy",
            Self::NoRoute => "no_route",
            Self::ProxyFailed => "proxy_failed",
            Self::Local => "local",
            Self::QueueFull => "queue_full",
            Self::Database => "database",
        }
    }

    /// The reason of an error that is on our side.
    pub fn of(error: &reach::Error) -> Self {
        match error {
            reach::Error::NoProxy(_) => Self::NoProxy,
            reach::Error::NoRoute => Self::NoRoute,
            reach::Error::Proxy { .. } => Self::ProxyFailed,
            _ => Self::Local,
        }
    }
}

impl From<Forbidden> for Skipped {
    fn from(forbidden: Forbidden) -> Self {
        match forbidden {
            Forbidden::Special => Self::Special,
            Forbidden::Never => Self::Never,
            Forbidden::Port => Self::Port,
        }
    }
}
