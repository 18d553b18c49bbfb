//! TLS.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serve::{Access, Server, TlsFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(20);

/// Writes a new certificate for localhost and its key.
fn certify(files: &TlsFiles) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    made.cert.der().clone()
}

/// The response for a client that trusts only this certificate. `None` if the handshake fails.
async fn answer(address: &str, trusted: &CertificateDer<'static>) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    Some(String::from_utf8(answer).unwrap())
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
}

#[tokio::test]
async fn a_certificate_is_renewed_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let first = certify(&files);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::new("web", listener, Access { tls: Some(files.clone()), ..Access::default() }).unwrap();
    let url = server.url();
    let address = url.strip_prefix("https://").unwrap();
    let running = server.start(Router::new().route("/", get(|| async { "it is served" })));
    assert!(answer(address, &first).await.unwrap().contains("it is served"));

    // A certificate that cannot be used is logged, and changes nothing.
    fs::write(&files.certificate, "nothing").unwrap();
    assert!(answer(address, &first).await.is_some());
    let second = certify(&files);
    let renewed = || async { answer(address, &second).await };
    testbed::eventually("the new certificate", PATIENCE, renewed).await.unwrap();
    assert!(answer(address, &first).await.is_none());
    running.end().await.unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let other = TlsFiles { key: folder.path().join("other.pem"), ..files.clone() };
    certify(&TlsFiles { certificate: folder.path().join("other certificate.pem"), key: other.key.clone() });
    certify(&files);
    let empty = TlsFiles { key: files.certificate.clone(), ..files.clone() };
    let absent = TlsFiles { certificate: folder.path().join("absent.pem"), ..files };
    for (files, expected) in [(absent, "absent.pem"), (empty, "private key"), (other, "other.pem")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = Server::new("web", listener, Access { tls: Some(files), ..Access::default() });
        let Err(error) = refused else { panic!("{expected}") };
        assert!(error.to_string().contains(expected), "{error}");
    }
}
