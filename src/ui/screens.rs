//! The state machine that chooses the screen from snapshots and a clock, without egui. It holds the rules of the exit:
//! nothing flashes, and a dialog appears only after the devices are released.

use crate::base::{ExitReason, SessionId};
use crate::call::view::{CallPhase, CallSummary, CallView};
use crate::ui::tile_layout::RemoteTile;
use crate::ui::tokens::time;

/// The screen that fills the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// Before a call.
    Lobby,
    /// The lobby while joining, or while joining is stopped.
    Joining,
    /// Before a call, until a host lets us in.
    Waiting,
    /// In a call, connected or reconnecting.
    Call,
    /// While a call ends.
    Leaving {
        /// Whether the steps are listed; only when the exit takes long.
        steps: bool,
    },
    /// The receipt of a call that we left.
    End,
    /// A dialog about a call that ended for another reason, over the call's empty tiles.
    Over(ExitReason),
}

impl Screen {
    /// Its name in `ScreenShown` events.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lobby => "lobby",
            Self::Joining => "joining",
            Self::Waiting => "waiting",
            Self::Call => "call",
            Self::Leaving { .. } => "leaving",
            Self::End | Self::Over(ExitReason::Left) => "end",
            Self::Over(ExitReason::Kicked) => "kicked",
            Self::Over(ExitReason::Dismissed) => "dismissed",
            Self::Over(ExitReason::JoinedElsewhere) => "joined_elsewhere",
            Self::Over(ExitReason::ServerStopped) => "server_stopped",
            Self::Over(ExitReason::ConnectionLost) => "connection_lost",
            Self::Over(ExitReason::EntryFailed) => "entry_failed",
        }
    }
}

/// The times that the window remembers of one session. They are in seconds of the window's clock.
#[derive(Debug, Default)]
pub(super) struct Screens {
    session: Option<SessionId>,
    /// When the room was entered; `None` before.
    entered: Option<f64>,
    /// When the connection was lost, while it is.
    lost: Option<f64>,
    /// When the exit began.
    leaving: Option<f64>,
    /// Leave was pressed and the snapshot does not say so yet.
    pressed: bool,
    /// When the list of steps appeared.
    steps: Option<f64>,
    ended: Option<f64>,
    /// Seconds in the call and people in it, with us, before it began to end.
    pub(super) stay: (f64, usize),
    /// Tiles of others before it began to end.
    pub(super) remote_tiles: usize,
    /// Whether the user chose to wait for a slow server.
    pub(super) keep_waiting: bool,
}

impl Screens {
    /// Takes the newest snapshot's call in.
    pub(super) fn observe(&mut self, call: Option<&CallView>, now: f64) {
        if call.map(|c| c.session) != self.session {
            *self = Self { session: call.map(|c| c.session), ..Self::default() };
        }
        let Some(call) = call else { return };
        let since = |old: Option<f64>, elapsed: std::time::Duration| {
            let start = now - elapsed.as_secs_f64();
            Some(old.map_or(start, |old| old.min(start)))
        };
        if !matches!(call.phase, CallPhase::Reconnecting { .. }) {
            self.lost = None;
        }
        match &call.phase {
            CallPhase::Entering => {}
            CallPhase::InCall { .. } | CallPhase::Reconnecting { .. } if call.waiting => {
                // The time in the call begins when we are let in.
                self.entered = Some(now);
                self.stay = (0.0, 1);
            }
            CallPhase::InCall { elapsed } => {
                self.entered = since(self.entered, *elapsed);
                self.remember(call, now);
            }
            CallPhase::Reconnecting { elapsed, .. } => {
                self.entered.get_or_insert(now);
                self.lost = since(self.lost, *elapsed);
                self.remember(call, now);
            }
            CallPhase::Leaving(leaving) => {
                self.pressed = false;
                self.leaving = since(self.leaving, leaving.elapsed);
            }
            CallPhase::Ended(_) => {
                self.pressed = false;
                self.ended.get_or_insert(now);
            }
        }
        let slow = self.leaving.is_some_and(|t| now - t >= time::STEPS_AFTER) && self.ended.is_none();
        if slow && self.steps.is_none() {
            self.steps = Some(now);
        }
    }

    fn remember(&mut self, call: &CallView, now: f64) {
        self.stay = (now - self.entered.unwrap_or(now), call.people.len() + 1);
        self.remote_tiles = RemoteTile::all(&call.people).len();
    }

    /// Leave was pressed: it shows from this frame on, before the snapshot has it.
    pub(super) fn press_leave(&mut self) {
        self.pressed = true;
    }

    /// Whether the room was entered.
    pub(super) fn was_entered(&self) -> bool {
        self.entered.is_some()
    }

    /// The screen for `call`.
    pub(super) fn screen(&self, call: Option<&CallView>, now: f64) -> Screen {
        let Some(call) = call else { return Screen::Lobby };
        let steps = self.steps.is_some();
        match &call.phase {
            CallPhase::Entering => Screen::Joining,
            CallPhase::InCall { .. } | CallPhase::Reconnecting { .. } if self.pressed => {
                Screen::Leaving { steps: false }
            }
            CallPhase::InCall { .. } | CallPhase::Reconnecting { .. } if call.waiting => Screen::Waiting,
            CallPhase::InCall { .. } | CallPhase::Reconnecting { .. } => Screen::Call,
            CallPhase::Leaving(_) if self.entered.is_none() => Screen::Joining,
            CallPhase::Leaving(_) => Screen::Leaving { steps },
            CallPhase::Ended(_) if self.steps.is_some_and(|t| now - t < time::STEPS_STAY) => Screen::Leaving { steps },
            CallPhase::Ended(ending) => self.end_screen(ending),
        }
    }

