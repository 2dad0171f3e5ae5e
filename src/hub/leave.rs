//! How members leave: on their own, removed by a host, superseded by a new session, or lost.

use super::join::REPLACES_BY_IDENTITY;
use super::leave_log::LeaveRecord;
use super::member::{Member, RoomNo};
use super::presence::PresenceStatus;
use super::{Ban, Hub, HubEvent, LinkId, MediaCommand, MemberId, Output, Timer};
use crate::base::UserId;
use livekit_protocol as lk;
use lk::DisconnectReason as Why;
use lk::leave_request::Action;
use lk::participant_info::State;
use lk::signal_response::Message;

/// The members that are sent a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    Everybody,
    /// Only clients older than [`REPLACES_BY_IDENTITY`].
    OldClients,
}

impl Hub {
    /// A link ended without `leave`: its owner may resume until the resume window ends.
    pub(super) fn link_gone(&mut self, link: LinkId) {
        let Some(id) = self.links.remove(&link) else { return };
        let Some(member) = self.members.get_mut(&id) else { return };
        member.link = None;
        member.presence.link_lost(self.now);
        let (user, session, room) = (member.user.clone(), member.base.sid.clone(), member.room);
        let until = member.presence.resumable_until(&self.config).unwrap_or(self.now);
        self.emit(HubEvent::LinkLost { room: self.room_name(room), user, session, until });
        self.check_presence(id);
    }

    /// Acts on a member's presence, and sets the timer for the next check.
    pub(super) fn check_presence(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        match member.presence.status(&self.config, self.now) {
            PresenceStatus::Present(Some(at)) => self.timers.set(Timer::Presence(id), at),
            PresenceStatus::Present(None) => self.timers.stop(Timer::Presence(id)),
            // A client that still reads this is there after all, and joins again.
            PresenceStatus::Gone | PresenceStatus::MediaDead => {
                self.remove_member(id, Action::Reconnect, Why::ConnectionTimeout);
            }
            PresenceStatus::LinkDead => {
                if let Some(link) = member.link {
                    self.out.push_back(Output::CloseLink { link });
                    self.link_gone(link);
                }
            }
        }
    }

    /// The client sent `leave`.
    pub(super) fn client_leaves(&mut self, id: MemberId) {
        self.remove_member(id, Action::Disconnect, Why::ClientInitiated);
    }

    /// Ends a stay by the server's decision; the client does not come back by itself.
    pub(super) fn kick(&mut self, id: MemberId, why: Why) {
        self.remove_member(id, Action::Disconnect, why);
    }

    /// Ends a stay whose state differs from the client's; the client joins again.
    pub(super) fn require_rejoin(&mut self, id: MemberId) {
        self.remove_member(id, Action::Reconnect, Why::StateMismatch);
    }

    /// Ends a stay because the same identity joins again. The room stays open for it. The others see the new stay in place of
    /// the old one; if they do not see it, because it waits or is hidden, they are told that the user is gone.
    pub(super) fn supersede(&mut self, id: MemberId, is_seen: bool) {
        self.send_leave(id, Action::Disconnect, Why::DuplicateIdentity);
        if let Some(member) = self.detach_member(id) {
            let audience = if is_seen { Audience::OldClients } else { Audience::Everybody };
            self.broadcast_departure(&member, Why::DuplicateIdentity, audience);
            self.release_member(member, Why::DuplicateIdentity);
        }
    }

    /// Removes a user and bans the tokens it has. Returns whether the user was in the room or about to return to it.
    /// `not_before` is the request's `revoke_token_ts` (Unix seconds, 0 if absent): tokens made before it are banned
    /// too.
    pub(super) fn remove_user(&mut self, room: &str, user: &UserId, not_before: i64) -> bool {
        let no = self.names.get(room).copied();
        let member = no.and_then(|no| {
            self.members_in(no).into_iter().find(|id| self.members.get(id).is_some_and(|m| m.user == *user))
        });
        if member.is_none() && !self.leave_log.returning(room, self.now).contains(user) {
            return false;
        }
        // The clock of the token's maker may be ahead of ours.
        let issued_at = member.and_then(|id| self.members.get(&id)).map_or(0, |m| m.issued_at);
        self.ban(room, user.clone(), issued_at.max(not_before.saturating_sub(1)), false);
        if let Some(id) = member {
            self.kick(id, Why::ParticipantRemoved);
        }
        true
    }

    /// Ends a room, and bans its members and those about to return. Returns whether there was anybody or a room.
    ///
    /// All `leave` messages are queued before anything else, and no member is told of the others' leaving.
    pub(super) fn dismiss(&mut self, room: &str) -> bool {
        let returning = self.leave_log.returning(room, self.now);
        let Some(no) = self.names.get(room).copied() else {
            for user in &returning {
                self.ban(room, user.clone(), 0, true);
            }
            return !returning.is_empty();
        };
        let ids = self.members_in(no);
        for id in &ids {
            self.send_leave(*id, Action::Disconnect, Why::RoomDeleted);
        }
        let gone: Vec<Member> = ids.into_iter().filter_map(|id| self.detach_member(id)).collect();
        let tokens = gone.iter().map(|m| (m.user.clone(), m.issued_at));
        for (user, issued_at) in tokens.chain(returning.into_iter().map(|user| (user, 0))) {
            self.ban(room, user, issued_at, true);
        }
        for member in gone {
            self.release_member(member, Why::RoomDeleted);
        }
        self.close_room(no);
        true
    }

