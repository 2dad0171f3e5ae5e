//! Asks the session bus for the desktop portal.

use super::bus;
use crate::desktop::Portal;

/// Its name on the bus.
const PORTAL: &str = "org.freedesktop.portal.Desktop";
/// Its object.
const OBJECT: &str = "/org/freedesktop/portal/desktop";

/// Pings the portal. The bus starts it if it is installed and not running.
pub(in crate::desktop) fn find() -> Portal {
    let connection = match bus::session() {
        Ok(connection) => connection,
        Err(error) => {
            tracing::debug!(%error, "there is no session bus");
            return Portal::NoBus;
        }
    };
    match connection.call_method(Some(PORTAL), OBJECT, Some("org.freedesktop.DBus.Peer"), "Ping", &()) {
        Ok(_) => Portal::There,
        Err(error) => {
            tracing::debug!(%error, "the portal does not answer");
            Portal::Missing
        }
    }
}
