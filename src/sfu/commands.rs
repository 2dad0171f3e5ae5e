//! Executes the hub's commands.

use super::channels::{DataDelivery, DataMessage};
use super::connection::{Connection, ConnectionFault, LayerPreference, LinkState};
use super::counters::SfuCounters;
use super::negotiation::Offer;
use super::track::{ForwardedTrack, Subscriber, TrackOrigin};
use super::worker::Worker;
use crate::base::{MediaKind, TrackSid};
use crate::hub::{Bound, ConnectionId, MediaCommand, MediaEvent, Published};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use str0m::media::Mid;

/// Time for a client to apply an answer before packets are sent to it.
const SETTLE: Duration = Duration::from_millis(20);

/// The fields of [`MediaCommand::AcceptOffer`].
struct ClientOffer {
    offer_id: u32,
    sdp: String,
    publish: Vec<Published>,
    bind: Vec<Bound>,
    release: Vec<String>,
}

impl Worker {
    pub(super) fn execute(&mut self, command: MediaCommand, now: Instant) {
        match command {
            MediaCommand::Open { connection, room: _ } => self.open(connection, now),
            MediaCommand::AcceptOffer { connection, offer_id, sdp, publish, bind, release } => {
                self.current = Some(connection);
                self.accept_offer(connection, ClientOffer { offer_id, sdp, publish, bind, release }, now);
            }
            MediaCommand::Publish { connection, published } => {
                self.publish(connection, vec![published]);
                if let Some(c) = self.connections.get_mut(&connection) {
                    c.sources.clear();
                }
            }
            MediaCommand::MakeOffer { connection, add, remove, ice_restart } => {
                self.current = Some(connection);
                for mid in &remove {
                    self.detach(connection, Mid::from(mid.as_str()));
                }
                let candidates = self.candidates();
                let made = self.connections.get_mut(&connection).map(|c| {
                    c.offer_addresses(&candidates);
                    let made = c.make_offer(add, &remove, ice_restart)?;
                    Ok(made.map(|offer| Offer { sdp: c.without_lost_addresses(offer.sdp, &candidates), ..offer }))
                });
                self.offered(connection, made);
            }
            MediaCommand::AcceptAnswer { connection, sdp } => {
                self.current = Some(connection);
                self.accept_answer(connection, &sdp, now);
            }
            // Not needed by ICE-lite: the client's checks show its address.
            MediaCommand::AddCandidate { .. } => {}
            MediaCommand::Unsubscribe { connection, track } => self.unsubscribe(connection, &track),
            MediaCommand::Unpublish { track } => self.unpublish(&track),
            MediaCommand::Prefer { connection, track, layer, paused } => {
                self.prefer(connection, track, LayerPreference { layer, paused }, now);
            }
            MediaCommand::Mute { track, muted } => self.mute(&track, muted, now),
            MediaCommand::SendData { connection, sender, label, payload } => {
                self.current = Some(connection);
                self.send_data(connection, sender, DataMessage { label, payload }, now);
            }
            MediaCommand::Close { connection } => self.close(connection),
        }
    }

    fn open(&mut self, id: ConnectionId, now: Instant) {
        if self.connections.contains_key(&id) {
            return tracing::warn!(?id, "the connection is already open");
        }
        let candidates = self.candidates();
        let connection = Connection::new(id, &self.certificate, &candidates, self.tcp.port, now);
        self.tcp.add(&connection.ufrag);
        self.by_ufrag.insert(connection.ufrag.clone(), id);
        self.connections.insert(id, connection);
        self.reporter.counters.connections.fetch_add(1, Relaxed);
        self.mark_dirty(id);
    }

    fn accept_offer(&mut self, id: ConnectionId, offer: ClientOffer, now: Instant) {
        let ClientOffer { offer_id, sdp, publish, bind, release } = offer;
        for mid in release.iter().chain(bind.iter().map(|b| &b.mid)) {
            self.detach(id, Mid::from(mid.as_str()));
        }
        self.publish(id, publish);
        let candidates = self.candidates();
        let Self { connections, tracks, .. } = self;
        let Some(connection) = connections.get_mut(&id) else { return };
        connection.offer_addresses(&candidates);
        let fresh: Vec<Mid> = bind.iter().map(|b| Mid::from(b.mid.as_str())).collect();
        let answer = connection.accept_offer(&sdp, bind, &release, tracks);
        connection.sources.clear();
        match answer {
            Ok(sdp) => {
                let gone = |s: &Subscriber| s.connection == id && !connection.outgoing.contains_key(&s.mid);
                tracks.values_mut().for_each(|t| t.subscribers.retain(|s| !gone(s)));
                let ready_at = (connection.link == LinkState::Up).then(|| now + SETTLE);
                let sdp = connection.without_lost_addresses(sdp, &candidates);
                for mid in fresh {
                    self.attach(id, mid, ready_at);
                }
                self.reporter.report(MediaEvent::Answered { connection: id, offer_id, sdp });
                self.described(id);
            }
            Err(fault) => self.refused(id, fault),
        }
    }

