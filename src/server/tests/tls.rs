//! TLS, and the replacement of the certificate while the server runs.

use super::*;
use crate::base::{EntryErrorKind, Secret};
use crate::server::tls::{Tls, TlsError, TlsFiles};
use crate::signal::{ConnectOptions, RoomProof, SignalLink, look_up_room};
use std::path::Path;

/// Writes a new self-signed certificate for 127.0.0.1. Returns the files and its PEM.
fn certificate(folder: &Path) -> (TlsFiles, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("chain.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).expect("file access");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("file access");
    (files, made.cert.pem())
}

/// A client that trusts only this certificate.
fn trusting(certificate: &str) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    reqwest::Client::builder().tls_built_in_root_certs(false).add_root_certificate(root).build().unwrap()
}

#[tokio::test]
async fn clients_connect_by_tls_and_a_new_certificate_needs_no_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, first) = certificate(folder.path());
    let tls = Tls::load(files.clone()).expect("a certificate");
    let server =
        Embedded::start(ServerConfig { tls: Some(tls.clone()), ..ServerConfig::dev() }).await.expect("a server");
    let url = |path: &str| server.url().replace("wss://", "https://") + path;
    let ask = async |client: reqwest::Client| client.get(url("/healthz")).send().await.map(|a| a.status().as_u16());
    assert!(server.url().starts_with("wss://"));
    assert_eq!(ask(trusting(&first)).await.expect("an answer"), 200);
    assert!(reqwest::get(url("/healthz").replace("https", "http")).await.is_err(), "plain HTTP is not served");
    let body = serde_json::json!({"room_name": "r", "participant_name": "Mina"});
    let answer = trusting(&first).post(url("/token")).json(&body).send().await.expect("an answer");
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(answer["server_url"], server.url());

    let (_, second) = certificate(folder.path());
    assert!(ask(trusting(&second)).await.is_err(), "the new certificate is not used before the reload");
    tls.reload().expect("reloaded");
    assert_eq!(ask(trusting(&second)).await.expect("an answer"), 200);
    assert!(ask(trusting(&first)).await.is_err());

    std::fs::write(&files.key, "nothing").expect("file access");
    assert!(matches!(tls.reload(), Err(TlsError::File { .. })));
    assert_eq!(ask(trusting(&second)).await.expect("an answer"), 200);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (other, _) = certificate(elsewhere.path());
    assert!(matches!(Tls::load(TlsFiles { key: other.key, ..files }), Err(TlsError::Pair { .. })));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn clients_are_told_what_is_wrong_with_a_certificate() {
    use EntryErrorKind as Kind;
    let token = Secret::new(token("r", "u"));
    for (years, kind, says) in [
        ([1975, 1980], Kind::Certificate, "the certificate of 127.0.0.1"),
        ([4000, 4001], Kind::WrongClock, "The clock of this computer is probably wrong"),
        ([2000, 4001], Kind::Certificate, "does not trust the certificate"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        [parameters.not_before, parameters.not_after] = years.map(|year| rcgen::date_time_ymd(year, 1, 1));
        let key = rcgen::KeyPair::generate().unwrap();
        let files = TlsFiles { certificate: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
        std::fs::write(&files.certificate, parameters.self_signed(&key).unwrap().pem()).expect("file access");
        std::fs::write(&files.key, key.serialize_pem()).expect("file access");
        let tls = Some(Tls::load(files).expect("a certificate"));
        let server = Embedded::start(ServerConfig { tls, ..ServerConfig::dev() }).await.expect("a server");
        let options = ConnectOptions { single: true, offer: None, timeout: PATIENCE };
        let error = SignalLink::connect(server.url(), &token, options).await.err().expect("a refusal");
        assert_eq!((error.kind(), error.is_temporary()), (kind, true), "{years:?}: {error}");
        assert!(error.to_string().contains(says), "{years:?}: {error}");
        let asked = look_up_room(server.url(), "r", RoomProof::Nothing).await.expect_err("a refusal");
        assert_eq!((asked.kind(), asked.to_string()), (kind, error.to_string()));
    }
}
