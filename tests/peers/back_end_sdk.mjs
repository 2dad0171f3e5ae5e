// A back end made with LiveKit's server SDK for JavaScript; NODE_SDK is the folder that it is installed in.
//
//   token ROOM IDENTITY      prints a token that lets IDENTITY into ROOM
//   webhooks PORT            as webhook_receiver.py
//   rooms URL ROOM IDENTITY  as room_service_sdk.py
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_SDK}/`);
const sdk = require("livekit-server-sdk");
const KEYS = ["devkey", "secret"];

async function token(room, identity) {
  const made = new sdk.AccessToken(...KEYS, { identity, name: identity, attributes: { seat: "1" } });
  made.addGrant({ roomJoin: true, room });
  console.log(await made.toJwt());
}

function webhooks(port) {
  const receiver = new sdk.WebhookReceiver(...KEYS);
  let isBusy = true;
  const take = async (request, response) => {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    if (isBusy) {
      isBusy = false;
      return response.writeHead(503).end();
    }
    if (request.headers["content-type"] !== "application/webhook+json") return response.writeHead(415).end();
    const event = await receiver.receive(body, request.headers.authorization);
    console.log(event.toJsonString());
    response.end();
  };
  createServer(take).listen(Number(port), "127.0.0.1", () => console.log("ready"));
}

// The methods in an order in which each one can succeed.
function calls(url, room, identity, track) {
  const rooms = new sdk.RoomServiceClient(url, ...KEYS);
  const kind = sdk.DataPacket_Kind.RELIABLE;
  return {
    create_room: () => rooms.createRoom({ name: "made", emptyTimeout: 60, metadata: "m" }),
    list_rooms: () => rooms.listRooms(),
    update_room_metadata: () => rooms.updateRoomMetadata(room, "agenda"),
    get_participant: () => rooms.getParticipant(room, identity),
    mute_published_track: async () => ({ track: await rooms.mutePublishedTrack(room, identity, track, true) }),
    update_participant: () => rooms.updateParticipant(room, identity, { attributes: { seat: "7" } }),
    update_subscriptions: () => rooms.updateSubscriptions(room, identity, [], true),
    send_data: () => rooms.sendData(room, new TextEncoder().encode("hello"), kind, { topic: "t" }),
    delete_room: () => rooms.deleteRoom("made"),
    move_participant: () => rooms.moveParticipant(room, identity, "x"),
    forward_participant: () => rooms.forwardParticipant(room, identity, "x"),
    list_egress: () => new sdk.EgressClient(url, ...KEYS).listEgress(),
    list_ingress: () => new sdk.IngressClient(url, ...KEYS).listIngress(),
    get_nobody: () => rooms.getParticipant(room, "nobody"),
    remove_participant: () => rooms.removeParticipant(room, identity),
  };
}

// The answer with the names of the protocol's fields, as the other SDK writes them.
function plain(answer) {
  if (Array.isArray(answer)) return { list: answer.map(plain) };
  if (answer?.toJson) return answer.toJson({ useProtoFieldName: true });
  const parts = Object.entries(answer ?? {}).map(([name, part]) => [name, plain(part)]);
  return Object.fromEntries(parts);
}

async function rooms(url, room, identity) {
  const people = await new sdk.RoomServiceClient(url, ...KEYS).listParticipants(room);
  const tell = (outcome) => console.log(JSON.stringify(outcome));
  tell({ method: "list_participants", answer: people.map((person) => person.identity) });
  const track = people.find((person) => person.identity === identity).tracks[0].sid;
  for (const [method, call] of Object.entries(calls(url, room, identity, track))) {
    try {
      tell({ method, answer: plain(await call()) });
    } catch (error) {
      tell({ method, error: error.code, words: error.message });
    }
  }
}

const [command, ...rest] = process.argv.slice(2);
await { token, webhooks, rooms }[command](...rest);
