//! Schemathesis makes valid and invalid requests from our OpenAPI description, and checks every answer against it.

use crate::kit::context::tool;
use crate::kit::{Server, TestContext, Visavis};
use std::process::Command;

/// The checks of an answer. They do not say whether a request must be accepted: that depends on tokens and rooms.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance";
/// Largest number of requests of each kind to each endpoint.
const EXAMPLES: &str = "60";
/// Time limit of an answer in seconds.
const PATIENCE_S: &str = "5";

/// A token of the server's operator, made by LiveKit's own library.
fn operator_token() -> String {
    let script = "from livekit.api import AccessToken, VideoGrants\n\
                  print(AccessToken('devkey', 'secret').with_grants(VideoGrants(room_create=True)).to_jwt())";
    let output = Visavis::run(Command::new(tool("python/bin/python")).args(["-c", script]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Runs Schemathesis with these additional arguments. Its report is the artifact `name`.
#[track_caller]
fn explore(context: &TestContext, server: &Server, name: &str, arguments: &[String]) {
    let url = format!("http://127.0.0.1:{}/openapi.json", server.port());
    let mut command = Command::new(tool("python/bin/schemathesis"));
    command.args(["run", &url, "--checks", CHECKS, "--max-examples", EXAMPLES, "--request-timeout", PATIENCE_S]);
    // A fixed seed makes the same requests in every run.
    command.args(["--seed", "1", "--no-color", "--continue-on-failure"]).args(arguments);
    let output = Visavis::run(command.current_dir(context.artifact("")));
    let said = String::from_utf8_lossy(&output.stdout);
    std::fs::write(context.artifact(name), said.as_bytes()).expect("an artifact");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_answer_fits_the_description() {
    let context = TestContext::new("api-description");
    let mut server = Server::start(&context);
    explore(&context, &server, "stranger.txt", &[]);
    explore(
        &context,
        &server,
        "operator.txt",
        &["--header".into(), format!("Authorization: Bearer {}", operator_token())],
    );
    assert!(server.process().is_running());
    assert!(!server.process().stderr().contains("panicked"), "{}", server.process().stderr());
}
