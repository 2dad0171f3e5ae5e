//! Which m-line of a client's offer carries which of its announced tracks.

use super::Mid;
use crate::base::{MediaKind, TrackSid};
use crate::proto::sdp::MLine;
use std::collections::{BTreeMap, VecDeque};

/// Ids of tracks that were refused or ended by the server; the oldest are forgotten first.
const RETIRED: usize = 32;

/// The sending m-lines of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Uplink {
    published: BTreeMap<Mid, TrackSid>,
    /// Sending m-lines whose track is not announced yet.
    unclaimed: Vec<MLine>,
    /// Sending m-lines without a codec that rooms carry, whose track is not announced yet.
    unsupported: Vec<MLine>,
    /// The `msid`s of the sending m-lines in the last offer.
    names: BTreeMap<Mid, String>,
    /// Names of tracks that were refused or ended by the server. The client takes their m-lines out with its next offer;
    /// until then those belong to no other track.
    retired: VecDeque<RetiredName>,
}

/// The name of a track that m-lines may still have.
#[derive(Clone, Debug)]
struct RetiredName {
    name: String,
    /// Whether an m-line has had it. When none has it any more, it may be given to another track.
    is_offered: bool,
}

/// The attributes of an announced track by which it is matched to an m-line.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnnouncedTrack<'a> {
    pub(super) track: &'a TrackSid,
    pub(super) kind: MediaKind,
    /// The client's ids: that of the track first, then those of its codecs.
    pub(super) cids: &'a [String],
}

impl AnnouncedTrack<'_> {
    fn is_named_by(&self, m_line: &MLine) -> bool {
        !m_line.track_id.is_empty() && self.kind == m_line.kind && self.cids.contains(&m_line.track_id)
    }
}

/// The changes that an offer brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UplinkChange {
    /// M-lines that carry a track from now on.
    pub(super) start: Vec<(MLine, TrackSid)>,
    /// Tracks that have no m-line any more.
    pub(super) end: Vec<TrackSid>,
    /// Tracks whose m-line has no codec that rooms carry: they cannot be published.
    pub(super) unsupported: Vec<TrackSid>,
}

impl Uplink {
    /// Handles an offer. `announced` are all tracks of the client, published or not, oldest first.
    ///
    /// An m-line belongs to the track that its `msid` names, else to the oldest waiting track of its kind. Rust SDKs
    /// write the cid into the `msid`, browsers the id of the `MediaStreamTrack`, some clients nothing.
    pub(super) fn offer(&mut self, m_lines: &[MLine], announced: &[AnnouncedTrack<'_>]) -> UplinkChange {
        let mut change = UplinkChange::default();
        self.note_names(m_lines);
        let old = std::mem::take(&mut self.published);
        let mut fresh = Vec::new();
        let sending = m_lines.iter().filter(|s| s.is_sending());
        let (supported, unsupported): (Vec<_>, Vec<_>) = sending.partition(|s| s.room_codec(None).is_some());
        self.unsupported = unsupported.into_iter().cloned().collect();
        for m_line in supported {
            match old.get(&m_line.mid).filter(|track| !is_replaced(track, m_line, announced, &old)) {
                Some(track) => {
                    self.published.insert(m_line.mid.clone(), track.clone());
                }
                None => fresh.push(m_line),
            }
        }
        let old_tracks = old.clone();
        change.end = old.into_values().filter(|track| !self.carries(track)).collect();
        let carried = self.unsupported.iter().filter_map(|s| old_tracks.get(&s.mid));
        let is_unsupported = |a: &&AnnouncedTrack<'_>| self.unsupported.iter().any(|s| a.is_named_by(s));
        let named = announced.iter().filter(|a| !self.carries(a.track)).filter(is_unsupported).map(|a| a.track);
        change.unsupported = carried.chain(named).cloned().collect();
        change.unsupported.dedup();
        let is_told = |s: &MLine| old_tracks.contains_key(&s.mid) || announced.iter().any(|a| a.is_named_by(s));
        self.unsupported.retain(|s| !is_told(s));
        let ended: Vec<TrackSid> = change.end.iter().chain(&change.unsupported).cloned().collect();
        let free: Vec<_> = announced.iter().filter(|a| !self.carries(a.track) && !ended.contains(a.track)).collect();

        let mut named = BTreeMap::new();
        for m_line in &fresh {
            if let Some(track) = free.iter().find(|a| a.is_named_by(m_line)) {
                named.insert(track.track, *m_line);
            }
        }
        self.unclaimed.clear();
        for m_line in fresh {
            let by_name = named.iter().find(|(_, s)| s.mid == m_line.mid).map(|(track, _)| *track);
            if by_name.is_none() && self.is_retired(m_line) {
                continue;
            }
            let waits = |a: &&&AnnouncedTrack<'_>| {
                a.kind == m_line.kind && !named.contains_key(a.track) && !self.carries(a.track)
            };
            let track = by_name.or_else(|| free.iter().find(waits).map(|a| a.track));
            match track {
                Some(track) => {
                    self.published.insert(m_line.mid.clone(), track.clone());
                    change.start.push((m_line.clone(), track.clone()));
                }
                None => self.unclaimed.push(m_line.clone()),
            }
        }
        change
    }

