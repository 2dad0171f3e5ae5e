//! Devices that come and go, and channels as they are, on a private PulseAudio.

use super::*;

/// Runs pactl, which has to succeed. Returns what it prints.
fn pactl(arguments: &[&str]) -> String {
    let output = run("pactl", arguments);
    assert!(output.status.success(), "pactl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits for a change of the devices.
async fn changed(watch: &mut DeviceWatch) -> DeviceChange {
    timeout(PATIENCE, watch.next()).await.expect("told in time")
}

/// Waits until the list of microphones or speakers holds `id` as the default, or does not hold it.
async fn wait_for_list(watch: &mut DeviceWatch, id: &str, default: Option<bool>) {
    let listed = async {
        loop {
            assert_eq!(changed(watch).await, DeviceChange::Sound);
            let (microphones, speakers) = list_sound(Duration::from_secs(5)).await.expect("an answer");
            let found = microphones.iter().chain(&speakers).find(|e| e.id == id).map(|e| e.default);
            if found == default {
                return;
            }
        }
    };
    timeout(PATIENCE, listed).await.unwrap_or_else(|_| panic!("{id} is not {default:?}"));
}

#[test]
fn the_watch_tells_of_devices_and_defaults_and_of_the_server() {
    with_server("plugging::the_watch_tells_of_devices_and_defaults_and_of_the_server", || async {
        let mut watch = DeviceWatch::start();
        // The watch has subscribed.
        assert_eq!(changed(&mut watch).await, DeviceChange::Sound);
        let headset = pactl(&["load-module", "module-null-sink", "sink_name=headset"]);
        wait_for_list(&mut watch, "pulseaudio:headset", Some(false)).await;
        pactl(&["set-default-sink", "headset"]);
        wait_for_list(&mut watch, "pulseaudio:headset", Some(true)).await;
        pactl(&["load-module", "module-remap-source", "source_name=headset_mic", "master=headset.monitor"]);
        wait_for_list(&mut watch, "pulseaudio:headset_mic", Some(false)).await;
        pactl(&["unload-module", &headset]);
        wait_for_list(&mut watch, "pulseaudio:headset", None).await;
        // Volume and use are no change.
        while timeout(Duration::from_secs(1), watch.next()).await.is_ok() {}
        pactl(&["set-source-volume", "mic", "50%"]);
        let (microphone, ..) =
            AudioLease::open_microphone(&MicrophoneChoice::Default, failures().0).await.expect("opens");
        assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
        assert!(timeout(Duration::from_secs(1), watch.next()).await.is_err(), "nothing has come or gone");

        signal("-KILL");
        assert_eq!(changed(&mut watch).await, DeviceChange::Sound);
        std::fs::remove_file(pulse_server::socket(&folder())).ok();
        let second = Server::start();
        std::os::unix::fs::symlink(pulse_server::socket(second.folder.path()), pulse_server::socket(&folder()))
            .expect("a link");
        wait_for_list(&mut watch, "pulseaudio:mic", Some(true)).await;
    });
}

#[test]
fn what_a_speaker_plays_is_no_default_microphone() {
    with_server("plugging::what_a_speaker_plays_is_no_default_microphone", || async {
        pactl(&["unload-module", "module-remap-source"]);
        assert!(pactl(&["get-default-source"]).ends_with(".monitor"));
        let error = AudioLease::open_microphone(&MicrophoneChoice::Default, failures().0).await.err();
        assert_eq!(error, Some(DeviceError::NotFound("this computer has no microphone".into())));
        let choice = "pulseaudio:speaker.monitor".parse().expect("an id");
        let (chosen, ..) = AudioLease::open_microphone(&choice, failures().0).await.expect("it was asked for");
        assert_eq!(chosen.release(LIMIT).await.state, StepState::Confirmed);
    });
}

#[test]
fn the_channels_of_a_microphone_arrive_as_they_are() {
    with_server("plugging::the_channels_of_a_microphone_arrive_as_they_are", || async {
        // One side only, and six channels of which the fifth has the sound; channels without a place are mixed.
        let rear = "channel_map=front-left,front-right,front-center,lfe,rear-left,rear-right";
        let nowhere = "channel_map=aux0,aux1,aux2,aux3";
        pactl(&["load-module", "module-null-sink", "sink_name=six", "channels=6", rear]);
        pactl(&["load-module", "module-null-sink", "sink_name=four", "channels=4", nowhere]);
        for (source, master) in [("six_mic", "six.monitor"), ("four_mic", "four.monitor")] {
            let (name, master) = (format!("source_name={source}"), format!("master={master}"));
            pactl(&["load-module", "module-remap-source", &name, &master]);
        }
        let cases = [("micfeed", "mic", vec![1.0, 0.0]), ("six", "six_mic", vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0])];
        for (sink, source, factors) in cases {
            let _tone = play_into(sink, 700.0, 20, &factors);
            let choice = format!("pulseaudio:{source}").parse().expect("an id");
            let (microphone, mut samples, format) =
                AudioLease::open_microphone(&choice, failures().0).await.expect("opens");
            assert_eq!(format, PcmFormat { rate: 48_000, channels: factors.len() as u16 }, "{source}");
            let mut heard = Vec::new();
            let listening = async {
                while heard.len() < 96_000 * factors.len() {
                    let n = samples.slots();
                    heard.extend(samples.read_chunk(n).expect("chunk"));
                    sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(PATIENCE, listening).await.expect("sound in time");
            for (i, factor) in factors.iter().enumerate() {
                let channel: Vec<f32> =
                    heard.iter().copied().skip(i + 24_000 * factors.len()).step_by(factors.len()).collect();
                let reading = measure(&channel);
                let loud = (reading.hz - 700.0).abs() < 2.0 && (reading.dbfs + 20.0).abs() < 1.0;
                assert_eq!(loud, *factor == 1.0, "{source} {i}: {reading:?}");
            }
            assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
        }
        let choice = "pulseaudio:four_mic".parse().expect("an id");
        let (microphone, _, format) = AudioLease::open_microphone(&choice, failures().0).await.expect("opens");
        assert_eq!(format.channels, 1);
        assert_eq!(microphone.release(LIMIT).await.state, StepState::Confirmed);
    });
}
