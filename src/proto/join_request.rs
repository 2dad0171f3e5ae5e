//! The join request of a client: the parameter `join_request` of `/rtc/v1`, and the query of `/rtc` in the same form.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use livekit_protocol as lk;
use lk::wrapped_join_request::Compression;
use prost::Message;
use std::collections::HashMap;
use std::io::Read;

/// Longest join request in bytes after decompression.
const MAX_BYTES: u64 = 1 << 20;

/// Some SDKs write padding, others leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a join request was not understood. The sentences never repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinRequestError {
    /// `/rtc/v1` was called without `join_request`.
    #[error("The parameter join_request is missing.")]
    Missing,
    /// Not base64url.
    #[error("The parameter join_request is not base64url.")]
    Base64,
    /// Not a `WrappedJoinRequest` with a `JoinRequest` in it, or not compressed as it declares.
    #[error("The parameter join_request does not hold a join request.")]
    Malformed,
    /// Longer than 1 MiB after decompression.
    #[error("The join request is too large: at most 1 MiB is possible.")]
    TooLarge,
    /// `attributes` is not base64url of a JSON object with text values.
    #[error("The parameter attributes is not base64url of a JSON object.")]
    Attributes,
}

/// Decodes the value of `join_request`: base64url of a `WrappedJoinRequest`.
pub fn decode(parameter: &str) -> Result<lk::JoinRequest, JoinRequestError> {
    let wrapped = BASE64.decode(parameter).map_err(|_| JoinRequestError::Base64)?;
    let wrapped = lk::WrappedJoinRequest::decode(wrapped.as_slice()).map_err(|_| JoinRequestError::Malformed)?;
    let plain = match wrapped.compression() {
        Compression::None => wrapped.join_request,
        Compression::Gzip => gunzip(&wrapped.join_request)?,
    };
    lk::JoinRequest::decode(plain.as_slice()).map_err(|_| JoinRequestError::Malformed)
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, JoinRequestError> {
    let mut plain = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(packed).take(MAX_BYTES + 1);
    reader.read_to_end(&mut plain).map_err(|_| JoinRequestError::Malformed)?;
    if plain.len() as u64 > MAX_BYTES { Err(JoinRequestError::TooLarge) } else { Ok(plain) }
}

/// Converts the query of `/rtc` into a join request. Absent and unreadable parameters take their defaults.
pub fn from_query(query: &HashMap<String, String>) -> Result<lk::JoinRequest, JoinRequestError> {
    let text = |key: &str| query.get(key).cloned().unwrap_or_default();
    let flag = |key: &str| query.get(key).filter(|v| !v.is_empty()).map(|v| v == "1" || v == "true");
    let number = |key: &str| query.get(key).and_then(|v| v.parse().ok()).unwrap_or_default();
    let reconnect = flag("reconnect").unwrap_or(false);
    Ok(lk::JoinRequest {
        client_info: Some(lk::ClientInfo {
            sdk: sdk(&text("sdk")).into(),
            version: text("version"),
            protocol: number("protocol"),
            client_protocol: number("client_protocol"),
            os: text("os"),
            os_version: text("os_version"),
            device_model: text("device_model"),
            browser: text("browser"),
            browser_version: text("browser_version"),
            network: text("network"),
            other_sdks: text("other_sdks"),
            capabilities: text("capabilities").split(',').filter_map(capability).collect(),
            ..Default::default()
        }),
        connection_settings: Some(lk::ConnectionSettings {
            auto_subscribe: flag("auto_subscribe").unwrap_or(true),
            adaptive_stream: flag("adaptive_stream").unwrap_or(false),
            subscriber_allow_pause: flag("subscriber_allow_pause"),
            disable_ice_lite: flag("disable_ice_lite").unwrap_or(false),
            ..Default::default()
        }),
        participant_attributes: attributes(&text("attributes"))?,
        reconnect,
        reconnect_reason: number("reconnect_reason"),
        participant_sid: if reconnect { text("sid") } else { String::new() },
        ..Default::default()
    })
}

fn sdk(name: &str) -> lk::client_info::Sdk {
    let name = if name == "reactnative" { "REACT_NATIVE".into() } else { name.to_ascii_uppercase() };
    lk::client_info::Sdk::from_str_name(&name).unwrap_or_default()
}

fn capability(name: &str) -> Option<i32> {
    lk::client_info::Capability::from_str_name(name).map(i32::from).or_else(|| name.parse().ok())
}

fn attributes(parameter: &str) -> Result<HashMap<String, String>, JoinRequestError> {
    if parameter.is_empty() {
        return Ok(HashMap::new());
    }
    let json = BASE64.decode(parameter).map_err(|_| JoinRequestError::Attributes)?;
    serde_json::from_slice(&json).map_err(|_| JoinRequestError::Attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
    use std::io::Write;

    fn request() -> lk::JoinRequest {
        lk::JoinRequest {
            participant_sid: "PA_x".into(),
            reconnect: true,
            publisher_offer: Some(lk::SessionDescription { sdp: "v=0\r\n".repeat(500), ..Default::default() }),
            ..Default::default()
        }
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).expect("room");
        encoder.finish().expect("gzip")
    }

    fn wrap(compression: Compression, join_request: Vec<u8>) -> Vec<u8> {
        lk::WrappedJoinRequest { compression: compression.into(), join_request }.encode_to_vec()
    }

    #[test]
    fn plain_and_gzipped_requests_are_read_with_and_without_padding() {
        let plain = request().encode_to_vec();
        for wrapped in [wrap(Compression::None, plain.clone()), wrap(Compression::Gzip, gzip(&plain))] {
            assert_eq!(decode(&BASE64_URL_SAFE.encode(&wrapped)), Ok(request()));
            assert_eq!(decode(&BASE64_URL_SAFE_NO_PAD.encode(&wrapped)), Ok(request()));
        }
    }

    #[test]
    fn a_request_of_more_than_a_mebibyte_is_refused() {
        let bomb = wrap(Compression::Gzip, gzip(&vec![0; 8 << 20]));
        assert!(bomb.len() < 20_000);
        assert_eq!(decode(&BASE64_URL_SAFE.encode(&bomb)), Err(JoinRequestError::TooLarge));
    }

    #[test]
    fn garbage_is_refused_and_not_repeated() {
        assert_eq!(decode("%%%"), Err(JoinRequestError::Base64));
        assert_eq!(decode(&BASE64_URL_SAFE.encode([0xff; 9])), Err(JoinRequestError::Malformed));
        let not_gzip = wrap(Compression::Gzip, request().encode_to_vec());
        assert_eq!(decode(&BASE64_URL_SAFE.encode(not_gzip)), Err(JoinRequestError::Malformed));
        assert_eq!(decode(""), Ok(lk::JoinRequest::default()), "an empty message is a message");
    }

    #[test]
    fn a_query_of_the_older_protocol_becomes_a_join_request() {
        let attributes = BASE64_URL_SAFE.encode(r#"{"k":"v"}"#);
        let query: HashMap<String, String> = [
            ("sdk", "js"),
            ("protocol", "16"),
            ("version", "2.23.0"),
            ("reconnect", "1"),
            ("sid", "PA_1"),
            ("reconnect_reason", "3"),
            ("auto_subscribe", "0"),
            ("adaptive_stream", "true"),
            ("capabilities", "CAP_PACKET_TRAILER"),
            ("subscriber_allow_pause", "1"),
            ("attributes", &attributes),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        let request = from_query(&query).expect("a join request");
        let (client, settings) =
            (request.client_info.expect("a client"), request.connection_settings.expect("settings"));
        assert_eq!((client.sdk(), client.protocol, client.version.as_str()), (lk::client_info::Sdk::Js, 16, "2.23.0"));
        assert_eq!(client.capabilities, [1]);
        assert!(!settings.auto_subscribe && settings.adaptive_stream);
        assert_eq!(settings.subscriber_allow_pause, Some(true));
        assert_eq!((request.reconnect, request.reconnect_reason, request.participant_sid.as_str()), (true, 3, "PA_1"));
        assert_eq!(request.participant_attributes["k"], "v");
    }

    #[test]
    fn an_empty_query_subscribes_to_everything_and_joins_afresh() {
        let request = from_query(&HashMap::new()).expect("a join request");
        assert!(request.connection_settings.expect("settings").auto_subscribe && !request.reconnect);
        let bad = HashMap::from([("attributes".to_owned(), "e30x".to_owned())]);
        assert_eq!(from_query(&bad), Err(JoinRequestError::Attributes));
    }
}
