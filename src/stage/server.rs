//! The server: applies the hub's outputs to the sockets and to a fake SFU.

use super::{Delivery, Stage};
use crate::hub::{self, AdminCall, ConnectionId, HubEvent, LinkId, MediaCommand, MediaEvent};
use crate::session::LinkInput;
use livekit_protocol as lk;
use lk::signal_response::Message as Response;
use std::time::Duration;

impl Stage {
    /// Gives the hub an input and applies its outputs. While the server is down it does nothing.
    pub(crate) fn tell_hub(&mut self, input: hub::Input) {
        let Some(hub) = &mut self.hub else { return };
        self.joining = match &input {
            hub::Input::Join { link, .. } => self.sockets.get(link).map(|w| (w.who, w.epoch)),
            _ => None,
        };
        let is_dismissal =
            matches!(&input, hub::Input::Admin { request, .. } if matches!(**request, AdminCall::DeleteRoom(_)));
        hub.handle(input, self.now);
        let outputs: Vec<hub::Output> = std::iter::from_fn(|| hub.poll()).collect();
        for output in outputs {
            if is_dismissal {
                Self::check_dismissal(&output);
            }
            self.apply_hub(output);
        }
    }

    pub(crate) fn apply_hub(&mut self, output: hub::Output) {
        match output {
            hub::Output::Signal { link, message } => self.say(link, *message),
            hub::Output::CloseLink { link } => {
                self.send_down(link, LinkInput::Lost);
                self.let_go(link, false, true);
            }
            hub::Output::Media(command) => self.media(command),
            hub::Output::Event(HubEvent::Banned(ban)) => self.banned(ban),
            hub::Output::RenewToken { link, holder } => self.renew_token(link, &holder),
            hub::Output::Answer { .. } | hub::Output::Event(_) | hub::Output::Notify(_) => {}
        }
    }

    fn say(&mut self, link: LinkId, message: Response) {
        let Some(socket) = self.sockets.get_mut(&link) else { return };
        let is_first = !std::mem::replace(&mut socket.is_answered, true);
        let (who, is_resume) = (socket.who, socket.is_resume);
        let single = self.people[who].single;
        let input = match message {
            Response::Join(response) => {
                self.check_admitted(who);
                LinkInput::Joined { response: Box::new(response), single }
            }
            Response::Reconnect(response) => LinkInput::Resumed(Box::new(response)),
            Response::Leave(leave) if is_first && is_resume => LinkInput::ResumeFailed(Some(Box::new(leave))),
            message => LinkInput::Message(Box::new(message)),
        };
        self.send_down(link, input);
    }

    fn whose(&self, connection: ConnectionId) -> Option<usize> {
        self.people.iter().position(|p| p.member == Some(connection.member))
    }

    fn media(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Open { connection, .. } => {
                if let Some((who, _)) = self.joining {
                    self.people[who].member = Some(connection.member);
                }
            }
            MediaCommand::Close { connection } => {
                if let Some(who) = self.whose(connection) {
                    self.people[who].member = None;
                }
            }
            MediaCommand::AcceptOffer { connection, offer_id, bind, .. } => {
                let answered = MediaEvent::Answered { connection, offer_id, sdp: "v=0".into() };
                self.later(Duration::ZERO, Delivery::Sfu(Box::new(hub::Input::Media(answered))));
                let Some(who) = self.whose(connection) else { return };
                self.comes_up(who, connection);
                for b in bind {
                    self.track_arrives(who, b.mid, b.what);
                }
            }
            MediaCommand::MakeOffer { connection, add, remove, .. } => self.make_offer(connection, add, &remove),
            MediaCommand::AcceptAnswer { connection, .. } => {
                if let Some(who) = self.whose(connection) {
                    self.comes_up(who, connection);
                }
            }
            MediaCommand::SendData { connection, payload, .. } => {
                if let Some(who) = self.whose(connection) {
                    self.forward_data(who, connection, payload);
                }
            }
            _ => {}
        }
    }

    /// Schedules the connection of ICE and DTLS, which takes three latencies.
    fn comes_up(&mut self, who: usize, connection: ConnectionId) {
        let (latency, epoch) = (self.people[who].net.latency, self.people[who].epoch);
        self.later(latency * 3, Delivery::MediaUp { who, epoch, connection });
    }

    /// v0: makes an offer of the server.
    fn make_offer(&mut self, connection: ConnectionId, add: Vec<hub::Subscribed>, remove: &[hub::Mid]) {
        let Some(who) = self.whose(connection) else { return };
        let person = &mut self.people[who];
        person.offered.retain(|mid, _| !remove.contains(mid));
        let mut arriving = Vec::new();
        for what in add {
            person.next_mid += 1;
            let mid = person.next_mid.to_string();
            person.offered.insert(mid.clone(), (what.track.clone(), what.kind));
            arriving.push((mid, what));
        }
        let sections = person.offered.iter().map(|(mid, (track, _))| (mid.clone(), track.clone())).collect();
        let offered = MediaEvent::Offered { connection, sdp: "v=0".into(), m_lines: sections };
        self.later(Duration::ZERO, Delivery::Sfu(Box::new(hub::Input::Media(offered))));
        for (mid, what) in arriving {
            self.track_arrives(who, mid, what);
        }
    }
}

/// Whether a message shows a participant leaving.
pub(crate) fn shows_a_departure(message: &Response) -> bool {
    let Response::Update(update) = message else { return false };
    update.participants.iter().any(|p| p.state() == lk::participant_info::State::Disconnected)
}
