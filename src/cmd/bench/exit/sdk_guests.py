"""Participants made with LiveKit's Python SDK that `visavis bench exit` measures: URL ROOM KEY SECRET publish|listen USER…

All in one process; each has a connection of its own and writes event lines with the names of Visavis. USR1 makes the
next of them leave.
"""

import asyncio
import json
import signal
import sys
import time

from livekit import api, rtc

WIDTH, HEIGHT, FPS, RATE = 160, 90, 10, 48000


def say(user, event, **fields):
    print(json.dumps({"unix_ms": time.time() * 1000, "user": user, "event": event} | fields), flush=True)


def listen(room, user):
    def on(event, name, **more):
        room.on(event, lambda *p: say(user, name, remote_user=p[-1].identity, **more))

    on("participant_connected", "RemoteUserEnterRoom")
    on("participant_disconnected", "RemoteUserLeaveRoom")

    def published(publication, participant):
        if publication.kind == rtc.TrackKind.KIND_VIDEO:
            say(user, "UserVideoAvailable", remote_user=participant.identity)

    room.on("track_published", published)
    ended = []

    def disconnected(*_):
        if not ended:
            ended.append(True)
            say(user, "ExitRoom")

    room.on("disconnected", disconnected)
    return disconnected


async def publish(room):
    video, audio = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(RATE, 1)
    me = room.local_participant
    camera = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
    microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await me.publish_track(rtc.LocalVideoTrack.create_video_track("camera", video), camera)
    await me.publish_track(rtc.LocalAudioTrack.create_audio_track("microphone", audio), microphone)
    picture = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, bytes(WIDTH * HEIGHT * 3 // 2))
    sound = rtc.AudioFrame(bytes(RATE // FPS * 2), RATE, 1, RATE // FPS)
    while True:
        video.capture_frame(picture)
        await audio.capture_frame(sound)
        await asyncio.sleep(1 / FPS)


async def enter(url, name, key, secret, publishes, user, jobs):
    room = rtc.Room()
    ended = listen(room, user)
    token = api.AccessToken(key, secret).with_identity(user).with_grants(api.VideoGrants(room_join=True, room=name))
    await room.connect(url, token.to_jwt(), rtc.RoomOptions(auto_subscribe=False))
    say(user, "EnterRoom")
    if publishes:
        jobs.append(asyncio.create_task(publish(room)))
    return room, user, ended


async def leave(room, user, ended):
    say(user, "ExitRequested")
    await room.disconnect()
    ended()


async def main():
    url, name, key, secret, mode, *users = sys.argv[1:]
    jobs = []
    coming = [enter(url, name, key, secret, mode == "publish", user, jobs) for user in users]
    waiting = iter(await asyncio.gather(*coming))

    def next_leaves():
        jobs.append(asyncio.create_task(leave(*next(waiting))))

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, next_leaves)
    await asyncio.Event().wait()


asyncio.run(main())
