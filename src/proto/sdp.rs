//! A tolerant reader of session descriptions (RFC 8866): the audio and video m-lines and the attributes used here.

use crate::base::{Codec, MediaKind};

/// The direction of an m-line (RFC 8866, section 6.7), from the offerer's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaDirection {
    /// The offerer sends.
    SendOnly,
    /// The offerer receives.
    RecvOnly,
    /// The offerer sends and receives.
    SendRecv,
    /// No media flows.
    Inactive,
}

impl MediaDirection {
    /// Whether the offerer sends.
    const fn sends(self) -> bool {
        matches!(self, Self::SendOnly | Self::SendRecv)
    }
}

/// An audio or video m-line with its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MLine {
    /// `a=mid` (RFC 5888).
    pub(crate) mid: String,
    /// The media type.
    pub(crate) kind: MediaKind,
    /// `sendrecv` if the m-line does not say.
    pub(crate) direction: MediaDirection,
    /// Port 0 without `bundle-only`: the m-line is rejected (RFC 9143, section 6).
    pub(crate) rejected: bool,
    /// The track id of `a=msid` (RFC 8830); empty if there is none.
    pub(crate) track_id: String,
    /// Whether `a=simulcast` (RFC 8853) announces layers to send.
    pub(crate) simulcast: bool,
    /// The codecs of its `a=rtpmap` lines, each once.
    pub(crate) codecs: Vec<Codec>,
}

impl MLine {
    /// Whether the offerer sends media on it.
    pub const fn is_sending(&self) -> bool {
        !self.rejected && self.direction.sends()
    }

    /// The codec in which a room carries what the offerer sends on it: `wanted` if it offers that one, else the first one
    /// that rooms carry. `None` if it offers none of those; an m-line that names no codec is given the benefit.
    pub(crate) fn room_codec(&self, wanted: Option<Codec>) -> Option<Codec> {
        let of_rooms = Codec::of_rooms(self.kind);
        let wanted = wanted.filter(|codec| of_rooms.contains(codec));
        if self.codecs.is_empty() {
            return wanted.or(of_rooms.first().copied());
        }
        let offered = || self.codecs.iter().copied().filter(|codec| of_rooms.contains(codec));
        wanted.filter(|codec| offered().any(|other| other == *codec)).or_else(|| offered().next())
    }

    /// Whether the offerer only receives media on it.
    pub const fn is_receiving(&self) -> bool {
        !self.rejected && matches!(self.direction, MediaDirection::RecvOnly)
    }
}

/// The audio and video m-lines of a description, in order. Malformed lines are skipped, and so are m-lines without a
/// `mid`, which nothing can refer to.
pub fn m_lines(sdp: &str) -> Vec<MLine> {
    let mut found: Vec<MLine> = Vec::new();
    let mut current: Option<MLine> = None;
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            found.extend(current.take().filter(|s| !s.mid.is_empty()));
            current = parse_media(media);
        } else if let (Some(m_line), Some(attribute)) = (&mut current, line.strip_prefix("a=")) {
            read_attribute(m_line, attribute);
        }
    }
    found.extend(current.filter(|s| !s.mid.is_empty()));
    found
}

fn parse_media(media: &str) -> Option<MLine> {
    let mut words = media.split(' ');
    let kind = match words.next() {
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => return None,
    };
    let rejected = words.next() == Some("0");
    let direction = MediaDirection::SendRecv;
    let (mid, track_id, codecs) = (String::new(), String::new(), Vec::new());
    Some(MLine { mid, kind, direction, rejected, track_id, simulcast: false, codecs })
}

fn read_attribute(m_line: &mut MLine, attribute: &str) {
    match attribute {
        "sendonly" => m_line.direction = MediaDirection::SendOnly,
        "recvonly" => m_line.direction = MediaDirection::RecvOnly,
        "sendrecv" => m_line.direction = MediaDirection::SendRecv,
        "inactive" => m_line.direction = MediaDirection::Inactive,
        "bundle-only" => m_line.rejected = false,
        _ => match attribute.split_once(':') {
            Some(("mid", mid)) => m_line.mid = mid.trim().to_owned(),
            Some(("msid", ids)) => m_line.track_id = ids.split_whitespace().nth(1).unwrap_or_default().to_owned(),
            Some(("rtpmap", map)) => read_codec(m_line, map),
            Some(("simulcast", layers)) => m_line.simulcast = layers.split_whitespace().any(|word| word == "send"),
            _ => {}
        },
    }
}

/// `96 VP8/90000`: a payload type and its codec (RFC 8866, section 6.6).
fn read_codec(m_line: &mut MLine, map: &str) {
    let name = map.split_whitespace().nth(1).and_then(|encoding| encoding.split('/').next());
    if let Some(codec) = name.and_then(Codec::from_mime).filter(|codec| !m_line.codecs.contains(codec)) {
        m_line.codecs.push(codec);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=sendonly\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=sendonly\r\na=msid:- cam-1\r\na=simulcast:send q;h;f\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=inactive\r\n\
        m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=bundle-only\r\na=mid:4\r\na=sendrecv\r\na=msid:stream\r\n";

    #[test]
    fn m_lines_are_read_as_browsers_write_them() {
        let s = m_lines(OFFER);
        assert_eq!(s.iter().map(|s| s.mid.as_str()).collect::<Vec<_>>(), ["0", "2", "3", "4"]);
        assert!(s[0].is_receiving() && !s[0].is_sending());
        assert_eq!((s[1].track_id.as_str(), s[1].simulcast, s[1].is_sending()), ("cam-1", true, true));
        assert!(s[2].rejected && !s[2].is_sending());
        assert!(s[3].is_sending() && s[3].track_id.is_empty());
    }

    #[test]
    fn an_m_line_has_a_codec_that_rooms_carry_or_not() {
        let carried = |kind: &str, codecs: &[&str]| {
            let map = |codec: &&str| format!("a=rtpmap:96 {codec}/90000\r\n");
            let codecs: String = codecs.iter().map(map).collect();
            m_lines(&format!("m={kind} 9 X 96\r\na=mid:0\r\n{codecs}"))[0].clone()
        };
        let named = |codecs: &[&str], wanted| carried("video", codecs).room_codec(wanted);
        assert_eq!(named(&["rtx", "H264", "VP8"], None), Some(Codec::H264), "the first");
        assert_eq!(named(&["VP8", "VP9"], Some(Codec::Vp9)), Some(Codec::Vp9));
        assert_eq!(named(&["VP8", "VP9"], Some(Codec::Av1)), Some(Codec::Vp8));
        assert_eq!(named(&["VP8"], Some(Codec::H264)), Some(Codec::Vp8));
        assert_eq!(named(&[], None), Some(Codec::Vp8), "it does not say");
        assert_eq!(named(&["AV1", "rtx", "red", "ulpfec"], Some(Codec::Av1)), None);
        assert_eq!(carried("audio", &["red", "opus"]).room_codec(None), Some(Codec::Opus));
        assert_eq!(carried("audio", &["PCMU"]).room_codec(None), None);
        assert_eq!(m_lines("m=video 9 X 96\r\na=mid:0\r\na=rtpmap:96\r\na=rtpmap:\r\n")[0].codecs, []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(m=(audio|video) [09]|a=(mid|msid|simulcast):? ?[a-z]*|\\PC*|\r?\n){0,60}") {
            for m_line in m_lines(&text) {
                prop_assert!(!m_line.mid.is_empty());
            }
        }
    }
}
