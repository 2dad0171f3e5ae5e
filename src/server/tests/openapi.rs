//! The endpoints answer as `openapi.json` describes, for any request.

use super::{ApiKey, Embedded, JoinClaims, PATIENCE, claims, http_url, start, timeout, token};
use crate::server::http::OPENAPI;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// The content types and schemas of an answer in the description.
fn described(description: &Value, path: &str, method: &str, status: u16) -> Option<Value> {
    let responses = &description["paths"][path][method]["responses"];
    let response = responses.get(status.to_string())?;
    Some(resolved(description, response)["content"].clone())
}

fn resolved<'a>(description: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(place) => description.pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("no {place}")),
        None => part,
    }
}

/// Validates JSON against the subset of JSON Schema that the description uses.
fn conforms(description: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolved(description, schema);
    let wrong = |what: &str| Err(format!("{what}: {value} against {schema}"));
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let fits = kinds.iter().any(|kind| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("null") => value.is_null(),
        _ => false,
    });
    if !fits {
        return wrong("another type");
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        return wrong("not one of these");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap_or_default()).is_none() {
            return wrong("something is missing");
        }
    }
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, value) in object {
            let Some(property) = properties.get(name) else { return wrong("something is not described") };
            conforms(description, property, value)?;
        }
    }
    Ok(())
}

/// A client that checks each answer against the description.
struct Client {
    server: Embedded,
    description: Value,
    http: reqwest::Client,
}

impl Client {
    async fn start() -> Self {
        let description = serde_json::from_str(OPENAPI).unwrap();
        Self { server: start().await, description, http: reqwest::Client::new() }
    }
}

/// Sends a request and checks the answer against the description. Returns the status.
async fn checked(client: &Client, operation: (&str, &str), request: Sent) -> Result<u16, String> {
    let Client { server, description, http } = client;
    let (path, method) = operation;
    let builder = match method {
        "post" => http.post(http_url(server, &request.path)).body(request.body),
        _ => http.get(http_url(server, &request.path)),
    };
    let answer = timeout(PATIENCE, builder.bearer_auth(&request.token).send()).await.map_err(|_| "no answer")?;
    let answer = answer.map_err(|e| e.to_string())?;
    let status = answer.status().as_u16();
    let content = described(description, path, method, status).ok_or(format!("{status} is not described"))?;
    let kind = answer.headers()["content-type"].to_str().unwrap_or_default().split(';').next().unwrap().to_owned();
    let schema = content.get(&kind).ok_or(format!("{kind} is not described for {status}"))?["schema"].clone();
    let text = answer.text().await.map_err(|e| e.to_string())?;
    let value = if kind == "application/json" {
        serde_json::from_str(&text).map_err(|e| e.to_string())?
    } else {
        Value::String(text)
    };
    conforms(description, &schema, &value)?;
    Ok(status)
}

/// A request to send.
#[derive(Clone, Debug)]
struct Sent {
    path: String,
    token: String,
    body: String,
}

fn sent(path: &str, token: &str, body: &Value) -> Sent {
    Sent { path: path.into(), token: token.into(), body: body.to_string() }
}

