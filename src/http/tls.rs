//! TLS with the certificate authorities that the system trusts, and the words for its failures.

use super::connect::ServerStream;
use parking_lot::Mutex;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, OtherError,
    PeerIncompatible, RootCertStore, SignatureScheme,
};
use url::Host;

/// Why no trusted, encrypted connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsProblem {
    /// The certificate's time has not come, by this computer's clock: servers use new certificates at once, so the clock
    /// is wrong.
    TooEarly,
    /// The certificate's time is over, by this computer's clock.
    Expired,
    /// The certificate is for other names.
    OtherName,
    /// The certificate's issuer is not known here.
    UnknownIssuer,
    /// The certificate is its own issuer, and is not known here.
    SelfSigned,
    /// The certificate is not accepted for another reason.
    NotTrusted,
    /// The server speaks no version of TLS that is safe.
    TooOld,
    /// The server does not speak TLS.
    NotTls,
    /// The handshake failed or broke off.
    Handshake,
    /// This computer has no list of certificate authorities.
    NoAuthorities,
}

impl TlsProblem {
    /// Reads an error of a handshake.
    fn of(error: &io::Error) -> Self {
        let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else {
            return Self::Handshake;
        };
        match error {
            Error::InvalidCertificate(problem) => Self::of_certificate(problem),
            Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                Self::NotTls
            }
            Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::TooOld,
            _ => Self::Handshake,
        }
    }

    fn of_certificate(problem: &CertificateError) -> Self {
        use CertificateError as C;
        match problem {
            C::Expired | C::ExpiredContext { .. } => Self::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => Self::TooEarly,
            C::NotValidForName | C::NotValidForNameContext { .. } => Self::OtherName,
            C::UnknownIssuer => Self::UnknownIssuer,
            C::Other(OtherError(why)) if why.is::<SelfSigned>() => Self::SelfSigned,
            _ => Self::NotTrusted,
        }
    }

    /// The problem in one word, for scripts.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::TooEarly => "not_yet_valid",
            Self::Expired => "expired",
            Self::OtherName => "other_name",
            Self::UnknownIssuer => "unknown_authority",
            Self::SelfSigned => "self_signed",
            Self::NotTrusted => "not_trusted",
            Self::TooOld => "too_old",
            Self::NotTls => "no_tls",
            Self::Handshake => "handshake",
            Self::NoAuthorities => "no_authorities",
        }
    }

    /// The sentence for the user; `server` as errors show it.
    pub(crate) fn sentence(self, server: &str) -> String {
        match self {
            Self::TooEarly => format!(
                "The clock of this computer is probably wrong: the certificate of {server} is not valid yet by it. Set \
                 the clock, then try again."
            ),
            Self::Expired => format!(
                "By the clock of this computer, the certificate of {server} has expired. Check date and time here; if \
                 they are right, tell the person who runs the server."
            ),
            Self::OtherName => format!(
                "The certificate of {server} is for another name. Check the address; if it is right, tell the person who \
                 runs the server."
            ),
            Self::UnknownIssuer => format!(
                "This computer does not trust the certificate of {server}: its issuer is not known here. Check the \
                 address; if your organisation has an authority of its own, install its certificate on this computer."
            ),
            Self::SelfSigned => format!(
                "This computer does not trust the certificate of {server}: the server signed it itself. Check the \
                 address; if it is right, install this certificate on this computer, or ask the person who runs the \
                 server for one that is known."
            ),
            Self::NotTrusted => format!(
                "This computer does not trust the certificate of {server}. Check the address, or ask the person who runs \
                 the server."
            ),
            Self::TooOld => format!(
                "No safe connection to {server} is possible: it speaks only old versions of TLS. Ask the person who runs \
                 it to allow TLS 1.2 or 1.3."
            ),
            Self::NotTls => format!(
                "{server} answers without encryption. Check the port; in a network that you trust, an address that \
                 begins with ws:// instead of wss:// may be right."
            ),
            Self::Handshake => format!(
                "No encrypted connection to {server} came about. Check the address and the port, or ask the person who \
                 runs the server."
            ),
            Self::NoAuthorities => format!(
                "This computer knows no certificate authorities, so it cannot check {server}. Install them (the package \
                 ca-certificates, for example), then try again."
            ),
        }
    }
}

/// Begins TLS with the server `host`, whose certificate must be valid for this name.
pub(super) async fn secure(stream: ServerStream, host: &Host<&str>) -> Result<ServerStream, TlsProblem> {
    let name = match host {
        Host::Domain(name) => ServerName::try_from((*name).to_owned()).map_err(|_| TlsProblem::OtherName)?,
        Host::Ipv4(ip) => ServerName::from(IpAddr::from(*ip)),
        Host::Ipv6(ip) => ServerName::from(IpAddr::from(*ip)),
    };
    secure_with(config()?, stream, name).await
}

/// The same with a configuration.
pub(super) async fn secure_with(
    config: Arc<ClientConfig>,
    stream: ServerStream,
    name: ServerName<'static>,
) -> Result<ServerStream, TlsProblem> {
    let secured = TlsConnector::from(config).connect(name, stream).await;
    let secured = secured.map_err(|error| {
        tracing::debug!(%error, "no TLS");
        TlsProblem::of(&error)
    })?;
    Ok(Box::new(secured))
}

/// The configuration with the system's authorities, which are read once.
fn config() -> Result<Arc<ClientConfig>, TlsProblem> {
    static CONFIG: Mutex<Option<Arc<ClientConfig>>> = Mutex::new(None);
    let mut kept = CONFIG.lock();
    if let Some(config) = &*kept {
        return Ok(config.clone());
    }
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificate authorities of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    let config = trusting(roots)?;
    *kept = Some(config.clone());
    Ok(config)
}

/// A configuration that trusts these authorities.
pub(super) fn trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>, TlsProblem> {
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let verifier = Verifier(verifier.map_err(|_| TlsProblem::NoAuthorities)?);
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| TlsProblem::Handshake)?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The usual verifier, whose errors tell self-signed certificates from those of unknown issuers.
#[derive(Debug)]
struct Verifier(Arc<WebPkiServerVerifier>);

/// The certificate is its own issuer.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is signed by itself")]
struct SelfSigned;

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) if is_self_signed(end_entity) => {
                Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(SelfSigned)))))
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|certificate| certificate.issuer() == certificate.subject())
}