    /// The track of an m-line.
    pub(super) fn track_of(&self, mid: &str) -> Option<&TrackSid> {
        self.published.get(mid)
    }

    /// Binds a track that was announced after its m-line was offered. Returns the m-line.
    pub(super) fn claim(&mut self, announced: AnnouncedTrack<'_>) -> Option<MLine> {
        self.retired.retain(|retired| !announced.cids.contains(&retired.name));
        let named = self.unclaimed.iter().position(|s| announced.is_named_by(s));
        let at = named.or_else(|| self.unclaimed.iter().position(|s| s.kind == announced.kind))?;
        let m_line = self.unclaimed.swap_remove(at);
        self.published.insert(m_line.mid.clone(), announced.track.clone());
        Some(m_line)
    }

    /// Whether the m-line that names a track has no codec that rooms carry. True once for an m-line.
    pub(super) fn take_unsupported(&mut self, announced: AnnouncedTrack<'_>) -> bool {
        let before = self.unsupported.len();
        self.unsupported.retain(|s| !announced.is_named_by(s));
        self.unsupported.len() < before
    }

    /// A track has ended; its m-line carries nothing from now on.
    pub(super) fn forget(&mut self, track: &TrackSid) {
        self.published.retain(|_, t| t != track);
    }

    /// The server ends a track, while its m-line still sends.
    pub(super) fn end(&mut self, announced: AnnouncedTrack<'_>) {
        let carrying = self.published.iter().filter(|(_, track)| *track == announced.track);
        let offered: Vec<String> = carrying.filter_map(|(mid, _)| self.names.get(mid)).cloned().collect();
        self.retire(&offered);
        self.retire(announced.cids);
        self.forget(announced.track);
    }

    /// The track of these client ids is refused, or has ended. Its m-line may come with a later offer.
    pub(super) fn retire(&mut self, names: &[String]) {
        self.unclaimed.retain(|m_line| !names.contains(&m_line.track_id));
        for name in names.iter().filter(|name| !name.is_empty()) {
            let is_offered = self.names.values().any(|offered| offered == name);
            self.retired.retain(|retired| retired.name != *name);
            self.retired.push_back(RetiredName { name: name.clone(), is_offered });
        }
        while self.retired.len() > RETIRED {
            self.retired.pop_front();
        }
    }

    fn is_retired(&self, m_line: &MLine) -> bool {
        self.retired.iter().any(|retired| retired.name == m_line.track_id)
    }

    /// Notes the names in an offer. A retired name that is out of the offers may be another track's.
    fn note_names(&mut self, m_lines: &[MLine]) {
        let named = m_lines.iter().filter(|s| s.is_sending() && !s.track_id.is_empty());
        self.names = named.map(|s| (s.mid.clone(), s.track_id.clone())).collect();
        let names = &self.names;
        self.retired.retain_mut(|retired| {
            let is_offered = names.values().any(|name| *name == retired.name);
            let was_offered = retired.is_offered;
            retired.is_offered |= is_offered;
            is_offered || !was_offered
        });
    }

    fn carries(&self, track: &TrackSid) -> bool {
        self.published.values().any(|t| t == track)
    }
}

