// A participant made with LiveKit's official SDK for browsers, in a real Chromium: most people who join by a link are
// one of these.
//
// It takes the same arguments as sdk_peer.py and prints the same events, and "Answered" for each answer that the server
// gave the page over HTTP. The key pair comes from LIVEKIT_API_KEY and LIVEKIT_API_SECRET, the packages from NODE_SDK.
// SIGTERM makes it leave.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const require = createRequire(`${process.env.NODE_SDK}/`);
const puppeteer = require("puppeteer-core");
const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    room: { type: "string" },
    identity: { type: "string" },
    picture: { type: "string", default: "320x180@15" },
    tone: { type: "string", default: "660" },
    "two-connections": { type: "boolean", default: false },
    simulcast: { type: "boolean", default: false },
    codec: { type: "string", default: "VP8" },
    // Falls back to VP8 when somebody cannot receive the codec, and sends only what is watched, as LiveKit Meet does.
    backup: { type: "boolean", default: false },
    answer: { type: "string" },
    hand: { type: "boolean", default: false },
  },
});

function script(path) {
  return ["text/javascript", () => readFileSync(path)];
}

const FILES = {
  "/": ["text/html", () => '<!doctype html><title>A participant</title><link rel="icon" href="data:,">'],
  "/livekit-client.js": script(`${process.env.NODE_SDK}/node_modules/livekit-client/dist/livekit-client.esm.mjs`),
  "/participant.js": script(new URL("browser_participant.js", import.meta.url)),
  "/test_picture.js": script(new URL("test_picture.js", import.meta.url)),
};

const CHROMIUM = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--no-first-run",
  // The server is on this computer.
  "--allow-loopback-in-peer-connection",
  "--autoplay-policy=no-user-gesture-required",
  // The relay's certificate is signed by the tests' authority.
  "--ignore-certificate-errors",
  // As curl reads it; pages of this computer are not asked for there.
  ...(process.env.https_proxy ? [`--proxy-server=${process.env.https_proxy}`] : []),
];

function say(event, fields = {}) {
  const head = { unix_ms: Date.now(), pid: process.pid, user: options.identity, event };
  process.stdout.write(`${JSON.stringify({ ...head, ...fields })}\n`);
}

// A token as RFC 7519 has it, signed by HS256, with LiveKit's grants.
function token() {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const { room, identity } = options;
  const grants = { iss: process.env.LIVEKIT_API_KEY, sub: identity, name: identity, nbf: now, exp: now + 3600 };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...grants, video: { roomJoin: true, room } })}`;
  const signature = createHmac("sha256", process.env.LIVEKIT_API_SECRET).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

// Pages of localhost may do what pages of https may.
function serve() {
  const server = createServer((request, response) => {
    const [type, read] = FILES[request.url] ?? [];
    response.writeHead(type ? 200 : 404, { "content-type": type ?? "text/plain" });
    response.end(read?.());
  });
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server)));
}

async function main() {
  const server = await serve();
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // The browser ends with the pipe, also when this script is killed.
    pipe: true,
    args: CHROMIUM,
    handleSIGTERM: false,
    handleSIGINT: false,
  });
  const page = await browser.newPage();
  page.on("console", (line) => process.stderr.write(`${line.text()}\n`));
  page.on("pageerror", (error) => process.stderr.write(`${error.stack}\n`));
  page.on("response", (answer) => {
    const { origin, pathname } = new URL(answer.url());
    if (!origin.endsWith(`:${server.address().port}`)) say("Answered", { path: pathname, status: answer.status() });
  });
  const ended = new Promise((end) => {
    page.exposeFunction("say", (event, fields) => {
      say(event, fields);
      if (event === "ExitRoom") end();
    });
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => page.evaluate("void participant.leave()"));
  const asked = { ...options, token: token(), twoConnections: options["two-connections"] };
  await page.evaluate(async (asked) => {
    const { Participant } = await import("/participant.js");
    globalThis.participant = new Participant(asked, globalThis.say);
    await globalThis.participant.enter();
  }, asked);
  await ended;
  await browser.close();
  server.close();
}

await main();
