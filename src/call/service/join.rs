//! Joining: from a command of the window to a running call, or to an end screen that says why not.

use super::HostedServer;
use super::snapshot::notice_of;
use super::task::{CallState, ServiceTask};
use crate::base::{ConnectionQuality, Event, ExitReason, Receipt, SessionId, SimulcastLayer};
use crate::call::connection::ConnectPlan;
use crate::call::credentials::{JoinCredentials, TokenSource, user_id};
use crate::call::devices::DeviceOwner;
use crate::call::driver::{Call, CallConfig, EventSink, STALE_PEER_LIMIT};
use crate::call::view::{CallPhase, CallSummary, CallView, ChatView, JoinParams};
use crate::clock::unix_ms;
use crate::devices::camera_format;
use crate::proto::room_settings::RoomSettings;
use crate::session::SessionConfig;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long after the join the people who are found in the room are not announced one by one.
const QUIET_START: Duration = Duration::from_millis(1500);

impl ServiceTask {
    pub(super) fn join(&mut self, params: JoinParams) {
        if self.in_call() || matches!(self.call, Some(CallState::Starting(_))) {
            tracing::warn!("a second join was refused: ExitRoom has not come yet");
            return;
        }
        if let Some(url) = params.server.clone() {
            // Our own server's key is of no use at another server.
            let tokens = match params.invitation.clone() {
                Some(invitation) => TokenSource::Invited(invitation),
                None => self.config.tokens.clone(),
            };
            return self.enter(params, url, tokens);
        }
        let Some(start) = self.config.server.clone() else {
            let message = "This build of Visavis has no room server. Write a server's address.".to_owned();
            let view = self.ended_view(params, ExitReason::EntryFailed, message);
            self.call = Some(CallState::Over(Box::new(view)));
            return;
        };
        self.call = Some(CallState::Starting(params));
        let server_tx = self.server_tx.clone();
        tokio::spawn(async move { server_tx.send(start().await).await });
    }

    /// Enters the room for which a server was started; nothing if the user has left meanwhile.
    pub(super) fn server_started(&mut self, server: Result<HostedServer, String>) {
        match (self.call.take(), server) {
            (Some(CallState::Starting(params)), Ok(server)) => {
                self.enter(params, server.url, TokenSource::Signed(server.key));
            }
            (Some(CallState::Starting(params)), Err(message)) => {
                let view = self.ended_view(params, ExitReason::EntryFailed, message);
                self.call = Some(CallState::Over(Box::new(view)));
            }
            (other, _) => self.call = other,
        }
    }

    fn enter(&mut self, params: JoinParams, url: String, tokens: TokenSource) {
        self.sessions += 1;
        let user = tokens.user().unwrap_or_else(|| user_id(&params.name));
        let credentials = JoinCredentials { server: url, tokens, room: params.room, user, name: params.name };
        let format = camera_format(self.preview.choice().camera.as_deref());
        let layers = SimulcastLayer::for_camera(format.width, format.height);
        let config = CallConfig {
            session: SessionId(self.sessions),
            owner: DeviceOwner(self.sessions as u32),
            devices: SessionConfig {
                screen: self.config.screen.take(),
                watched: self.watched.clone(),
                ..self.preview.session(layers.clone())
            },
            plan: ConnectPlan { credentials, layers, transport: self.config.transport },
            events: self.event_sink(),
            observer: None,
            decoded_is_shown: false,
        };
        let (call, reports) = Call::start(config, &mut self.devices);
        self.preview.hand_over(&mut self.devices);
        let quiet_until = Instant::now() + QUIET_START;
        self.call = Some(CallState::Running { call: Box::new(call), reports, quiet_until });
    }

    /// Passes events on to the owner of the service, and makes notices of some.
    fn event_sink(&self) -> EventSink {
        let (events, mailbox) = (self.config.events.clone(), self.mailbox.clone());
        Arc::new(move |event: &Event| {
            events(event);
            if let Some(notice) = notice_of(&event.kind) {
                mailbox.notice(notice);
            }
        })
    }

    /// The view of a call that ended before its session began.
    pub(super) fn ended_view(&self, params: JoinParams, reason: ExitReason, message: String) -> CallView {
        let summary = CallSummary {
            reason,
            receipt: Receipt::default(),
            total_ms: 0.0,
            unix_ms: unix_ms(),
            told: Vec::new(),
            message,
        };
        CallView {
            session: SessionId(self.sessions),
            room: params.room,
            user: user_id(&params.name),
            name: params.name,
            server: params.server.unwrap_or_default(),
            invitation: params.invitation,
            host: false,
            settings: RoomSettings::default(),
            waiting: false,
            guests: Vec::new(),
            phase: CallPhase::Ended(summary),
            people: Vec::new(),
            chat: ChatView::default(),
            hand: None,
            quality: ConnectionQuality::Unknown,
            speaking: false,
            stale_peer_limit: STALE_PEER_LIMIT,
        }
    }
}
