"""The test picture and the test tone, drawn and read by somebody who shares no code with Visavis.

What they look like is written in docs/events.md ("The test picture"): three rows of 32 blocks, each row 24 bits of
value and their CRC-8, so that a peer can tell which frame arrived, when it was drawn, and whose it is.
"""

import time
import zlib

import numpy as np

RATE = 48000
BLACK, WHITE, GREY = 16, 235, 128


def crc8(value):
    """CRC-8 (polynomial 0x07, start 0) of the three bytes of `value`, most significant first."""
    crc = 0
    for byte in value.to_bytes(3, "big"):
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07) & 0xFF if crc & 0x80 else (crc << 1) & 0xFF
    return crc


def identity_code(identity):
    """What row 2 holds: the low 24 bits of the CRC-32 of the user's identity."""
    return zlib.crc32(identity.encode()) & 0xFFFFFF


def now_ms():
    """Unix time in milliseconds."""
    return time.time() * 1000


class Painter:
    """Draws the test picture of one user, in I420."""

    def __init__(self, width, height, identity, chroma=(GREY, GREY)):
        self.width, self.height = width, height
        self.identity = identity_code(identity)
        self.ramp = (np.arange(width * 2) * 2 % 96 + 80).astype(np.uint8)
        self.chroma = np.repeat(np.array(chroma, np.uint8), ((height + 1) // 2) * ((width + 1) // 2))

    def draw(self, number):
        """Frame `number` as bytes: planes Y, U, V."""
        shift = number * 2 % self.width
        luma = np.tile(self.ramp[shift : shift + self.width], (self.height, 1))
        for row, value in enumerate((number & 0xFFFFFF, int(now_ms()) & 0xFFFFFF, self.identity)):
            self._row(luma, row, value)
        return luma.tobytes() + self.chroma.tobytes()

    def _row(self, luma, row, value):
        block = self.width // 40
        bits = value << 8 | crc8(value)
        top = block + 2 * row * block
        for i in range(32):
            left = 4 * block + i * block
            luma[top : top + block, left : left + block] = WHITE if bits >> (31 - i) & 1 else BLACK


def read_row(luma, row):
    """The value of one row, or None if its checksum is wrong. `luma` is an array of height x width."""
    block = luma.shape[1] // 40
    top = block + 2 * row * block
    edge, middle = block // 4, max(1, block // 2)
    strip = luma[top + edge : top + edge + middle]
    bits = 0
    for i in range(32):
        left = 4 * block + i * block + edge
        bits = bits << 1 | int(strip[:, left : left + middle].mean() >= 128)
    value = bits >> 8
    return value if crc8(value) == bits & 0xFF else None


def read_picture(luma):
    """(frame number, time of drawing, identity code), or None if the picture cannot be read."""
    rows = [read_row(luma, row) for row in range(3)]
    return None if None in rows else tuple(rows)


class PictureLog:
    """What arrived of one user's test picture."""

    def __init__(self, identity):
        self.identity = identity_code(identity)
        self.frames = self.missing = self.repeated = self.wrong = 0
        self.last = None
        self.delays = []

    def add(self, luma):
        """Takes one picture as it arrived."""
        if luma.shape[1] < 160 or luma.shape[0] < 90:
            return  # the black 8x8 pictures at the end of a track
        read = read_picture(luma)
        if read is None or read[2] != self.identity:
            self.wrong += 1
            return
        number, drawn, _ = read
        if self.last is not None and number <= self.last:
            self.repeated += 1
            return
        if self.last is not None:
            self.missing += number - self.last - 1
        self.last = number
        self.frames += 1
        self.delays.append((int(now_ms()) - drawn) % (1 << 24))

    def summary(self):
        """The object `picture` of the event Verified."""
        delays = sorted(self.delays) or [0]
        percentile = lambda p: delays[min(len(delays) - 1, int(len(delays) * p))]
        return {
            "frames": self.frames, "missing": self.missing, "repeated": self.repeated, "wrong": self.wrong,
            "delay_ms_p50": percentile(0.5), "delay_ms_p95": percentile(0.95),
        }


class Tone:
    """The test tone, 20 dB below a full sine."""

    def __init__(self, hz):
        self.hz, self.at = hz, 0

    def samples(self, count):
        """The next `count` samples, 16 bits, mono, 48 kHz."""
        t = np.arange(self.at, self.at + count)
        self.at += count
        return (np.sin(2 * np.pi * self.hz * t / RATE) * 3276.7).astype(np.int16)


class ToneLog:
    """What arrived of one user's test tone: pitch and level of the last second, and every gap since it began."""

    STEP = RATE // 200  # 5 ms
    SILENT_DBFS = -40.0

    def __init__(self):
        self.rest = np.zeros(0)
        self.second = np.zeros(0)
        self.begun = False
        self.silent = self.heard = 0
        self.gaps = [0]

    def add(self, samples):
        """Takes samples as they arrived: 16 bits, mono, 48 kHz."""
        x = samples.astype(np.float64) / 32768
        self.second = np.concatenate((self.second, x))[-RATE:]
        x = np.concatenate((self.rest, x))
        whole = len(x) // self.STEP * self.STEP
        self.rest = x[whole:]
        for step in x[:whole].reshape(-1, self.STEP):
            self._step(dbfs(step) < self.SILENT_DBFS)

    def _step(self, silent):
        if silent:
            self.silent += 1 if self.begun else 0
            return
        self.begun = True
        self.heard += 1
        if self.silent:
            self.gaps.append(self.silent)
        self.silent = 0

    def summary(self):
        """The object `tone` of the event Verified."""
        return {
            "hz": pitch(self.second), "dbfs": round(dbfs(self.second), 1),
            "gaps_ms": sum(self.gaps) * 5, "longest_gap_ms": max(self.gaps) * 5,
            "silent_ms": self.silent * 5, "heard_ms": self.heard * 5,
        }


def dbfs(x):
    """Level in dB below a full sine."""
    if len(x) == 0:
        return -120.0
    return 20 * float(np.log10(max(1e-6, np.sqrt(np.mean(x * x)) * np.sqrt(2))))


def pitch(x):
    """The strongest frequency in Hz; 0 in silence."""
    if len(x) < RATE // 4 or dbfs(x) < ToneLog.SILENT_DBFS:
        return 0.0
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 4 * len(x)))
    return round(float(np.argmax(spectrum)) * RATE / (4 * len(x)), 1)
