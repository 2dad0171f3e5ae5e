//! Credentials of operators in a file: `visavis room --profile NAME`.

use crate::kit::{Server, TestContext, Visavis};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

fn profiles(context: &TestContext, text: &str) -> PathBuf {
    let folder = context.artifact("home").join("visavis");
    fs::create_dir_all(&folder).expect("a folder for settings");
    let file = folder.join("profiles.toml");
    fs::write(&file, text).expect("a file of profiles");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
    file
}

/// Runs a command whose environment names an absent server. Returns its output, stdout and stderr.
fn room(context: &TestContext, arguments: &[&str]) -> (Output, String, String) {
    let mut command = Visavis::command(context);
    command.env("LIVEKIT_URL", "ws://127.0.0.1:9").env("LIVEKIT_API_KEY", "devkey").env("LIVEKIT_API_SECRET", "guess");
    let output = Visavis::run(command.arg("room").args(arguments));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

#[test]
fn a_profile_names_server_and_key() {
    let context = TestContext::beside_others("profiles");
    let server = Server::start(&context);
    let file = profiles(
        &context,
        &format!(
            "[here]\nserver = \"{}\"\napi_key = \"devkey\"\napi_secret = \"secret\"\n\
             [trtc]\nsdk_app_id = 1400000001\nsdk_secret_key = \"hush\"\n",
            server.url()
        ),
    );
    let (output, stdout, stderr) = room(&context, &["--profile", "here", "list", "--json"]);
    assert!(output.status.success() && stdout.trim() == "[]" && stderr.is_empty(), "{stdout}{stderr}");
    let (output, stdout, _) = room(&context, &["link", "tea", "--profile", "here"]);
    let address = server.url().replace("ws://", "http://");
    assert!(output.status.success() && stdout.starts_with(&format!("{address}/j/tea?i=devkey.guest.")), "{stdout}");
    let (output, stdout, stderr) = room(&context, &["user-sig", "mina", "--profile", "trtc"]);
    assert!(output.status.success() && stdout.len() > 50, "{stdout}{stderr}");
    // An argument wins over the profile.
    let (output, _, stderr) = room(&context, &["list", "--profile", "here", "--server", "ws://127.0.0.1:9"]);
    assert!(!output.status.success() && stderr.contains("127.0.0.1:9"), "{stderr}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("permissions");
    let (output, stdout, stderr) = room(&context, &["list", "--profile", "here", "--json"]);
    assert!(output.status.success() && stdout.trim() == "[]", "{stdout}");
    assert!(stderr.contains("chmod 600") && stderr.contains("profiles.toml"), "{stderr}");
    let (output, _, stderr) = room(&context, &["list", "--profile", "there"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("“there”") && stderr.contains("here, trtc"), "{stderr}");
    assert!(!stderr.contains("hush") && !stderr.contains("secret ="), "{stderr}");
}
