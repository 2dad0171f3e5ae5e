//! Device ids as people and scripts write them: `test-picture:640x360@15`, `file:talk.wav`, `none`, or the id of a
//! real device as `visavis devices` prints it.

use crate::devices::CameraFormat;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Why an id is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChoiceError {
    /// Nothing, or only spaces.
    #[error("a device id cannot be empty; `visavis devices` lists them, `none` is no device")]
    Empty,
    /// It begins with `test-` and is none of ours.
    #[error("\"{id}\" is no {device}; there is {known}")]
    UnknownTest {
        /// What was written.
        id: String,
        /// camera, microphone or speaker.
        device: &'static str,
        /// The ones that exist.
        known: &'static str,
    },
    /// What follows the colon of `test-picture` is no format.
    #[error("\"{0}\" is no picture format; write WIDTHxHEIGHT@FPS, 160x90 to 3840x2160, 1 to 120 a second")]
    Format(String),
    /// What follows the colon of `test-tone` is no frequency.
    #[error("\"{0}\" is no frequency of a test tone; write 50 to 8000 (Hz)")]
    Frequency(String),
    /// What follows the colon of `test-voice` is no number.
    #[error("\"{0}\" is no test voice; write a number")]
    Voice(String),
    /// A file that this kind of device does not take.
    #[error("\"{path}\" cannot be a {device}; it takes {takes}")]
    File {
        /// What was written after `file:`.
        path: String,
        /// camera, microphone or speaker.
        device: &'static str,
        /// The kinds of files that it takes.
        takes: &'static str,
    },
}

/// Which camera.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum CameraChoice {
    /// The system's default.
    #[default]
    Default,
    /// No camera.
    None,
    /// The test picture, in a format of its own or in the one that is asked for when it is opened.
    TestPicture(Option<CameraFormat>),
    /// A PNG or JPEG picture, or a Y4M video that is played in a loop.
    File(PathBuf),
    /// The test picture out of a real capture process, which has the fault that is named here, perhaps with a format
    /// behind a colon: what tests and support use where there is no camera. See [`crate::devices::capture`].
    Process(String),
    /// A camera of this computer.
    Device(String),
}

/// Which microphone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum MicrophoneChoice {
    /// The system's default.
    #[default]
    Default,
    /// No microphone.
    None,
    /// A sine of so many Hz at -20 dBFS.
    TestTone(u32),
    /// Sound that resembles speech at -20 dBFS; each number is another speaker.
    TestVoice(u32),
    /// A WAV file, played in a loop.
    File(PathBuf),
    /// A microphone of this computer.
    Device(String),
}

/// Which speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SpeakerChoice {
    /// The system's default.
    #[default]
    Default,
    /// No speaker: what is played is consumed in real time and thrown away.
    None,
    /// A WAV file into which everything is recorded.
    File(PathBuf),
    /// A speaker of this computer.
    Device(String),
}

impl CameraChoice {
    /// The format that its id names, of those that can take any.
    pub(crate) fn format(&self) -> Option<CameraFormat> {
        match self {
            Self::TestPicture(format) => *format,
            Self::Process(fault) => CameraFormat::parse(fault.split_once(':')?.1),
            _ => None,
        }
    }
}

/// The format that a camera of this id is asked for; `None` is the system's default camera.
pub(crate) fn camera_format(id: Option<&str>) -> CameraFormat {
    id.and_then(|id| id.parse::<CameraChoice>().ok()?.format()).unwrap_or_default()
}

impl FromStr for CameraChoice {
    type Err = ChoiceError;

    fn from_str(id: &str) -> Result<Self, ChoiceError> {
        match split(id)? {
            ("none", None) => Ok(Self::None),
            ("default", None) => Ok(Self::Default),
            ("test-picture", None) => Ok(Self::TestPicture(None)),
            ("test-picture", Some(format)) => {
                let format = CameraFormat::parse(format).ok_or_else(|| ChoiceError::Format(format.into()))?;
                Ok(Self::TestPicture(Some(format)))
            }
            ("file", Some(path)) => {
                file(path, "camera", &["png", "jpg", "jpeg", "y4m"], "PNG, JPEG and Y4M files").map(Self::File)
            }
            ("capture-process", Some(fault)) => match fault.split_once(':') {
                Some((_, format)) if CameraFormat::parse(format).is_none() => Err(ChoiceError::Format(format.into())),
                _ => Ok(Self::Process(fault.into())),
            },
            (test, _) if test.starts_with("test-") => Err(unknown_test(id, "camera", "test-picture[:WxH@FPS]")),
            _ => Ok(Self::Device(id.trim().into())),
        }
    }
}

impl FromStr for MicrophoneChoice {
    type Err = ChoiceError;

