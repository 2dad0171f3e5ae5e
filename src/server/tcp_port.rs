//! The setting of the TCP port for media.

use serde::Deserialize;

/// The TCP port for media: a number, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TcpPortText")]
pub(crate) enum TcpPort {
    /// No media by TCP.
    Off,
    /// This port; 0 for any.
    Port(u16),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TcpPortText {
    Number(u16),
    Word(String),
}

/// The TCP port is neither a number nor `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither a port number nor \"off\"")]
pub(crate) struct NoTcpPort;

impl std::str::FromStr for TcpPort {
    type Err = NoTcpPort;

    fn from_str(text: &str) -> Result<Self, NoTcpPort> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::Port).map_err(|_| NoTcpPort),
        }
    }
}

impl TryFrom<TcpPortText> for TcpPort {
    type Error = NoTcpPort;

    fn try_from(text: TcpPortText) -> Result<Self, NoTcpPort> {
        match text {
            TcpPortText::Number(port) => Ok(Self::Port(port)),
            TcpPortText::Word(word) => word.parse(),
        }
    }
}
