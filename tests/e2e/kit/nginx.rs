//! nginx before a server, with the settings that `docs/operators.md` gives.

use super::context::tool;
use super::{Certificates, Process, TestContext, wait_until};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running nginx with a certificate. Below it, `/calls/` leads to the same server as `/`.
pub(crate) struct Nginx {
    _process: Process,
    certificates: Certificates,
    port: u16,
}

impl Nginx {
    /// Starts nginx at `port` before the server at `upstream`. It closes connections that are idle for `idle_limit_s`.
    pub(crate) fn start(context: &TestContext, port: u16, upstream: u16, idle_limit_s: u32) -> Self {
        let certificates = Certificates::new(context);
        let folder = context.artifact("nginx");
        std::fs::create_dir_all(&folder).expect("a folder");
        let limits = format!("proxy_read_timeout {idle_limit_s}s;\n    proxy_send_timeout {idle_limit_s}s;\n");
        let changes = [
            ("listen 443", format!("listen 127.0.0.1:{port}")),
            ("calls.example.com", "127.0.0.1".to_owned()),
            ("/etc/ssl/calls/chain.pem", certificates.chain().display().to_string()),
            ("/etc/ssl/calls/key.pem", certificates.key().display().to_string()),
            ("127.0.0.1:7880", format!("127.0.0.1:{upstream}")),
            ("proxy_http_version 1.1;\n", format!("proxy_http_version 1.1;\n    {limits}")),
        ];
        let documented = documented();
        let site = changes.iter().fold(documented, |text, (from, to)| {
            assert!(text.contains(from), "the settings in docs/operators.md do not say {from:?}");
            text.replace(from, to)
        });
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};\n", folder.join(kind).display()))
            .concat();
        let file = folder.join("nginx.conf");
        let text = format!(
            "daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr info;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{site}}}\n",
            folder.display()
        );
        std::fs::write(&file, text).expect("a settings file");
        let mut command = Command::new(tool("servers/usr/sbin/nginx"));
        let process =
            Process::start(context, "nginx", command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file));
        wait_until("nginx to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { _process: process, certificates, port }
    }

    /// `wss://127.0.0.1:PORT`, followed by `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("wss://127.0.0.1:{}{path}", self.port)
    }

    /// The file of the authority that signed its certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.certificates.authority()
    }
}

/// The block of nginx' settings in `docs/operators.md`.
fn documented() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let text = std::fs::read_to_string(path).expect("a document");
    let (_, rest) = text.split_once("```nginx\n").expect("a block for nginx");
    rest.split_once("```").expect("its end").0.to_owned()
}
