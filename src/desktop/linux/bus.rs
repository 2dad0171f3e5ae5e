//! Connections to D-Bus, over which no call waits for long.

use std::time::Duration;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;

/// How long a service may take to answer. The call is not affected by a slow one, but a thread waits.
const LIMIT: Duration = Duration::from_secs(5);

/// The bus of the login session.
pub(super) fn session() -> zbus::Result<Connection> {
    Builder::session()?.method_timeout(LIMIT).build()
}

/// The bus of the system.
pub(super) fn system() -> zbus::Result<Connection> {
    Builder::system()?.method_timeout(LIMIT).build()
}
