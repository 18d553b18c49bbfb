//! A SOCKS5 server of one's own.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpStream;

use crate::process::Process;
use crate::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(10);

/// A microsocks on a loopback address. It is killed when this is dropped, and when the program ends in any way.
#[derive(Debug)]
pub struct Microsocks {
    _process: Process,
    addr: SocketAddr,
}

impl Microsocks {
    /// Starts one and waits until it takes connections. With a login (name, password) it takes no others.
    ///
    /// # Errors
    /// There is no microsocks, or it does not start.
    pub async fn start(login: Option<(&str, &str)>) -> Result<Self> {
        let binary = crate::microsocks()?;
        // It does not say which port the system chose for it. An address of its own keeps others from taking it in
        // between.
        let ip = [127, fastrand::u8(1..), fastrand::u8(..), fastrand::u8(1..255)];
        let addr = TcpListener::bind(SocketAddr::from((ip, 0)))?.local_addr()?;
        let process = Process::spawn("microsocks", &binary, |command| {
            command.args(["-i", &addr.ip().to_string(), "-p", &addr.port().to_string()]);
            if let Some((user, password)) = login {
                command.args(["-u", user, "-P", password]);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        });
        let process = process.await?;
        let listens = || async move { TcpStream::connect(addr).await.ok() };
        eventually("microsocks listens", PATIENCE, listens).await?;
        Ok(Self { _process: process, addr })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}
