"""A back end that runs the room ROOM with LiveKit's Python SDK: URL ROOM IDENTITY.

It calls each method of RoomService once, and one method of each other service. Each outcome is a line of JSON:
{"method", "answer"} or {"method", "error", "words"}. The participant IDENTITY, who publishes a track, is removed at the end.
"""

import asyncio
import json
import sys

from google.protobuf.json_format import MessageToDict
from livekit import api


def calls(lk, room, identity, track):
    """The methods in an order in which each one can succeed."""
    on = {"room": room, "identity": identity}
    yield "create_room", lk.room.create_room, api.CreateRoomRequest(name="made", empty_timeout=60, metadata="m")
    yield "list_rooms", lk.room.list_rooms, api.ListRoomsRequest()
    yield "update_room_metadata", lk.room.update_room_metadata, api.UpdateRoomMetadataRequest(room=room, metadata="agenda")
    yield "get_participant", lk.room.get_participant, api.RoomParticipantIdentity(**on)
    yield "mute_published_track", lk.room.mute_published_track, api.MuteRoomTrackRequest(**on, track_sid=track, muted=True)
    yield "update_participant", lk.room.update_participant, api.UpdateParticipantRequest(**on, attributes={"seat": "7"})
    yield "update_subscriptions", lk.room.update_subscriptions, api.UpdateSubscriptionsRequest(**on, subscribe=True)
    yield "send_data", lk.room.send_data, api.SendDataRequest(room=room, data=b"hello", topic="t")
    yield "delete_room", lk.room.delete_room, api.DeleteRoomRequest(room="made")
    yield "move_participant", lk.room.move_participant, api.MoveParticipantRequest(**on, destination_room="x")
    yield "forward_participant", lk.room.forward_participant, api.ForwardParticipantRequest(**on, destination_room="x")
    yield "list_egress", lk.egress.list_egress, api.ListEgressRequest()
    yield "list_ingress", lk.ingress.list_ingress, api.ListIngressRequest()
    yield "get_nobody", lk.room.get_participant, api.RoomParticipantIdentity(room=room, identity="nobody")
    yield "remove_participant", lk.room.remove_participant, api.RoomParticipantIdentity(**on)


def tell(method, **outcome):
    print(json.dumps({"method": method, **outcome}), flush=True)


async def main(url, room, identity):
    async with api.LiveKitAPI(url, "devkey", "secret") as lk:
        people = (await lk.room.list_participants(api.ListParticipantsRequest(room=room))).participants
        tell("list_participants", answer=[person.identity for person in people])
        track = next(track.sid for person in people for track in person.tracks if person.identity == identity)
        for method, call, request in calls(lk, room, identity, track):
            try:
                answer = await call(request)
                tell(method, answer=MessageToDict(answer, preserving_proto_field_name=True) if answer else {})
            except api.TwirpError as error:
                tell(method, error=error.code, words=error.message)


asyncio.run(main(*sys.argv[1:4]))
