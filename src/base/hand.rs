//! Raised hands and reactions.

use serde::{Serialize, Serializer};

/// A hand that somebody has raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaisedHand {
    /// When, in Unix ms by their clock; `None` if they do not say.
    pub at_ms: Option<i64>,
}

/// A reaction to what is said or shown. The names are those of La Suite Meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// Agreement.
    ThumbsUp,
    /// Disagreement.
    ThumbsDown,
    /// Applause.
    Clapping,
    /// Love.
    Heart,
    /// Laughter.
    Joy,
    /// Surprise.
    Surprise,
    /// Celebration.
    Party,
    /// Thanks.
    Thanks,
}

impl Reaction {
    /// All, in the order of the menu.
    pub const ALL: [Self; 8] = [
        Self::ThumbsUp,
        Self::Clapping,
        Self::Heart,
        Self::Joy,
        Self::Surprise,
        Self::Party,
        Self::Thanks,
        Self::ThumbsDown,
    ];

    /// Its name on the wire and in events.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ThumbsUp => "thumbs-up",
            Self::ThumbsDown => "thumbs-down",
            Self::Clapping => "clapping-hands",
            Self::Heart => "red-heart",
            Self::Joy => "face-with-tears-of-joy",
            Self::Surprise => "face-with-open-mouth",
            Self::Party => "party-popper",
            Self::Thanks => "folded-hands",
        }
    }

    /// Its emoji, for clients that show the character.
    pub(crate) const fn emoji(self) -> &'static str {
        match self {
            Self::ThumbsUp => "👍",
            Self::ThumbsDown => "👎",
            Self::Clapping => "👏",
            Self::Heart => "❤️",
            Self::Joy => "😂",
            Self::Surprise => "😮",
            Self::Party => "🎉",
            Self::Thanks => "🙏",
        }
    }
}

impl Serialize for Reaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
