//! The m-lines of the server's description: which one carries which track.
//!
//! The stack does not report that a track has ended, and an m-line may be bound to another track at once. The task that
//! receives a track learns both from here.

use crate::base::Codec;
use parking_lot::Mutex;
use rtc::sdp::SessionDescription;
use std::collections::{BTreeMap, HashMap};
use tokio_util::sync::CancellationToken;

/// The header extension that tells how a picture has to be turned (3GPP TS 26.114, section 7.4.5).
pub(super) const VIDEO_ORIENTATION_URI: &str = "urn:3gpp:video-orientation";

/// An m-line that sends to us: `a=mid` and the two words of `a=msid` (RFC 8830).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SendingMLine {
    pub(super) mid: String,
    pub(super) stream_id: String,
    pub(super) track_id: String,
    /// Id of the header extension [`VIDEO_ORIENTATION_URI`], if it is used.
    pub(super) orientation_id: Option<u8>,
    /// The codecs of its payload types (`a=rtpmap`).
    codecs: BTreeMap<u8, Codec>,
}

impl SendingMLine {
    /// Whether it carries the same track in the same way; its codecs may be others.
    fn is_same(&self, other: &Self) -> bool {
        let key = |m: &Self| (m.mid.clone(), m.stream_id.clone(), m.track_id.clone(), m.orientation_id);
        key(self) == key(other)
    }
}

/// The m-lines of one connection that send to us, by SSRC, each with a token that is cancelled when it is bound to
/// another track or to none.
#[derive(Debug, Default)]
pub(super) struct MLines(Mutex<HashMap<u32, (SendingMLine, CancellationToken)>>);

impl MLines {
    /// Takes a remote description, before it is applied. Bindings that changed have ended.
    pub(super) fn update(&self, remote: &SessionDescription) {
        let bound = sending(remote);
        let mut m_lines = self.0.lock();
        m_lines.retain(|ssrc, (m_line, ended)| {
            let now = bound.get(ssrc).filter(|now| now.is_same(m_line));
            match now {
                Some(now) => m_line.codecs.clone_from(&now.codecs),
                None => ended.cancel(),
            }
            now.is_some()
        });
        for (ssrc, m_line) in bound {
            m_lines.entry(ssrc).or_insert_with(|| (m_line, CancellationToken::new()));
        }
    }

    /// The codec of a payload type in the m-line that carries `ssrc`.
    pub(super) fn codec(&self, ssrc: u32, payload_type: u8) -> Option<Codec> {
        self.0.lock().get(&ssrc).and_then(|(m_line, _)| m_line.codecs.get(&payload_type).copied())
    }

    /// The m-line that carries `ssrc`, and the token of its binding.
    pub(super) fn find(&self, ssrc: u32) -> Option<(SendingMLine, CancellationToken)> {
        self.0.lock().get(&ssrc).cloned()
    }
}

fn sending(remote: &SessionDescription) -> HashMap<u32, SendingMLine> {
    let mut bound = HashMap::new();
    for media in &remote.media_descriptions {
        let value = |name| media.attribute(name).flatten();
        let sends = media.attribute("sendonly").is_some() || media.attribute("sendrecv").is_some();
        let (true, Some(mid), Some(msid)) = (sends, value("mid"), value("msid")) else { continue };
        let (stream_id, track_id) = msid.split_once(' ').unwrap_or((msid, msid));
        // The first SSRC is that of the media, the second that of RTX (RFC 5576, section 4.2).
        let ssrc = value("ssrc").and_then(|line| line.split(' ').next()?.parse().ok());
        let Some(ssrc) = ssrc else { continue };
        let orientation_id = media.attributes.iter().filter(|a| a.key == "extmap").find_map(|a| {
            let (id, rest) = a.value.as_deref()?.split_once(' ')?;
            let uri = rest.split(' ').next()?;
            // A direction may follow the id (RFC 8285, section 5).
            (uri == VIDEO_ORIENTATION_URI).then(|| id.split('/').next()?.parse().ok()).flatten()
        });
        // `96 VP8/90000` (RFC 8866, section 6.6).
        let maps = media.attributes.iter().filter(|a| a.key == "rtpmap").filter_map(|a| a.value.as_deref());
        let codecs = maps.filter_map(|map| {
            let (payload_type, encoding) = map.split_once(' ')?;
            Some((payload_type.parse().ok()?, Codec::from_mime(encoding.split('/').next()?)?))
        });
        let codecs = codecs.collect();
        let (mid, stream_id, track_id) = (mid.into(), stream_id.into(), track_id.into());
        bound.insert(ssrc, SendingMLine { mid, stream_id, track_id, orientation_id, codecs });
    }
    bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_codec_that_is_added_later_does_not_end_the_binding() {
        let description = |codecs: &str| {
            let text = format!(
                "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 98\r\n\
                 c=IN IP4 0.0.0.0\r\na=mid:3\r\na=sendonly\r\na=msid:PA_a TR_b\r\na=ssrc:77 cname:x\r\n{codecs}"
            );
            SessionDescription::unmarshal(&mut Cursor::new(text)).expect("a description")
        };
        let m_lines = MLines::default();
        m_lines.update(&description("a=rtpmap:98 VP9/90000\r\n"));
        let (_, ended) = m_lines.find(77).expect("bound");
        assert_eq!((m_lines.codec(77, 98), m_lines.codec(77, 96)), (Some(Codec::Vp9), None));
        m_lines.update(&description("a=rtpmap:98 VP9/90000\r\na=rtpmap:96 VP8/90000\r\n"));
        assert_eq!((ended.is_cancelled(), m_lines.codec(77, 96)), (false, Some(Codec::Vp8)));
    }

    #[test]
    fn the_id_of_the_video_orientation_is_read() {
        let description = |extensions: &str| {
            let text = format!(
                "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
                 c=IN IP4 0.0.0.0\r\na=mid:3\r\na=sendonly\r\na=msid:PA_a TR_b\r\na=ssrc:77 cname:x\r\n{extensions}"
            );
            SessionDescription::unmarshal(&mut Cursor::new(text)).expect("a description")
        };
        let id = |extensions: &str| sending(&description(extensions)).remove(&77).expect("an m-line").orientation_id;
        let mid = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
        assert_eq!(id(mid), None);
        assert_eq!(id(&format!("{mid}a=extmap:13 urn:3gpp:video-orientation\r\n")), Some(13));
        assert_eq!(id("a=extmap:5/sendonly urn:3gpp:video-orientation\r\n"), Some(5));
        assert_eq!(id("a=extmap:13 urn:3gpp:video-orientation:6\r\n"), None, "six bits of rotation are another");
    }
}