    fn offered(&mut self, id: ConnectionId, made: Option<Result<Option<Offer>, ConnectionFault>>) {
        match made {
            None => {}
            Some(Ok(Some(Offer { sdp, m_lines }))) => {
                self.reporter.report(MediaEvent::Offered { connection: id, sdp, m_lines });
                self.described(id);
            }
            Some(Ok(None)) => {
                let message = "there is nothing to offer".to_owned();
                self.reporter.report(MediaEvent::NegotiationFailed { connection: id, message });
            }
            Some(Err(fault)) => self.refused(id, fault),
        }
    }

    fn accept_answer(&mut self, id: ConnectionId, answer: &str, now: Instant) {
        let Self { connections, tracks, .. } = self;
        let Some(connection) = connections.get_mut(&id) else { return };
        match connection.accept_answer(answer, tracks) {
            Ok(true) => {
                let ready_at = (connection.link == LinkState::Up).then_some(now);
                let enabled: Vec<Mid> =
                    connection.outgoing.iter().filter(|(_, s)| s.enabled).map(|(m, _)| *m).collect();
                for mid in enabled {
                    self.attach(id, mid, ready_at);
                }
                self.described(id);
            }
            Ok(false) => tracing::debug!(?id, "an answer without an offer is ignored"),
            Err(fault) => self.refused(id, fault),
        }
    }

    /// Sends a data message to a client. If too many wait for that client already, its sender has to wait.
    fn send_data(&mut self, id: ConnectionId, sender: Option<ConnectionId>, message: DataMessage, now: Instant) {
        let Some(c) = self.connections.get_mut(&id).filter(|c| c.link != LinkState::Closed) else { return };
        let label = message.label;
        match c.channels.send(&mut c.rtc, message, now) {
            DataDelivery::Written => {}
            DataDelivery::Queued => {
                let is_long = c.channels.hold_senders(now);
                if let Some(sender) = sender.filter(|_| is_long).and_then(|s| self.connections.get_mut(&s)) {
                    sender.held.hold_for(id);
                }
            }
            DataDelivery::Dropped => {
                SfuCounters::add(&self.reporter.counters.data_dropped, 1);
                tracing::debug!(connection = ?id, label, "a data message is dropped");
            }
            DataDelivery::Overflow => return self.fail(id, &ConnectionFault::SlowReceiver),
        }
        self.mark_dirty(id);
    }

    /// After a description: the ICE credentials may be new, and str0m may have output.
    fn described(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.is_described = true;
        let ufrag = connection.rtc.direct_api().local_ice_credentials().ufrag;
        if ufrag != connection.ufrag {
            self.tcp.remove(&connection.ufrag);
            self.tcp.add(&ufrag);
            self.by_ufrag.remove(&connection.ufrag);
            self.by_ufrag.insert(ufrag.clone(), id);
            connection.ufrag = ufrag;
        }
        self.mark_dirty(id);
    }

    fn refused(&mut self, id: ConnectionId, fault: ConnectionFault) {
        match fault {
            ConnectionFault::Rtc(e) => {
                self.reporter.report(MediaEvent::NegotiationFailed { connection: id, message: e.to_string() });
                self.mark_dirty(id);
            }
            ConnectionFault::Panicked | ConnectionFault::SlowReceiver => {
                let message = "handling the description failed".to_owned();
                self.reporter.report(MediaEvent::NegotiationFailed { connection: id, message });
                self.fail(id, &fault);
            }
        }
    }

    fn publish(&mut self, id: ConnectionId, publish: Vec<Published>) {
        for Published { mid, track, kind, simulcast, codec } in publish {
            let mid = Mid::from(mid.as_str());
            let Some(connection) = self.connections.get_mut(&id) else { return };
            connection.incoming.insert(mid, track.clone());
            let entry = self.tracks.entry(track.clone()).or_insert_with(|| ForwardedTrack::new(kind));
            entry.kind = kind;
            entry.origin = Some(TrackOrigin { connection: id, mid, simulcast, codec });
            self.needs_keyframe.insert(track);
        }
        self.next_request = Some(Instant::now());
    }

