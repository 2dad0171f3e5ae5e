//! Changes to the text of session descriptions that str0m has no API for.
//!
//! str0m answers every m-line that wants to receive as `sendonly`, with a msid of its own choice. The answer is rewritten:
//! an m-line that carries a track gets the track's msid, a free one becomes `inactive`, so that the client's `ontrack`
//! fires when it is bound later.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// The header extension that makes str0m number packets for bandwidth estimation.
const TRANSPORT_CC: &str = "draft-holmer-rmcat-transport-wide-cc-extensions";

/// The two words of `a=msid` (RFC 8830).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Msid {
    pub(crate) stream: String,
    pub(crate) track: String,
}

/// The lines of a description: those of the session, then those of each m-line.
fn m_lines(sdp: &str) -> Vec<Vec<&str>> {
    let mut all = vec![vec![]];
    for line in sdp.lines().filter(|l| !l.is_empty()) {
        if line.starts_with("m=") {
            all.push(vec![]);
        }
        if let Some(last) = all.last_mut() {
            last.push(line);
        }
    }
    all
}

fn mid<'a>(m_line: &[&'a str]) -> Option<&'a str> {
    m_line.iter().find_map(|l| l.strip_prefix("a=mid:")).map(str::trim)
}

/// Puts the tracks of bound m-lines into an answer, and makes all other m-lines that send inactive, without `a=msid` and
/// `a=ssrc`. Everything else stays, the RID extension too: without it Chromium refuses to send layers later.
pub(crate) fn rewrite_answer(answer: &str, bound: &HashMap<&str, Msid>) -> String {
    let mut out = String::with_capacity(answer.len() + 256);
    for (i, m_line) in m_lines(answer).into_iter().enumerate() {
        let media = i > 0 && !m_line.first().is_some_and(|l| l.starts_with("m=application"));
        let sends = m_line.iter().any(|l| matches!(l.trim_end(), "a=sendonly" | "a=sendrecv"));
        let msid = mid(&m_line).and_then(|m| bound.get(m)).filter(|_| sends);
        for line in m_line {
            if media {
                match msid {
                    Some(msid) => out += &bound_line(line, msid),
                    None => match free_line(line) {
                        Some(line) => out += line,
                        None => continue,
                    },
                }
            } else {
                out += line;
            }
            out += "\r\n";
        }
    }
    out
}

fn bound_line(line: &str, msid: &Msid) -> String {
    let ids = format!("{} {}", msid.stream, msid.track);
    if line.starts_with("a=msid:") {
        return format!("a=msid:{ids}");
    }
    match line.split_once(" msid:") {
        Some((ssrc, _)) if ssrc.starts_with("a=ssrc:") => format!("{ssrc} msid:{ids}"),
        _ => line.to_owned(),
    }
}

fn free_line(line: &str) -> Option<&str> {
    match line {
        "a=sendonly" => Some("a=inactive"),
        "a=sendrecv" => Some("a=recvonly"),
        _ if line.starts_with("a=msid:") || line.starts_with("a=ssrc") => None,
        _ => Some(line),
    }
}

/// Makes the m-lines of an answer inactive that have no codec in common with the offer. str0m answers them as receiving,
/// with a payload type of its own invention, so that the client would encode for nobody.
pub(crate) fn refuse_without_codec(answer: &str) -> String {
    let mut out = String::with_capacity(answer.len());
    for (i, m_line) in m_lines(answer).into_iter().enumerate() {
        let media = i > 0 && !m_line.first().is_some_and(|l| l.starts_with("m=application"));
        let refused = media && !m_line.iter().any(|l| l.starts_with("a=rtpmap:"));
        for line in m_line {
            match line {
                "a=recvonly" | "a=sendonly" | "a=sendrecv" if refused => out += "a=inactive",
                _ if refused && (line.starts_with("a=msid:") || line.starts_with("a=ssrc")) => continue,
                _ => out += line,
            }
            out += "\r\n";
        }
    }
    out
}

/// Removes the candidates of these addresses.
pub(crate) fn without_candidates(sdp: &str, addresses: &[IpAddr]) -> String {
    // a=candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS … (RFC 8839, section 5.1)
    let address = |line: &str| line.strip_prefix("a=candidate:")?.split(' ').nth(4)?.parse::<IpAddr>().ok();
    let stays = |line: &&str| !address(line).is_some_and(|ip| addresses.contains(&ip));
    sdp.lines().filter(stays).flat_map(|line| [line, "\r\n"]).collect()
}

