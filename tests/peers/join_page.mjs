// A visitor of a join page, in a real Chromium without JavaScript: for each system that visitors come from it prints what
// the page shows, then presses the page's button, and stays until it is ended. The packages come from NODE_SDK. PROFILE
// is a folder for the browser, whose owner has said already that pages of this server may always open Visavis.
//   node join_page.mjs URL PROFILE PICTURE
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [url, profile, picture] = process.argv.slice(2);
const puppeteer = createRequire(`${process.env.NODE_SDK}/`)("puppeteer-core");

const AGENTS = {
  Windows: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
  macOS: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
  telephone: "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
  Linux: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
};

const say = (event, fields) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);

const allowed = { [new URL(url).origin]: { visavis: true } };
mkdirSync(`${profile}/Default`, { recursive: true });
const preferences = { protocol_handler: { allowed_origin_protocol_pairs: allowed } };
writeFileSync(`${profile}/Default/Preferences`, JSON.stringify(preferences));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // The browser ends with the pipe, also when this script is killed.
  pipe: true,
  headless: false,
  userDataDir: profile,
  defaultViewport: null,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"],
});
const page = await browser.newPage();
await page.setJavaScriptEnabled(false);
const loaded = [];
page.on("request", (request) => loaded.push(request.url()));
for (const [system, agent] of Object.entries(AGENTS)) {
  await page.setUserAgent(agent);
  const response = await page.goto(url);
  const shown = await page.evaluate(() => ({
    text: document.body.innerText,
    links: [...document.querySelectorAll("a")].map((a) => ({ text: a.innerText, href: a.href })),
  }));
  say("Shown", { system, status: response.status(), ...shown });
}
say("Loaded", { urls: [...new Set(loaded)] });
await page.screenshot({ path: picture });
await page.bringToFront();
await page.click("a.main");
say("Pressed", {});
