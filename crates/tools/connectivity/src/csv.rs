//! Results as a CSV file, with the columns of the program that this one follows.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use event::pb::connectivity::{Attempt, Outcome};

/// The names of the columns.
const HEADER: &str = "result_timestamp,addr_address,addr_port,addr_services,addr_timestamp,addr_network_type,\
addr_version,source_address,source_id,source_tor_exit_node,result_success,result_cached,version,version_useragent,\
version_relay,version_version,version_services,version_start_height,version_nonce,version_timestamp,\
version_sender_address,version_sender_port\n";

/// A file that results are appended to, each by one write of a whole line.
#[derive(Clone, Debug)]
pub struct Csv(Arc<File>);

impl Csv {
    /// Opens a file. One that is empty or new gets the names of the columns.
    ///
    /// # Errors
    /// It cannot be opened or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        if file.metadata()?.len() == 0 {
            file.write_all(HEADER.as_bytes())?;
        }
        Ok(Self(Arc::new(file)))
    }

    /// Appends a result. Blocks.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&self, attempt: &Attempt) -> io::Result<()> {
        (&*self.0).write_all(line(attempt).as_bytes())
    }
}

fn line(attempt: &Attempt) -> String {
    let Attempt { address, addrv2, cached, tried_ns, source_peer_id, source_addr, source_tor_exit, version, .. } =
        attempt;
    let said = version.as_ref();
    let success = matches!(attempt.outcome(), Outcome::V1 | Outcome::V2);
    let text = |value: Option<&dyn ToString>| value.map(ToString::to_string).unwrap_or_default();
    let fields = [
        (tried_ns / 1_000_000_000).to_string(),
        address.text().unwrap_or_default().to_owned(),
        address.port.to_string(),
        address.services.to_string(),
        address.timestamp.to_string(),
        address.network().name().to_owned(),
        if *addrv2 { "addrv2" } else { "addr" }.to_owned(),
        text(source_addr.as_ref().map(|addr| addr as _)),
        text(source_peer_id.as_ref().map(|peer| peer as _)),
        text(source_tor_exit.as_ref().map(|exit| exit as _)),
        success.to_string(),
        cached.to_string(),
        said.is_some().to_string(),
        text(said.map(|said| &said.user_agent as _)),
        text(said.map(|said| &said.relay as _)),
        text(said.map(|said| &said.version as _)),
        text(said.map(|said| &said.services as _)),
        text(said.map(|said| &said.start_height as _)),
        text(said.map(|said| &said.nonce as _)),
        text(said.map(|said| &said.timestamp as _)),
        text(said.and_then(|said| said.sender_address.as_ref()).map(|addr| addr as _)),
        text(said.and_then(|said| said.sender_port.as_ref()).map(|port| port as _)),
    ];
    let quoted: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
    quoted.join(",") + "\n"
}

/// A field, in quotes if it needs some (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe
/// before it, and control characters become spaces: user agents are untrusted.
fn quoted(field: &str) -> String {
    let field: String = field.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let is_number = field.parse::<i64>().is_ok();
    let formula = if field.starts_with(['=', '+', '-', '@']) && !is_number { "'" } else { "" };
    if field.contains([',', '"']) {
        format!("\"{formula}{}\"", field.replace('"', "\"\""))
    } else {
        format!("{formula}{field}")
    }
}

#[cfg(test)]
mod tests {
    use event::pb::bitcoin_primitives::address::Address as Named;

    use super::*;
    use event::pb::bitcoin_primitives::Address;
    use event::pb::connectivity::Version;

    #[test]
    fn lines_have_the_columns_and_nothing_hides_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.csv");
        let address = Address {
            timestamp: 1_700_000_000,
            services: 1_033,
            port: 8_333,
            address: Some(Named::Ipv4("1.2.3.4".to_owned())),
        };
        let version = Version {
            version: 70_016,
            services: 1_033,
            user_agent: "/a,\"b\"\n/".to_owned(),
            start_height: -1,
            relay: true,
            nonce: u64::MAX,
            timestamp: 1_700_000_100,
            clock_offset: 3,
            sender_address: None,
            sender_port: None,
        };
        let attempt = Attempt {
            address,
            addrv2: true,
            outcome: Outcome::V2.into(),
            cached: false,
            heard_ns: 1_700_000_099_000_000_000,
            tried_ns: 1_700_000_100_999_999_999,
            duration_ns: 5,
            source_peer_id: Some(7),
            source_addr: Some("[2001:db8::1]:8333".to_owned()),
            source_tor_exit: Some(false),
            version: Some(version),
            asn: None,
            reason: None,
        };
        for _ in 0..2 {
            Csv::open(&path).unwrap().append(&attempt).unwrap();
        }
        let refused = Attempt { outcome: Outcome::Refused.into(), version: None, source_addr: None, ..attempt };
        Csv::open(&path).unwrap().append(&refused).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0].split(',').count(), 22);
        assert_eq!(
            lines[1],
            "1700000100,1.2.3.4,8333,1033,1700000000,IPv4,addrv2,[2001:db8::1]:8333,7,false,true,false,true,\
             \"/a,\"\"b\"\" /\",true,70016,1033,-1,18446744073709551615,1700000100,,"
        );
        assert_eq!(lines[3], "1700000100,1.2.3.4,8333,1033,1700000000,IPv4,addrv2,,7,false,false,false,false,,,,,,,,,");
        assert_eq!(quoted("=cmd(),1"), "\"'=cmd(),1\"");
    }
}
