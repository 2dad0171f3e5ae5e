//! Devices that are checked: opened, used, and closed whatever happens. Findings about those that do not open, fail while
//! they are used, or do not close.

use crate::base::{CheckName, DeviceProblemKind, Finding, StepState};
use crate::devices::{DeviceError, DeviceFailure, FailureSink, Opening, Released};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long a device may take to close.
pub(super) const CLOSE_LIMIT: Duration = crate::session::RELEASE_LIMIT;

/// The finding about a device that cannot be used. `device` is camera, microphone or speaker.
pub(super) fn unusable(check: CheckName, device: &str, id: &str, error: &DeviceError) -> Finding {
    let found = match error.kind() {
        DeviceProblemKind::NotFound => format!("There is no {device}, or it is not found: {id}."),
        DeviceProblemKind::Busy => format!("Another program uses the {device} {id}."),
        DeviceProblemKind::Forbidden => format!("Visavis is not allowed to use the {device} {id}."),
        DeviceProblemKind::Unplugged => format!("The {device} {id} went away while it was checked."),
        DeviceProblemKind::Unreadable => format!("The {device} {id} gives nothing that can be read."),
        DeviceProblemKind::Other => format!("The {device} {id} does not work."),
    };
    let problem = serde_json::to_value(error.kind()).unwrap_or_default();
    Finding::failed(check, found, advice(device, error))
        .fact("id", id)
        .fact("problem", problem)
        .fact("message", error.message())
}

fn advice(device: &str, error: &DeviceError) -> String {
    match error.kind() {
        DeviceProblemKind::NotFound => {
            format!("Plug one in, or choose another one: visavis devices lists each {device} with its id.")
        }
        DeviceProblemKind::Busy => {
            format!("Close the other program (a browser or another call, for example) that has the {device} open.")
        }
        DeviceProblemKind::Forbidden if cfg!(target_os = "linux") => format!(
            "Ask the person who looks after this computer for the right to use the {device}: membership of the group \
             “video” or “audio”."
        ),
        DeviceProblemKind::Forbidden => {
            format!("Allow Visavis to use the {device} in the privacy settings of the system.")
        }
        DeviceProblemKind::Unplugged => format!("Check the cable of the {device}, and plug it in again."),
        DeviceProblemKind::Unreadable => error.message().to_owned(),
        DeviceProblemKind::Other => {
            format!("Unplug the {device} and plug it in again, restart the computer, or choose another one.")
        }
    }
}

/// A failure sink, and where to read its failure. A device fails once at most.
pub(super) fn failures() -> (FailureSink, mpsc::Receiver<DeviceError>) {
    let (sender, receiver) = mpsc::channel(1);
    // A second failure of the same device tells nothing new.
    let sink = move |failure: DeviceFailure| {
        sender.try_send(failure.error).ok();
    };
    (Arc::new(sink), receiver)
}

/// What an opening gave. `None` after a stop: whatever had opened is closed again.
pub(super) async fn opened<L: Send + 'static>(
    mut opening: Opening<L>,
    stop: &CancellationToken,
) -> Option<Result<L, DeviceError>> {
    tokio::select! {
        opened = &mut opening => Some(opened),
        () = stop.cancelled() => {
            opening.cancel(CLOSE_LIMIT).await;
            None
        }
    }
}

/// What the use of an open device gave, or its failure. `None` after a stop. The device stays open: its lease is to be
/// released next.
pub(super) async fn used<T>(
    using: impl Future<Output = T>,
    failure: &mut mpsc::Receiver<DeviceError>,
    stop: &CancellationToken,
) -> Option<Result<T, DeviceError>> {
    tokio::select! {
        used = using => Some(Ok(used)),
        Some(error) = failure.recv() => Some(Err(error)),
        () = stop.cancelled() => None,
    }
}

/// Adds how a device was closed. One that did not close is a failure whatever else was found.
pub(super) fn closed(finding: Finding, device: &str, released: &Released) -> Finding {
    let state = serde_json::to_value(released.state).unwrap_or_default();
    let finding = finding.fact("closed", state).fact("closed_ms", released.took.as_millis() as u64);
    match released.state {
        StepState::Confirmed | StepState::NotApplicable => finding,
        StepState::Unconfirmed | StepState::Failed => {
            let detail = &released.detail;
            let advice = format!("Restart the computer, and look for a newer driver of the {device}.");
            let failed = Finding::failed(finding.check, format!("The {device} did not close: {detail}."), advice);
            Finding { facts: finding.facts, ..failed }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;

    #[test]
    fn a_busy_camera_is_named_with_what_to_do() {
        let error = DeviceError::Busy("Device or resource busy".into());
        let finding = unusable(CheckName::Camera, "camera", "/dev/video0", &error);
        assert_eq!(finding.verdict, Verdict::Failed);
        assert_eq!(finding.found, "Another program uses the camera /dev/video0.");
        assert!(finding.advice.expect("advice").starts_with("Close the other program"));
        assert_eq!(finding.facts["problem"], "busy");
    }

    #[test]
    fn a_device_that_does_not_close_is_a_failure() {
        let well = Finding::ok(CheckName::Camera, "It delivers.").fact("fps", 30);
        let confirmed = Released { state: StepState::Confirmed, took: Duration::from_millis(7), detail: String::new() };
        assert_eq!(closed(well.clone(), "camera", &confirmed).verdict, Verdict::Ok);
        let stuck = Released { state: StepState::Unconfirmed, detail: "the driver hangs".into(), ..confirmed };
        let finding = closed(well, "camera", &stuck);
        assert_eq!(finding.verdict, Verdict::Failed);
        assert_eq!(finding.found, "The camera did not close: the driver hangs.");
        assert_eq!((&finding.facts["fps"], &finding.facts["closed"]), (&30.into(), &"unconfirmed".into()));
    }
}
