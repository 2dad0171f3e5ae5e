//! One test's place: it runs alone or beside others that may, and keeps its logs and screenshots in `artifacts/NAME/`.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Calls in real time need the machine for themselves: one test after the other. Those whose pictures are tiny and that
/// measure nothing share it.
static MACHINE: RwLock<()> = RwLock::new(());

/// Holds the machine, or a part of it, for one test.
pub(crate) struct Stage {
    folder: PathBuf,
    _machine: Part,
}

/// How much of the machine.
enum Part {
    Alone { _whole: RwLockWriteGuard<'static, ()> },
    Beside { _shared: RwLockReadGuard<'static, ()> },
}

impl Stage {
    /// Waits for the machine and empties the test's folder of artifacts.
    pub(crate) fn new(name: &str) -> Self {
        let whole = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        Self::with(name, Part::Alone { _whole: whole })
    }

    /// The same for a test that may run beside others of its kind.
    pub(crate) fn beside_others(name: &str) -> Self {
        let shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        Self::with(name, Part::Beside { _shared: shared })
    }

    fn with(name: &str, machine: Part) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(name);
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for artifacts");
        Self { folder, _machine: machine }
    }

    /// A file among the test's artifacts.
    pub(crate) fn artifact(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }
}

/// A port that nobody listens on, neither by TCP nor by UDP.
pub(crate) fn free_port() -> u16 {
    super::wait_until("a port that is free", || {
        let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = udp.local_addr().ok()?.port();
        std::net::TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// A file that `scripts/setup --tests` installs for the tests.
pub(crate) fn tool(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    let tool = cache.expect("a home folder").join("visavis/tools").join(name);
    assert!(tool.exists(), "{} is missing: run scripts/setup --tests", tool.display());
    tool
}
