//! What a tile shows in place of video: the avatar, and a sentence if the video or the sound cannot be decoded, or if the
//! connection is too weak for the video.

use super::View;
use crate::base::{Codec, Undecodable};
use crate::ui::strings;
use crate::ui::text;
use crate::ui::tile_layout::{RemoteTile, TileContent};
use crate::ui::tokens::size;
use crate::ui::widgets::avatar;
use egui::{Align, Rect, Ui, pos2, vec2};

/// What cannot be shown or played of a tile.
#[derive(Debug, Default)]
pub(super) struct Cover {
    /// Whether the video cannot be shown.
    pub(super) video: bool,
    /// Why the voice cannot be played.
    pub(super) voice: Option<Undecodable>,
    /// The sentence about it; empty if there is nothing to say.
    pub(super) sentence: String,
}

/// What the chips at the lower edge of a tile take.
pub(super) const BELOW: f32 = 44.0;

impl Cover {
    /// The user does not want to see the picture.
    pub(super) fn hidden() -> Self {
        Self { video: true, voice: None, sentence: strings::people::HIDDEN.to_owned() }
    }

    /// What cannot be shown or played of somebody else's tile.
    pub(super) fn of(tile: &RemoteTile<'_>) -> Self {
        let video = tile.video().and_then(|track| track.undecodable);
        let voice = tile.person.voice_undecodable().filter(|_| tile.is_person());
        let name = tile.name();
        let what = match tile.content {
            TileContent::Person(_) => format!("{name}'s video"),
            TileContent::Screen(..) | TileContent::Camera(..) => name,
        };
        let is_paused = tile.video().is_some_and(|track| track.paused);
        let paused = is_paused.then(|| format!("Your connection is too weak for {what} right now."));
        let sentence = sentence(&tile.person.name, &what, video, voice).or(paused).unwrap_or_default();
        Self { video: video.is_some(), voice, sentence }
    }
}

/// Draws the avatar, and the sentence below it; in a small tile the sentence alone. The lower edge is left to the chips,
/// and to a button of this height.
pub(super) fn cover(
    ui: &mut Ui,
    view: &View<'_>,
    rect: Rect,
    (user, person): (&str, &str),
    (sentence, button): (&str, f32),
) {
    if sentence.is_empty() {
        return avatar(ui, rect.center(), (rect.height() * 0.42).min(size::AVATAR), user, person);
    }
    let kind = if rect.width() >= 300.0 { text::BODY } else { text::CAPTION };
    let free = Rect::from_min_max(rect.min + vec2(12.0, 10.0), rect.max - vec2(12.0, BELOW + button));
    let width = free.width().clamp(1.0, 420.0);
    let lines = text::height(ui, kind, sentence, width);
    let diameter = (free.height() - lines - 14.0).min(size::AVATAR);
    let top = if diameter < 36.0 {
        (free.center().y - lines / 2.0).max(free.top())
    } else {
        let top = free.center().y - (diameter + 14.0 + lines) / 2.0;
        avatar(ui, pos2(rect.center().x, top + diameter / 2.0), diameter, user, person);
        top + diameter + 14.0
    };
    text::paint_lines(ui, pos2(rect.center().x, top), Align::Center, kind, view.colors.text_2, sentence, width);
}

/// The sentence about tracks of `name` that can be neither shown nor played: `what` (“Mina's video”, “Mina's screen”) for
/// this reason, and the voice for that one.
fn sentence(name: &str, what: &str, video: Option<Undecodable>, voice: Option<Undecodable>) -> Option<String> {
    let of_video = |why| match why {
        Undecodable::Encrypted => format!("{what} is encrypted and cannot be shown."),
        Undecodable::Codec(codec) => format!("{what} uses {}, which this version cannot show yet.", codec_name(codec)),
        Undecodable::Damaged => format!("{what} arrives damaged and cannot be shown."),
    };
    let of_voice = |why| match why {
        Undecodable::Encrypted => format!("{name}'s sound is encrypted and cannot be played."),
        Undecodable::Codec(codec) => {
            format!("{name}'s sound uses {}, which this version cannot play yet.", codec_name(codec))
        }
        Undecodable::Damaged => format!("{name}'s sound arrives damaged and cannot be played."),
    };
    match (video, voice) {
        (Some(Undecodable::Encrypted), Some(Undecodable::Encrypted)) => {
            Some(format!("{what} and sound are encrypted and cannot be shown."))
        }
        (Some(video), Some(voice)) => Some(format!("{} {}", of_video(video), of_voice(voice))),
        (Some(video), None) => Some(of_video(video)),
        (None, Some(voice)) => Some(of_voice(voice)),
        (None, None) => None,
    }
}

/// The chip of a tile whose video is shown, and whose voice cannot be played.
pub(super) const fn voice_chip(why: Undecodable) -> &'static str {
    match why {
        Undecodable::Encrypted => "Sound encrypted",
        Undecodable::Codec(_) => "Sound not supported",
        Undecodable::Damaged => "Sound damaged",
    }
}

const fn codec_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Vp8 => "VP8",
        Codec::Vp9 => "VP9",
        Codec::H264 => "H.264",
        Codec::H265 => "H.265",
        Codec::Av1 => "AV1",
        Codec::Opus => "Opus",
        Codec::Red => "RED",
        Codec::Pcmu | Codec::Pcma => "G.711",
        Codec::Other => "a format",
    }
}
