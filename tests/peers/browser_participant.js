// The participant of browser_peer.mjs, in the page: sends the test picture and a tone, reads everybody else's.
import { Room, RoomEvent, Track } from "/livekit-client.js";
import { drawTestPicture, PictureLog, ToneLog } from "/test_picture.js";

// 20 dB below a full sine.
const TONE_LEVEL = 0.1;
const RATE = 48000;

export class Participant {
  constructor(options, say) {
    this.options = options;
    this.say = say;
    this.pictures = new Map();
    this.tones = new Map();
    this.room = new Room({
      singlePeerConnection: !options.twoConnections,
      adaptiveStream: false,
      dynacast: options.backup,
    });
    this.sound = new AudioContext({ sampleRate: RATE });
  }

  async enter() {
    const { url, token, picture, tone } = this.options;
    const began = performance.now();
    this.listen();
    try {
      await this.room.connect(url, token);
    } catch (error) {
      this.say("EnterRoom", { error: "connect", message: String(error) });
      return this.say("ExitRoom", {});
    }
    this.say("EnterRoom", { result_ms: performance.now() - began });
    for (const p of this.room.remoteParticipants.values()) this.readHand(p.attributes, p);
    if (this.options.hand) await this.room.localParticipant.setAttributes({ handRaisedAt: new Date().toISOString() });
    if (picture !== "none") await this.publishPicture(picture);
    if (Number(tone)) await this.publishTone(Number(tone));
    setInterval(() => this.report(), 1000);
  }

  leave() {
    return this.room.disconnect();
  }

  listen() {
    const { room, say } = this;
    room.registerTextStreamHandler("lk.chat", (reader, { identity }) => this.readText(reader, identity));
    room
      .on(RoomEvent.ParticipantConnected, (p) => say("RemoteUserEnterRoom", { remote_user: p.identity, name: p.name }))
      .on(RoomEvent.ParticipantDisconnected, (p) => {
        say("RemoteUserLeaveRoom", { remote_user: p.identity, livekit_reason: p.disconnectReason ?? 0 });
      })
      .on(RoomEvent.TrackSubscribed, (track, _, p) => this.read(track, p.identity))
      // A server may tell of somebody after they have raised a hand.
      .on(RoomEvent.ParticipantConnected, (p) => this.readHand(p.attributes, p))
      .on(RoomEvent.ParticipantAttributesChanged, (changed, p) => this.readHand(changed, p))
      .on(RoomEvent.DataReceived, (data, p, _, topic) => this.readReaction(data, p, topic))
      .on(RoomEvent.SignalReconnecting, () => say("TryToReconnect", {}))
      .on(RoomEvent.Reconnecting, () => say("TryToReconnect", { fresh: true }))
      .on(RoomEvent.Reconnected, () => say("ConnectionRecovery", {}))
      .on(RoomEvent.Disconnected, (reason) => say("ExitRoom", { livekit_reason: reason ?? 0 }));
  }

  async readText(reader, user) {
    const text = await reader.readAll();
    this.say("ChatMessage", { remote_user: user, text });
    const { answer } = this.options;
    if (!answer || text === answer) return;
    await this.room.localParticipant.sendText(answer, { topic: "lk.chat", destinationIdentities: [user] });
  }

  readHand(changed, participant) {
    if (!("handRaisedAt" in changed) || participant.isLocal) return;
    const raised = Boolean(participant.attributes.handRaisedAt);
    this.say("HandRaised", { remote_user: participant.identity, raised });
  }

  async readReaction(data, participant, topic) {
    if (topic !== "reaction" || !participant) return;
    const { emoji } = JSON.parse(new TextDecoder().decode(data)).data;
    this.say("Reaction", { remote_user: participant.identity, emoji });
    if (!this.options.hand || emoji === "clapping-hands") return;
    // As La Suite Meet sends it.
    const reaction = JSON.stringify({ type: "reactionReceived", data: { emoji: "clapping-hands" } });
    await this.room.localParticipant.publishData(new TextEncoder().encode(reaction), { reliable: true });
  }

  async publishPicture(picture) {
    const [width, height, fps] = picture.split(/[x@]/).map(Number);
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const [track] = canvas.captureStream(0).getVideoTracks();
    const began = performance.now();
    let number = 0;
    const draw = () => {
      drawTestPicture(context, number, this.options.identity);
      track.requestFrame();
      number += 1;
      setTimeout(draw, Math.max(0, began + (number * 1000) / fps - performance.now()));
    };
    draw();
    await this.room.localParticipant.publishTrack(track, {
      source: Track.Source.Camera,
      videoCodec: this.options.codec.toLowerCase(),
      backupCodec: this.options.backup,
      simulcast: this.options.simulcast,
      videoEncoding: { maxBitrate: width > 640 ? 2_500_000 : 600_000, maxFramerate: fps },
    });
  }

  async publishTone(hz) {
    const tone = new OscillatorNode(this.sound, { frequency: hz });
    const out = new MediaStreamAudioDestinationNode(this.sound, { channelCount: 1 });
    tone.connect(new GainNode(this.sound, { gain: TONE_LEVEL })).connect(out);
    tone.start();
    await this.room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], {
      source: Track.Source.Microphone,
      dtx: false,
      red: false,
    });
  }

  async read(track, user) {
    const isPicture = track.kind === Track.Kind.Video;
    const name = isPicture ? "UserVideoAvailable" : "UserAudioAvailable";
    this.say(name, { remote_user: user, available: true });
    // Chromium decodes only what something plays.
    track.attach().muted = true;
    const [logs, Log] = isPicture ? [this.pictures, PictureLog] : [this.tones, ToneLog];
    if (!logs.has(user)) logs.set(user, new Log(user));
    const log = logs.get(user);
    let isFirst = true;
    const frames = new MediaStreamTrackProcessor({ track: track.mediaStreamTrack }).readable;
    for await (const frame of frames) {
      const isHeard = await log.add(frame);
      if (isFirst && isHeard) {
        isFirst = false;
        const size = isPicture ? { width: frame.codedWidth, height: frame.codedHeight } : {};
        this.say(isPicture ? "FirstVideoFrame" : "FirstAudioFrame", { remote_user: user, ...size });
      }
      frame.close();
    }
  }

  report() {
    const users = [...new Set([...this.pictures.keys(), ...this.tones.keys()])].sort();
    const summary = (user) => ({
      remote_user: user,
      picture: this.pictures.get(user)?.summary() ?? null,
      tone: this.tones.get(user)?.summary() ?? null,
    });
    this.say("Verified", { users: users.map(summary) });
  }
}
