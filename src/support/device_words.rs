//! The words that labels of devices consist of. Everything else in a label may be somebody's name: "Mina's AirPods".

/// Makers, products and kinds of devices, in lower case.
const WORDS: &str = "\
    a a2dp ac97 acer adapter airpods alc alsa amd an analog and apple array asus audio auna aux avermedia \
    behringer blue bluetooth bose brio broadcast buds built-in cam camera canon capture card chat cinema codec \
    communications conference controller creative default dell desktop device digital display displayport dock \
    droidcam dummy duo earphones echo elgato epos facecam facetime family file focusrite for format from front \
    fullhd generation generic goodix hands-free handsfree hd hda hdmi headphone headphones headset high hp huawei \
    hyperx ideapad in input insta360 integrated intel internal ipad iphone ir iriun jabra jack jbl kiyo lenovo lg \
    lifecam line link live logi logitech loopback m-audio macbook max mic microphone microsoft mini monitor mono \
    multi neo nikon no none null nvidia obs of on output page panasonic person philips picture plantronics \
    playback plus poly polycom port portrait presonus pro profile quickcam r razer realtek rear rgb rode samsung \
    scarlett screen sennheiser series shure side silent sink smart sof solo sony sound source spdif speaker \
    speakerphone speakers stereo stream streamcam studio surface surround sync system test the thinkpad \
    thunderbolt tone toshiba true type-c ultra usb usb-c uvc v4l2 video virtual voice web webcam wide wired \
    wireless with xiaomi yeti zoom";

/// Characters of the number of a model at most: `C920`, `WH-1000XM5`. A longer one may be a serial number.
const MODEL_CHARS: usize = 10;

/// Whether a word of a label names no person: one of the known words, a sign, or the number of a model.
pub(super) fn is_technical(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
    if bare.is_empty() {
        return true;
    }
    bare.split(['/', ':', ',', '_', '(', ')']).all(|part| {
        let known = is_known(part);
        known || part.is_empty() || is_model(part) || part.split('-').all(|half| is_known(half) || is_model(half))
    })
}

fn is_known(word: &str) -> bool {
    WORDS.split(' ').any(|known| known.eq_ignore_ascii_case(word))
}

/// A short word of capitals and digits with a digit in it, or a number: `C920`, `USB2.0`, `4K`, `2`.
fn is_model(word: &str) -> bool {
    word.chars().count() <= MODEL_CHARS
        && word.contains(|c: char| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase() || matches!(c, '.' | '-' | '+' | 'x' | 'p' | 'k'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_and_models_stay_and_names_do_not() {
        for label in [
            "HD Pro Webcam C920",
            "Built-in Audio Analog Stereo",
            "Logitech BRIO (USB 3.0)",
            "HDA Intel PCH2",
            "Test picture",
        ] {
            assert!(label.split(' ').all(is_technical), "{label}");
        }
        for name in ["Mina", "Mina’s", "Mina's", "Park", "minas-iPhone", "mina2019", "SN0123456789", "李雪"] {
            assert!(!is_technical(name), "{name}");
        }
    }
}
