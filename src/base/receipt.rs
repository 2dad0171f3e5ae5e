//! The exit receipt: which step of an exit ended when, and whether that was confirmed.

use serde::Serialize;

/// The steps of an exit, in the order in which a receipt lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// The camera is closed and its capture process has ended.
    CameraReleased,
    /// The microphone's stream is closed.
    MicrophoneReleased,
    /// Screen capture has ended.
    ScreenReleased,
    /// The server acknowledged our goodbye.
    OthersTold,
    /// Peer connections and the signalling socket are closed.
    ConnectionsClosed,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Done, and confirmed.
    Confirmed,
    /// Requested, but not confirmed within the step's limit.
    Unconfirmed,
    /// Nothing to do: for example no camera was open, or the server ended the call.
    NotApplicable,
    /// Failed; the detail says how.
    Failed,
}

/// One line of a receipt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReceiptStep {
    /// The step.
    pub step: StepName,
    /// How it ended.
    pub state: StepState,
    /// Milliseconds from the beginning of the exit to the end of this step.
    pub ms: f64,
    /// A note for people; often empty.
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

    /// Whether no step is unconfirmed or failed.
    pub fn is_clean(&self) -> bool {
        self.steps.iter().all(|s| matches!(s.state, StepState::Confirmed | StepState::NotApplicable))
    }
}