    fn end_screen(&self, ending: &CallSummary) -> Screen {
        match ending.reason {
            // A room that was not entered has no receipt.
            ExitReason::EntryFailed => Screen::Lobby,
            ExitReason::Left if self.entered.is_none() => Screen::Lobby,
            ExitReason::Left => Screen::End,
            reason => Screen::Over(reason),
        }
    }

    /// Seconds in the call.
    pub(super) fn in_call(&self, now: f64) -> f64 {
        self.entered.map_or(0.0, |t| (now - t).max(0.0))
    }

    /// Seconds since the connection was lost.
    pub(super) fn lost_for(&self, now: f64) -> f64 {
        self.lost.map_or(0.0, |t| (now - t).max(0.0))
    }

    /// Seconds since the exit began.
    pub(super) fn leaving_for(&self, now: f64) -> f64 {
        self.leaving.map_or(0.0, |t| (now - t).max(0.0))
    }

    /// How many rows of the receipt are ticked: one after the other, or all at once after the list of steps.
    pub(super) fn receipt_rows(&self, now: f64) -> usize {
        if self.steps.is_some() {
            return usize::MAX;
        }
        self.ended.map_or(0, |t| ((now - t) / time::RECEIPT_ROW) as usize)
    }

    /// In how many seconds the screen, a counter or a row changes by itself.
    pub(super) fn next_change(&self, now: f64) -> Option<f64> {
        let second = |t: f64| 1.0 - (now - t).max(0.0).fract();
        let next = match (self.ended, self.leaving) {
            (Some(ended), _) => {
                let held = self.steps.map(|t| t + time::STEPS_STAY).filter(|t| *t > now);
                let rows = ended + 5.0 * time::RECEIPT_ROW;
                held.map(|t| t - now).or((self.steps.is_none() && now < rows).then_some(time::RECEIPT_ROW))
            }
            (None, Some(leaving)) => [time::STEPS_AFTER, time::SLOW_AFTER]
                .into_iter()
                .map(|after| leaving + after - now)
                .find(|left| *left > 0.0),
            (None, None) => self.lost.or(self.entered).map(second),
        };
        next.map(|seconds| seconds.max(0.005))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::view::ExitProgress;
    use crate::ui::testing::{call, ending};
    use std::time::Duration;

    fn leaving(ms: u64) -> CallPhase {
        let elapsed = Duration::from_millis(ms);
        CallPhase::Leaving(ExitProgress { reason: ExitReason::Left, elapsed, done: vec![], running: vec![] })
    }

    fn in_call(ms: u64) -> CallPhase {
        CallPhase::InCall { elapsed: Duration::from_millis(ms) }
    }

    /// The screen after each phase, at its time.
    fn run(phases: &[(f64, CallPhase)]) -> Vec<Screen> {
        let mut state = Screens::default();
        let step = |(now, phase): &(f64, CallPhase)| {
            let call = call(phase.clone());
            state.observe(Some(&call), *now);
            state.screen(Some(&call), *now)
        };
        phases.iter().map(step).collect()
    }

    #[test]
    fn a_quick_exit_shows_no_step_list() {
        let screens = run(&[
            (0.0, in_call(0)),
            (1.0, leaving(0)),
            (1.1, leaving(100)),
            (1.14, CallPhase::Ended(ending(ExitReason::Left))),
        ]);
        let quiet = Screen::Leaving { steps: false };
        assert_eq!(screens, [Screen::Call, quiet, quiet, Screen::End]);
    }

    #[test]
    fn a_step_list_stays_half_a_second() {
        let ended = CallPhase::Ended(ending(ExitReason::Left));
        let screens =
            run(&[(0.0, in_call(0)), (1.0, leaving(0)), (1.2, leaving(200)), (1.3, ended.clone()), (1.8, ended)]);
        let list = Screen::Leaving { steps: true };
        assert_eq!(screens[2..], [list, list, Screen::End]);
    }

    #[test]
    fn a_room_that_was_not_entered_has_no_receipt() {
        let failed = CallPhase::Ended(ending(ExitReason::EntryFailed));
        assert_eq!(run(&[(0.0, CallPhase::Entering), (0.5, failed)]), [Screen::Joining, Screen::Lobby]);
        let stopped = CallPhase::Ended(ending(ExitReason::Left));
        assert_eq!(
            run(&[(0.0, CallPhase::Entering), (0.1, leaving(0)), (0.2, stopped)]),
            [Screen::Joining, Screen::Joining, Screen::Lobby]
        );
    }

    #[test]
    fn an_end_by_others_shows_its_reason() {
        for reason in [ExitReason::Kicked, ExitReason::Dismissed, ExitReason::ServerStopped] {
            let screens = run(&[(0.0, in_call(0)), (1.0, CallPhase::Ended(ending(reason)))]);
            assert_eq!(screens[1], Screen::Over(reason));
        }
    }

    #[test]
    fn the_timer_never_runs_backwards() {
        let mut screens = Screens::default();
        screens.observe(Some(&call(in_call(5000))), 10.0);
        assert!((screens.in_call(12.0) - 7.0).abs() < 1e-9);
        screens.observe(Some(&call(in_call(5000))), 12.0);
        assert!((screens.in_call(12.0) - 7.0).abs() < 1e-9, "a snapshot with an old time");
        assert!(screens.next_change(12.3).is_some_and(|s| (s - 0.7).abs() < 1e-6));
    }

    #[test]
    fn the_button_says_leaving_from_the_first_frame() {
        let mut screens = Screens::default();
        let call = call(in_call(0));
        screens.observe(Some(&call), 0.0);
        screens.press_leave();
        assert_eq!(screens.screen(Some(&call), 0.0), Screen::Leaving { steps: false });
    }
}
