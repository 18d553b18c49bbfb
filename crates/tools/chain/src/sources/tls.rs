//! Whom to trust at the other end of a TLS connection: the certificates of the system, or those of a file.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::SourceError;

/// The largest file of certificates, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// A client that trusts the certificates of a file, or else those of the system.
///
/// # Errors
/// One line that names the file and what helps.
pub(super) fn client(certificate: Option<&Path>) -> Result<ClientConfig, SourceError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| SourceError::Invalid(format!("cannot set up TLS: {error}")))?;
    let Some(path) = certificate else {
        let config = builder.with_native_roots().map_err(|error| {
            let advice = "install the package ca-certificates, or give a file of certificates";
            SourceError::Invalid(format!("the certificates of this system cannot be read ({error}): {advice}"))
        })?;
        return Ok(config.with_no_client_auth());
    };
    let pinned = Pinned::read(path, provider)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned)).with_no_client_auth())
}

/// A client for connections without TLS.
pub(super) fn none() -> Result<ClientConfig, SourceError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SourceError::Invalid(format!("cannot set up TLS: {error}")))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Trusts a server that has one of some certificates itself, whatever name is in that: servers of wallets and btcd sign their own. And one whose
/// certificate one of them signed, for its name, as usual.
#[derive(Debug)]
struct Pinned {
    certificates: Vec<CertificateDer<'static>>,
    signed: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn read(path: &Path, provider: Arc<CryptoProvider>) -> Result<Self, SourceError> {
        let wrong = |why: String| {
            let advice = "give a file with certificates in PEM form";
            SourceError::Invalid(format!("the certificates in {} cannot be used: {why}; {advice}", path.display()))
        };
        let mut text = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
        file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(|error| wrong(error.to_string()))?;
        if text.len() as u64 > MAX_FILE {
            return Err(wrong(format!("it is larger than {MAX_FILE} bytes")));
        }
        let certificates = CertificateDer::pem_reader_iter(Cursor::new(text)).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| wrong(error.to_string()))?;
        if certificates.is_empty() {
            return Err(wrong("there are none".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        let signed = (!roots.is_empty())
            .then(|| WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().ok());
        Ok(Self { certificates, signed: signed.flatten(), provider })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.iter().any(|certificate| certificate == server) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.signed {
            Some(signed) => signed.verify_server_cert(server, intermediates, name, ocsp, now),
            None => Err(rustls::CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
