//! What all tools that serve something have in common: who may see it.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use node::Secret;
pub use serve::Access;
use serve::{Auth, TlsFiles};

use crate::values::secret_of;

/// Defines the options of a tool that serves something: what all such tools have, with the same names in the section of each, and with the flags
/// and variables that its name makes of these; and, with their defaults, what it has besides. `hosts` and `auth` are described by each tool.
macro_rules! serving_options {
    (
        $section:literal, $variables:literal;
        $(#[$of_all:meta])*
        $visibility:vis struct $name:ident;
        $(#[$of_listen:meta])*
        listen = $listen:expr;
        $(#[$of_hosts:meta])*
        hosts;
        $(#[$of_auth:meta])*
        auth;
        $($(#[$of_field:meta])* $field:ident: $type:ty = $default:expr;)*
    ) => {
        #[derive(::clap::Args, Clone, Debug, ::serde::Deserialize, ::serde::Serialize)]
        #[serde(default, deny_unknown_fields)]
        $(#[$of_all])*
        $visibility struct $name {
            $(#[$of_listen])*
            #[arg(
                id = concat!($section, "_listen"),
                long = concat!($section, "-listen"),
                env = concat!($variables, "_LISTEN"),
                value_name = "ADDRESS:PORT"
            )]
            listen: $crate::values::ListenAddress,
            $(#[$of_hosts])*
            #[arg(
                id = concat!($section, "_hosts"),
                long = concat!($section, "-host"),
                env = concat!($variables, "_HOST"),
                value_delimiter = ',',
                value_name = "NAME"
            )]
            hosts: Vec<String>,
            $(#[$of_auth])*
            #[arg(
                id = concat!($section, "_auth"),
                long = concat!($section, "-auth"),
                env = concat!($variables, "_AUTH"),
                value_parser = $crate::values::secret,
                value_name = "SECRET",
                hide_env_values = true
            )]
            auth: Option<::node::Secret>,
            /// The same secret in a file; a name without a slash is that of a credential of systemd
            #[arg(
                id = concat!($section, "_auth_file"),
                long = concat!($section, "-auth-file"),
                env = concat!($variables, "_AUTH_FILE"),
                value_name = "FILE"
            )]
            auth_file: Option<::std::path::PathBuf>,
            /// Certificate (PEM), with those that lead to its authority
            #[arg(
                id = concat!($section, "_tls_cert"),
                long = concat!($section, "-tls-cert"),
                env = concat!($variables, "_TLS_CERT"),
                value_name = "FILE"
            )]
            tls_cert: Option<::std::path::PathBuf>,
            /// Key of the certificate (PEM)
            #[arg(
                id = concat!($section, "_tls_key"),
                long = concat!($section, "-tls-key"),
                env = concat!($variables, "_TLS_KEY"),
                value_name = "FILE"
            )]
            tls_key: Option<::std::path::PathBuf>,
            $($(#[$of_field])* $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    listen: $crate::values::ListenAddress($listen),
                    hosts: Vec::new(),
                    auth: None,
                    auth_file: None,
                    tls_cert: None,
                    tls_key: None,
                    $($field: $default,)*
                }
            }
        }

        impl $name {
            /// Who may see what is served.
            fn access(&self) -> ::anyhow::Result<$crate::tools::access::Access> {
                let auth = $crate::tools::access::auth($section, self.auth.as_ref(), self.auth_file.as_ref())?;
                let tls = $crate::tools::access::tls($section, self.tls_cert.as_ref(), self.tls_key.as_ref())?;
                Ok($crate::tools::access::Access { names: self.hosts.clone(), auth, tls })
            }
        }
    };
}

pub(super) use serving_options;

/// Checks how many clients of its streams a tool serves at the same time.
///
/// # Errors
/// None, or more than a process can serve.
pub fn check_clients(tool: &str, clients: usize) -> Result<()> {
    ensure!((1..=100_000).contains(&clients), "{tool}.clients = {clients}: it must be from 1 to 100000");
    Ok(())
}

/// The path that all addresses of a tool begin with: "" or "/path", of characters that need no escape.
///
/// # Errors
/// It is no such path.
pub fn prefix(tool: &str, given: &str) -> Result<String> {
    let trimmed = given.trim_matches('/');
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    let plain = |segment: &str| {
        !segment.is_empty()
            && segment != "."
            && segment != ".."
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    if !trimmed.split('/').all(plain) {
        bail!("{tool}.prefix = {given:?}: write a path such as /observer, of letters, digits, '-', '_', '.' and '~'");
    }
    Ok(format!("/{trimmed}"))
}

/// What clients log in with, if they must.
///
/// # Errors
/// It is given twice, cannot be read, or is too short.
pub fn auth(tool: &str, given: Option<&Secret>, file: Option<&PathBuf>) -> Result<Option<Auth>> {
    let key = format!("{tool}.auth");
    let secret = secret_of(&key, given, file)?;
    secret.map(|secret| Auth::new(secret.expose())).transpose().context(key)
}

/// Certificate and key, if there are.
///
/// # Errors
/// One of them is missing.
pub fn tls(tool: &str, certificate: Option<&PathBuf>, key: Option<&PathBuf>) -> Result<Option<TlsFiles>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })),
        (None, None) => Ok(None),
        _ => bail!("{tool}.tls_cert and {tool}.tls_key go together: give both or neither"),
    }
}
