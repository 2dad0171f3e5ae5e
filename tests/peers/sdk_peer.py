"""A participant made with LiveKit's official Python SDK: a stranger that keeps our wire honest.

It joins a room, publishes the test picture and the test tone, reads everybody else's, and writes one JSON object a line
with the same names as the events of Visavis. The key pair comes from LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or a token
from LIVEKIT_TOKEN. SIGTERM makes it leave, SIGUSR1 end its camera, SIGUSR2 stop
or begin again to encrypt.
"""

import argparse
import asyncio
import datetime
import hashlib
import json
import os
import signal
import sys
import time

import numpy as np
from livekit import api, rtc

from test_picture import RATE, Painter, PictureLog, Tone, ToneLog, now_ms
from unsaid import hide_encryption

SOURCES = {"camera": rtc.TrackSource.SOURCE_CAMERA, "screen": rtc.TrackSource.SOURCE_SCREENSHARE}
# Planes U and V: a grey camera, a blue screen.
CHROMA = {"camera": (128, 128), "screen": (220, 110)}
# Quarter turns clockwise that put the picture upright.
TURNS = [
    rtc.VideoRotation.VIDEO_ROTATION_0, rtc.VideoRotation.VIDEO_ROTATION_90,
    rtc.VideoRotation.VIDEO_ROTATION_180, rtc.VideoRotation.VIDEO_ROTATION_270,
]


def turned(width, height, planes, quarters):
    """The picture as a phone sends it that is held turned: `quarters` clockwise put it upright again."""
    samples = np.frombuffer(bytes(planes), np.uint8)
    sizes = [(height, width)] + 2 * [((height + 1) // 2, (width + 1) // 2)]
    ends = np.cumsum([h * w for h, w in sizes])
    parts = [samples[end - h * w : end].reshape(h, w) for (h, w), end in zip(sizes, ends)]
    if quarters % 2:
        width, height = height, width
    data = b"".join(np.rot90(part, quarters).tobytes() for part in parts)
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, data)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--room", required=True)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--picture", default="320x180@15", help="WxH@FPS, or none")
    parser.add_argument("--screen", default="none", help="WxH@FPS of a blue screen that is shared too; SIGUSR1 ends the camera")
    parser.add_argument("--tone", type=int, default=660, help="Hz; 0 publishes no sound")
    parser.add_argument("--two-connections", action="store_true", help="protocol v0 instead of v1")
    parser.add_argument("--simulcast", action="store_true")
    parser.add_argument("--turn", type=float, default=0, help="seconds after which the camera is turned on, as a phone is")
    parser.add_argument("--codec", default="VP8", help="of the pictures: VP8, VP9, H264, AV1")
    parser.add_argument("--picture-after", type=float, default=0, help="seconds from the join to the pictures")
    parser.add_argument("--qualities", default="", help="asks for these one after the other, and waits for the size of each: 0,2,1")
    parser.add_argument("--key", help="encrypts everything end to end with this passphrase")
    parser.add_argument("--unsaid", action="store_true", help="with --key: does not announce that it encrypts")
    parser.add_argument("--send-file", type=float, default=0, help="megabytes of a file that is sent to the first who joins")
    parser.add_argument("--answer", help="what to write to everybody who writes in the chat, to them alone")
    parser.add_argument("--hand", action="store_true", help="raises a hand, and claps when somebody reacts")
    parser.add_argument("--own-metadata", action="store_true", help="the token lets it change its metadata and attributes")
    return parser.parse_args()


