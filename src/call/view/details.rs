//! The details of a call for support: what happened, and what was measured.

use crate::base::{Statistics, TimelineEntry};
use std::sync::Arc;

/// The last minutes of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallDetails {
    /// Another number means that something was added.
    pub(crate) revision: u64,
    /// What happened, oldest first.
    pub(crate) timeline: Vec<Arc<TimelineEntry>>,
    /// What was measured, every 2 s while connected, oldest first.
    pub(crate) samples: Vec<Arc<StatisticsSample>>,
}

/// The statistics of one time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StatisticsSample {
    /// Unix time in ms.
    pub(crate) at: f64,
    /// What was measured since the sample before.
    pub(crate) statistics: Statistics,
}
