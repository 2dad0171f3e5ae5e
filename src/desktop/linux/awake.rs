//! Linux: the desktop's services, of which one is enough, and the X server's own screen saver for desktops without them.

use super::bus;
use crate::desktop::awake::{PROGRAM, REASON};
use std::collections::HashMap;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::protocol::screensaver::{self, ConnectionExt as _};
use x11rb::rust_connection::RustConnection;
use zbus::blocking::Connection;
use zbus::zvariant::{OwnedObjectPath, Value};

/// "The session is idle" is what is inhibited, as GNOME's session manager and the portal number it.
const IDLE: u32 = 8;

/// A request that holds while it exists.
#[derive(Debug)]
pub(in crate::desktop) enum Request {
    /// Of a D-Bus service.
    Service { connection: Connection, service: &'static str, cookie: Cookie },
    /// Of the X server.
    XServer { _connection: Box<RustConnection> },
    /// Nothing here keeps a screen on.
    None,
}

/// Makes a request of a service.
type Inhibit = fn(&Connection) -> zbus::Result<Cookie>;

/// What withdraws a request of a service.
#[derive(Debug)]
pub(in crate::desktop) enum Cookie {
    Number(u32),
    Path(OwnedObjectPath),
}

impl Request {
    pub(in crate::desktop) fn make() -> Self {
        match bus::session().map(Self::of_service) {
            Ok(Some(request)) => return request,
            Ok(None) => tracing::debug!("no service of the session bus keeps the screen on"),
            Err(error) => tracing::debug!(%error, "there is no session bus to keep the screen on"),
        }
        suspend_x_screen_saver().map_or(Self::None, |_connection| Self::XServer { _connection })
    }

    /// Asks one service after the other, until one agrees.
    fn of_service(connection: Connection) -> Option<Self> {
        let services: [(&str, Inhibit); 3] = [
            (SCREEN_SAVER, inhibit_screen_saver),
            (SESSION_MANAGER, inhibit_session_manager),
            (PORTAL, inhibit_by_portal),
        ];
        for (service, inhibit) in services {
            match inhibit(&connection) {
                Ok(cookie) => return Some(Self::Service { connection, service, cookie }),
                Err(error) => tracing::debug!(%error, service, "the service does not keep the screen on"),
            }
        }
        None
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let Self::Service { connection, service, cookie } = self else { return };
        let withdrawn = match (*service, &*cookie) {
            (SCREEN_SAVER, Cookie::Number(n)) => {
                let object = "/org/freedesktop/ScreenSaver";
                connection.call_method(Some(SCREEN_SAVER), object, Some(SCREEN_SAVER), "UnInhibit", n)
            }
            (SESSION_MANAGER, Cookie::Number(n)) => {
                let object = "/org/gnome/SessionManager";
                connection.call_method(Some(SESSION_MANAGER), object, Some(SESSION_MANAGER), "Uninhibit", n)
            }
            (_, Cookie::Path(object)) => {
                connection.call_method(Some(PORTAL), object, Some("org.freedesktop.portal.Request"), "Close", &())
            }
            _ => return,
        };
        if let Err(error) = withdrawn {
            // The service withdraws it when the connection is gone, with this value.
            tracing::debug!(%error, "the service did not answer");
        }
    }
}

/// Of KDE, GNOME, Xfce, Cinnamon: <https://specifications.freedesktop.org/idle-inhibit-spec/>.
const SCREEN_SAVER: &str = "org.freedesktop.ScreenSaver";

fn inhibit_screen_saver(connection: &Connection) -> zbus::Result<Cookie> {
    let object = "/org/freedesktop/ScreenSaver";
    let answer =
        connection.call_method(Some(SCREEN_SAVER), object, Some(SCREEN_SAVER), "Inhibit", &(PROGRAM, REASON))?;
    Ok(Cookie::Number(answer.body().deserialize()?))
}

/// Of GNOME and MATE.
const SESSION_MANAGER: &str = "org.gnome.SessionManager";

fn inhibit_session_manager(connection: &Connection) -> zbus::Result<Cookie> {
    let object = "/org/gnome/SessionManager";
    let no_window = 0_u32;
    let request = (PROGRAM, no_window, REASON, IDLE);
    let answer = connection.call_method(Some(SESSION_MANAGER), object, Some(SESSION_MANAGER), "Inhibit", &request)?;
    Ok(Cookie::Number(answer.body().deserialize()?))
}

/// For programs in a sandbox: <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Inhibit.html>.
const PORTAL: &str = "org.freedesktop.portal.Desktop";

fn inhibit_by_portal(connection: &Connection) -> zbus::Result<Cookie> {
    let (object, interface) = ("/org/freedesktop/portal/desktop", "org.freedesktop.portal.Inhibit");
    let no_window = "";
    let request = (no_window, IDLE, HashMap::from([("reason", Value::from(REASON))]));
    let answer = connection.call_method(Some(PORTAL), object, Some(interface), "Inhibit", &request)?;
    Ok(Cookie::Path(answer.body().deserialize()?))
}

/// Suspends the X server's own screen saver, and its DPMS, until the connection is closed.
/// <https://www.x.org/releases/current/doc/man/man3/XScreenSaverSuspend.3.xhtml>
fn suspend_x_screen_saver() -> Option<Box<RustConnection>> {
    std::env::var_os("DISPLAY").filter(|name| !name.is_empty())?;
    let (connection, _) = RustConnection::connect(None).ok()?;
    connection.extension_information(screensaver::X11_EXTENSION_NAME).ok()??;
    connection.screensaver_suspend(1).ok()?;
    connection.flush().ok()?;
    Some(Box::new(connection))
}
