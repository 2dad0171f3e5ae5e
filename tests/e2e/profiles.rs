//! Operators' credentials from a file: `visavis room --profile NAME`.

use crate::kit::{Server, Stage, Visavis};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

fn profiles(stage: &Stage, text: &str) -> PathBuf {
    let folder = stage.artifact("home").join("visavis");
    fs::create_dir_all(&folder).expect("a folder for settings");
    let file = folder.join("profiles.toml");
    fs::write(&file, text).expect("a file of profiles");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
    file
}

/// What a command says on its two ways, whose environment names a server that is not there.
fn room(stage: &Stage, arguments: &[&str]) -> (Output, String, String) {
    let mut command = Visavis::command(stage);
    command.env("LIVEKIT_URL", "ws://127.0.0.1:9").env("LIVEKIT_API_KEY", "devkey").env("LIVEKIT_API_SECRET", "guess");
    let output = Visavis::run(command.arg("room").args(arguments));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

#[test]
fn a_profile_names_server_and_key() {
    let stage = Stage::beside_others("profiles");
    let server = Server::start(&stage);
    let file = profiles(
        &stage,
        &format!(
            "[here]\nserver = \"{}\"\napi_key = \"devkey\"\napi_secret = \"secret\"\n\
             [trtc]\nsdk_app_id = 1400000001\nsdk_secret_key = \"hush\"\n",
            server.url()
        ),
    );
    let (output, stdout, stderr) = room(&stage, &["--profile", "here", "list", "--json"]);
    assert!(output.status.success() && stdout.trim() == "[]" && stderr.is_empty(), "{stdout}{stderr}");
    let (output, stdout, _) = room(&stage, &["link", "tea", "--profile", "here"]);
    let address = server.url().replace("ws://", "http://");
    assert!(output.status.success() && stdout.starts_with(&format!("{address}/j/tea?i=devkey.guest.")), "{stdout}");
    let (output, stdout, stderr) = room(&stage, &["user-sig", "mina", "--profile", "trtc"]);
    assert!(output.status.success() && stdout.len() > 50, "{stdout}{stderr}");
    // What was typed wins over the profile.
    let (output, _, stderr) = room(&stage, &["list", "--profile", "here", "--server", "ws://127.0.0.1:9"]);
    assert!(!output.status.success() && stderr.contains("127.0.0.1:9"), "{stderr}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("permissions");
    let (output, stdout, stderr) = room(&stage, &["list", "--profile", "here", "--json"]);
    assert!(output.status.success() && stdout.trim() == "[]", "{stdout}");
    assert!(stderr.contains("chmod 600") && stderr.contains("profiles.toml"), "{stderr}");
    let (output, _, stderr) = room(&stage, &["list", "--profile", "there"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("“there”") && stderr.contains("here, trtc"), "{stderr}");
    assert!(!stderr.contains("hush") && !stderr.contains("secret ="), "{stderr}");
}
