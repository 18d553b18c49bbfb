//! Connections through a SOCKS5 proxy (RFC 1928).

use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error as SocksError, TargetAddr};

use crate::{Endpoint, Error, Host, Login};

/// Has a proxy connect a stream to an address. Without a login each stream gets a name and a password (RFC 1929) of its
/// own: Tor takes another circuit for each such pair (`IsolateSOCKSAuth`, which is its default), and proxies that want
/// none are offered that too.
pub async fn connect(
    stream: TcpStream,
    proxy: &Endpoint,
    Endpoint { host, port }: &Endpoint,
    login: Option<&Login>,
) -> Result<TcpStream, Error> {
    let target = match host.ip() {
        Some(ip) => TargetAddr::Ip((ip, *port).into()),
        None => TargetAddr::Domain(host.to_string().into(), *port),
    };
    let random;
    let (user, password) = match login {
        Some(Login { user, password }) => (&**user, &**password),
        None => {
            random = format!("{:032x}", fastrand::u128(..));
            random.split_at(16)
        }
    };
    let connecting = Socks5Stream::connect_with_password_and_socket(stream, target, user, password);
    match connecting.await {
        Ok(stream) => Ok(stream.into_inner()),
        Err(error) => Err(meaning(error, proxy, host)),
    }
}

/// What a proxy's answer says of the address, or of the proxy.
fn meaning(error: SocksError, proxy: &Endpoint, host: &Host) -> Error {
    match error {
        SocksError::ConnectionRefused => Error::Refused,
        SocksError::TtlExpired => Error::TimedOut,
        SocksError::HostUnreachable | SocksError::NetworkUnreachable => Error::Unreachable(error.to_string()),
        // Tor has codes of its own for onion services that it does not reach (`ExtendedErrors`), for which the library
        // has this error.
        SocksError::UnknownError | SocksError::UnknownAuthMethod if matches!(host, Host::Onion(_)) => {
            Error::Unreachable("Tor does not reach the onion service".to_owned())
        }
        _ => Error::Proxy { proxy: proxy.clone(), what: error.to_string() },
    }
}
