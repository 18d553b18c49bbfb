//! Keys and passwords: made once, and kept in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};

use crate::{FleetError, Plan};

/// Keys and passwords of a fleet.
#[derive(Clone, Deserialize, Serialize)]
pub struct Secrets {
    /// The private certificate authority.
    pub(crate) ca: Identity,
    /// What the hub shows to hosts. It is made anew when its address changes.
    pub(crate) hub: Identity,
    hub_address: String,
    /// The password of the hub's tools at its nats-server.
    pub(crate) hub_password: String,
    /// The password of its system account, which knows who is connected.
    pub(crate) system_password: String,
    /// By host.
    pub(crate) hosts: BTreeMap<String, HostSecrets>,
    /// By node: the password of peer-observer's RPC user.
    pub(crate) nodes: BTreeMap<String, RpcSecret>,
}

/// A key and its certificate (PEM).
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Identity {
    pub key: String,
    pub certificate: String,
}

/// What a host has.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct HostSecrets {
    /// What it shows to the hub.
    pub identity: Identity,
    /// Its password there.
    pub password: String,
    /// The password of its extractors at its own nats-server.
    pub local_password: String,
}

/// A password for a node's RPC server.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct RpcSecret {
    pub password: String,
    pub salt: String,
}

impl Secrets {
    /// Those of a file, as far as it has what the plan needs, else new ones; without those of hosts and nodes that are no longer in the plan.
    /// The hosts of `rotate` get new ones in any case.
    ///
    /// # Errors
    /// The file cannot be used, a host of `rotate` is not in the plan, or keys cannot be made.
    pub fn of(plan: &Plan, kept: &Path, rotate: &[String]) -> Result<Self, FleetError> {
        if let Some(unknown) = rotate.iter().find(|name| plan.host(name).is_none()) {
            return Err(FleetError::NoHost(unknown.clone()));
        }
        let kept = read(kept)?;
        let ca = kept.as_ref().map_or_else(authority, |kept| Ok(kept.ca.clone()))?;
        let address = plan.hub.dialled().host;
        let hub = match kept.as_ref().filter(|kept| kept.hub_address == address) {
            Some(kept) => kept.hub.clone(),
            None => issue(&ca, &address, Some(&address))?,
        };
        let (mut hosts, mut nodes) = (BTreeMap::new(), BTreeMap::new());
        for host in &plan.hosts {
            let known = kept.as_ref().filter(|_| !rotate.contains(&host.name));
            let secrets = known.and_then(|kept| kept.hosts.get(&host.name)).cloned();
            let secrets = secrets.map_or_else(|| HostSecrets::new(&ca, &host.name), Ok)?;
            hosts.insert(host.name.clone(), secrets);
            for node in &host.nodes {
                let secret = known.and_then(|kept| kept.nodes.get(&node.name)).cloned();
                nodes.insert(node.name.clone(), secret.map_or_else(RpcSecret::new, Ok)?);
            }
        }
        let password = |of: fn(&Self) -> &String| kept.as_ref().map_or_else(random, |kept| Ok(of(kept).clone()));
        let hub_password = password(|kept| &kept.hub_password)?;
        let system_password = password(|kept| &kept.system_password)?;
        Ok(Self { ca, hub, hub_address: address, hub_password, system_password, hosts, nodes })
    }

    /// As they are kept.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl HostSecrets {
    fn new(ca: &Identity, name: &str) -> Result<Self, FleetError> {
        Ok(Self { identity: issue(ca, name, None)?, password: random()?, local_password: random()? })
    }
}

impl RpcSecret {
    fn new() -> Result<Self, FleetError> {
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt)?;
        Ok(Self { password: random()?, salt: hex::encode(salt) })
    }
}

fn read(path: &Path) -> Result<Option<Secrets>, FleetError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(FleetError::File { what: "read", path: path.to_owned(), reason }),
    };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| FleetError::Secrets { path: path.to_owned(), reason: error.to_string() })
}

/// 256 random bits, in letters and digits that no file needs to quote.
fn random() -> Result<String, FleetError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("peer-observer fleet");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn authority() -> Result<Identity, FleetError> {
    let key = KeyPair::generate()?;
    let certificate = authority_params().self_signed(&key)?;
    Ok(Identity { key: key.serialize_pem(), certificate: certificate.pem() })
}

/// A key that the authority vouches for: of the hub, where `address` is given, else of a host, which can be no server with it.
fn issue(ca: &Identity, common: &str, address: Option<&str>) -> Result<Identity, FleetError> {
    let issuer = Issuer::new(authority_params(), KeyPair::from_pem(&ca.key)?);
    let mut params = CertificateParams::new(address.map(str::to_owned).into_iter().collect::<Vec<_>>())?;
    params.distinguished_name = name(common);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match address {
        Some(_) => ExtendedKeyUsagePurpose::ServerAuth,
        None => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Identity { key: key.serialize_pem(), certificate: certificate.pem() })
}
