//! Events of the connectivity check.

use super::{Redactor, agent, coarse};
use event::pb::connectivity::connectivity::ConnectivityEvent;
use event::pb::connectivity::{Attempt, Connectivity, Version};

impl Redactor {
    pub(super) fn connectivity(&mut self, connectivity: &Connectivity) -> Option<Connectivity> {
        let Connectivity { connectivity_event } = connectivity;
        let ConnectivityEvent::Attempt(attempt) = connectivity_event.as_ref()?;
        let event = ConnectivityEvent::Attempt(self.attempt(attempt)?);
        Some(Connectivity { connectivity_event: Some(event) })
    }

    fn attempt(&mut self, attempt: &Attempt) -> Option<Attempt> {
        let Attempt {
            address,
            addrv2,
            outcome,
            cached,
            heard_ns,
            tried_ns,
            duration_ns,
            source_peer_id,
            source_addr,
            source_tor_exit,
            version,
            asn,
            reason: _,
        } = attempt;
        Some(Attempt {
            address: self.address(address, None)?,
            addrv2: *addrv2,
            outcome: *outcome,
            cached: *cached,
            heard_ns: self.at(*heard_ns),
            tried_ns: self.at(*tried_ns),
            duration_ns: *duration_ns,
            source_peer_id: *source_peer_id,
            source_addr: self.optional_addr(source_addr),
            source_tor_exit: *source_tor_exit,
            version: version.as_ref().map(|version| self.version_of(version)),
            asn: *asn,
            reason: None,
        })
    }

    fn version_of(&self, message: &Version) -> Version {
        let Version {
            version,
            services,
            user_agent,
            start_height,
            relay,
            nonce: _,
            timestamp,
            clock_offset,
            sender_address: _,
            sender_port: _,
        } = message;
        Version {
            version: coarse::version(*version),
            services: coarse::services(*services),
            user_agent: agent::user_agent(user_agent),
            start_height: i32::try_from(coarse::height((*start_height).into())).unwrap_or_default(),
            relay: *relay,
            nonce: 0,
            timestamp: self.at_s(coarse::clock(*timestamp, self.now)),
            clock_offset: coarse::offset(*clock_offset),
            sender_address: None,
            sender_port: None,
        }
    }
}
