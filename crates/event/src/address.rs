//! Gossiped addresses, once decoded: the same of them as [`message::Address`](crate::message::Address) gives of encoded ones.

use crate::message::AddressNetwork;
use crate::pb::bitcoin_primitives::Address;
use crate::pb::bitcoin_primitives::address::Address as Named;

impl Address {
    /// Its network.
    pub fn network(&self) -> AddressNetwork {
        match &self.address {
            Some(Named::Ipv4(_)) => AddressNetwork::Ipv4,
            Some(Named::Ipv6(_)) => AddressNetwork::Ipv6,
            Some(Named::Torv2(_)) => AddressNetwork::TorV2,
            Some(Named::Torv3(_)) => AddressNetwork::TorV3,
            Some(Named::I2p(_)) => AddressNetwork::I2p,
            Some(Named::Cjdns(_)) => AddressNetwork::Cjdns,
            Some(Named::Unknown(_)) | None => AddressNetwork::Unknown,
        }
    }

    /// The address in its network's own form, without port; none for one of an unknown network.
    pub fn text(&self) -> Option<&str> {
        match self.address.as_ref()? {
            Named::Ipv4(text)
            | Named::Ipv6(text)
            | Named::Torv2(text)
            | Named::Torv3(text)
            | Named::I2p(text)
            | Named::Cjdns(text) => Some(text),
            Named::Unknown(_) => None,
        }
    }

    /// The address and its port, as the node writes them; empty for one of an unknown network.
    pub fn text_with_port(&self) -> String {
        let Some(text) = self.text() else { return String::new() };
        match self.network() {
            AddressNetwork::Ipv6 | AddressNetwork::Cjdns => format!("[{text}]:{}", self.port),
            _ => format!("{text}:{}", self.port),
        }
    }
}
