//! A stranger who takes our OpenAPI description at its word: Schemathesis makes requests out of it, such as fit and such
//! as do not, and holds every answer against it.

use crate::kit::stage::tool;
use crate::kit::{Server, Stage, Visavis};
use std::process::Command;

/// What an answer is held against. Whether a request is to be taken or refused depends on tokens and rooms, of which
/// the description knows nothing.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance";
/// Requests of each kind to each endpoint, at most.
const EXAMPLES: &str = "60";
/// An answer that takes longer than so many seconds counts as none.
const PATIENCE_S: &str = "5";

/// A token of whoever runs the server, by LiveKit's own library.
fn operator() -> String {
    let script = "from livekit.api import AccessToken, VideoGrants\n\
                  print(AccessToken('devkey', 'secret').with_grants(VideoGrants(room_create=True)).to_jwt())";
    let output = Visavis::run(Command::new(tool("python/bin/python")).args(["-c", script]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// What Schemathesis says after its requests, with these arguments more.
#[track_caller]
fn explore(stage: &Stage, server: &Server, name: &str, arguments: &[String]) {
    let url = format!("http://127.0.0.1:{}/openapi.json", server.port());
    let mut command = Command::new(tool("python/bin/schemathesis"));
    command.args(["run", &url, "--checks", CHECKS, "--max-examples", EXAMPLES, "--request-timeout", PATIENCE_S]);
    // The same requests each time: what fails here can be looked at again.
    command.args(["--seed", "1", "--no-color", "--continue-on-failure"]).args(arguments);
    let output = Visavis::run(command.current_dir(stage.artifact("")));
    let said = String::from_utf8_lossy(&output.stdout);
    std::fs::write(stage.artifact(name), said.as_bytes()).expect("an artifact");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_answer_is_as_the_description_says() {
    let stage = Stage::new("api-description");
    let mut server = Server::start(&stage);
    explore(&stage, &server, "stranger.txt", &[]);
    explore(&stage, &server, "operator.txt", &["--header".into(), format!("Authorization: Bearer {}", operator())]);
    assert!(server.process().is_running());
    assert!(!server.process().stderr().contains("panicked"), "{}", server.process().stderr());
}
