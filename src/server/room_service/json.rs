//! Answers in JSON as livekit-server writes them: snake_case, with default values, 64-bit numbers as text, enums by name.
//!
//! `pbjson`, which reads the requests, writes camelCase without default values, in which the clients of livekit-server miss
//! what they look for (`num_participants`, an empty `rooms`). Each structure is taken apart by all of its fields, so that
//! a field of a newer protocol does not compile before it is written here.

use crate::hub::AdminAnswer;
use livekit_protocol as lk;
use serde_json::{Value, json};

/// An answer as JSON.
pub(super) fn answer(answer: &AdminAnswer) -> Value {
    match answer {
        AdminAnswer::Room(m) => room(m),
        AdminAnswer::Rooms(lk::ListRoomsResponse { rooms }) => json!({ "rooms": list(rooms, room) }),
        AdminAnswer::Participants(lk::ListParticipantsResponse { participants }) => {
            json!({ "participants": list(participants, participant) })
        }
        AdminAnswer::Participant(m) => participant(m),
        AdminAnswer::Muted(lk::MuteRoomTrackResponse { track: muted }) => json!({ "track": muted.as_ref().map(track) }),
        AdminAnswer::Deleted(lk::DeleteRoomResponse {})
        | AdminAnswer::Removed(lk::RemoveParticipantResponse {})
        | AdminAnswer::Subscriptions(lk::UpdateSubscriptionsResponse {})
        | AdminAnswer::DataSent(lk::SendDataResponse {}) => json!({}),
    }
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Value) -> Vec<Value> {
    items.iter().map(write).collect()
}

/// An enum's value by its name; by its number if this version does not know it.
fn name<E: TryFrom<i32>>(value: i32, name: impl Fn(&E) -> &'static str) -> Value {
    E::try_from(value).map_or_else(|_| json!(value), |known| json!(name(&known)))
}

fn names<E: TryFrom<i32>>(values: &[i32], write: impl Fn(&E) -> &'static str + Copy) -> Vec<Value> {
    values.iter().map(|value| name(*value, write)).collect()
}

fn room(room: &lk::Room) -> Value {
    let lk::Room {
        sid,
        name,
        empty_timeout,
        departure_timeout,
        max_participants,
        creation_time,
        creation_time_ms,
        turn_password,
        enabled_codecs,
        metadata,
        num_participants,
        num_publishers,
        active_recording,
        version: newest,
    } = room;
    let codec = |lk::Codec { mime, fmtp_line }: &lk::Codec| json!({ "mime": mime, "fmtp_line": fmtp_line });
    json!({
        "sid": sid,
        "name": name,
        "empty_timeout": empty_timeout,
        "departure_timeout": departure_timeout,
        "max_participants": max_participants,
        "creation_time": creation_time.to_string(),
        "creation_time_ms": creation_time_ms.to_string(),
        "turn_password": turn_password,
        "enabled_codecs": list(enabled_codecs, codec),
        "metadata": metadata,
        "num_participants": num_participants,
        "num_publishers": num_publishers,
        "active_recording": active_recording,
        "version": newest.as_ref().map(version),
    })
}

fn version(lk::TimedVersion { unix_micro, ticks }: &lk::TimedVersion) -> Value {
    json!({ "unix_micro": unix_micro.to_string(), "ticks": ticks })
}

