//! The exit receipt: what was let go, when, and whether that was confirmed.

use serde::Serialize;

/// The steps of an exit, in the order in which a receipt lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// The camera's handle is closed and its capture process gone.
    CameraReleased,
    /// The microphone's stream is gone.
    MicrophoneReleased,
    /// Screen capture has ended.
    ScreenReleased,
    /// The server acknowledged our goodbye.
    OthersTold,
    /// Peer connections and the signalling socket are closed.
    ConnectionsClosed,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It happened and was seen to happen.
    Confirmed,
    /// It was asked for; nobody answered within the step's limit.
    Unconfirmed,
    /// There was nothing to do: no camera was open, or the server ended the call itself.
    NotApplicable,
    /// It went wrong; the detail says how.
    Failed,
}

/// One line of a receipt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReceiptStep {
    /// Which step.
    pub step: StepName,
    /// What became of it.
    pub state: StepState,
    /// Milliseconds from the request to leave until this step ended.
    pub ms: f64,
    /// What a person should know beside that; often empty.
    pub detail: String,
}

/// The receipt of one exit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Receipt {
    /// All five steps in order.
    pub steps: Vec<ReceiptStep>,
}

impl Receipt {
    /// The line of `step`.
    pub fn step(&self, step: StepName) -> Option<&ReceiptStep> {
        self.steps.iter().find(|s| s.step == step)
    }

    /// Whether nothing is left unconfirmed or failed.
    pub fn is_clean(&self) -> bool {
        self.steps.iter().all(|s| matches!(s.state, StepState::Confirmed | StepState::NotApplicable))
    }
}
