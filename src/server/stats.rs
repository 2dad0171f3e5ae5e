//! Counts of an engine at one moment, for `/metrics` and `/healthz`.

use super::webhooks::WebhookCounts;
use crate::sfu::SfuStatistics;

/// The counts of either engine.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EngineStats {
    pub(super) rooms: usize,
    pub(super) participants: usize,
    /// Only of the embedded engine.
    pub(super) gauges: Option<HubGauges>,
}

/// The counts of the hub and the forwarding plane in this process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HubGauges {
    pub(super) tracks: usize,
    pub(super) media: SfuStatistics,
    pub(super) webhooks: WebhookCounts,
}
