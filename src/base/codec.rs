//! Codecs by the names of LiveKit's messages, and why a remote track can be neither shown nor played.

use super::MediaKind;

/// A codec of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// AV1's RTP specification of the Alliance for Open Media.
    Av1,
    /// RFC 7587.
    Opus,
    /// Redundant audio (RFC 2198) around Opus.
    Red,
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// Any other.
    Other,
}

impl Codec {
    /// The codec of a MIME type (`video/VP8`) or of its second half, in any case; `None` for an empty text.
    pub fn from_mime(mime: &str) -> Option<Self> {
        let name = mime.rsplit('/').next().unwrap_or(mime).trim().to_ascii_lowercase();
        Some(match name.as_str() {
            "" => return None,
            "vp8" => Self::Vp8,
            "vp9" => Self::Vp9,
            "h264" => Self::H264,
            "h265" | "hevc" => Self::H265,
            "av1" | "av1x" => Self::Av1,
            "opus" => Self::Opus,
            "red" => Self::Red,
            "pcmu" => Self::Pcmu,
            "pcma" => Self::Pcma,
            _ => Self::Other,
        })
    }

    /// Whether a track of this codec can be decoded. RED can: a client that did not negotiate it gets plain Opus.
    pub const fn is_decodable(self) -> bool {
        match self {
            Self::Vp8 | Self::Vp9 | Self::Opus | Self::Red => true,
            Self::H264 => cfg!(feature = "h264"),
            Self::H265 | Self::Av1 | Self::Pcmu | Self::Pcma | Self::Other => false,
        }
    }

    /// The codecs that rooms of our own server carry, by kind; the first is the one of a track that names none.
    pub(crate) const fn of_rooms(kind: MediaKind) -> &'static [Self] {
        match kind {
            MediaKind::Audio => &[Self::Opus],
            MediaKind::Video => &[Self::Vp8, Self::Vp9, Self::H264],
        }
    }

    /// The word for JSON, and for LiveKit's messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Av1 => "av1",
            Self::Opus => "opus",
            Self::Red => "red",
            Self::Pcmu => "pcmu",
            Self::Pcma => "pcma",
            Self::Other => "other",
        }
    }
}

/// Why a remote track can be neither shown nor played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undecodable {
    /// It is encrypted end to end, and we hold no key.
    Encrypted,
    /// It has a codec that this version does not decode.
    Codec(Codec),
    /// Its frames fail to decode, one after the other.
    Damaged,
}

impl Undecodable {
    /// The word for JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Codec(_) => "codec",
            Self::Damaged => "damaged",
        }
    }

    /// The codec, where it is the cause.
    pub const fn codec(self) -> Option<Codec> {
        match self {
            Self::Codec(codec) => Some(codec),
            Self::Encrypted | Self::Damaged => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_known_by_mime_type_and_by_name() {
        let read = |mimes: [&str; 6]| mimes.map(Codec::from_mime);
        assert_eq!(
            read(["video/VP8", "video/h264", "AV1", "audio/red", "", "video/theora"]),
            [Some(Codec::Vp8), Some(Codec::H264), Some(Codec::Av1), Some(Codec::Red), None, Some(Codec::Other)]
        );
        assert!(Codec::from_mime("audio/opus").is_some_and(Codec::is_decodable));
        assert!(Codec::from_mime("video/H265").is_some_and(|codec| !codec.is_decodable()));
    }
}