#[tokio::test]
async fn each_operation_answers_as_described() {
    let client = Client::start().await;
    let host = ApiKey::dev().join_token(&JoinClaims { room_admin: true, ..claims("tea", "mina") }).expect("signed");
    let host = host.expose().as_str();
    let tea = json!({"room": "tea", "valid_for_s": 60});
    let mut seen = std::collections::BTreeSet::new();
    for (operation, request, status) in [
        (("/token", "post"), sent("/token", "", &json!({"room_name": "tea"})), 201),
        (("/token", "post"), sent("/token", "", &json!({"room_name": "a/b"})), 400),
        (("/token", "post"), sent("/token", "", &json!({"room_name": "tea", "user_sig": "x"})), 401),
        (("/token", "post"), sent("/token", "", &json!({"room_name": "tea", "invitation": "x"})), 403),
        (("/room", "post"), sent("/room", "", &json!({"room_name": "tea"})), 200),
        (("/room", "post"), sent("/room", host, &json!({"room_name": "tea"})), 200),
        (("/room", "post"), sent("/room", "", &json!({"room_name": "a/b"})), 400),
        (("/room", "post"), sent("/room", "x", &json!({"room_name": "tea"})), 401),
        (("/room", "post"), sent("/room", host, &json!({"room_name": "coffee"})), 403),
        (("/links", "post"), sent("/links", host, &tea), 201),
        (("/links", "post"), sent("/links", host, &json!({"room": "tea"})), 201),
        (("/links", "post"), sent("/links", host, &json!({})), 400),
        (("/links", "post"), sent("/links", "x", &tea), 401),
        (("/links", "post"), sent("/links", &token("tea", "tom"), &tea), 403),
        (("/j/{room}", "get"), sent("/j/tea?i=x", "", &Value::Null), 200),
        (("/j/{room}", "get"), sent("/j/num/0", "", &Value::Null), 404),
        (("/healthz", "get"), sent("/healthz", "", &Value::Null), 200),
        (("/metrics", "get"), sent("/metrics", "", &Value::Null), 200),
        (("/openapi.json", "get"), sent("/openapi.json", "", &Value::Null), 200),
    ] {
        assert_eq!(checked(&client, operation, request.clone()).await, Ok(status), "{request:?}");
        seen.insert(operation.0);
    }
    let described: std::collections::BTreeSet<&str> =
        client.description["paths"].as_object().expect("present").keys().map(String::as_str).collect();
    assert_eq!(seen, described, "every described path has been called");
    client.server.stop().await.expect("stopped");
}

/// Arbitrary JSON, most of it similar to valid requests.
fn bodies() -> impl Strategy<Value = String> {
    let names = prop_oneof![
        Just("room_name"),
        Just("participant_identity"),
        Just("participant_name"),
        Just("participant_attributes"),
        Just("invitation"),
        Just("user_sig"),
        Just("room"),
        Just("role"),
        Just("valid_for_s"),
        Just("SdkAppId"),
        Just("x"),
    ];
    let values = prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({"a": 1})),
        any::<i64>().prop_map(|n| json!(n)),
        Just(json!("tea")),
        Just(json!("num/7")),
        Just(json!("guest")),
        Just(json!("devkey.guest.0.AAAA")),
        "\\PC{0,80}".prop_map(|s| json!(s)),
    ];
    let objects = prop::collection::btree_map(names, values, 0..5).prop_map(|map| json!(map).to_string());
    prop_oneof![8 => objects, 1 => "\\PC{0,40}", 1 => Just("[".repeat(5000))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_to_arbitrary_requests_is_described() {
    let client = Client::start().await;
    let host = ApiKey::dev().join_token(&JoinClaims { room_admin: true, ..claims("tea", "mina") }).expect("signed");
    let tokens = [String::new(), "x".to_owned(), token("tea", "tom"), host.expose().clone()];
    let operations = prop_oneof![
        Just((("/token", "post"), "/token".to_owned())),
        Just((("/room", "post"), "/room".to_owned())),
        Just((("/links", "post"), "/links".to_owned())),
        "/j/[a-zA-Z0-9][a-zA-Z0-9%/?&=+~-]{0,40}".prop_map(|path| (("/j/{room}", "get"), path)),
    ];
    let strategy = (operations, prop::sample::select(tokens.to_vec()), bodies());
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(400) });
        let result = runner.run(&strategy, |((operation, path), token, body)| {
            let request = Sent { path, token, body };
            let outcome = runtime.block_on(checked(&client, operation, request));
            outcome.map(drop).map_err(TestCaseError::fail)
        });
        result.unwrap();
    });
    client.server.stop().await.expect("stopped");
}
