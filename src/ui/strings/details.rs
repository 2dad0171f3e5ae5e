//! Words of the call details: numbers with their units, what the plots say, the facts about media, and the texts that are
//! copied and saved.

use super::{exact, local};
use crate::base::{
    CandidatePair, CandidateType, Carrier, DeviceKind, DeviceStatistics, LocalStatistics, RemoteStatistics,
    SignalTarget, Statistics, TimelineEntry, TrackSource, UserId,
};
use crate::call::view::{CallDetails, CallView};
use crate::ui::bidi::plain;
use crate::ui::details::{DetailsPart, PlotData, Span, TimelineFilter, Unit};
use crate::ui::effects::FileToSave;
use crate::ui::model::Model;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// The sentence below the details.
pub(in crate::ui) const PRIVACY: &str = "Copies and saved files hold names, network addresses, times and numbers. No \
                                         picture, sound, message or password.";
/// In place of the plots and of the facts, before anything was measured.
pub(in crate::ui) const NOT_YET: &str = "Nothing is measured yet. The first numbers come a few seconds after you join.";
/// In place of the timeline, when the filter shows none of it.
pub(in crate::ui) const NO_ENTRIES: &str = "Nothing of this kind has happened in this call.";

pub(in crate::ui) const fn span(span: Span) -> &'static str {
    match span {
        Span::Minute => "1 min",
        Span::TenMinutes => "10 min",
    }
}

pub(in crate::ui) const fn part(part: DetailsPart) -> &'static str {
    match part {
        DetailsPart::Timeline => "Timeline",
        DetailsPart::Media => "Media",
    }
}

pub(in crate::ui) const fn filter(filter: TimelineFilter) -> &'static str {
    match filter {
        TimelineFilter::All => "All",
        TimelineFilter::Room => "Room",
        TimelineFilter::People => "People",
        TimelineFilter::Media => "Media",
        TimelineFilter::Problems => "Problems",
    }
}

/// "Session 3".
pub(in crate::ui) fn session(call: &CallView) -> String {
    format!("Session {}", call.session.0)
}

/// The name of whom the plots are about.
pub(in crate::ui) fn whom(call: &CallView, whom: Option<&UserId>) -> String {
    let name = whom.and_then(|user| call.people.iter().find(|person| person.user == *user)).map(|p| p.name.clone());
    name.unwrap_or_else(|| "You".to_owned())
}

/// A value without its unit: "1.36", "38".
pub(in crate::ui) fn number(unit: Unit, top: f64, value: Option<f64>) -> String {
    match (unit, value) {
        (_, None) => "–".to_owned(),
        (Unit::Rate, Some(kbps)) if top >= 1000.0 => format!("{:.2}", kbps / 1000.0),
        (Unit::Percent, Some(percent)) => format!("{percent:.1}"),
        (Unit::Rate | Unit::Milliseconds | Unit::Frames, Some(value)) => format!("{value:.0}"),
    }
}

/// The unit of a plot whose axis ends at `top`.
pub(in crate::ui) const fn unit(unit: Unit, top: f64) -> &'static str {
    match unit {
        Unit::Rate if top >= 1000.0 => "Mbit/s",
        Unit::Rate => "kbit/s",
        Unit::Percent => "%",
        Unit::Milliseconds => "ms",
        Unit::Frames => "fps",
    }
}

