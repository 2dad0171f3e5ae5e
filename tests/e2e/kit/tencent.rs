//! Back ends of TRTC: Tencent Cloud's official SDKs with our server as endpoint.

use super::context::tool;
use super::{Server, TestContext, Visavis};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The SdkAppId of the test servers.
pub(crate) const SDK_APP_ID: u32 = 1_400_000_001;
/// The SecretId and SecretKey for its API.
pub(crate) const KEY: [&str; 2] = ["AKIDe2e", "a SecretKey"];
/// The SDKSecretKey that signs its UserSigs.
pub(crate) const USER_SIG_KEY: &str = "an SDKSecretKey";

/// The settings of a server for this application and key pair.
pub(crate) fn settings([id, secret]: [&str; 2]) -> String {
    format!(
        "[tencent]\nsdk_app_id = {SDK_APP_ID}\nuser_sig_keys = [\"{USER_SIG_KEY}\"]\n\
         [tencent.keys]\n{id} = \"{secret}\"\n"
    )
}

/// A UserSig for `user` by Tencent's official generator.
#[track_caller]
pub(crate) fn user_sig(user: &str, key: &str) -> String {
    let mut command = Command::new(tool("python/bin/python"));
    let script = "import sys, TLSSigAPIv2; print(TLSSigAPIv2.TLSSigAPIv2(int(sys.argv[1]), sys.argv[2]).gen_sig(sys.argv[3], 3600))";
    let output = Visavis::run(command.args(["-c", script, &SDK_APP_ID.to_string(), key, user]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// A back end in Python or Node.
pub(crate) struct BackEnd<'a> {
    pub(crate) context: &'a TestContext,
    pub(crate) server: &'a Server,
}

impl BackEnd<'_> {
    /// Makes these calls with the Python SDK, one after the other. Returns the outcome of each.
    #[track_caller]
    pub(crate) fn python(&self, calls: &Value) -> Vec<Value> {
        let mut command = Command::new(tool("python/bin/python"));
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tencent_sdk.py"));
        self.outcomes(command, calls)
    }

    /// The same with the Node SDK.
    #[track_caller]
    pub(crate) fn node(&self, calls: &Value) -> Vec<Value> {
        let mut command = Command::new("node");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tencent_sdk.mjs"));
        command.env("NODE_SDK", tool("node"));
        self.outcomes(command, calls)
    }

    #[track_caller]
    fn outcomes(&self, mut command: Command, calls: &Value) -> Vec<Value> {
        let file = self.context.artifact("calls.json");
        std::fs::write(&file, calls.to_string()).expect("a file of calls");
        let scheme = if self.server.authority().is_some() { "https" } else { "http" };
        command.args([scheme, &format!("127.0.0.1:{}", self.server.port())]).arg(file);
        if let Some(authority) = self.server.authority() {
            command.env("TRUST", authority).env("NODE_EXTRA_CA_CERTS", authority);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("TENCENTCLOUD_SECRET_ID", KEY[0]).env("TENCENTCLOUD_SECRET_KEY", KEY[1]);
        let output = Visavis::run(&mut command);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the SDK failed: {stderr}");
        let stdout = String::from_utf8(output.stdout).expect("UTF-8");
        let outcomes: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(outcomes.len(), calls.as_array().expect("a list").len(), "an outcome for each call");
        outcomes
    }

    /// Makes one call and asserts that it succeeds.
    #[track_caller]
    pub(crate) fn succeeds(&self, action: &str, params: Value) {
        let outcomes = self.python(&serde_json::json!([{ "action": action, "params": params }]));
        assert_eq!(outcomes[0]["ok"], true, "{action}: {}", outcomes[0]);
    }
}