/// Removes the transport-cc extension from some m-lines of a client's description, so that str0m does not number the
/// packets sent there: feedback is of use only for tracks with layers to choose from.
pub(crate) fn without_transport_cc(sdp: &str, mids: &HashSet<&str>) -> String {
    let mut out = String::with_capacity(sdp.len());
    for m_line in m_lines(sdp) {
        let strip = mid(&m_line).is_some_and(|m| mids.contains(m));
        for line in m_line {
            if strip && line.starts_with("a=extmap:") && line.contains(TRANSPORT_CC) {
                continue;
            }
            out += line;
            out += "\r\n";
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\ns=-\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\na=msid:x y\r\n\
        a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=ssrc:7 cname:c\r\na=ssrc:7 msid:x y\r\n\
        a=ssrc-group:FID 7 8\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=sendonly\r\na=msid:p q\r\n\
        a=ssrc:9 cname:c\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=recvonly\r\na=msid:r s\r\n";

    #[test]
    fn bound_m_lines_name_their_track_and_free_ones_are_inactive() {
        let msid = Msid { stream: "PA_a|s".into(), track: "TR_1".into() };
        let out = rewrite_answer(ANSWER, &HashMap::from([("1", msid)]));
        assert!(out.contains("a=mid:1\r\na=sendonly\r\na=msid:PA_a|s TR_1\r\n"), "{out}");
        assert!(out.contains("a=ssrc:7 msid:PA_a|s TR_1\r\na=ssrc-group:FID 7 8\r\n"), "{out}");
        assert!(out.contains("sdes:rtp-stream-id"));
        assert!(out.contains("a=mid:2\r\na=inactive\r\nm=audio"), "{out}");
        assert!(out.ends_with("a=mid:3\r\na=recvonly\r\n"), "{out}");
    }

    #[test]
    fn an_m_line_without_a_codec_is_answered_inactive() {
        let with = "m=video 9 X 96\r\na=mid:1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n";
        let without = "m=video 9 X 0\r\na=mid:2\r\na=recvonly\r\na=msid:x y\r\n";
        let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";
        let out = refuse_without_codec(&format!("v=0\r\n{data}{with}{without}"));
        assert_eq!(out, format!("v=0\r\n{data}{with}m=video 9 X 0\r\na=mid:2\r\na=inactive\r\n"));
    }

    #[test]
    fn transport_cc_is_removed_from_the_given_m_lines() {
        let ext = "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n";
        let sdp = format!("v=0\r\n{}", ["1", "2"].map(|m| format!("m=video 9 A 96\r\na=mid:{m}\r\n{ext}")).concat());
        let out = without_transport_cc(&sdp, &HashSet::from(["2"]));
        assert_eq!(out.matches("transport-wide-cc").count(), 1);
        assert!(out.ends_with("a=mid:2\r\n"));
    }

    #[test]
    fn candidates_of_lost_addresses_are_removed() {
        let candidate = |ip: &str| format!("a=candidate:1 1 udp 2130706175 {ip} 7882 typ host\r\n");
        let [gone, stays, six] = ["10.9.0.1", "10.9.0.11", "fd00::1"].map(candidate);
        let sdp = format!("v=0\r\nm=audio 9 A 96\r\n{gone}{stays}{six}a=end-of-candidates\r\n");
        let lost = ["10.9.0.1", "fd00::1"].map(|text| text.parse().expect("an address"));
        let out = without_candidates(&sdp, &lost);
        assert_eq!(out, format!("v=0\r\nm=audio 9 A 96\r\n{stays}a=end-of-candidates\r\n"));
    }

    #[test]
    fn malformed_text_is_survived() {
        for odd in ["", "m=", "m=video\r\nm=audio\r\n", "a=mid:\r\n", "\u{0}\r\nm=video\r\na=mid: \r\na=ssrc"] {
            rewrite_answer(odd, &HashMap::new());
            refuse_without_codec(odd);
            without_candidates(&format!("{odd}\r\na=candidate:\r\na=candidate:1 1 udp 1 x"), &[]);
            without_transport_cc(odd, &HashSet::from([""]));
        }
    }
}
