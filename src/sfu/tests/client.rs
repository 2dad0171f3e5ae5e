//! A client: a str0m `Rtc` with a socket of its own, driven by the test.

use super::tcp_client::TcpSide;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use str0m::channel::ChannelId;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, SeqNo, VideoOrientation, Vp8Descriptor};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

/// Bytes of a video packet after its descriptor: VP8 frame tag, layer, frame number, place in the frame, filling.
pub(super) const BODY: usize = 900;

/// A received media packet.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) audio_level: Option<i8>,
    pub(super) orientation: Option<VideoOrientation>,
    /// Time from capture to arrival by the sender reports, in microseconds of any origin.
    pub(super) travelled: Option<i64>,
    pub(super) payload: Vec<u8>,
}

impl Received {
    fn descriptor(&self) -> Vp8Descriptor {
        Vp8Descriptor::parse(&self.payload).expect("a video packet")
    }
    pub(super) fn picture_id(&self) -> u16 {
        self.descriptor().picture_id().expect("a PictureID")
    }
    pub(super) fn tl0(&self) -> u8 {
        self.descriptor().tl0_pic_idx().expect("a TL0PICIDX")
    }
    pub(super) fn is_keyframe(&self) -> bool {
        self.descriptor().starts_keyframe(&self.payload)
    }
    pub(super) fn body(&self) -> &[u8] {
        &self.payload[6..]
    }
    pub(super) fn layer(&self) -> u8 {
        self.body()[1]
    }
}

/// The bytes of a video packet after its descriptor.
pub(super) fn body(key: bool, layer: u8, frame: u32, place: u8) -> Vec<u8> {
    let mut b = vec![u8::from(!key), layer];
    b.extend(frame.to_be_bytes());
    b.push(place);
    b.extend((b.len()..BODY).map(|i| (i as u32 * 31 + frame * 7 + u32::from(layer)) as u8));
    b
}

/// A layer that is sent.
struct Sending {
    rid: Option<Rid>,
    layer: u8,
    next: u64,
    key: bool,
    packets: u8,
    on: bool,
}

/// A client.
pub(super) struct TestClient {
    pub(super) rtc: Rtc,
    socket: UdpSocket,
    /// The connection of a client that comes by TCP.
    pub(super) tcp: Option<TcpSide>,
    next: Instant,
    pub(super) connected: bool,
    pub(super) closed: bool,
    pub(super) got: HashMap<Mid, Vec<Received>>,
    pub(super) channels: HashMap<String, ChannelId>,
    pub(super) data: Vec<Bytes>,
    pub(super) key_requests: Vec<(Instant, Option<Rid>)>,
    /// Part of the media packets that are lost in each direction, 0.0 to 1.0.
    pub(super) loss: f64,
    /// How the picture is turned, as the last packet of each frame tells it.
    pub(super) orientation: Option<VideoOrientation>,
    /// Whether all datagrams are lost.
    pub(super) cut: bool,
    /// Capacity of the path to the client, in bits a second.
    pub(super) capacity: Option<u64>,
    path: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    /// Age of a frame when it is sent.
    pub(super) encoding: Duration,
    random: u64,
    last_input: Instant,
    sending: Vec<Sending>,
    video: Option<Mid>,
    frame: u32,
    /// RTP timestamps of the audio packets that were sent.
    pub(super) audio_timestamps: Vec<u32>,
    started: Instant,
}

impl TestClient {
    pub(super) fn new() -> Self {
        Self::with(None)
    }

    /// A client that comes by TCP alone.
    pub(super) fn by_tcp(server: SocketAddr) -> Self {
        Self::with(Some(TcpSide::connect(server)))
    }

    fn with(tcp: Option<TcpSide>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.set_nonblocking(true).expect("set");
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_vp8(true)
            .enable_opus(true, false)
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .build(Instant::now());
        let udp = || Candidate::host(socket.local_addr().expect("an address"), "udp").expect("a candidate");
        rtc.add_local_candidate(tcp.as_ref().map_or_else(udp, TcpSide::candidate));
        Self {
            rtc,
            socket,
            tcp,
            next: Instant::now(),
            connected: false,
            closed: false,
            got: HashMap::new(),
            channels: HashMap::new(),
            data: vec![],
            key_requests: vec![],
            loss: 0.0,
            orientation: None,
            cut: false,
            capacity: None,
            path: VecDeque::new(),
            encoding: Duration::ZERO,
            random: 0x2545_f491_4f6c_dd1d,
            last_input: Instant::now(),
            sending: vec![],
            video: None,
            frame: 0,
            audio_timestamps: vec![],
            started: Instant::now(),
        }
    }

