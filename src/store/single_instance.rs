//! One window takes the links of its user: a program that is started with a link forwards it to the window that is
//! open already, and ends. A second window that is opened on purpose leaves the links to the first.
//!
//! A link travels as one line; the window answers with [`TAKEN`].

use super::Paths;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

/// How long either side waits for the other; both are on this computer.
const LIMIT: Duration = Duration::from_secs(1);
/// Longest line in bytes.
const LONGEST: u64 = 4096;
/// The window's answer to a link.
const TAKEN: &[u8] = b"taken\n";

/// The socket of the window that was opened first.
pub(crate) struct SingleInstance(system::Listener);

impl SingleInstance {
    /// Opens the socket. Fails with `AddrInUse` on Unix and `PermissionDenied` on Windows when another window has it.
    pub(crate) async fn open(paths: &Paths) -> io::Result<Self> {
        system::Listener::open(paths).await.map(Self)
    }

    /// Waits for the next link. A client that sends no usable line within 1 s is disconnected.
    pub(crate) async fn next_link(&mut self) -> io::Result<String> {
        loop {
            let client = self.0.accept().await?;
            if let Ok(Ok(link)) = timeout(LIMIT, read_link(client)).await {
                return Ok(link);
            }
        }
    }
}

async fn read_link(mut client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    let mut link = String::new();
    BufReader::new((&mut client).take(LONGEST)).read_line(&mut link).await?;
    if !link.ends_with('\n') || link.trim().is_empty() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    client.write_all(TAKEN).await?;
    Ok(link.trim().to_owned())
}

/// Forwards `link` to the window that is open. Returns whether a window took it.
pub(crate) async fn forward_link(paths: &Paths, link: &str) -> bool {
    let taken = async {
        let mut window = system::connect(paths).await?;
        window.write_all(format!("{}\n", link.trim()).as_bytes()).await?;
        let mut answer = Vec::new();
        window.take(LONGEST).read_to_end(&mut answer).await?;
        io::Result::Ok(answer == TAKEN)
    };
    matches!(timeout(LIMIT, taken).await, Ok(Ok(true)))
}

#[cfg(unix)]
mod system {
    use super::Paths;
    use std::io;
    use std::path::PathBuf;
    use tokio::net::{UnixListener, UnixStream};

    /// A socket in a folder that only its user may enter.
    pub(super) struct Listener {
        listener: UnixListener,
        path: PathBuf,
    }

    impl Listener {
        pub(super) async fn open(paths: &Paths) -> io::Result<Self> {
            let path = paths.instance_socket();
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            if UnixStream::connect(&path).await.is_ok() {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            // A window that was killed leaves its socket behind.
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let listener = UnixListener::bind(&path)?;
            Ok(Self { listener, path })
        }

        pub(super) async fn accept(&mut self) -> io::Result<UnixStream> {
            Ok(self.listener.accept().await?.0)
        }
    }

    impl Drop for Listener {
        fn drop(&mut self) {
            // A socket that stays behind is removed by the next window.
            std::fs::remove_file(&self.path).ok();
        }
    }

    pub(super) async fn connect(paths: &Paths) -> io::Result<UnixStream> {
        UnixStream::connect(paths.instance_socket()).await
    }
}

#[cfg(windows)]
mod system {
    use super::Paths;
    use std::io;
    use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions};

    /// A named pipe; its name holds the path of the user's folder, so that each user has another.
    pub(super) struct Listener {
        name: String,
        next: NamedPipeServer,
    }

    fn name(paths: &Paths) -> String {
        let folder = paths.instance_socket().to_string_lossy().replace(['\\', ':', '/'], "-");
        format!(r"\\.\pipe\visavis-{folder}")
    }

    impl Listener {
        pub(super) async fn open(paths: &Paths) -> io::Result<Self> {
            let name = name(paths);
            let next = ServerOptions::new().first_pipe_instance(true).reject_remote_clients(true).create(&name)?;
            Ok(Self { name, next })
        }

        pub(super) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
            self.next.connect().await?;
            let next = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
            Ok(std::mem::replace(&mut self.next, next))
        }
    }

    pub(super) async fn connect(paths: &Paths) -> io::Result<NamedPipeClient> {
        ClientOptions::new().open(name(paths))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::in_folder(folder.path());
        (folder, paths)
    }

    #[tokio::test]
    async fn a_link_goes_to_the_window_that_is_open() {
        let (_folder, paths) = home();
        assert!(!forward_link(&paths, "visavis://a/b").await, "no window is open");
        let mut instance = SingleInstance::open(&paths).await.expect("a socket");
        let (taken, link) = tokio::join!(forward_link(&paths, " visavis://calls.example/tea "), instance.next_link());
        assert!(taken);
        assert_eq!(link.expect("a link"), "visavis://calls.example/tea");
    }

    #[tokio::test]
    async fn a_second_window_leaves_the_links_to_the_first() {
        let (_folder, paths) = home();
        let instance = SingleInstance::open(&paths).await.expect("a socket");
        assert!(SingleInstance::open(&paths).await.is_err());
        drop(instance);
        SingleInstance::open(&paths).await.expect("the first window has closed it");
    }

    #[tokio::test]
    async fn the_socket_of_a_killed_window_is_replaced() {
        let (_folder, paths) = home();
        // A listener that is dropped leaves its file, as a killed process does.
        drop(std::os::unix::net::UnixListener::bind(paths.instance_socket()).expect("a socket"));
        assert!(!forward_link(&paths, "visavis://a/b").await);
        SingleInstance::open(&paths).await.expect("a socket");
    }

    #[tokio::test]
    async fn a_client_without_a_usable_line_does_not_block_the_next() {
        let (_folder, paths) = home();
        let mut instance = SingleInstance::open(&paths).await.expect("a socket");
        let clients = async {
            drop(system::connect(&paths).await.expect("a silent client"));
            let refused = [forward_link(&paths, &"x".repeat(10_000)).await, forward_link(&paths, "").await];
            (refused, forward_link(&paths, "tea").await)
        };
        let (taken, link) = tokio::join!(clients, instance.next_link());
        assert_eq!((taken, link.expect("a link").as_str()), (([false, false], true), "tea"));
    }
}
