//! The little that has to be read from a session description (RFC 8866): which sections it has and what they carry.

use crate::base::MediaKind;

/// What a section is for, from the offerer's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaDirection {
    /// The offerer sends.
    SendOnly,
    /// The offerer receives.
    RecvOnly,
    /// Both.
    SendRecv,
    /// Neither.
    Inactive,
}

impl MediaDirection {
    /// Whether the offerer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendOnly | Self::SendRecv)
    }
}

/// One `m=` section with sound or picture. Data sections are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MLine {
    /// `a=mid`.
    pub mid: String,
    /// Sound or picture.
    pub kind: MediaKind,
    /// What it is for; `sendrecv` when the section does not say.
    pub direction: MediaDirection,
    /// Port 0 without `bundle-only`: the section is given up.
    pub rejected: bool,
    /// The second word of `a=msid`: the offerer's id of the track, or nothing.
    pub track_id: String,
    /// Whether it announces simulcast layers to be sent.
    pub simulcast: bool,
}

impl MLine {
    /// Whether the offerer sends something in it.
    pub const fn is_sending(&self) -> bool {
        !self.rejected && self.direction.sends()
    }

    /// Whether it only waits for something to be sent to the offerer.
    pub const fn is_receiving(&self) -> bool {
        !self.rejected && matches!(self.direction, MediaDirection::RecvOnly)
    }
}

/// The sound and picture sections of a description, in order. Lines that make no sense are passed over; a section
/// without a `mid` cannot be named and is left out.
pub fn m_lines(sdp: &str) -> Vec<MLine> {
    let mut found: Vec<MLine> = Vec::new();
    let mut current: Option<MLine> = None;
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            found.extend(current.take().filter(|s| !s.mid.is_empty()));
            current = begin(media);
        } else if let (Some(section), Some(attribute)) = (&mut current, line.strip_prefix("a=")) {
            read(section, attribute);
        }
    }
    found.extend(current.filter(|s| !s.mid.is_empty()));
    found
}

fn begin(media: &str) -> Option<MLine> {
    let mut words = media.split(' ');
    let kind = match words.next() {
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => return None,
    };
    let rejected = words.next() == Some("0");
    let direction = MediaDirection::SendRecv;
    Some(MLine { mid: String::new(), kind, direction, rejected, track_id: String::new(), simulcast: false })
}

fn read(section: &mut MLine, attribute: &str) {
    match attribute {
        "sendonly" => section.direction = MediaDirection::SendOnly,
        "recvonly" => section.direction = MediaDirection::RecvOnly,
        "sendrecv" => section.direction = MediaDirection::SendRecv,
        "inactive" => section.direction = MediaDirection::Inactive,
        "bundle-only" => section.rejected = false,
        _ => match attribute.split_once(':') {
            Some(("mid", mid)) => section.mid = mid.trim().to_owned(),
            Some(("msid", ids)) => section.track_id = ids.split_whitespace().nth(1).unwrap_or_default().to_owned(),
            Some(("simulcast", layers)) => section.simulcast = layers.split_whitespace().any(|word| word == "send"),
            _ => {}
        },
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
    fn sections_are_read_as_browsers_write_them() {
        let s = m_lines(OFFER);
        assert_eq!(s.iter().map(|s| s.mid.as_str()).collect::<Vec<_>>(), ["0", "2", "3", "4"]);
        assert!(s[0].is_receiving() && !s[0].is_sending());
        assert_eq!((s[1].track_id.as_str(), s[1].simulcast, s[1].is_sending()), ("cam-1", true, true));
        assert!(s[2].rejected && !s[2].is_sending());
        assert!(s[3].is_sending() && s[3].track_id.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "(m=(audio|video) [09]|a=(mid|msid|simulcast):? ?[a-z]*|\\PC*|\r?\n){0,60}") {
            for section in m_lines(&text) {
                prop_assert!(!section.mid.is_empty());
            }
        }
    }
}