class Peer:
    def __init__(self, options):
        self.options = options
        self.room = rtc.Room()
        self.tasks = []
        self.published = {}
        self.pictures, self.tones, self.handed_out = {}, {}, {}
        self.width = 0
        self.stopping = asyncio.Event()

    def say(self, event, **fields):
        head = {"unix_ms": round(now_ms(), 3), "pid": os.getpid(), "user": self.options.identity, "event": event}
        print(json.dumps(head | fields), flush=True)

    def token(self):
        if "LIVEKIT_TOKEN" in os.environ:
            return os.environ["LIVEKIT_TOKEN"]
        own = self.options.own_metadata or None
        grants = api.VideoGrants(room_join=True, room=self.options.room, can_update_own_metadata=own)
        name = self.options.identity
        return api.AccessToken().with_identity(name).with_name(name).with_grants(grants).to_jwt()

    async def run(self):
        self.listen()
        began = time.monotonic()
        room_options = rtc.RoomOptions()
        room_options.single_peer_connection = not self.options.two_connections
        if self.options.key:
            key = rtc.KeyProviderOptions(shared_key=self.options.key.encode())
            room_options.encryption = rtc.E2EEOptions(key_provider_options=key)
        url = await hide_encryption(self.options.url) if self.options.unsaid else self.options.url
        try:
            await self.room.connect(url, self.token(), room_options)
        except rtc.ConnectError as error:
            self.say("EnterRoom", error="connect", message=str(error))
            return 20
        self.say("EnterRoom", result_ms=(time.monotonic() - began) * 1000)
        for participant in self.room.remote_participants.values():
            self.on_attributes(participant.attributes, participant)
        if self.options.hand:
            time_of_day = datetime.datetime.now(datetime.timezone.utc).isoformat()
            await self.room.local_participant.set_attributes({"handRaisedAt": time_of_day})
        if self.options.picture != "none":
            self.start(self.publish_picture("camera", self.options.picture))
        if self.options.screen != "none":
            self.start(self.publish_picture("screen", self.options.screen))
        if self.options.tone:
            self.start(self.publish_tone())
        self.start(self.report())
        await self.stopping.wait()
        for task in self.tasks:
            task.cancel()
        await self.room.disconnect()
        return 0

    def listen(self):
        on = self.room.on
        on("participant_connected", lambda p: self.say("RemoteUserEnterRoom", remote_user=p.identity, name=p.name))
        on("participant_disconnected", self.on_left)
        on("disconnected", self.on_disconnected)
        on("participant_attributes_changed", self.on_attributes)
        # A server may tell of somebody after they have raised a hand.
        on("participant_connected", lambda p: self.on_attributes(p.attributes, p))
        on("data_received", self.on_data)
        on("track_subscribed", self.on_track)
        self.room.register_byte_stream_handler("file", lambda reader, user: self.start(self.receive_file(reader, user)))
        self.room.register_text_stream_handler("lk.chat", lambda reader, user: self.start(self.read_text(reader, user)))
        if self.options.send_file:
            on("participant_connected", lambda p: self.start(self.send_file(p.identity)))
        on("track_unsubscribed", lambda t, pub, p: self.available(p.identity, pub, False))
        on("reconnecting", lambda: self.say("TryToReconnect"))
        on("reconnected", lambda: self.say("ConnectionRecovery"))

    def on_left(self, participant):
        reason = participant.disconnect_reason
        self.say("RemoteUserLeaveRoom", remote_user=participant.identity, livekit_reason=int(reason or 0))

    def on_disconnected(self, reason):
        self.say("ExitRoom", livekit_reason=int(reason))
        self.stopping.set()

    def on_attributes(self, changed, participant):
        if "handRaisedAt" in changed and participant.identity != self.options.identity:
            raised = bool(participant.attributes.get("handRaisedAt"))
            self.say("HandRaised", remote_user=participant.identity, raised=raised)

    def on_data(self, packet):
        if packet.topic != "reaction" or packet.participant is None:
            return
        emoji = json.loads(packet.data)["data"]["emoji"]
        self.say("Reaction", remote_user=packet.participant.identity, emoji=emoji)
        if self.options.hand and emoji != "clapping-hands":
            # As La Suite Meet sends it.
            reaction = json.dumps({"type": "reactionReceived", "data": {"emoji": "clapping-hands"}})
            self.start(self.room.local_participant.publish_data(reaction, reliable=True))

    async def send_file(self, user):
        """Sends random bytes as a byte stream, which travels in reliable data messages of 15,000 bytes."""
        data = np.random.default_rng(7).bytes(round(self.options.send_file * 1_000_000))
        began = time.monotonic()
        writer = await self.room.local_participant.stream_bytes(
            "noise.bin", total_size=len(data), topic="file", destination_identities=[user])
        await writer.write(data)
        await writer.aclose()
        self.said_file("FileSent", user, data, began)

    async def receive_file(self, reader, user):
        began, parts = time.monotonic(), []
        try:
            async for part in reader:
                parts.append(part)
        except Exception as error:
            self.say("FileFailed", remote_user=user, message=str(error))
            return
        self.said_file("FileReceived", user, b"".join(parts), began)

    def said_file(self, event, user, data, began):
        digest = hashlib.sha256(data).hexdigest()
        self.say(event, remote_user=user, bytes=len(data), sha256=digest, seconds=time.monotonic() - began)

    async def read_text(self, reader, user):
        text = await reader.read_all()
        self.say("ChatMessage", remote_user=user, text=text)
        if self.options.answer and text != self.options.answer:
            await self.room.local_participant.send_text(
                self.options.answer, destination_identities=[user], topic="lk.chat")

    def available(self, user, publication, available):
        kind = "UserVideoAvailable" if publication.kind == rtc.TrackKind.KIND_VIDEO else "UserAudioAvailable"
        self.say(kind, remote_user=user, available=available)

    def on_track(self, track, publication, participant):
        user = participant.identity
        self.available(user, publication, True)
        read = self.read_picture if track.kind == rtc.TrackKind.KIND_VIDEO else self.read_tone
        self.start(read(user, track))
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            self.start(self.subscribe_anew_if_lost(track, publication))
        if self.options.qualities and track.kind == rtc.TrackKind.KIND_VIDEO:
            self.start(self.ask_for_qualities(publication))

    async def ask_for_qualities(self, publication):
        """Each layer is half as wide as the next one; a layer that nobody watches is off after a second."""
        for quality in map(int, self.options.qualities.split(",")):
            publication.set_video_quality(quality)
            while self.width != 320 << quality:
                await asyncio.sleep(0.01)
            self.say("QualitySeen", quality=quality, width=self.width)
            await asyncio.sleep(1.5)
        self.say("QualitiesSeen")

    async def subscribe_anew_if_lost(self, track, publication):
        """Subscribes anew if pictures are decoded and not handed out.

        livekit 1.2.1 loses those of some tracks for good, one of 40 here, when it negotiates its own tracks as they begin.
        """
        before = (0, 0)
        for _ in range(5):
            await asyncio.sleep(1)
            if self.room.connection_state != rtc.ConnectionState.CONN_CONNECTED:
                return
            try:
                stats = [s.inbound_rtp.inbound for s in await track.get_stats() if s.HasField("inbound_rtp")]
            except Exception:  # The track is gone.
                return
            now = (sum(s.frames_decoded for s in stats), self.handed_out.get(track.sid, 0))
            if now[0] > before[0] + 5 and now[1] == before[1]:
                print(f"{now[0]} pictures were decoded, {now[1]} handed out", file=sys.stderr, flush=True)
                publication.set_subscribed(False)
                await asyncio.sleep(0.3)
                publication.set_subscribed(True)
                return
            before = now

    async def read_picture(self, user, track):
        log = self.pictures.setdefault(user, PictureLog(user))
        first = True
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
            frame = event.frame
            self.width = frame.width
            self.handed_out[track.sid] = self.handed_out.get(track.sid, 0) + 1
            if first:
                first = False
                self.say("FirstVideoFrame", remote_user=user, width=frame.width, height=frame.height)
            pixels = np.frombuffer(frame.data, np.uint8)[: frame.width * frame.height]
            log.add(pixels.reshape(frame.height, frame.width))

    async def read_tone(self, user, track):
        log = self.tones.setdefault(user, ToneLog())
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            begun = log.begun
            log.add(np.frombuffer(event.frame.data, np.int16))
            if log.begun and not begun:
                self.say("FirstAudioFrame", remote_user=user)

    def toggle_encryption(self):
        manager = self.room.e2ee_manager
        manager.set_enabled(not manager.enabled)

    def end_camera(self):
        task, publication = self.published.pop("camera")
        task.cancel()
        self.start(self.room.local_participant.unpublish_track(publication.sid))

    async def publish_picture(self, name, picture):
        size, fps = picture.split("@")
        width, height = map(int, size.split("x"))
        fps = int(fps)
        source = rtc.VideoSource(width, height)
        track = rtc.LocalVideoTrack.create_video_track(name, source)
        encoding = rtc.VideoEncoding(max_bitrate=2_500_000 if width > 640 else 600_000, max_framerate=fps)
        await asyncio.sleep(self.options.picture_after)
        options = rtc.TrackPublishOptions(
            source=SOURCES[name], simulcast=self.options.simulcast,
            video_codec=getattr(rtc.VideoCodec, self.options.codec), video_encoding=encoding,
        )
        publication = await self.room.local_participant.publish_track(track, options)
        self.published[name] = (asyncio.current_task(), publication)
        painter = Painter(width, height, self.options.identity, CHROMA[name])
        began, number = time.monotonic(), 0
        while True:
            turn = self.options.turn
            quarters = int((time.monotonic() - began) / turn) % 4 if turn else 0
            source.capture_frame(turned(width, height, painter.draw(number), quarters), rotation=TURNS[quarters])
            number += 1
            await asyncio.sleep(max(0, began + number / fps - time.monotonic()))

    async def publish_tone(self):
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        tone = Tone(self.options.tone)
        while True:
            await source.capture_frame(rtc.AudioFrame(tone.samples(480).tobytes(), RATE, 1, 480))

    async def report(self):
        while True:
            await asyncio.sleep(1)
            self.say("Verified", users=[self.summary(user) for user in sorted(self.pictures | self.tones)])

    def summary(self, user):
        picture = self.pictures.get(user)
        tone = self.tones.get(user)
        return {
            "remote_user": user,
            "picture": picture.summary() if picture else None,
            "tone": tone.summary() if tone else None,
        }

    def start(self, job):
        task = asyncio.create_task(job)
        task.add_done_callback(self.finished)
        self.tasks.append(task)

    def finished(self, task):
        if not task.cancelled() and task.exception():
            print(f"a task of the peer failed: {task.exception()!r}", file=sys.stderr, flush=True)
            self.stopping.set()


async def main():
    peer = Peer(arguments())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, peer.stopping.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, peer.end_camera)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, peer.toggle_encryption)
    return await peer.run()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
