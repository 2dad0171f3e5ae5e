//! JSON values of claims as Go's libraries read them, with which livekit-server reads tokens: a null counts as absent, and
//! times may have a fraction or be text.

use serde::de::{Deserialize, Deserializer, Error};
use std::collections::BTreeMap;

/// A value, or its default for null.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// A map of texts, in which null counts as the empty text.
pub(super) fn text_values<'de, D: Deserializer<'de>>(value: D) -> Result<BTreeMap<String, String>, D::Error> {
    let map: BTreeMap<String, Option<String>> = or_default(value)?;
    Ok(map.into_iter().map(|(key, text)| (key, text.unwrap_or_default())).collect())
}

/// A NumericDate (RFC 7519, section 2): Unix seconds, perhaps with a fraction, which is cut.
pub(super) fn numeric_date<'de, D: Deserializer<'de>>(value: D) -> Result<Option<i64>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Date {
        Number(f64),
        Text(String),
    }
    let seconds = match Option::<Date>::deserialize(value)? {
        None => return Ok(None),
        Some(Date::Number(seconds)) => seconds,
        Some(Date::Text(text)) => text.parse().map_err(|_| D::Error::custom("not a time"))?,
    };
    if seconds.is_finite() { Ok(Some(seconds as i64)) } else { Err(D::Error::custom("not a time")) }
}
