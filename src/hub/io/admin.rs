//! LiveKit's RoomService as values: requests, responses, errors.

use livekit_protocol as lk;

/// A request to LiveKit's RoomService. Each variant is the method of that name.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, clippy::large_enum_variant)] // named after the methods
pub enum AdminCall {
    CreateRoom(lk::CreateRoomRequest),
    ListRooms(lk::ListRoomsRequest),
    DeleteRoom(lk::DeleteRoomRequest),
    ListParticipants(lk::ListParticipantsRequest),
    GetParticipant(lk::RoomParticipantIdentity),
    RemoveParticipant(lk::RoomParticipantIdentity),
    MutePublishedTrack(lk::MuteRoomTrackRequest),
    UpdateParticipant(lk::UpdateParticipantRequest),
    UpdateSubscriptions(lk::UpdateSubscriptionsRequest),
    SendData(lk::SendDataRequest),
    UpdateRoomMetadata(lk::UpdateRoomMetadataRequest),
}

impl AdminCall {
    /// The method's name in RoomService.
    pub(crate) const fn method(&self) -> &'static str {
        match self {
            Self::CreateRoom(_) => "CreateRoom",
            Self::ListRooms(_) => "ListRooms",
            Self::DeleteRoom(_) => "DeleteRoom",
            Self::ListParticipants(_) => "ListParticipants",
            Self::GetParticipant(_) => "GetParticipant",
            Self::RemoveParticipant(_) => "RemoveParticipant",
            Self::MutePublishedTrack(_) => "MutePublishedTrack",
            Self::UpdateParticipant(_) => "UpdateParticipant",
            Self::UpdateSubscriptions(_) => "UpdateSubscriptions",
            Self::SendData(_) => "SendData",
            Self::UpdateRoomMetadata(_) => "UpdateRoomMetadata",
        }
    }

    /// The wire name of the room that the call is about; empty for [`Self::ListRooms`].
    pub(crate) fn room(&self) -> &str {
        match self {
            Self::CreateRoom(r) => &r.name,
            Self::ListRooms(_) => "",
            Self::DeleteRoom(r) => &r.room,
            Self::ListParticipants(r) => &r.room,
            Self::GetParticipant(r) | Self::RemoveParticipant(r) => &r.room,
            Self::MutePublishedTrack(r) => &r.room,
            Self::UpdateParticipant(r) => &r.room,
            Self::UpdateSubscriptions(r) => &r.room,
            Self::SendData(r) => &r.room,
            Self::UpdateRoomMetadata(r) => &r.room,
        }
    }

    /// The identity of the participant that the call is about; empty if it is about a room.
    pub(crate) fn user(&self) -> &str {
        match self {
            Self::GetParticipant(r) | Self::RemoveParticipant(r) => &r.identity,
            Self::MutePublishedTrack(r) => &r.identity,
            Self::UpdateParticipant(r) => &r.identity,
            Self::UpdateSubscriptions(r) => &r.identity,
            Self::CreateRoom(_)
            | Self::ListRooms(_)
            | Self::DeleteRoom(_)
            | Self::ListParticipants(_)
            | Self::SendData(_)
            | Self::UpdateRoomMetadata(_) => "",
        }
    }
}

/// The answer to an [`AdminCall`].
pub type AdminResult = Result<Box<AdminAnswer>, AdminError>;

/// A response of LiveKit's RoomService.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // named after the responses
pub enum AdminAnswer {
    Room(lk::Room),
    Rooms(lk::ListRoomsResponse),
    Deleted(lk::DeleteRoomResponse),
    Participants(lk::ListParticipantsResponse),
    Participant(lk::ParticipantInfo),
    Removed(lk::RemoveParticipantResponse),
    Muted(lk::MuteRoomTrackResponse),
    Subscriptions(lk::UpdateSubscriptionsResponse),
    DataSent(lk::SendDataResponse),
}

/// Why an [`AdminCall`] was refused. The messages go into twirp's `msg`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// twirp `not_found`.
    #[error("requested room does not exist")]
    NoRoom,
    /// twirp `not_found`.
    #[error("participant does not exist")]
    NoParticipant,
    /// twirp `not_found`.
    #[error("track does not exist")]
    NoTrack,
    /// twirp `invalid_argument`.
    #[error("{0}")]
    Invalid(String),
    /// twirp `unimplemented`.
    #[error("{0}")]
    Unsupported(String),
    /// twirp `failed_precondition`.
    #[error("{0}")]
    Precondition(String),
}
