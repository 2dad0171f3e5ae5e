//! Changes to the text of session descriptions that str0m has no API for.
//!
//! str0m answers every m-line that wants to receive as `sendonly`, with a msid of its own choice. The answer is rewritten:
//! an m-line that carries a track gets the track's msid, a free one becomes `inactive`, so that the client's `ontrack`
//! fires when it is bound later.

use crate::base::Codec;
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

/// Makes an offer that leaves the DTLS roles open one whose answer is `a=setup:active`. str0m would answer `passive`, and the
/// client's first flight would wait for our answer; as DTLS client we send ours when the first check succeeds (RFC 5763,
/// section 5, recommends it).
pub(crate) fn with_active_answer(offer: &str) -> String {
    offer.replace("a=setup:actpass", "a=setup:passive")
}

/// Leaves one codec, with its retransmissions, to the m-lines of these mids: a browser sends the first one that both sides
/// know, whatever it said that it would. An m-line without the codec stays as it is.
pub(crate) fn with_codecs(answer: &str, codecs: &HashMap<&str, Codec>) -> String {
    let mut out = String::with_capacity(answer.len());
    for m_line in m_lines(answer) {
        let kept = mid(&m_line).and_then(|m| codecs.get(m)).map(|codec| payload_types(&m_line, *codec));
        let kept = kept.filter(|kept| !kept.is_empty());
        for line in m_line {
            match &kept {
                Some(kept) => match keep_payload_types(line, kept) {
                    Some(line) => out += &line,
                    None => continue,
                },
                None => out += line,
            }
            out += "\r\n";
        }
    }
    out
}

/// Lists the payload types of each m-line in the order of the offer (RFC 3264, section 6.1). str0m has an order of its own,
/// and a client sends the first one: without this, one whose offer comes before its `add_track` would send another codec than
/// the one that it prefers.
pub(crate) fn in_offered_order(answer: &str, offer: &str) -> String {
    let offered = m_lines(offer);
    let mut out = String::with_capacity(answer.len());
    for m_line in m_lines(answer) {
        let same = mid(&m_line).and_then(|m| offered.iter().find(|o| mid(o) == Some(m)));
        let order: Vec<&str> = same.and_then(|o| o.first()).map(|l| formats(l).collect()).unwrap_or_default();
        for line in m_line {
            if line.starts_with("m=") && !order.is_empty() {
                let mut sorted: Vec<&str> = formats(line).collect();
                sorted.sort_by_key(|pt| order.iter().position(|o| o == pt).unwrap_or(usize::MAX));
                let start = line.split_whitespace().take(3);
                out += &start.chain(sorted).collect::<Vec<_>>().join(" ");
            } else {
                out += line;
            }
            out += "\r\n";
        }
    }
    out
}

/// The payload types of a line `m=video PORT PROTOCOL PAYLOAD-TYPE …` (RFC 8866, section 5.14).
fn formats(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace().skip(3)
}

/// The payload types of a codec in an m-line, and those of their retransmissions (`a=fmtp:97 apt=96`, RFC 4588).
fn payload_types<'a>(m_line: &[&'a str], codec: Codec) -> Vec<&'a str> {
    let split = |prefix: &'static str| {
        m_line.iter().filter_map(move |line| line.trim_end().strip_prefix(prefix)?.split_once(' '))
    };
    let is_codec = |encoding: &str| encoding.split('/').next().and_then(Codec::from_mime) == Some(codec);
    let mut kept: Vec<&str> = split("a=rtpmap:").filter(|(_, encoding)| is_codec(encoding)).map(|(pt, _)| pt).collect();
    let repairs =
        |parameters: &str, kept: &[&str]| parameters.strip_prefix("apt=").is_some_and(|apt| kept.contains(&apt));
    let rtx: Vec<&str> = split("a=fmtp:").filter(|(_, p)| repairs(p, &kept)).map(|(pt, _)| pt).collect();
    kept.extend(rtx);
    kept
}

/// The line without other payload types; `None` if it is about one of those.
fn keep_payload_types(line: &str, kept: &[&str]) -> Option<String> {
    if line.starts_with("m=") {
        let start = line.split_whitespace().take(3);
        return Some(start.chain(formats(line).filter(|pt| kept.contains(pt))).collect::<Vec<_>>().join(" "));
    }
    let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|prefix| line.strip_prefix(prefix));
    let payload_type = about.map(|rest| rest.split(' ').next().unwrap_or_default());
    payload_type.is_none_or(|pt| pt == "*" || kept.contains(&pt)).then(|| line.to_owned())
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
    fn open_dtls_roles_are_answered_active_and_fixed_ones_stay() {
        let open = "v=0\r\na=setup:actpass\r\nm=audio 9 X 111\r\na=setup:actpass\r\n";
        assert_eq!(with_active_answer(open), "v=0\r\na=setup:passive\r\nm=audio 9 X 111\r\na=setup:passive\r\n");
        let fixed = "v=0\r\na=setup:active\r\n";
        assert_eq!(with_active_answer(fixed), fixed);
    }

    #[test]
    fn payload_types_are_answered_in_the_order_of_the_offer() {
        let offer = "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\nm=video 9 X 102 103 96 97\r\na=mid:1\r\n";
        let answer = "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\nm=video 9 X 96 97 102 103\r\na=mid:1\r\na=recvonly\r\n";
        let sorted = answer.replace("96 97 102 103", "102 103 96 97");
        assert_eq!(in_offered_order(answer, offer), sorted);
        assert_eq!(in_offered_order(answer, "v=0\r\n"), answer);
    }

    #[test]
    fn an_m_line_keeps_the_codec_of_its_track_alone() {
        let about = |pt: u8, codec: &str, fmtp: &str| {
            format!("a=rtpmap:{pt} {codec}/90000\r\na=rtcp-fb:{pt} nack pli\r\na=fmtp:{pt} {fmtp}\r\n")
        };
        let vp8 = about(96, "VP8", "x=1") + &about(97, "rtx", "apt=96");
        let vp9 = about(98, "VP9", "profile-id=0") + &about(99, "rtx", "apt=98");
        let m_line = |mid: u8, pts: &str, codecs: &str| {
            format!("m=video 9 UDP/TLS/RTP/SAVPF {pts}\r\na=mid:{mid}\r\n{codecs}a=recvonly\r\n")
        };
        let both = format!("{vp8}{vp9}");
        let sdp = format!("v=0\r\n{}{}", m_line(1, "96 97 98 99", &both), m_line(2, "96 97 98 99", &both));
        let out = with_codecs(&sdp, &HashMap::from([("1", Codec::Vp9)]));
        assert_eq!(out, format!("v=0\r\n{}{}", m_line(1, "98 99", &vp9), m_line(2, "96 97 98 99", &both)));
        assert_eq!(with_codecs(&sdp, &HashMap::from([("1", Codec::H264)])), sdp, "it has none of it");
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
            with_codecs(&format!("{odd}a=rtpmap:\r\na=fmtp:1\r\n"), &HashMap::from([("", Codec::Vp8)]));
            without_candidates(&format!("{odd}\r\na=candidate:\r\na=candidate:1 1 udp 1 x"), &[]);
            without_transport_cc(odd, &HashSet::from([""]));
        }
    }
}
