//! Words of hands and reactions.

use crate::base::{Reaction, Withheld};

/// What a reaction says.
pub(in crate::ui) const fn reaction(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::ThumbsUp => "Thumbs up",
        Reaction::ThumbsDown => "Thumbs down",
        Reaction::Clapping => "Applause",
        Reaction::Heart => "Heart",
        Reaction::Joy => "Laughter",
        Reaction::Surprise => "Surprise",
        Reaction::Party => "Celebration",
        Reaction::Thanks => "Thank you",
    }
}

/// Why our hand was lowered.
pub(in crate::ui) const fn hand_lowered(why: Withheld) -> &'static str {
    match why {
        Withheld::Host => "The host has lowered your hand",
        Withheld::NotAllowed => "You may not raise a hand in this room",
        Withheld::Refused => "The server did not take your raised hand. Try again.",
    }
}
