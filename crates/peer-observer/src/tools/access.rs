//! What all tools that serve something have in common: who may see it.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use node::Secret;
use serve::{Access, Auth, TlsFiles};

/// The options of a tool about that. They have the same names in the section of every such tool.
pub struct AccessOptions<'a> {
    /// Names under which it is reached.
    pub hosts: &'a [String],
    /// What clients log in with.
    pub auth: Option<&'a Secret>,
    /// Certificate.
    pub tls_cert: Option<&'a PathBuf>,
    /// Key of the certificate.
    pub tls_key: Option<&'a PathBuf>,
}

impl AccessOptions<'_> {
    /// Checks the options of this tool.
    ///
    /// # Errors
    /// A secret is too short, or a certificate has no key.
    pub fn check(self, tool: &str) -> Result<Access> {
        let auth = self.auth.map(|secret| Auth::new(secret.expose())).transpose();
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.clone(), key: key.clone() }),
            (None, None) => None,
            _ => bail!("{tool}.tls_cert and {tool}.tls_key go together: give both or neither"),
        };
        Ok(Access { names: self.hosts.to_vec(), auth: auth.with_context(|| format!("{tool}.auth"))?, tls })
    }
}