/// Whether an m-line that carried `track` names another announced track now: a client that unpublishes and publishes in
/// one offer may reuse the m-line.
fn is_replaced(
    track: &TrackSid,
    m_line: &MLine,
    announced: &[AnnouncedTrack<'_>],
    old: &BTreeMap<Mid, TrackSid>,
) -> bool {
    let is_own = announced.iter().any(|a| a.track == track && a.is_named_by(m_line));
    let names_other =
        announced.iter().any(|a| a.track != track && a.is_named_by(m_line) && !old.values().any(|t| t == a.track));
    !is_own && names_other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Codec;
    use crate::proto::sdp::MediaDirection;

    fn sending(mid: &str, kind: MediaKind, track_id: &str) -> MLine {
        let direction = MediaDirection::SendOnly;
        let (mid, track_id) = (mid.into(), track_id.into());
        MLine { mid, kind, direction, rejected: false, track_id, simulcast: false, codecs: vec![] }
    }

    fn started(change: &UplinkChange) -> Vec<(&str, &str)> {
        change.start.iter().map(|(s, t)| (s.mid.as_str(), t.as_str())).collect()
    }

    const V: MediaKind = MediaKind::Video;

    #[test]
    fn an_m_line_goes_to_the_track_that_its_msid_names_else_to_the_first_of_its_kind() {
        let (a, b, c) = (["a".to_owned()], ["b".to_owned(), "b2".to_owned()], ["c".to_owned()]);
        let [tr_a, tr_b, tr_c] = ["TR_A", "TR_B", "TR_C"].map(TrackSid::from);
        let tracks = [
            AnnouncedTrack { track: &tr_a, kind: V, cids: &a },
            AnnouncedTrack { track: &tr_b, kind: V, cids: &b },
            AnnouncedTrack { track: &tr_c, kind: MediaKind::Audio, cids: &c },
        ];
        let mut uplink = Uplink::default();
        let offer = [sending("1", V, "unknown"), sending("2", V, "b2"), sending("3", MediaKind::Audio, "")];
        let change = uplink.offer(&offer, &tracks);
        assert_eq!(started(&change), [("1", "TR_A"), ("2", "TR_B"), ("3", "TR_C")]);
        assert_eq!(uplink.offer(&offer, &tracks), UplinkChange::default());
    }

    #[test]
    fn a_named_track_is_not_bound_to_an_unnamed_m_line_before_it() {
        let (a, tr_a) = (["a".to_owned()], TrackSid::from("TR_A"));
        let mut uplink = Uplink::default();
        let offer = [sending("1", V, "x"), sending("2", V, "a")];
        let change = uplink.offer(&offer, &[AnnouncedTrack { track: &tr_a, kind: V, cids: &a }]);
        assert_eq!(started(&change), [("2", "TR_A")]);
    }

    #[test]
    fn an_offer_may_come_before_the_announcement() {
        let (a, tr_a) = (["a".to_owned()], TrackSid::from("TR_A"));
        let mut uplink = Uplink::default();
        assert_eq!(uplink.offer(&[sending("1", V, "a")], &[]), UplinkChange::default());
        let tracks = AnnouncedTrack { track: &tr_a, kind: V, cids: &a };
        assert_eq!(uplink.claim(tracks).map(|s| s.mid), Some("1".into()));
        assert_eq!(uplink.claim(tracks), None);
    }

    /// A client takes the m-line of a track that was refused or ended out of its offers, within a round trip. Meanwhile it
    /// may announce another track.
    #[test]
    fn the_m_line_of_a_track_that_is_gone_is_not_given_to_the_next_one() {
        let ids = ["a", "b"].map(|id| [id.to_owned()]);
        let [tr_a, tr_b] = ["TR_A", "TR_B"].map(TrackSid::from);
        let old = AnnouncedTrack { track: &tr_a, kind: V, cids: &ids[0] };
        let next = AnnouncedTrack { track: &tr_b, kind: V, cids: &ids[1] };
        let both = [sending("1", V, "a"), sending("2", V, "b")];
        // Ended by the server; refused before its offer, and after it.
        for case in 0..3 {
            let quiet = MLine { direction: MediaDirection::Inactive, ..both[0].clone() };
            let mut uplink = Uplink::default();
            match case {
                0 => {
                    uplink.offer(&both[..1], &[old]);
                    uplink.end(old);
                }
                1 => uplink.retire(&ids[0]),
                _ => {
                    uplink.offer(&both[..1], &[]);
                    uplink.retire(&ids[0]);
                }
            }
            assert_eq!(uplink.clone().claim(next), None, "{case}");
            assert_eq!(uplink.offer(&both[..1], &[]), UplinkChange::default(), "{case}");
            assert_eq!(uplink.claim(next), None, "{case}");
            assert_eq!(started(&uplink.clone().offer(&both[..1], &[next])), [], "{case}");
            assert_eq!(started(&uplink.clone().offer(&both, &[next])), [("2", "TR_B")], "{case}");
            let again = AnnouncedTrack { track: &tr_b, ..old };
            assert_eq!(started(&uplink.clone().offer(&both[..1], &[again])), [("1", "TR_B")], "announced again");
            uplink.offer(&[quiet], &[]);
            let reused = [sending("1", V, "a")];
            assert_eq!(
                started(&uplink.offer(&reused, &[next])),
                [("1", "TR_B")],
                "a browser keeps the id of its track"
            );
        }
    }

    #[test]
    fn an_m_line_that_stops_ends_its_track_and_one_that_names_another_replaces_it() {
        let (a, b) = (["a".to_owned()], ["b".to_owned()]);
        let [tr_a, tr_b] = ["TR_A", "TR_B"].map(TrackSid::from);
        let (ta, tb) =
            (AnnouncedTrack { track: &tr_a, kind: V, cids: &a }, AnnouncedTrack { track: &tr_b, kind: V, cids: &b });
        let mut uplink = Uplink::default();
        uplink.offer(&[sending("1", V, "a")], &[ta]);
        let change = uplink.offer(&[sending("1", V, "b")], &[ta, tb]);
        assert_eq!((started(&change), change.end.as_slice()), (vec![("1", "TR_B")], ["TR_A".into()].as_slice()));
        let av1 = MLine { codecs: vec![Codec::Av1], ..sending("1", V, "b") };
        let changed = uplink.clone().offer(&[av1], &[tb]);
        assert_eq!((changed.end, changed.unsupported), (vec!["TR_B".into()], vec!["TR_B".into()]), "another codec");
        let quiet = MLine { direction: MediaDirection::Inactive, ..sending("1", V, "b") };
        assert_eq!(uplink.offer(&[quiet], &[tb]).end, ["TR_B".into()]);
    }
}