/// What a plot shows, for people who do not see it: "Rate, last 60 seconds. Sent: now 1.36 Mbit/s, between 1.20 and 1.50."
pub(in crate::ui) fn summary(plot: &PlotData, span: Span) -> String {
    let top = plot.top();
    let unit_word = unit(plot.unit, top);
    let mut words = format!("{}, last {} seconds.", plot.title, span.time().as_secs());
    for series in &plot.series {
        let (least, most) =
            series.values().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), y| (least.min(y), most.max(y)));
        if most < least {
            words += &format!(" {}: not measured.", series.name);
            continue;
        }
        let value = |y| number(plot.unit, top, Some(y));
        let now = match series.newest() {
            Some(newest) => format!("now {} {unit_word}, ", value(newest)),
            None => "no connection now, ".to_owned(),
        };
        let (least, most) = (value(least), value(most));
        words += &format!(" {}: {now}between {least} and {most} {unit_word}.", series.name);
    }
    if plot.unit == Unit::Frames {
        words += &match plot.freezes.iter().map(|(_, count)| count).sum::<u64>() {
            0 => " No freezes.".to_owned(),
            1 => " 1 freeze.".to_owned(),
            n => format!(" {n} freezes."),
        };
    }
    words
}

/// `14:07:51.020`.
pub(in crate::ui) fn at(entry: &TimelineEntry, zone: &TimeZone) -> String {
    exact(entry.at, zone)
}

/// The facts about the media of oneself (`None`) or of somebody: pairs of a title and its lines.
pub(in crate::ui) fn facts(statistics: &Statistics, whom: Option<&UserId>) -> Vec<(&'static str, Vec<String>)> {
    match whom {
        Some(user) => {
            let tracks: Vec<String> =
                statistics.remote.iter().filter(|t| t.remote_user == user.as_str()).map(received).collect();
            vec![("Received from them", or(tracks, "Nothing"))]
        }
        None => vec![
            ("Way of media", or(statistics.candidate_pairs.iter().map(way).collect(), "None is chosen yet")),
            ("Sent", or(sent(statistics), "No video")),
            ("Devices", or(statistics.devices.iter().map(device).collect(), "None is open")),
            ("Load", vec![load(statistics)]),
        ],
    }
}

fn or(lines: Vec<String>, nothing: &str) -> Vec<String> {
    if lines.is_empty() { vec![nothing.to_owned()] } else { lines }
}

/// "UDP, direct: 192.168.1.7:50123 (host) to 203.0.113.5:7882 (host)".
fn way(pair: &CandidatePair) -> String {
    let which = match pair.connection {
        SignalTarget::Publisher => "",
        SignalTarget::Subscriber => "Receiving: ",
    };
    let by = match (pair.relay_protocol, pair.protocol) {
        (Some(carrier), protocol) => {
            format!("{} to a relay, {} from there", carrier_word(carrier), carrier_word(protocol))
        }
        (None, protocol) => format!("{}, direct", carrier_word(protocol)),
    };
    let proxy = if pair.proxied { ", through a proxy" } else { "" };
    let end = |address: &str, kind| {
        let address = if address.is_empty() { "an address that is not told" } else { address };
        format!("{address} ({})", candidate(kind))
    };
    format!(
        "{which}{by}{proxy}: {} to {}",
        end(&pair.local_address, pair.local),
        end(&pair.remote_address, pair.remote)
    )
}

const fn carrier_word(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Udp => "UDP",
        Carrier::Tcp => "TCP",
        Carrier::Tls => "TLS",
    }
}

const fn candidate(kind: CandidateType) -> &'static str {
    match kind {
        CandidateType::Host => "host",
        CandidateType::Srflx => "srflx",
        CandidateType::Prflx => "prflx",
        CandidateType::Relay => "relay",
    }
}

/// A line for each layer, largest first, with the audio that every call sends.
fn sent(statistics: &Statistics) -> Vec<String> {
    statistics.local.iter().rev().map(layer).collect()
}

/// "Camera vp8 f: 1280×720, 30 fps, 1650 of 1700 kbit/s, 4.1 ms a frame".
fn layer(layer: &LocalStatistics) -> String {
    let name = format!("{} {} {}", source(layer.source), layer.codec, layer.layer);
    let name = name.trim_end();
    if layer.target_kbps == 0 {
        return format!("{name}: off, nobody watches it or the connection is too slow");
    }
    let LocalStatistics { width, height, fps, kbps, target_kbps, encode_ms, .. } = layer;
    format!("{name}: {width}×{height}, {fps:.0} fps, {kbps:.0} of {target_kbps} kbit/s, {encode_ms:.1} ms a frame")
}