    /// The server stops: every member gets `leave` and nothing else.
    pub(super) fn shut_down(&mut self) {
        self.is_stopping = true;
        let ids: Vec<MemberId> = self.members.keys().copied().collect();
        for id in &ids {
            self.send_leave(*id, Action::Disconnect, Why::ServerShutdown);
        }
        let gone: Vec<Member> = ids.into_iter().filter_map(|id| self.detach_member(id)).collect();
        for member in gone {
            self.release_member(member, Why::ServerShutdown);
        }
        let rooms: Vec<RoomNo> = self.rooms.keys().copied().collect();
        for room in rooms {
            self.close_room(room);
        }
    }

    /// Bans tokens made until now, or until `at_least` if that is later.
    fn ban(&mut self, room: &str, user: UserId, at_least: i64, dismissed: bool) {
        let removed_at = self.unix_s().max(at_least);
        self.bans.remove_expired(self.unix_s());
        let ban = Ban { room: room.to_owned(), user, removed_at, dismissed };
        self.bans.add(ban.clone());
        self.emit(HubEvent::Banned(ban));
    }

    fn remove_member(&mut self, id: MemberId, action: Action, why: Why) {
        self.send_leave(id, action, why);
        let Some(member) = self.detach_member(id) else { return };
        let room = member.room;
        self.broadcast_departure(&member, why, Audience::Everybody);
        self.release_member(member, why);
        self.close_if_empty(room, false);
    }

    /// Sends `leave` and closes the link; nothing is sent on it afterwards.
    pub(super) fn send_leave(&mut self, id: MemberId, action: Action, why: Why) {
        let Some(link) = self.members.get_mut(&id).and_then(|m| m.link.take()) else { return };
        self.links.remove(&link);
        self.leave_and_close(link, action, why);
    }

    /// Takes a member out of all tables. The caller ends with [`Hub::release_member`].
    pub(super) fn detach_member(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        if let Some(link) = member.link {
            self.links.remove(&link);
            self.out.push_back(Output::CloseLink { link });
        }
        for timer in [Timer::Presence(id), Timer::Entry(id), Timer::Negotiation(id), Timer::Dynacast(id)] {
            self.timers.stop(timer);
        }
        if let Some(room) = self.rooms.get_mut(&member.room) {
            room.members.remove(&id);
            room.speakers.remove(id);
        }
        for track in &member.tracks {
            self.owners.remove(&track.sid);
        }
        Some(member)
    }

    fn broadcast_departure(&mut self, member: &Member, why: Why, audience: Audience) {
        let Some(info) = departure_info(member, why) else { return };
        let update = Message::Update(lk::ParticipantUpdate { participants: vec![info] });
        for id in self.present_in(member.room) {
            let is_old = self.members.get(&id).is_some_and(|m| m.protocol < REPLACES_BY_IDENTITY);
            if is_old || audience == Audience::Everybody {
                self.send(id, update.clone());
            }
        }
    }

    /// Ends a detached member's tracks and subscriptions, closes its connections, and records why it left.
    pub(super) fn release_member(&mut self, member: Member, why: Why) {
        let mut subscribers = Vec::new();
        for track in &member.tracks {
            subscribers.extend(&track.subscribers);
            self.unpublish(track);
            self.notify_unpublished(&member, track);
        }
        for (track, subscription) in &member.subscriptions {
            if let Some(track) = self.members.get_mut(&subscription.owner).and_then(|o| o.track_mut(track)) {
                track.subscribers.remove(&member.id);
            }
            self.dynacast(subscription.owner, track);
        }
        for connection in member.connections() {
            self.command(MediaCommand::Close { connection });
        }
        subscribers.sort();
        subscribers.dedup();
        for subscriber in subscribers {
            self.negotiate(subscriber);
        }
        self.notify_left(&member, why);
        let (room, no) = (self.room_name(member.room), member.room);
        self.counts_changed(no);
        let shown = departure_info(&member, why).map(Box::new);
        let (sid, user, waited) = (member.base.sid, member.user, member.waiting.is_some());
        let event = HubEvent::MemberLeft { room: room.clone(), user: user.clone(), session: sid.clone(), reason: why };
        self.emit(event);
        self.leave_log.add(LeaveRecord { sid, room, no, shown, user, reason: why, waited, at: self.now });
    }
}

/// The state that the others are sent of a member that left; `None` for a hidden one.
fn departure_info(member: &Member, why: Why) -> Option<lk::ParticipantInfo> {
    (!member.permission.hidden).then(|| departed(member, why))
}

/// The state of a member that left.
pub(super) fn departed(member: &Member, why: Why) -> lk::ParticipantInfo {
    lk::ParticipantInfo {
        state: State::Disconnected as i32,
        disconnect_reason: why as i32,
        version: member.base.version + 1,
        permission: Some(member.permission.clone()),
        ..member.base.clone()
    }
}
