// The test picture and the test tone for browsers, drawn and read by code that Visavis does not share. What they look
// like is written in docs/events.md ("The test picture").

const bits24 = (value) => value & 0xffffff;

// CRC-8 (polynomial 0x07, start 0) of the three bytes of a value, most significant first.
function crc8(value) {
  let crc = 0;
  for (const shift of [16, 8, 0]) {
    crc ^= (value >> shift) & 0xff;
    for (let i = 0; i < 8; i++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : (crc << 1) & 0xff;
  }
  return crc;
}

// The low 24 bits of the CRC-32 (IEEE) of a user's identity.
function identityCode(identity) {
  let crc = ~0;
  for (const byte of new TextEncoder().encode(identity)) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return bits24(~crc);
}

const nowMs = () => performance.timeOrigin + performance.now();

// Draws frame `number` of one user over the whole canvas.
export function drawTestPicture(context, number, identity) {
  const { width, height } = context.canvas;
  const block = Math.floor(width / 40);
  // A grey bar that moves over grey.
  context.fillStyle = "#808080";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#989898";
  context.fillRect((number * 2) % width, 0, width / 4, height);
  [bits24(number), bits24(Math.floor(nowMs() % 0x1000000)), identityCode(identity)].forEach((value, row) => {
    const bits = value * 256 + crc8(value);
    for (let i = 0; i < 32; i++) {
      context.fillStyle = Math.floor(bits / 2 ** (31 - i)) % 2 ? "#ffffff" : "#000000";
      context.fillRect((4 + i) * block, (1 + 2 * row) * block, block, block);
    }
  });
}

// The value of one row of a luma plane, or null if its checksum is wrong.
function readRow(luma, stride, width, row) {
  const block = Math.floor(width / 40);
  const [edge, middle] = [Math.floor(block / 4), Math.max(1, Math.floor(block / 2))];
  const top = (1 + 2 * row) * block + edge;
  let [value, check] = [0, 0];
  for (let i = 0; i < 32; i++) {
    const left = (4 + i) * block + edge;
    let sum = 0;
    for (let y = top; y < top + middle; y++) {
      for (let x = left; x < left + middle; x++) sum += luma[y * stride + x];
    }
    const bit = sum >= 128 * middle * middle ? 1 : 0;
    if (i < 24) value = value * 2 + bit;
    else check = check * 2 + bit;
  }
  return crc8(value) === check ? value : null;
}

// The received frames of one user's test picture.
export class PictureLog {
  constructor(identity) {
    this.identity = identityCode(identity);
    Object.assign(this, { frames: 0, missing: 0, repeated: 0, wrong: 0, last: null, delays: [] });
  }

  // Takes one VideoFrame in a format that begins with a luma plane; whether there was something to read.
  async add(frame) {
    const width = frame.codedWidth;
    if (width < 160 || frame.codedHeight < 90) return false;
    const bytes = new Uint8Array(frame.allocationSize());
    const [{ offset, stride }] = await frame.copyTo(bytes);
    const luma = bytes.subarray(offset);
    const [number, drawn, identity] = [0, 1, 2].map((row) => readRow(luma, stride, width, row));
    if (number === null || drawn === null || identity !== this.identity) this.wrong += 1;
    else if (this.last !== null && number <= this.last) this.repeated += 1;
    else {
      if (this.last !== null) this.missing += number - this.last - 1;
      this.last = number;
      this.frames += 1;
      this.delays.push((Math.floor(nowMs() % 0x1000000) - drawn + 0x1000000) % 0x1000000);
    }
    return true;
  }

  // The object `picture` of the event Verified.
  summary() {
    const delays = [...this.delays].sort((a, b) => a - b);
    const percentile = (p) => delays[Math.min(delays.length - 1, Math.floor(delays.length * p))] ?? 0;
    const { frames, missing, repeated, wrong } = this;
    return { frames, missing, repeated, wrong, delay_ms_p50: percentile(0.5), delay_ms_p95: percentile(0.95) };
  }
}

// One user's test tone as received: pitch and level of the last second, and every gap since it began.
export class ToneLog {
  static STEP_MS = 5;
  static SILENT_DBFS = -40;

  constructor() {
    Object.assign(this, { rest: [], second: [], rate: 48000, isBegun: false, silent: 0, heard: 0, gaps: [] });
  }

  // Takes one AudioData; whether anything has been heard so far.
  add(data) {
    this.rate = data.sampleRate;
    const samples = new Float32Array(data.numberOfFrames);
    data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    this.second = [...this.second, ...samples].slice(-this.rate);
    this.rest.push(...samples);
    const step = (this.rate * ToneLog.STEP_MS) / 1000;
    while (this.rest.length >= step) this.step(dbfs(this.rest.splice(0, step)) < ToneLog.SILENT_DBFS);
    return this.isBegun;
  }

  step(isSilent) {
    if (isSilent) {
      this.silent += this.isBegun ? 1 : 0;
      return;
    }
    this.isBegun = true;
    this.heard += 1;
    if (this.silent) this.gaps.push(this.silent);
    this.silent = 0;
  }

  // The object `tone` of the event Verified.
  summary() {
    const ms = (steps) => steps * ToneLog.STEP_MS;
    return {
      hz: pitch(this.second, this.rate),
      dbfs: Math.round(dbfs(this.second) * 10) / 10,
      gaps_ms: ms(this.gaps.reduce((sum, gap) => sum + gap, 0)),
      longest_gap_ms: ms(Math.max(0, ...this.gaps)),
      silent_ms: ms(this.silent),
      heard_ms: ms(this.heard),
    };
  }
}

// Level in dB below a full sine.
function dbfs(samples) {
  const power = samples.reduce((sum, x) => sum + x * x, 0) / Math.max(1, samples.length);
  return 20 * Math.log10(Math.max(1e-6, Math.sqrt(2 * power)));
}

// The frequency in Hz of a sine that begins and ends anywhere, by its rising zero crossings; 0 in silence.
function pitch(samples, rate) {
  if (samples.length < rate / 4 || dbfs(samples) < ToneLog.SILENT_DBFS) return 0;
  const crossings = [];
  for (let i = 1; i < samples.length; i++) {
    const [before, after] = [samples[i - 1], samples[i]];
    if (before < 0 && after >= 0) crossings.push(i - after / (after - before));
  }
  const span = crossings.at(-1) - crossings[0];
  return span > 0 ? Math.round(((crossings.length - 1) / span) * rate * 10) / 10 : 0;
}