/// "Camera: 1280×720, 30 fps", "Microphone: 48000 Hz, 1 channel".
fn device(device: &DeviceStatistics) -> String {
    let name = match device.kind {
        DeviceKind::Camera => "Camera",
        DeviceKind::Microphone => "Microphone",
        DeviceKind::Speaker => "Speaker",
        DeviceKind::Screen => "Shared screen",
    };
    if device.rate > 0 {
        let channels = if device.channels == 1 { "channel" } else { "channels" };
        return format!("{name}: {} Hz, {} {channels}", device.rate, device.channels);
    }
    let freezes = match device.freezes {
        0 => String::new(),
        1 => ", 1 freeze".to_owned(),
        n => format!(", {n} freezes"),
    };
    format!("{name}: {}×{}, {:.0} fps{freezes}", device.width, device.height, device.fps)
}

fn load(statistics: &Statistics) -> String {
    // Milliseconds of encoding in each second, of all layers.
    let encoding: f64 = statistics.local.iter().map(|layer| layer.encode_ms * layer.fps).sum();
    let capacity = match statistics.capacity_kbps {
        kbps if kbps > 0.0 => format!(". The way to the server carries about {kbps:.0} kbit/s"),
        _ => String::new(),
    };
    let (cpu, encoders) = (statistics.cpu_percent, encoding / 10.0);
    format!("Program {cpu:.0} % of a processor core, encoders {encoders:.0} %{capacity}")
}

/// "Camera vp8: 1280×720, 30 fps, 1200 kbit/s, 0.0 % lost, jitter 3 ms, 45 ms in our buffer, 1 freeze".
fn received(track: &RemoteStatistics) -> String {
    let picture = match track.kind {
        "video" => format!("{}×{}, {:.0} fps, ", track.width, track.height, track.fps),
        _ => String::new(),
    };
    let freezes = match track.freezes {
        0 => String::new(),
        1 => ", 1 freeze".to_owned(),
        n => format!(", {n} freezes"),
    };
    format!(
        "{} {}: {picture}{:.0} kbit/s, {:.1} % lost, jitter {:.0} ms, {:.0} ms in our buffer{freezes}",
        source(track.source),
        track.codec,
        track.kbps,
        track.lost_percent,
        track.jitter_ms,
        track.delay_ms
    )
}

const fn source(source: TrackSource) -> &'static str {
    match source {
        TrackSource::Camera => "Camera",
        TrackSource::Microphone => "Microphone",
        TrackSource::Screen => "Screen",
        TrackSource::ScreenAudio => "Screen sound",
        TrackSource::Unknown(_) => "Track",
    }
}

/// The call and its details, while they are shown.
fn shown(model: &Model) -> Option<(&CallView, &CallDetails)> {
    Some((model.call()?, model.snapshot.details.as_deref()?))
}

/// The facts of now and the timeline as text, to copy.
pub(in crate::ui) fn report(model: &Model) -> Option<String> {
    let (call, details) = shown(model)?;
    let date = local(model.unix_ms, &model.zone).map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let mut text = format!(
        "Visavis {}, {}, {}, {date} {}\n",
        env!("CARGO_PKG_VERSION"),
        call.room.shown(),
        session(call),
        exact(model.unix_ms, &model.zone)
    );
    if let Some(sample) = details.samples.last() {
        let s = &sample.statistics;
        text += &format!(
            "\nSent {:.0} kbit/s, received {:.0} kbit/s, lost {:.1} % sent and {:.1} % received, round trip {:.0} ms\n",
            s.sent_kbps, s.received_kbps, s.sent_lost_percent, s.received_lost_percent, s.rtt_ms
        );
        push_facts(&mut text, "You", facts(s, None));
        for person in &call.people {
            push_facts(&mut text, &person.name, facts(s, Some(&person.user)));
        }
    }
    text += "\nTimeline\n";
    for entry in &details.timeline {
        text += &format!("{} {} ({})\n", at(entry, &model.zone), entry.words, entry.kind);
    }
    Some(plain(&text).into_owned())
}

