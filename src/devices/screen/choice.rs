//! Ids of what can be shared: `test-page`, `file:PATH`, `none`, or the id of a screen or a window as `visavis devices`
//! prints it.

use crate::devices::ChoiceError;
use crate::devices::choice::{CAMERA_FILES, file, split, unknown_test};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The choice of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScreenChoice {
    /// `default`: the first screen.
    Default,
    /// Nothing is shared.
    None,
    /// A page of small text that scrolls, with the rows of the test picture.
    TestPage,
    /// A picture, or a Y4M video that is played in a loop.
    File(PathBuf),
    /// `capture-process:FAULT`: the test picture from a real capture process with a fault.
    Process(String),
    /// A screen or a window of this computer.
    Source(String),
}

impl FromStr for ScreenChoice {
    type Err = ChoiceError;

    fn from_str(id: &str) -> Result<Self, ChoiceError> {
        match split(id)? {
            ("none", None) => Ok(Self::None),
            ("default", None) => Ok(Self::Default),
            ("test-page", None) => Ok(Self::TestPage),
            ("file", Some(path)) => file(path, "screen", &["png", "jpg", "jpeg", "y4m"], CAMERA_FILES).map(Self::File),
            ("capture-process", Some(fault)) => Ok(Self::Process(fault.into())),
            (test, _) if test.starts_with("test-") => Err(unknown_test(id, "screen", "test-page")),
            _ => Ok(Self::Source(id.trim().into())),
        }
    }
}

impl fmt::Display for ScreenChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::None => f.write_str("none"),
            Self::TestPage => f.write_str("test-page"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Process(fault) => write!(f, "capture-process:{fault}"),
            Self::Source(id) => f.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_they_were_parsed() {
        for id in ["default", "none", "test-page", "file:a.png", "capture-process:crash", "x11-window:0x1400007"] {
            assert_eq!(id.parse::<ScreenChoice>().expect(id).to_string(), id);
        }
        let wrong = |id: &str| id.parse::<ScreenChoice>().expect_err(id).to_string();
        assert!(wrong("test-picture").contains("is no screen; there is test-page"));
        assert!(wrong("file:a.mp4").contains("cannot be a screen"));
        assert!(wrong(" ").contains("cannot be empty"));
    }
}
