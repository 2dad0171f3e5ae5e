"""A back end that takes webhooks with LiveKit's Python SDK, which checks their signatures.

PORT is where it listens. It prints "ready", then each event as a line of JSON. The first event is refused once with 503.
"""

import sys

from aiohttp import web
from google.protobuf.json_format import MessageToJson
from livekit.api import TokenVerifier, WebhookReceiver

receiver = WebhookReceiver(TokenVerifier("devkey", "secret"))
busy = [True]


async def take(request):
    body = (await request.read()).decode()
    if busy.pop() if busy else False:
        return web.Response(status=503)
    if request.headers["content-type"] != "application/webhook+json":
        return web.Response(status=415)
    event = receiver.receive(body, request.headers["authorization"])
    print(MessageToJson(event, indent=None), flush=True)
    return web.Response()


async def ready(_):
    print("ready", flush=True)


app = web.Application()
app.router.add_post("/livekit", take)
app.on_startup.append(ready)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