    /// Sets the layers that [`TestClient::send_frame`] sends; none for a track without simulcast.
    pub(super) fn send_layers(&mut self, mid: Mid, rids: &[&str]) {
        self.video = Some(mid);
        let one = |(i, rid): (usize, Option<&&str>)| Sending {
            rid: rid.map(|r| Rid::from(*r)),
            layer: i as u8,
            next: 100 * (i as u64 + 1),
            key: true,
            packets: i as u8 + 1,
            on: true,
        };
        self.sending = if rids.is_empty() {
            vec![one((0, None))]
        } else {
            rids.iter().enumerate().map(|(i, r)| one((i, Some(r)))).collect()
        };
    }

    /// Starts or stops sending a layer.
    pub(super) fn switch_layer(&mut self, layer: usize, on: bool) {
        self.sending[layer].on = on;
        self.sending[layer].key = true;
    }

    /// Sets the number of packets of a frame on all layers.
    pub(super) fn set_frame_size(&mut self, packets: u8) {
        self.sending.iter_mut().for_each(|s| s.packets = packets);
    }

    /// Sends one frame on each layer, a key frame where one was requested.
    pub(super) fn send_frame(&mut self) {
        let Some(mid) = self.video else { return };
        let now = Instant::now();
        let pt = self.pt(mid);
        self.frame += 1;
        for s in self.sending.iter_mut().filter(|s| s.on) {
            let key = std::mem::take(&mut s.key);
            // A key frame has several packets, whatever the layer.
            let packets = if key { s.packets + 3 } else { s.packets };
            for place in 0..packets {
                let picture_id = (self.frame + 1000 * u32::from(s.layer)) & 0x7fff;
                let starts = if place == 0 { 0x90 } else { 0x80 };
                let mut payload =
                    vec![starts, 0xe0, 0x80 | (picture_id >> 8) as u8, picture_id as u8, picture_id as u8, 0];
                payload.extend(body(key, s.layer, self.frame, place));
                let timestamp = self.frame * 3000 + 50_000 * u32::from(s.layer);
                let captured = now - self.encoding;
                let last = place + 1 == packets;
                let video_orientation = self.orientation.filter(|_| last);
                let write = RtpWrite::new(pt, SeqNo::from(s.next), timestamp, captured, payload)
                    .marker(last)
                    .ext_vals(ExtensionValues { video_orientation, ..ExtensionValues::default() })
                    .nackable(true);
                s.next += 1;
                let mut api = self.rtc.direct_api();
                api.stream_tx_by_mid(mid, s.rid).expect("the layer's stream").write_rtp(write);
            }
        }
        self.rtc.handle_input(Input::Timeout(now)).expect("str0m takes the input");
        self.drain();
    }

    /// Sends 20 ms of audio of this loudness.
    pub(super) fn send_audio(&mut self, mid: Mid, decibels: i8) {
        let now = Instant::now();
        let timestamp = self.started.elapsed().as_millis() as u32 * 48;
        self.audio_timestamps.push(timestamp);
        let number = self.audio_timestamps.len() as u64;
        let ext = ExtensionValues {
            audio_level: Some(decibels),
            voice_activity: Some(decibels > -60),
            ..ExtensionValues::default()
        };
        let payload: Vec<u8> = (0..80).map(|i| (number as u8).wrapping_add(i)).collect();
        let pt = self.pt(mid);
        let write = RtpWrite::new(pt, SeqNo::from(number), timestamp, now, payload).ext_vals(ext);
        self.rtc.direct_api().stream_tx_by_mid(mid, None).expect("the audio stream").write_rtp(write);
        self.rtc.handle_input(Input::Timeout(now)).expect("str0m takes the input");
        self.drain();
    }

    pub(super) fn request_keyframe(&mut self, mid: Mid) {
        let mut api = self.rtc.direct_api();
        api.stream_rx_by_mid(mid, None).expect("a received stream").request_keyframe(KeyframeRequestKind::Pli);
        self.rtc.handle_input(Input::Timeout(Instant::now())).expect("str0m takes the input");
    }

    pub(super) fn send_data(&mut self, label: &str, payload: &[u8]) {
        assert!(self.try_send_data(label, payload));
    }

    /// Sends a data message if there is room for it. Whether there was.
    pub(super) fn try_send_data(&mut self, label: &str, payload: &[u8]) -> bool {
        let id = self.channels[label];
        self.rtc.channel(id).expect("an open channel").write(true, payload).expect("written")
    }

    /// Sends a datagram that is not the client's own.
    pub(super) fn send_raw(&self, to: SocketAddr, payload: &[u8]) {
        self.socket.send_to(payload, to).expect("sent");
    }