fn push_facts(text: &mut String, name: &str, facts: Vec<(&'static str, Vec<String>)>) {
    *text += &format!("\n{name}\n");
    for (title, lines) in facts {
        for line in lines {
            *text += &format!("  {title}: {line}\n");
        }
    }
}

/// Everything that the details hold, to save: the statistics have the fields of the event of that name.
pub(in crate::ui) fn file(model: &Model) -> Option<FileToSave> {
    let (call, details) = shown(model)?;
    let ways = details.samples.last().map(|s| s.statistics.candidate_pairs.iter().map(way).collect::<Vec<_>>());
    let samples = details.samples.iter().map(|sample| {
        let mut value = json!(sample.statistics);
        if let Value::Object(fields) = &mut value {
            fields.insert("unix_ms".to_owned(), json!(sample.at));
        }
        value
    });
    let value = json!({
        "visavis": env!("CARGO_PKG_VERSION"),
        "unix_ms": model.unix_ms,
        "room": call.room.as_str(),
        "session": call.session.0,
        "user": call.user.as_str(),
        "ways": ways.unwrap_or_default(),
        "timeline": details.timeline.iter().map(|entry| json!(**entry)).collect::<Vec<_>>(),
        "statistics": samples.collect::<Vec<_>>(),
    });
    let time = local(model.unix_ms, &model.zone).map(|t| t.strftime("%Y-%m-%d-%H%M%S").to_string());
    let name = format!("visavis-call-{}.json", time.unwrap_or_else(|| "details".to_owned()));
    Some(FileToSave { name, text: format!("{value:#}\n") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::details::Series;

    #[test]
    fn a_plot_is_told_in_words() {
        let series = |name, values: &[f64]| Series {
            name,
            pieces: vec![values.iter().rev().enumerate().map(|(i, y)| [-2.0 * i as f64, *y]).rev().collect()],
        };
        let plot = PlotData {
            title: "Rate",
            unit: Unit::Rate,
            series: vec![series("Sent", &[1200.0, 1500.0, 1360.0]), Series { name: "Received", pieces: vec![] }],
            freezes: vec![],
        };
        assert_eq!(
            summary(&plot, Span::Minute),
            "Rate, last 60 seconds. Sent: now 1.36 Mbit/s, between 1.20 and 1.50 Mbit/s. Received: not measured."
        );
        let plot = PlotData {
            title: "Frame rate",
            unit: Unit::Frames,
            series: vec![series("Shown", &[25.0])],
            freezes: vec![(-2.0, 2), (0.0, 1)],
        };
        assert_eq!(
            summary(&plot, Span::TenMinutes),
            "Frame rate, last 600 seconds. Shown: now 25 fps, between 25 and 25 fps. 3 freezes."
        );
    }

    #[test]
    fn the_way_of_media_names_addresses_and_carriers() {
        let direct = CandidatePair {
            connection: SignalTarget::Publisher,
            local: CandidateType::Host,
            remote: CandidateType::Host,
            protocol: Carrier::Udp,
            relay_protocol: None,
            proxied: false,
            local_address: "192.168.1.7:50123".into(),
            remote_address: "203.0.113.5:7882".into(),
        };
        assert_eq!(way(&direct), "UDP, direct: 192.168.1.7:50123 (host) to 203.0.113.5:7882 (host)");
        let relayed = CandidatePair {
            local: CandidateType::Relay,
            relay_protocol: Some(Carrier::Tls),
            proxied: true,
            local_address: String::new(),
            ..direct
        };
        assert_eq!(
            way(&relayed),
            "TLS to a relay, UDP from there, through a proxy: an address that is not told (relay) to \
             203.0.113.5:7882 (host)"
        );
    }
}
