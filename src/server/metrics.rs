//! `/metrics` for Prometheus, and `/healthz` for monitoring.
//!
//! Both need no token: they contain counts only.

use super::app::AppState;
use super::connection_limit::ConnectionCounts;
use super::stats::{EngineStats, HubGauges};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// How long the engine may take to answer `/healthz`.
const HEALTH_LIMIT: Duration = Duration::from_secs(2);
/// The content type of `/metrics`.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers `GET /healthz`: whether the engine answers.
pub(super) async fn health(State(app): State<AppState>) -> Response {
    match tokio::time::timeout(HEALTH_LIMIT, app.engine.stats()).await {
        Ok(Ok(_)) => "OK".into_response(),
        Ok(Err(unavailable)) => (StatusCode::SERVICE_UNAVAILABLE, unavailable.to_string()).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "The server does not answer itself.").into_response(),
    }
}

/// Answers `GET /metrics`.
pub(super) async fn metrics(State(app): State<AppState>) -> Response {
    let Ok(stats) = app.engine.stats().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let mut text = String::new();
    match encode(&mut text, &registry(&stats, app.limit.counts())) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn registry(stats: &EngineStats, connections: ConnectionCounts) -> Registry {
    let mut registry = Registry::with_prefix("visavis");
    let mut gauge = |name, help, value: usize| {
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    };
    gauge("rooms", "Rooms that are open", stats.rooms);
    gauge("participants", "People in all rooms", stats.participants);
    gauge("http_connections", "HTTP connections that are open, without WebSockets", connections.open);
    let mut counter = |name, help, value: u64| registry.register(name, help, ConstCounter::new(value));
    counter("http_refused", "Connections and requests over the limit of their address", connections.refused);
    counter("http_timed_out", "Connections closed because no whole request came in time", connections.slow);
    let mut gauge = |name, help, value: usize| {
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    };
    let Some(HubGauges { tracks, media, webhooks }) = &stats.gauges else { return registry };
    gauge("tracks", "Tracks that are published", *tracks);
    gauge(
        "webhooks_queued",
        "Webhooks that wait to be delivered",
        usize::try_from(webhooks.queued).unwrap_or(usize::MAX),
    );
    gauge(
        "media_connections",
        "Peer connections that are open",
        usize::try_from(media.connections).unwrap_or(usize::MAX),
    );
    gauge(
        "media_tcp_connections",
        "TCP connections that carry media",
        usize::try_from(media.tcp_connections).unwrap_or(usize::MAX),
    );
    let mut counter = |name, help, value: u64| registry.register(name, help, ConstCounter::new(value));
    counter("media_packets_received", "Datagrams received, of all kinds", media.packets_in);
    counter("media_bytes_received", "Bytes of datagrams received", media.bytes_in);
    counter("media_packets_sent", "Datagrams sent, of all kinds", media.packets_out);
    counter("media_bytes_sent", "Bytes of datagrams sent", media.bytes_out);
    counter("media_packets_forwarded", "Media packets handed to subscribers, once for each", media.forwarded);
    counter("media_send_failures", "Datagrams that the system would not take", media.send_failures);
    counter("media_key_frame_requests", "Key frames asked for", media.key_frame_requests);
    counter("media_events_dropped", "Levels and link qualities that nobody took in time", media.events_dropped);
    counter("media_data_dropped", "Data messages dropped because a queue was full", media.data_dropped);
    counter("media_tcp_refused", "TCP connections that were not those of participants", media.tcp_refused);
    counter(
        "media_tcp_video_dropped",
        "Video packets for which a TCP connection was too slow",
        media.tcp_video_dropped,
    );
    counter(
        "media_tcp_audio_dropped",
        "Audio packets for which a TCP connection was too slow",
        media.tcp_audio_dropped,
    );
    counter("media_faults", "Connections closed because of a fault in handling them", media.faults);
    counter("webhooks_delivered", "Webhooks that were taken", webhooks.delivered);
    counter("webhooks_failed", "Webhooks that were refused, or not taken within an hour", webhooks.failed);
    counter("webhooks_dropped", "Webhooks that were not queued because too many waited", webhooks.dropped);
    registry
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const DASHBOARD: &str = include_str!("../../packaging/monitoring/grafana-dashboard.json");
    const ALERTS: &str = include_str!("../../packaging/monitoring/alerts.yml");

    /// The words of a text that begin like the name of a metric of ours.
    fn metrics_in(text: &str) -> BTreeSet<&str> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.split(|c| !is_word(c)).filter(|word| word.starts_with("visavis_")).collect()
    }

    fn given() -> String {
        let stats = EngineStats { gauges: Some(HubGauges::default()), ..EngineStats::default() };
        let mut text = String::new();
        encode(&mut text, &registry(&stats, ConnectionCounts { open: 0, refused: 0, slow: 0 })).expect("a text");
        text
    }

    #[test]
    fn dashboard_and_alerts_name_metrics_that_exist() {
        let text = given();
        let given: BTreeSet<&str> = text.lines().filter(|line| !line.starts_with('#')).flat_map(metrics_in).collect();
        for (file, used) in [("the dashboard", metrics_in(DASHBOARD)), ("the alert rules", metrics_in(ALERTS))] {
            let unknown: Vec<&&str> = used.difference(&given).collect();
            assert!(used.len() > 5 && unknown.is_empty(), "{file} names {unknown:?}, which /metrics does not give");
        }
        let shown = metrics_in(DASHBOARD);
        let hidden: Vec<&&str> = given.difference(&shown).collect();
        assert!(hidden.is_empty(), "the dashboard does not show {hidden:?}");
    }

    #[test]
    fn the_dashboard_is_json_with_queries_in_every_panel() {
        let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
        let panels = dashboard["panels"].as_array().expect("panels");
        assert!(panels.len() > 8);
        for panel in panels {
            let queries = panel["targets"].as_array().expect("queries");
            assert!(!queries.is_empty() && queries.iter().all(|q| q["expr"].is_string()), "{panel}");
        }
    }
}
