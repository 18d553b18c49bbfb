//! The names that requests may be sent to, and the pages that they may come from.

use std::net::IpAddr;

/// Stands for every name, and every page.
const ANY: &str = "*";

/// The configured names of this server. Its addresses and `localhost` are always allowed.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// Takes names such as `observer.example`. A port after the name is ignored. `*` stands for every name, and for the pages of every site.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| without_port(&name).to_ascii_lowercase()).collect())
    }

    /// Whether every name is this server's, and the pages of every site may read what it serves.
    pub fn are_any(&self) -> bool {
        self.0.iter().any(|name| name == ANY)
    }

    /// Whether a Host header names this server. Any IP address does: another site that resolves to our address has its own name in Host.
    pub fn are_ours(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        self.are_any()
            || is_address(&name)
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.contains(&name)
    }

    /// Whether an Origin header names a page of ours: its host and port are those of the Host header or, behind a proxy, its host is a configured
    /// name.
    pub fn is_same_site(&self, origin: &str, host: &str) -> bool {
        if self.are_any() {
            return true;
        }
        let Some((scheme @ ("http" | "https"), authority)) = origin.split_once("://") else { return false };
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let bare = |text: &str| text.strip_suffix(usual).unwrap_or(text).to_ascii_lowercase();
        bare(authority) == bare(host) || self.0.contains(&without_port(authority).to_ascii_lowercase())
    }
}

fn is_address(name: &str) -> bool {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok()
}

/// `host` of `host:port`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_origins() {
        let names = Names::new(["Observer.example:443".to_owned()]);
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "::1",
            "10.0.0.5",
            "localhost:8080",
            "LOCALHOST",
            "a.localhost",
            "observer.example",
            "Observer.Example:8443",
        ] {
            assert!(names.are_ours(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "observer.example.evil.example:80",
            "",
            "localhost.evil",
            "\u{fffd}",
        ] {
            assert!(!names.are_ours(host), "{host}");
        }
        let table = [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://localhost:8080", "localhost:8080", true),
            ("https://observer.example", "127.0.0.1:8080", true),
            ("https://observer.example", "observer.example", true),
            ("http://10.0.0.5", "10.0.0.5:80", true),
            ("http://localhost:3000", "localhost:8080", false),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("https://evil.example", "127.0.0.1:8080", false),
            ("null", "127.0.0.1:8080", false),
            ("file://", "127.0.0.1:8080", false),
            ("", "127.0.0.1:8080", false),
        ];
        for (origin, host, expected) in table {
            assert_eq!(names.is_same_site(origin, host), expected, "{origin} {host}");
        }
        let any = Names::new(["*".to_owned()]);
        assert!(any.are_any() && any.are_ours("evil.example") && any.is_same_site("null", "127.0.0.1:8080"));
        assert!(!names.are_any());
    }
}
