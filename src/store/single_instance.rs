//! The window's door: when the program is started once more with a link, it hands the link over to the window that is
//! open already, and ends. Each user has one door; who opens a second window on purpose leaves it to the first.

use super::Paths;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

/// How long the other side may take: both are on this computer.
const LIMIT: Duration = Duration::from_secs(1);
/// Longest link in bytes.
const LONGEST: u64 = 4096;
/// What the window answers when it has taken a link over.
const TAKEN: &[u8] = b"taken\n";

/// The door of the window that was opened first.
pub(crate) struct SingleInstance(system::SingleInstance);

impl SingleInstance {
    /// Opens the door. Fails when another window holds it.
    pub(crate) async fn open(paths: &Paths) -> io::Result<Self> {
        system::SingleInstance::open(paths).await.map(Self)
    }

    /// Waits for the next link. Whoever knocks and says nothing of use is let go.
    pub(crate) async fn next(&mut self) -> io::Result<String> {
        loop {
            let client = self.0.accept().await?;
            if let Ok(Ok(link)) = timeout(LIMIT, listen(client)).await {
                return Ok(link);
            }
        }
    }
}

async fn listen(mut client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    let mut link = String::new();
    BufReader::new((&mut client).take(LONGEST)).read_line(&mut link).await?;
    if !link.ends_with('\n') || link.trim().is_empty() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    client.write_all(TAKEN).await?;
    Ok(link.trim().to_owned())
}

/// Hands `link` to the window that is open, and says whether one took it.
pub(crate) async fn forward_link(paths: &Paths, link: &str) -> bool {
    let told = async {
        let mut window = system::connect(paths).await?;
        window.write_all(format!("{}\n", link.trim()).as_bytes()).await?;
        let mut answer = Vec::new();
        window.take(LONGEST).read_to_end(&mut answer).await?;
        io::Result::Ok(answer == TAKEN)
    };
    matches!(timeout(LIMIT, told).await, Ok(Ok(true)))
}

#[cfg(unix)]
mod system {
    use super::Paths;
    use std::io;
    use std::path::PathBuf;
    use tokio::net::{UnixListener, UnixStream};

    /// A socket in a folder that only its user may enter.
    pub(super) struct SingleInstance {
        listener: UnixListener,
        path: PathBuf,
    }

    impl SingleInstance {
        pub(super) async fn open(paths: &Paths) -> io::Result<Self> {
            let path = paths.instance_socket();
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            if UnixStream::connect(&path).await.is_ok() {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            // What a window left that was killed.
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

    impl Drop for SingleInstance {
        fn drop(&mut self) {
            // Gone already is fine: the next window removes it otherwise.
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

    /// A named pipe; its name holds the folder of the user's settings, so that users do not meet.
    pub(super) struct SingleInstance {
        name: String,
        next: NamedPipeServer,
    }

    fn name(paths: &Paths) -> String {
        let folder = paths.config().to_string_lossy().replace(['\\', ':', '/'], "-");
        format!(r"\\.\pipe\visavis-{folder}")
    }

    impl SingleInstance {
        pub(super) async fn open(paths: &Paths) -> io::Result<Self> {
            let name = name(paths);
            let next = ServerOptions::new().first_pipe_instance(true).reject_remote_clients(true).create(&name)?;
            Ok(Self { name, next })
        }

        pub(super) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
            self.next.connect().await?;
            let following = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
            Ok(std::mem::replace(&mut self.next, following))
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
        assert!(!forward_link(&paths, "visavis://a/b").await, "nobody is there to take it");
        let mut door = SingleInstance::open(&paths).await.expect("a door");
        let (taken, link) = tokio::join!(forward_link(&paths, " visavis://calls.example/tea "), door.next());
        assert!(taken);
        assert_eq!(link.expect("a link"), "visavis://calls.example/tea");
    }

    #[tokio::test]
    async fn a_second_window_leaves_the_door_to_the_first() {
        let (_folder, paths) = home();
        let door = SingleInstance::open(&paths).await.expect("a door");
        assert!(SingleInstance::open(&paths).await.is_err());
        drop(door);
        SingleInstance::open(&paths).await.expect("the first one is gone");
    }

    #[tokio::test]
    async fn what_a_killed_window_left_is_no_hindrance() {
        let (_folder, paths) = home();
        // A listener that is dropped leaves its file, as a killed process does.
        drop(std::os::unix::net::UnixListener::bind(paths.instance_socket()).expect("a socket"));
        assert!(!forward_link(&paths, "visavis://a/b").await);
        SingleInstance::open(&paths).await.expect("a door");
    }

    #[tokio::test]
    async fn whoever_says_too_much_or_nothing_keeps_nobody_from_the_door() {
        let (_folder, paths) = home();
        let mut door = SingleInstance::open(&paths).await.expect("a door");
        let visitors = async {
            drop(system::connect(&paths).await.expect("a silent client"));
            let refused = [forward_link(&paths, &"x".repeat(10_000)).await, forward_link(&paths, "").await];
            (refused, forward_link(&paths, "tea").await)
        };
        let (taken, link) = tokio::join!(visitors, door.next());
        assert_eq!((taken, link.expect("a link").as_str()), (([false, false], true), "tea"));
    }
}