fn participant(participant: &lk::ParticipantInfo) -> Value {
    let lk::ParticipantInfo {
        sid,
        identity,
        state,
        tracks,
        metadata,
        joined_at,
        joined_at_ms,
        name: display_name,
        version,
        permission: may,
        region,
        is_publisher,
        kind,
        attributes,
        disconnect_reason,
        kind_details,
        data_tracks,
        client_protocol,
        capabilities,
    } = participant;
    json!({
        "sid": sid,
        "identity": identity,
        "state": name(*state, lk::participant_info::State::as_str_name),
        "tracks": list(tracks, track),
        "metadata": metadata,
        "joined_at": joined_at.to_string(),
        "joined_at_ms": joined_at_ms.to_string(),
        "name": display_name,
        "version": version,
        "permission": may.as_ref().map(permission),
        "region": region,
        "is_publisher": is_publisher,
        "kind": name(*kind, lk::participant_info::Kind::as_str_name),
        "attributes": attributes,
        "disconnect_reason": name(*disconnect_reason, lk::DisconnectReason::as_str_name),
        "kind_details": names(kind_details, lk::participant_info::KindDetail::as_str_name),
        "data_tracks": data_tracks,
        "client_protocol": client_protocol,
        "capabilities": names(capabilities, lk::client_info::Capability::as_str_name),
    })
}

#[allow(deprecated)] // older clients read them
fn permission(permission: &lk::ParticipantPermission) -> Value {
    let lk::ParticipantPermission {
        can_subscribe,
        can_publish,
        can_publish_data,
        can_publish_sources,
        hidden,
        recorder,
        can_update_metadata,
        agent,
        can_subscribe_metrics,
        can_manage_agent_session,
    } = permission;
    json!({
        "can_subscribe": can_subscribe,
        "can_publish": can_publish,
        "can_publish_data": can_publish_data,
        "can_publish_sources": names(can_publish_sources, lk::TrackSource::as_str_name),
        "hidden": hidden,
        "recorder": recorder,
        "can_update_metadata": can_update_metadata,
        "agent": agent,
        "can_subscribe_metrics": can_subscribe_metrics,
        "can_manage_agent_session": can_manage_agent_session,
    })
}

#[allow(deprecated)] // older clients read them
fn track(track: &lk::TrackInfo) -> Value {
    let lk::TrackInfo {
        sid,
        r#type,
        name: title,
        muted,
        width,
        height,
        simulcast,
        disable_dtx,
        source,
        layers,
        mime_type,
        mid,
        codecs,
        stereo,
        disable_red,
        encryption,
        stream,
        version: newest,
        audio_features,
        backup_codec_policy,
        packet_trailer_features,
    } = track;
    json!({
        "sid": sid,
        "type": name(*r#type, lk::TrackType::as_str_name),
        "name": title,
        "muted": muted,
        "width": width,
        "height": height,
        "simulcast": simulcast,
        "disable_dtx": disable_dtx,
        "source": name(*source, lk::TrackSource::as_str_name),
        "layers": list(layers, layer),
        "mime_type": mime_type,
        "mid": mid,
        "codecs": list(codecs, codec),
        "stereo": stereo,
        "disable_red": disable_red,
        "encryption": name(*encryption, lk::encryption::Type::as_str_name),
        "stream": stream,
        "version": newest.as_ref().map(version),
        "audio_features": names(audio_features, lk::AudioTrackFeature::as_str_name),
        "backup_codec_policy": name(*backup_codec_policy, lk::BackupCodecPolicy::as_str_name),
        "packet_trailer_features": names(packet_trailer_features, lk::PacketTrailerFeature::as_str_name),
    })
}

fn codec(codec: &lk::SimulcastCodecInfo) -> Value {
    let lk::SimulcastCodecInfo { mime_type, mid, cid, layers, video_layer_mode, sdp_cid } = codec;
    json!({
        "mime_type": mime_type,
        "mid": mid,
        "cid": cid,
        "layers": list(layers, layer),
        "video_layer_mode": name(*video_layer_mode, lk::video_layer::Mode::as_str_name),
        "sdp_cid": sdp_cid,
    })
}

fn layer(layer: &lk::VideoLayer) -> Value {
    let lk::VideoLayer { quality, width, height, bitrate, ssrc, spatial_layer, rid, repair_ssrc } = layer;
    json!({
        "quality": name(*quality, lk::VideoQuality::as_str_name),
        "width": width,
        "height": height,
        "bitrate": bitrate,
        "ssrc": ssrc,
        "spatial_layer": spatial_layer,
        "rid": rid,
        "repair_ssrc": repair_ssrc,
    })
}
