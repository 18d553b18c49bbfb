//! Events of the connectivity check.

use std::fmt::{self, Formatter};

use super::{GREEN, Look, RED, message};
use crate::pb::connectivity::{Attempt, Outcome};
use crate::quote::{Plain, Quoted};

pub(super) fn attempt(f: &mut Formatter, look: Look, attempt: &Attempt) -> fmt::Result {
    let outcome = attempt.outcome();
    let style = if matches!(outcome, Outcome::V1 | Outcome::V2) { GREEN } else { RED };
    write!(f, "{} ", look.mark(style, "conn"))?;
    message::address(f, &attempt.address)?;
    write!(f, " {}", outcome.as_str_name().to_ascii_lowercase())?;
    if attempt.cached {
        f.write_str(" (known)")?;
    }
    if let Some(reason) = &attempt.reason {
        write!(f, " ({})", Plain(reason))?;
    }
    if let Some(version) = &attempt.version {
        write!(f, " {} {}", version.version, Quoted(&version.user_agent))?;
        write!(f, " services={:x} height={}", version.services, version.start_height)?;
    }
    match (attempt.source_peer_id, &attempt.source_addr) {
        (Some(peer), Some(addr)) => write!(f, " from peer={peer} {}", Plain(addr)),
        (Some(peer), None) => write!(f, " from peer={peer}"),
        (None, _) => f.write_str(" from the node"),
    }
}
