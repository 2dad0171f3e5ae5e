//! Device ids: `test-picture:640x360@15`, `file:talk.wav`, `none`, or the id of a real device as `visavis devices`
//! prints it.

use crate::devices::CameraFormat;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Why a text is no device id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChoiceError {
    /// It is empty, or only spaces.
    #[error("a device id cannot be empty; `visavis devices` lists them, `none` is no device")]
    Empty,
    /// It begins with `test-` and is no synthetic device.
    #[error("\"{id}\" is no {device}; there is {known}")]
    UnknownTest {
        /// The text.
        id: String,
        /// camera, microphone, speaker or screen.
        device: &'static str,
        /// The ids that exist.
        known: &'static str,
    },
    /// The text after the colon of `test-picture` is no format.
    #[error("\"{0}\" is no picture format; write WIDTHxHEIGHT@FPS, 160x90 to 3840x2160, 1 to 120 a second")]
    Format(String),
    /// The text after the colon of `portrait` is no number.
    #[error("\"{0}\" is no portrait; write a number from 1 on, such as portrait:3")]
    Portrait(String),
    /// The text after the colon of `test-tone` is no frequency.
    #[error("\"{0}\" is no frequency of a test tone; write 50 to 8000 (Hz)")]
    Frequency(String),
    /// The text after the colon of `test-voice` is no number.
    #[error("\"{0}\" is no test voice; write a number")]
    Voice(String),
    /// This kind of device does not take such a file.
    #[error("\"{path}\" cannot be a {device}; it takes {takes}")]
    File {
        /// The text after `file:`.
        path: String,
        /// camera, microphone, speaker or screen.
        device: &'static str,
        /// The kinds of files that the device takes.
        takes: &'static str,
    },
}

/// The files that a camera or a screen takes.
pub(super) const CAMERA_FILES: &str = "PNG and JPEG pictures and Y4M videos";

/// The extensions of the sound files that can be played.
const SOUND_FILES: [&str; 8] = ["wav", "wave", "flac", "mp3", "ogg", "oga", "aif", "aiff"];
/// The same for people.
pub(super) const SOUND_FILE_KINDS: &str = "WAV, FLAC, MP3, Ogg Vorbis and AIFF files";

/// The choice of a camera.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum CameraChoice {
    /// The system's default.
    #[default]
    Default,
    /// No camera.
    None,
    /// The test picture, in this format or in the one that it is opened with.
    TestPicture(Option<CameraFormat>),
    /// A drawn person who moves; each number is another one.
    Portrait(u32),
    /// A picture, or a Y4M video that is played in a loop.
    File(PathBuf),
    /// `capture-process:FAULT[:FORMAT]`: the test picture from a real capture process with a fault. Tests and support use
    /// it where there is no camera.
    Process(String),
    /// A camera of this computer.
    Device(String),
}

/// The choice of a microphone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum MicrophoneChoice {
    /// The system's default.
    #[default]
    Default,
    /// No microphone.
    None,
    /// A sine of this frequency in Hz at -20 dBFS.
    TestTone(u32),
    /// Synthetic speech at -20 dBFS; each number is another voice.
    TestVoice(u32),
    /// A sound file, played in a loop.
    File(PathBuf),
    /// A microphone of this computer.
    Device(String),
}

/// The choice of a speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SpeakerChoice {
    /// The system's default.
    #[default]
    Default,
    /// No speaker: audio is consumed in real time and discarded.
    None,
    /// A WAV file that records everything.
    File(PathBuf),
    /// A speaker of this computer.
    Device(String),
}

impl CameraChoice {
    /// The format that the id names; only synthetic cameras take one.
    pub(crate) fn format(&self) -> Option<CameraFormat> {
        match self {
            Self::TestPicture(format) => *format,
            Self::Process(fault) => CameraFormat::parse(fault.split_once(':')?.1),
            _ => None,
        }
    }
}

/// The format to open the camera `id` with; `None` is the default camera.
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
            ("portrait", None) => Ok(Self::Portrait(1)),
            ("portrait", Some(n)) => match n.parse() {
                Ok(n @ 1..) => Ok(Self::Portrait(n)),
                _ => Err(ChoiceError::Portrait(n.into())),
            },
            ("file", Some(path)) => file(path, "camera", &["png", "jpg", "jpeg", "y4m"], CAMERA_FILES).map(Self::File),
            ("capture-process", Some(fault)) => match fault.split_once(':') {
                Some((_, format)) if CameraFormat::parse(format).is_none() => Err(ChoiceError::Format(format.into())),
                _ => Ok(Self::Process(fault.into())),
            },
            (test, _) if test.starts_with("test-") => {
                Err(unknown_test(id, "camera", "test-picture[:WxH@FPS] and portrait[:N]"))
            }
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
            ("file", Some(path)) => file(path, "microphone", &SOUND_FILES, SOUND_FILE_KINDS).map(Self::File),
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