    fn pt(&self, mid: Mid) -> Pt {
        self.rtc.media(mid).expect("a negotiated m-line").remote_pts()[0]
    }

    fn loses(&mut self, datagram: &[u8]) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let media = datagram.first().is_some_and(|b| (128..192).contains(b));
        self.cut || media && ((self.random >> 11) as f64 / (1u64 << 53) as f64) < self.loss
    }

    /// Handles datagrams and timeouts that are due.
    pub(super) fn step(&mut self) {
        let mut buffer = [0u8; 2000];
        while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            if !self.loses(&buffer[..length]) {
                self.enqueue(source, &buffer[..length]);
            }
        }
        for datagram in self.tcp.iter_mut().flat_map(TcpSide::receive).collect::<Vec<_>>() {
            if !self.loses(&datagram) {
                let (local, source) = self.tcp.as_ref().expect("TCP").addresses();
                let received = Receive::new(Protocol::Tcp, source, local, &datagram).expect("a datagram of WebRTC");
                self.rtc.handle_input(Input::Receive(Instant::now(), received)).expect("str0m takes the input");
                self.drain();
            }
        }
        while self.path.front().is_some_and(|(at, ..)| *at <= Instant::now()) {
            let Some((at, source, payload)) = self.path.pop_front() else { break };
            let local = self.socket.local_addr().expect("an address");
            let received = Receive::new(Protocol::Udp, source, local, &payload).expect("a datagram of WebRTC");
            self.rtc.handle_input(Input::Receive(at.max(self.last_input), received)).expect("str0m takes the input");
            self.last_input = at.max(self.last_input);
            self.drain();
        }
        if self.next <= Instant::now() {
            self.rtc.handle_input(Input::Timeout(Instant::now())).expect("str0m takes the input");
        }
        self.drain();
    }

    /// Puts a datagram on the path to the client: it has a capacity, and a queue of 300 ms.
    fn enqueue(&mut self, source: SocketAddr, payload: &[u8]) {
        let now = Instant::now();
        let free = self.path.back().map_or(now, |(at, ..)| (*at).max(now));
        let takes = self.capacity.map_or(0, |rate| payload.len() as u64 * 8_000_000 / rate);
        if free - now < Duration::from_millis(300) {
            self.path.push_back((free + Duration::from_micros(takes), source, payload.to_vec()));
        }
    }

    pub(super) fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("output") {
                Output::Timeout(at) => {
                    self.next = at;
                    return;
                }
                Output::Transmit(t) => {
                    if self.loses(&t.contents) {
                        continue;
                    }
                    if let Some(tcp) = &mut self.tcp {
                        tcp.send(&t.contents);
                    } else {
                        self.socket.send_to(&t.contents, t.destination).ok();
                    }
                }
                Output::Event(event) => self.on_event(event),
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => self.connected = false,
            Event::Closed => self.closed = true,
            Event::ChannelOpen(id, label) => drop(self.channels.insert(label, id)),
            Event::ChannelData(d) => self.data.push(Bytes::from(d.data)),
            Event::KeyframeRequest(r) => {
                self.key_requests.push((Instant::now(), r.rid));
                self.sending.iter_mut().filter(|s| s.rid == r.rid).for_each(|s| s.key = true);
            }
            Event::RtpPacket(packet) => self.on_packet(packet),
            _ => {}
        }
    }

    fn on_packet(&mut self, packet: RtpPacket) {
        let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).expect("its stream").mid();
        self.got.entry(mid).or_default().push(Received {
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            audio_level: packet.header.ext_vals.audio_level,
            orientation: packet.header.ext_vals.video_orientation,
            travelled: travelled(&packet),
            payload: packet.payload.to_vec(),
        });
    }

    /// The packets received in an m-line, by sequence number.
    pub(super) fn sorted(&self, mid: Mid) -> Vec<Received> {
        let mut all = self.got.get(&mid).cloned().unwrap_or_default();
        all.sort_by_key(|g| g.sequence);
        all
    }
}

fn travelled(packet: &RtpPacket) -> Option<i64> {
    let info = packet.last_sender_info.filter(|i| i.sender_packet_count > 0)?;
    let units = packet.header.timestamp.wrapping_sub(info.rtp_time.numer() as u32) as i32;
    let micros = i64::from(units) * 1_000_000 / i64::from(packet.time.frequency().get());
    let age = info.ntp_time.elapsed().ok()?.as_micros() as i64;
    Some(age - micros)
}

/// The `MediaKind` of str0m.
pub(super) const fn kind(video: bool) -> MediaKind {
    if video { MediaKind::Video } else { MediaKind::Audio }
}

/// Interval of frames.
pub(super) const FRAME: Duration = Duration::from_millis(33);
