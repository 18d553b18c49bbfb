//! Which way leads to an address, and the stream over it.

use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sam::Sam;
use crate::{Endpoint, Error, Host, Network, socks};

/// How long a proxy or an I2P router may take to accept a connection.
const PROXY_PATIENCE: Duration = Duration::from_secs(10);

/// What leads into the networks, as Bitcoin Core's options of these names.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// A SOCKS5 proxy for everything, but what `onion` and `i2psam` are for.
    pub proxy: Option<Endpoint>,
    /// What `proxy` is given to log in. Without it each connection logs in as somebody else, so that Tor makes a
    /// circuit for each.
    pub login: Option<Login>,
    /// A SOCKS5 proxy for onion services: Tor.
    pub onion: Option<Endpoint>,
    /// The SAM bridge (version 3.1) of an I2P router.
    pub i2psam: Option<Endpoint>,
    /// Whether addresses in fc00::/8 are those of CJDNS and are reached.
    pub cjdnsreachable: bool,
}

/// A name and a password for a SOCKS5 proxy.
#[derive(Clone)]
pub struct Login {
    /// At most 255 bytes.
    pub user: String,
    /// At most 255 bytes.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// Makes streams. Cloning it gives another handle.
#[derive(Clone, Debug)]
pub struct Dialer {
    proxies: Arc<Proxies>,
    sam: Option<Sam>,
}

/// The way to an address.
enum Way<'a> {
    Direct,
    Socks(&'a Endpoint, Option<&'a Login>),
    Sam(&'a Sam, [u8; 32]),
}

impl Dialer {
    /// One that uses these proxies.
    #[must_use]
    pub fn new(proxies: Proxies) -> Self {
        let sam = proxies.i2psam.clone().map(Sam::new);
        Self { proxies: Arc::new(proxies), sam }
    }

    /// A stream to an address. The caller sets a time limit, and may drop this while it waits.
    ///
    /// # Errors
    /// There is no stream; the error says whether that is because of the address or because of us.
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, Error> {
        let stream = match self.way(endpoint)? {
            Way::Direct => direct(endpoint).await?,
            Way::Socks(proxy, login) => socks::connect(to_proxy(proxy).await?, proxy, endpoint, login).await?,
            Way::Sam(sam, hash) => sam.connect(&hash).await?,
        };
        // A message is sent at once.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// Whether connections to an address still need something that is being made, and begins that: the session with the
    /// I2P router, which takes up to three minutes the first time. A connection waits for it. For callers whose time
    /// limit is about the address.
    #[must_use]
    pub fn is_pending(&self, endpoint: &Endpoint) -> bool {
        matches!(self.way(endpoint), Ok(Way::Sam(sam, _)) if sam.is_pending())
    }

    /// Whether an address is reached without a proxy. The P2P extractor asks this.
    #[must_use]
    pub fn is_direct(&self, endpoint: &Endpoint) -> bool {
        matches!(self.way(endpoint), Ok(Way::Direct))
    }

    /// Whether something that is configured leads to an address. Quick.
    ///
    /// # Errors
    /// Nothing does.
    pub fn has_way(&self, endpoint: &Endpoint) -> Result<(), Error> {
        self.way(endpoint).map(drop)
    }

    /// The same, and whether this machine has a route to it if it is reached without a proxy.
    ///
    /// # Errors
    /// Nothing leads there.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let Way::Direct = self.way(endpoint)? else { return Ok(()) };
        endpoint.host.ip().map_or(Ok(()), |ip| source_address(ip).map(drop))
    }

    fn way(&self, Endpoint { host, .. }: &Endpoint) -> Result<Way<'_>, Error> {
        let Proxies { proxy, login, onion, cjdnsreachable, .. } = &*self.proxies;
        let by_proxy = proxy.as_ref().map(|proxy| Way::Socks(proxy, login.as_ref()));
        match host {
            Host::Ipv4(_) | Host::Ipv6(_) | Host::Name(_) => Ok(by_proxy.unwrap_or(Way::Direct)),
            Host::Cjdns(_) if !cjdnsreachable => Err(Error::NoProxy(Network::Cjdns)),
            Host::Cjdns(_) => Ok(by_proxy.unwrap_or(Way::Direct)),
            Host::Onion(_) => {
                onion.as_ref().map(|onion| Way::Socks(onion, None)).or(by_proxy).ok_or(Error::NoProxy(Network::Onion))
            }
            Host::I2p(hash) => self.sam.as_ref().map(|sam| Way::Sam(sam, *hash)).ok_or(Error::NoProxy(Network::I2p)),
        }
    }
}

/// The address that this machine would have to an IP address. Nothing is sent.
///
/// # Errors
/// It has no route there.
pub fn source_address(ip: IpAddr) -> Result<IpAddr, Error> {
    let any: IpAddr = if ip.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let source = || {
        let socket = UdpSocket::bind((any, 0))?;
        // The port does not matter, but must not be 0.
        socket.connect((ip, 9))?;
        socket.local_addr()
    };
    source().map(|address| address.ip()).map_err(|error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::HostUnreachable => Error::NoRoute,
        // No such family here.
        std::io::ErrorKind::Unsupported | std::io::ErrorKind::AddrNotAvailable => Error::NoRoute,
        _ => Error::Local(error),
    })
}

async fn direct(Endpoint { host, port }: &Endpoint) -> Result<TcpStream, Error> {
    match (host, host.ip()) {
        (_, Some(ip)) => {
            source_address(ip)?;
            Ok(TcpStream::connect(SocketAddr::new(ip, *port)).await?)
        }
        (Host::Name(name), None) => {
            let addresses = tokio::net::lookup_host((&**name, *port)).await;
            let addresses = addresses.map_err(|error| Error::Unreachable(error.to_string()))?;
            Ok(TcpStream::connect(&*addresses.collect::<Vec<_>>()).await?)
        }
        (_, None) => Err(Error::NoRoute),
    }
}

/// A connection to a proxy itself.
pub(crate) async fn to_proxy(proxy: &Endpoint) -> Result<TcpStream, Error> {
    let failed = |what: String| Error::Proxy { proxy: proxy.clone(), what };
    match timeout(PROXY_PATIENCE, direct(proxy)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no connection within {} s", PROXY_PATIENCE.as_secs()))),
    }
}
