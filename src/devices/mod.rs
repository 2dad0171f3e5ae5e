//! Camera, microphone, speaker as leases: opened, used, released with a report.
