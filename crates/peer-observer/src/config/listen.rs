//! Where a tool listens.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, Result};

/// The address that `[tool] listen` tells, or the usual one.
pub fn address(tool: &str, told: Option<&str>, usual: SocketAddr) -> Result<SocketAddr> {
    let Some(text) = told else { return Ok(usual) };
    text.parse().with_context(|| {
        let port = usual.port();
        format!("{tool}.listen = {text:?}: write an address and a port, such as 127.0.0.1:{port} or [::1]:{port}")
    })
}

/// Listens there.
pub fn bind(tool: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .with_context(|| format!("{tool}: cannot listen on {address}; choose another address with --{tool}-listen"))
}

/// The same address, with any port if its own is taken.
pub fn free(mut address: SocketAddr) -> SocketAddr {
    if TcpListener::bind(address).is_err() {
        address.set_port(0);
    }
    address
}
