//! Tests of the fixtures, with known results.

use crate::kit::context::free_port;
use crate::kit::relay;
use crate::kit::screenshot::{Screen, Seen};
use crate::kit::wav::{self, Recorded};
use crate::kit::{Display, Fault, Pulse, Relay, TestContext, wait_until};
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

#[test]
fn the_relay_loses_what_it_is_told_to_lose() {
    let port = free_port();
    let server = UdpSocket::bind(("127.0.0.1", port)).expect("the port");
    let relay = Relay::before(port, port);
    server.set_read_timeout(Some(Duration::from_millis(200))).expect("a limit");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.connect((relay::ADDRESS, port)).expect("an address");
    let arrives = |count: u32| {
        let mut packet = [0; 64];
        (0..count).filter(|_| client.send(b"hello").is_ok() && server.recv(&mut packet).is_ok()).count()
    };
    assert_eq!(arrives(20), 20);
    relay.set(Fault { loss: 0.5, ..Fault::default() });
    let half = arrives(40);
    assert!((8..32).contains(&half), "{half} of 40 arrived at 50 % loss");
    relay.set(Fault { black_hole: true, ..Fault::default() });
    assert_eq!(arrives(3), 0);
    relay.set(Fault::default());
    assert_eq!(arrives(5), 5);
}

#[test]
fn a_played_tone_is_found() {
    let context = TestContext::new("kit-sound");
    let pulse = Pulse::start(&context, "a");
    let file = context.artifact("tone.wav");
    wav::write_tone(&file, 440.0, 4, 4.0);
    assert!(pulse.speaker_users().is_empty() && pulse.microphone_users().is_empty());
    let tone = Recorded::read(&file).tone(440.0);
    tone.holds(3.9);
    assert!(Recorded::read(&file).tone(600.0).seconds < 0.1, "a tone that is not there is found");

    let _speaking = pulse.speak(&context, &file);
    wait_until("the player", || pulse.speaker_users().pop());
}

/// The Python peer draws the picture, ImageMagick shows it on a display, and the test reads it.
#[test]
fn a_test_picture_is_read_off_the_screen() {
    let context = TestContext::new("kit-screen");
    let display = Display::start(&context, "a");
    let picture = context.artifact("drawn.pgm");
    let draw = "import sys; from test_picture import Painter; p = Painter(640, 360, 'mina'); p.draw(1)\n\
         open(sys.argv[1], 'wb').write(b'P5 640 360 255\\n' + p.draw(4711)[:640 * 360])";
    let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers");
    let mut python = Command::new(crate::kit::context::tool("python/bin/python"));
    python.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(peers);
    assert!(python.args(["-c", draw]).arg(&picture).status().is_ok_and(|s| s.success()));
    // Scaled by 1.4, as in a tile.
    let mut show = Command::new("display");
    show.env("DISPLAY", display.name()).args(["-resize", "140%"]).arg(&picture);
    let _shown = crate::kit::Process::start(&context, "display", &mut show);
    let seen =
        wait_until("the picture on the screen", || Screen::read(&display.screenshot(&context, "screen")).find("mina"));
    assert!(matches!(seen, Seen { frame: Some(4711), .. }), "{seen:?}");
    assert_eq!(Screen::read(&display.screenshot(&context, "screen")).find("somebody else"), None);
}
