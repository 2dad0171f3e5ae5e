//! The m-lines of the server's description: which one carries which track.
//!
//! The stack does not report that a track has ended, and an m-line may be bound to another track at once. The task that
//! receives a track learns both from here.

use parking_lot::Mutex;
use rtc::sdp::SessionDescription;
use std::collections::HashMap;
use tokio_util::sync::CancellationToken;

/// An m-line that sends to us: `a=mid` and the two words of `a=msid` (RFC 8830).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SendingMLine {
    pub(super) mid: String,
    pub(super) stream_id: String,
    pub(super) track_id: String,
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
            let stays = bound.get(ssrc) == Some(m_line);
            if !stays {
                ended.cancel();
            }
            stays
        });
        for (ssrc, m_line) in bound {
            m_lines.entry(ssrc).or_insert_with(|| (m_line, CancellationToken::new()));
        }
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
        bound.insert(ssrc, SendingMLine { mid: mid.into(), stream_id: stream_id.into(), track_id: track_id.into() });
    }
    bound
}
