//! Which section of the remote description carries which track. The stack never says that a track has ended, and a
//! section may be bound to another one without a pause in between: whoever reads a track is told here.

use rtc::sdp::SessionDescription;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// A section that sends to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MLine {
    pub(super) mid: String,
    pub(super) stream_id: String,
    pub(super) track_id: String,
}

/// The sections of one connection that send to us, by SSRC.
#[derive(Debug, Default)]
pub(super) struct MLines(Mutex<HashMap<u32, (MLine, CancellationToken)>>);

impl MLines {
    /// Takes over a remote description, before it is applied. Whatever is no longer bound as it was has ended.
    pub(super) fn update(&self, remote: &SessionDescription) {
        let bound = bound_m_lines(remote);
        let mut m_lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        m_lines.retain(|ssrc, (section, ended)| {
            let stays = bound.get(ssrc) == Some(section);
            if !stays {
                ended.cancel();
            }
            stays
        });
        for (ssrc, section) in bound {
            m_lines.entry(ssrc).or_insert_with(|| (section, CancellationToken::new()));
        }
    }

    /// The section that carries `ssrc`, and a token that ends with it.
    pub(super) fn find(&self, ssrc: u32) -> Option<(MLine, CancellationToken)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&ssrc).cloned()
    }
}

fn bound_m_lines(remote: &SessionDescription) -> HashMap<u32, MLine> {
    let mut bound = HashMap::new();
    for media in &remote.media_descriptions {
        let value = |name| media.attribute(name).flatten();
        let sends = value_present(media, "sendonly") || value_present(media, "sendrecv");
        let (true, Some(mid), Some(msid)) = (sends, value("mid"), value("msid")) else { continue };
        let (stream_id, track_id) = msid.split_once(' ').unwrap_or((msid, msid));
        // The first SSRC is the media's; its retransmissions come second (RFC 5576, section 4.2).
        let ssrc = value("ssrc").and_then(|line| line.split(' ').next()?.parse().ok());
        let Some(ssrc) = ssrc else { continue };
        let section = MLine { mid: mid.into(), stream_id: stream_id.into(), track_id: track_id.into() };
        bound.insert(ssrc, section);
    }
    bound
}

fn value_present(media: &rtc::sdp::MediaDescription, name: &str) -> bool {
    media.attribute(name).is_some()
}