    fn from_str(id: &str) -> Result<Self, ChoiceError> {
        match split(id)? {
            ("none", None) => Ok(Self::None),
            ("default", None) => Ok(Self::Default),
            ("test-tone", None) => Ok(Self::TestTone(440)),
            ("test-tone", Some(hz)) => match hz.parse() {
                Ok(hz @ 50..=8000) => Ok(Self::TestTone(hz)),
                _ => Err(ChoiceError::Frequency(hz.into())),
            },
            ("test-voice", None) => Ok(Self::TestVoice(1)),
            ("test-voice", Some(n)) => n.parse().map(Self::TestVoice).map_err(|_| ChoiceError::Voice(n.into())),
            ("file", Some(path)) => file(path, "microphone", &["wav"], "WAV files").map(Self::File),
            (test, _) if test.starts_with("test-") => {
                Err(unknown_test(id, "microphone", "test-tone[:HZ] and test-voice[:N]"))
            }
            _ => Ok(Self::Device(id.trim().into())),
        }
    }
}

impl FromStr for SpeakerChoice {
    type Err = ChoiceError;

    fn from_str(id: &str) -> Result<Self, ChoiceError> {
        match split(id)? {
            ("none", None) => Ok(Self::None),
            ("default", None) => Ok(Self::Default),
            ("file", Some(path)) => file(path, "speaker", &["wav"], "the path of a WAV file to record").map(Self::File),
            (test, _) if test.starts_with("test-") => {
                Err(unknown_test(id, "speaker", "file:PATH.wav, which records what is played"))
            }
            _ => Ok(Self::Device(id.trim().into())),
        }
    }
}

/// The part before the first colon and what follows it.
fn split(id: &str) -> Result<(&str, Option<&str>), ChoiceError> {
    match id.trim() {
        "" => Err(ChoiceError::Empty),
        id => Ok(id.split_once(':').map_or((id, None), |(name, rest)| (name, Some(rest)))),
    }
}

fn unknown_test(id: &str, device: &'static str, known: &'static str) -> ChoiceError {
    ChoiceError::UnknownTest { id: id.into(), device, known }
}

fn file(path: &str, device: &'static str, extensions: &[&str], takes: &'static str) -> Result<PathBuf, ChoiceError> {
    let extension = Path::new(path).extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    if extension.is_some_and(|e| extensions.contains(&e.as_str())) {
        Ok(path.into())
    } else {
        Err(ChoiceError::File { path: path.into(), device, takes })
    }
}

impl fmt::Display for CameraChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::None => f.write_str("none"),
            Self::TestPicture(None) => f.write_str("test-picture"),
            Self::TestPicture(Some(format)) => write!(f, "test-picture:{format}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Process(fault) => write!(f, "capture-process:{fault}"),
            Self::Device(id) => f.write_str(id),
        }
    }
}

impl fmt::Display for MicrophoneChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::None => f.write_str("none"),
            Self::TestTone(hz) => write!(f, "test-tone:{hz}"),
            Self::TestVoice(speaker) => write!(f, "test-voice:{speaker}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Device(id) => f.write_str(id),
        }
    }
}

impl fmt::Display for SpeakerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::None => f.write_str("none"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Device(id) => f.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_written_the_same() {
        let process = "capture-process:none:160x90@10";
        for id in ["default", "none", "test-picture", "test-picture:640x360@15", process, "file:a/b.PNG", "/dev/video0"]
        {
            assert_eq!(id.parse::<CameraChoice>().expect(id).to_string(), id);
        }
        for id in ["none", "test-tone:300", "test-voice:7", "file:talk.wav", "pulseaudio:mic:with:colons"] {
            assert_eq!(id.parse::<MicrophoneChoice>().expect(id).to_string(), id);
        }
        for id in ["none", "file:out.wav", "alsa:hw:0,0"] {
            assert_eq!(id.parse::<SpeakerChoice>().expect(id).to_string(), id);
        }
        assert_eq!("test-tone".parse(), Ok(MicrophoneChoice::TestTone(440)));
        assert_eq!(camera_format(Some(process)), CameraFormat { width: 160, height: 90, fps: 10 });
        assert_eq!(camera_format(Some("capture-process:none")), CameraFormat::default());
    }

    #[test]
    fn a_bad_id_is_told_with_what_would_be_right() {
        let camera = |id: &str| id.parse::<CameraChoice>().expect_err(id).to_string();
        assert!(camera(" ").contains("cannot be empty"));
        assert!(camera("test-tone").contains("there is test-picture"));
        for format in ["", "640x360", "640x360@0", "0x0@30", "99999x99999@30", "640@30", "640x360@30@30", "-1x5@3"] {
            assert!(camera(&format!("test-picture:{format}")).contains("WIDTHxHEIGHT@FPS"), "{format}");
            assert!(camera(&format!("capture-process:none:{format}")).contains("WIDTHxHEIGHT@FPS"), "{format}");
        }
        assert!(camera("file:talk.wav").contains("PNG, JPEG and Y4M"));
        assert!(camera("file:").contains("PNG, JPEG and Y4M"));
        for hz in ["", "-5", "49", "8001", "a"] {
            let err = format!("test-tone:{hz}").parse::<MicrophoneChoice>().expect_err(hz);
            assert!(err.to_string().contains("50 to 8000"), "{err}");
        }
        assert!("test-picture".parse::<MicrophoneChoice>().expect_err("camera").to_string().contains("test-voice"));
        assert!("file:x.mp3".parse::<SpeakerChoice>().expect_err("mp3").to_string().contains("WAV"));
    }
}
