//! A certificate authority for tests, and certificates for addresses that it signs.

use super::TestContext;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::path::PathBuf;

/// The authority, and the files of the current certificate.
pub(crate) struct Certificates {
    issuer: CertifiedIssuer<'static, KeyPair>,
    authority: PathBuf,
    chain: PathBuf,
    key: PathBuf,
    addresses: Vec<String>,
}

impl Certificates {
    /// A new authority with a first certificate, for 127.0.0.1.
    pub(crate) fn new(context: &TestContext) -> Self {
        Self::of(context, &["127.0.0.1"])
    }

    /// The same for other addresses.
    pub(crate) fn of(context: &TestContext, addresses: &[&str]) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "The tests' authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let [authority, chain, key] = ["authority.pem", "chain.pem", "key.pem"].map(|file| context.artifact(file));
        std::fs::write(&authority, issuer.pem()).expect("a file for the authority");
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        let certificates = Self { issuer, authority, chain, key, addresses };
        certificates.renew();
        certificates
    }

    /// Replaces the certificate. Returns the new one in PEM.
    pub(crate) fn renew(&self) -> String {
        self.replace(|_| {})
    }

    /// Replaces the certificate by one whose time is over.
    pub(crate) fn expire(&self) {
        self.replace(|params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        });
    }

    fn replace(&self, change: impl FnOnce(&mut CertificateParams)) -> String {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(self.addresses.clone()).expect("names");
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        std::fs::write(&self.key, key.serialize_pem()).expect("a file for the key");
        std::fs::write(&self.chain, &certificate).expect("a file for the certificate");
        certificate
    }

    /// The authority's file, for clients to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.authority.clone()
    }

    /// The certificate's file.
    pub(crate) fn chain(&self) -> PathBuf {
        self.chain.clone()
    }

    /// The file of its key.
    pub(crate) fn key(&self) -> PathBuf {
        self.key.clone()
    }
}