/// The part before the first colon and the part after it.
pub(super) fn split(id: &str) -> Result<(&str, Option<&str>), ChoiceError> {
    match id.trim() {
        "" => Err(ChoiceError::Empty),
        id => Ok(id.split_once(':').map_or((id, None), |(name, rest)| (name, Some(rest)))),
    }
}

pub(super) fn unknown_test(id: &str, device: &'static str, known: &'static str) -> ChoiceError {
    ChoiceError::UnknownTest { id: id.into(), device, known }
}

pub(super) fn file(
    path: &str,
    device: &'static str,
    extensions: &[&str],
    takes: &'static str,
) -> Result<PathBuf, ChoiceError> {
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
            Self::Portrait(n) => write!(f, "portrait:{n}"),
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
    fn ids_are_written_as_they_were_parsed() {
        let process = "capture-process:none:160x90@10";
        let synthetic = ["none", "test-picture", "test-picture:640x360@15", "portrait:3", process, "file:a/b.PNG"];
        for id in synthetic.into_iter().chain(["default", "/dev/video0"]) {
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
    fn real_devices_are_told_from_our_own_by_their_ids() {
        use crate::base::names_real_device;
        let real = ["/dev/video0", "pulseaudio:mic", "alsa:plughw:CARD=0", "wasapi:{0.0.1.0}.{x}", "coreaudio:7"];
        let own = ["default", "none", "test-tone:300", "test-voice", "file:a.wav"];
        for id in real.iter().chain(&own) {
            let parsed: MicrophoneChoice = id.parse().expect(id);
            assert_eq!(matches!(parsed, MicrophoneChoice::Device(_)), names_real_device(id), "{id}");
        }
        for id in ["capture-process:none", "test-picture:640x360@15", "portrait", "portrait:2", "file:a.png"] {
            assert!(!names_real_device(id), "{id}");
        }
    }

    #[test]
    fn the_error_of_an_invalid_id_names_valid_ones() {
        let camera = |id: &str| id.parse::<CameraChoice>().expect_err(id).to_string();
        assert!(camera(" ").contains("cannot be empty"));
        assert!(camera("test-tone").contains("there is test-picture"));
        for format in ["", "640x360", "640x360@0", "0x0@30", "99999x99999@30", "640@30", "640x360@30@30", "-1x5@3"] {
            assert!(camera(&format!("test-picture:{format}")).contains("WIDTHxHEIGHT@FPS"), "{format}");
            assert!(camera(&format!("capture-process:none:{format}")).contains("WIDTHxHEIGHT@FPS"), "{format}");
        }
        assert_eq!("portrait".parse(), Ok(CameraChoice::Portrait(1)));
        for n in ["", "0", "-1", "Mina", "3@30"] {
            assert!(camera(&format!("portrait:{n}")).contains("a number from 1 on"), "{n}");
        }
        for path in ["talk.wav", "", "photo.heic", "film.mp4"] {
            assert!(camera(&format!("file:{path}")).contains(CAMERA_FILES), "{path}");
        }
        for hz in ["", "-5", "49", "8001", "a"] {
            let err = format!("test-tone:{hz}").parse::<MicrophoneChoice>().expect_err(hz);
            assert!(err.to_string().contains("50 to 8000"), "{err}");
        }
        assert!("test-picture".parse::<MicrophoneChoice>().expect_err("camera").to_string().contains("test-voice"));
        let microphone = |id: &str| id.parse::<MicrophoneChoice>();
        for file in ["a.wav", "a.WAVE", "a.flac", "b/a.mp3", "a.ogg", "a.aiff"] {
            assert_eq!(microphone(&format!("file:{file}")), Ok(MicrophoneChoice::File(file.into())));
        }
        assert!(microphone("file:a.m4a").expect_err("AAC").to_string().contains("FLAC, MP3"));
        assert!("file:x.mp3".parse::<SpeakerChoice>().expect_err("mp3").to_string().contains("WAV"));
    }
}
