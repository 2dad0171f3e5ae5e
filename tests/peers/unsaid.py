"""A signalling proxy that hides from the server that a participant encrypts its tracks end to end."""

import asyncio

import aiohttp
from aiohttp import web
from livekit.protocol.rtc import SignalRequest, SignalResponse
from yarl import URL


def without_encryption(data):
    request = SignalRequest.FromString(data)
    if request.WhichOneof("message") == "add_track":
        request.add_track.encryption = 0
    return request.SerializeToString()


def with_encryption(data):
    """The SDK encrypts what the server calls encrypted."""
    response = SignalResponse.FromString(data)
    if response.WhichOneof("message") == "track_published":
        response.track_published.track.encryption = 1
    return response.SerializeToString()


async def pump(source, target, change):
    async for message in source:
        if message.type == aiohttp.WSMsgType.BINARY:
            await target.send_bytes(change(message.data))
        elif message.type == aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
    await target.close()


async def handle(request, server):
    target = URL(server + request.raw_path, encoded=True)
    headers = {"Authorization": request.headers.get("Authorization", "")}
    async with aiohttp.ClientSession() as session:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            async with session.get(target, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read())
        async with session.ws_connect(target, headers=headers) as upstream:
            client = web.WebSocketResponse()
            await client.prepare(request)
            await asyncio.gather(pump(client, upstream, without_encryption), pump(upstream, client, with_encryption))
            return client


async def hide_encryption(url):
    """Starts the proxy before the server at `url`; returns the proxy's URL."""
    server = url.replace("ws", "http", 1)
    app = web.Application()
    app.router.add_get("/{path:.*}", lambda request: handle(request, server))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return f"ws://127.0.0.1:{runner.addresses[0][1]}"