    /// Starts forwarding the track of an m-line.
    fn attach(&mut self, id: ConnectionId, mid: Mid, ready_at: Option<Instant>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(binding) = connection.outgoing.get(&mid).cloned() else { return };
        connection.used.insert(mid);
        connection.configure_stream(mid, binding.kind);
        let preference = connection.preferences.get(&binding.track).copied().unwrap_or_default();
        let track = self.tracks.entry(binding.track.clone()).or_insert_with(|| ForwardedTrack::new(binding.kind));
        if track.subscribers.iter().any(|s| s.connection == id && s.mid == mid) {
            return;
        }
        let mut subscriber = Subscriber::new(id, mid, binding.kind);
        subscriber.ready_at = ready_at;
        (subscriber.limit, subscriber.paused) = (preference.layer, preference.paused);
        track.subscribers.push(subscriber);
        self.needs_keyframe.insert(binding.track);
        self.next_request = Some(ready_at.unwrap_or_else(Instant::now));
    }

    /// Stops forwarding the track of an m-line.
    fn detach(&mut self, id: ConnectionId, mid: Mid) {
        let binding = self.connections.get(&id).and_then(|c| c.outgoing.get(&mid));
        let Some(track) = binding.and_then(|s| self.tracks.get_mut(&s.track)) else { return };
        track.subscribers.retain(|s| !(s.connection == id && s.mid == mid));
        self.forget_idle_tracks();
    }

    fn unsubscribe(&mut self, id: ConnectionId, sid: &TrackSid) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.preferences.remove(sid);
        connection.outgoing.values_mut().filter(|s| s.track == *sid).for_each(|s| s.enabled = false);
        if let Some(track) = self.tracks.get_mut(sid) {
            track.subscribers.retain(|s| s.connection != id);
        }
        self.forget_idle_tracks();
    }

    fn unpublish(&mut self, sid: &TrackSid) {
        let Some(track) = self.tracks.remove(sid) else { return };
        self.needs_keyframe.remove(sid);
        for subscriber in &track.subscribers {
            let Some(c) = self.connections.get_mut(&subscriber.connection) else { continue };
            c.preferences.remove(sid);
            c.outgoing.values_mut().filter(|s| s.track == *sid).for_each(|s| s.enabled = false);
        }
        if let Some(c) = track.origin.and_then(|o| self.connections.get_mut(&o.connection)) {
            c.incoming.retain(|_, t| t != sid);
            c.sources.retain(|_, (t, _)| t != sid);
        }
    }

    fn prefer(&mut self, id: ConnectionId, sid: TrackSid, preference: LayerPreference, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.preferences.insert(sid.clone(), preference);
        let Some(track) = self.tracks.get_mut(&sid) else { return };
        for subscriber in track.subscribers.iter_mut().filter(|s| s.connection == id) {
            if preference.paused || subscriber.paused {
                subscriber.restart();
            }
            (subscriber.limit, subscriber.paused) = (preference.layer, preference.paused);
        }
        self.needs_keyframe.insert(sid);
        self.next_request = Some(now);
    }

    fn mute(&mut self, sid: &TrackSid, muted: bool, now: Instant) {
        let Some(track) = self.tracks.get_mut(sid).filter(|t| t.muted != muted) else { return };
        track.muted = muted;
        track.restart_all();
        if !muted {
            self.needs_keyframe.insert(sid.clone());
            self.next_request = Some(now);
        }
    }

    /// Starts forwarding to a connection that is up, from the next key frames on.
    pub(super) fn start_forwarding(&mut self, id: ConnectionId, now: Instant) {
        for (sid, track) in &mut self.tracks {
            let mut any = false;
            for subscriber in track.subscribers.iter_mut().filter(|s| s.connection == id) {
                subscriber.ready_at = Some(now);
                subscriber.restart();
                any = true;
            }
            if any && track.kind == MediaKind::Video {
                self.needs_keyframe.insert(sid.clone());
                self.next_request = Some(now);
            }
        }
    }

    /// Forgets tracks without publisher and subscribers.
    pub(super) fn forget_idle_tracks(&mut self) {
        self.tracks.retain(|_, t| t.origin.is_some() || !t.subscribers.is_empty());
    }
}
