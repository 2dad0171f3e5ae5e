//! A proxy that speaks HTTP, with names of its own: what it is asked for does not exist elsewhere.

use parking_lot::Mutex;
use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::Builder;

/// Where a connection to a name leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leads {
    /// To this port of this computer.
    To(u16),
    /// Nowhere: this is the proxy's answer.
    Refused(&'static str),
}

/// A running proxy.
pub(crate) struct Proxy {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy for these names, each with a port.
    pub(crate) fn start(names: &'static [&'static str], leads: impl Fn(&str) -> Leads + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (heard, leads) = (requests.clone(), Arc::new(leads));
        let accept = move || {
            while let Ok((client, _)) = listener.accept() {
                let (heard, leads) = (heard.clone(), leads.clone());
                let serve = move || drop(serve(client, names, &*leads, &heard));
                Builder::new().name("proxy client".into()).spawn(serve).expect("a thread");
            }
        };
        Builder::new().name("proxy".into()).spawn(accept).expect("a thread");
        Self { port, requests }
    }

    /// Host and port, as in a setting without a scheme.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The first lines of what it was asked.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

fn serve(
    mut client: TcpStream,
    names: &[&str],
    leads: &(dyn Fn(&str) -> Leads + Sync),
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    requests.lock().push(line.clone());
    let name = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    if !names.contains(&name) {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    }
    let port = match leads(name) {
        Leads::To(port) => port,
        Leads::Refused(answer) => return client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()),
    };
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upwards = move || {
        copy(&mut from_client, &mut to_server).ok();
        to_server.shutdown(Shutdown::Write).ok();
    };
    Builder::new().name("proxy upwards".into()).spawn(upwards)?;
    copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}
