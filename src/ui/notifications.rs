//! Decides when the system's notifications tell of a call whose window is not seen, and in which words; and when a sound
//! tells that somebody comes or goes. No clock: the time is an argument, in seconds of the window's clock.

use crate::ui::bidi::isolate;
use std::collections::VecDeque;

/// How long the first piece of news waits for others, which then share its notification.
const GATHER: f64 = 1.0;
/// The least time between two notifications. The later one replaces the earlier.
const APART: f64 = 5.0;
/// Names that are kept for one kind of news; further people are counted.
const NAMES: usize = 3;
/// Characters of a name, and of a message, in a notification; the rest is cut off.
const NAME: usize = 40;
const TEXT: usize = 160;
/// Sounds of coming and going within `SOUNDS_WITHIN`; more make none.
const SOUNDS: usize = 3;
const SOUNDS_WITHIN: f64 = 10.0;

/// A notification of the system, as plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    /// Its first line.
    pub(crate) title: String,
    /// What has happened since the window was seen, a line for each kind.
    pub(crate) body: String,
}

/// What is to be done with the one notification of the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotificationOrder {
    /// Show this, in the place of an earlier one.
    Show(Notification),
    /// Take it back.
    Withdraw,
}

/// Something that happened in the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    Joined(String),
    /// Somebody waits to be let in.
    Waits(String),
    Wrote {
        name: String,
        text: String,
    },
    HandRaised(String),
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    /// The room of the call that goes on; `None` before and after a call.
    pub(super) room: Option<&'a str>,
    /// Whether the user sees the window.
    pub(super) seen: bool,
    /// Whether a screen of ours is shared, or about to be: a notification would be in its picture.
    pub(super) shares: bool,
    /// The settings: whether to notify, and whether with the text of messages.
    pub(super) wanted: bool,
    pub(super) with_text: bool,
}

/// The news since the window was seen, and the notification about them.
#[derive(Clone, Debug, Default)]
pub(super) struct Notifications {
    joined: People,
    waits: People,
    hands: People,
    authors: People,
    messages: usize,
    /// The text of the last message.
    text: String,
    /// When the news are to be shown.
    due: Option<f64>,
    /// When the last notification was shown.
    shown_at: Option<f64>,
    /// Whether it still is.
    shown: bool,
}

impl Notifications {
    /// Takes a piece of news in. It is forgotten in the next [`Self::decide`] if the window is seen.
    pub(super) fn note(&mut self, news: News, now: f64) {
        match news {
            News::Joined(name) => self.joined.add(&name),
            News::Waits(name) => self.waits.add(&name),
            News::HandRaised(name) => self.hands.add(&name),
            News::Wrote { name, text } => {
                self.authors.add_once(&name);
                self.messages += 1;
                self.text = cut(&text, TEXT);
            }
        }
        let earliest = self.shown_at.map_or(now, |at| at + APART);
        self.due.get_or_insert((now + GATHER).max(earliest));
    }

    /// What is to be done now; `None` if nothing changes.
    pub(super) fn decide(&mut self, now: f64, at: &Circumstances<'_>) -> Option<NotificationOrder> {
        let room = at.room.filter(|_| !at.seen && !at.shares && at.wanted);
        let Some(room) = room else {
            let was_shown = self.shown;
            *self = Self { shown_at: self.shown_at, ..Self::default() };
            return was_shown.then_some(NotificationOrder::Withdraw);
        };
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        self.due = None;
        self.shown_at = Some(now);
        self.shown = true;
        let title = format!("Visavis: {}", cut(room, NAME));
        Some(NotificationOrder::Show(Notification { title, body: self.body(at.with_text) }))
    }

    /// Seconds until [`Self::decide`] has something to do by itself.
    pub(super) fn next_change(&self, now: f64) -> Option<f64> {
        self.due.map(|due| (due - now).max(0.0))
    }

    fn body(&self, with_text: bool) -> String {
        let wait = if self.waits.count == 1 { "waits" } else { "wait" };
        let raised = if self.hands.count == 1 { "raised a hand" } else { "raised their hands" };
        let lines = [
            self.waits.says(&format!("{wait} to come in")),
            self.hands.says(raised),
            self.wrote(with_text),
            self.joined.says("joined"),
        ];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    fn wrote(&self, with_text: bool) -> Option<String> {
        let names = self.authors.names()?;
        Some(match self.messages {
            1 if with_text => format!("{names}: {}", isolate(&self.text)),
            1 => format!("{names} wrote a message"),
            n => format!("{n} messages from {names}"),
        })
    }
}

/// People of whom the same is told.
#[derive(Clone, Debug, Default)]
struct People {
    first: Vec<String>,
    count: usize,
}

impl People {
    fn add(&mut self, name: &str) {
        if self.first.len() < NAMES {
            self.first.push(isolate(&cut(name, NAME)).into_owned());
        }
        self.count += 1;
    }

    /// Adds somebody unless their name is there; behind the names that are kept, only the first one is counted.
    fn add_once(&mut self, name: &str) {
        let is_there = self.first.iter().any(|first| *first == isolate(&cut(name, NAME)));
        if !is_there && self.count <= NAMES {
            self.add(name);
        }
    }

    fn says(&self, what: &str) -> Option<String> {
        self.names().map(|names| format!("{names} {what}"))
    }

    /// `Mina`, `Mina and Jonas`, `Mina, Jonas and 8 others`; `None` without people.
    fn names(&self) -> Option<String> {
        Some(match (self.first.as_slice(), self.count) {
            ([], _) => return None,
            ([one], _) => one.clone(),
            ([one, two], _) => format!("{one} and {two}"),
            ([one, two, three, ..], 3) => format!("{one}, {two} and {three}"),
            ([one, two, ..], count) => format!("{one}, {two} and {} others", count - 2),
        })
    }
}

/// The first `length` characters of a line, without characters that control its direction or the line.
fn cut(text: &str, length: usize) -> String {
    const DIRECTION: [char; 11] = [
        '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}',
        '\u{2068}', '\u{2069}',
    ];
    let line = text.chars().filter(|c| !DIRECTION.contains(c)).map(|c| if c.is_control() { ' ' } else { c });
    let mut cut: String = line.clone().take(length).collect();
    if line.count() > length {
        cut.push('…');
    }
    cut
}

/// Decides whether a sound tells that somebody comes or goes.
#[derive(Clone, Debug, Default)]
pub(super) struct JoinSounds {
    /// When the last ones came or went: `SOUNDS` of them.
    recent: VecDeque<f64>,
}

impl JoinSounds {
    /// Somebody comes or goes: whether a sound tells so. Of many within a short time only the first ones are heard.
    pub(super) fn is_heard(&mut self, now: f64) -> bool {
        self.recent.retain(|at| now - at < SOUNDS_WITHIN);
        if self.recent.len() == SOUNDS {
            self.recent.pop_front();
            self.recent.push_back(now);
            return false;
        }
        self.recent.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::bidi::plain;

    const AWAY: Circumstances<'static> =
        Circumstances { room: Some("Tea"), seen: false, shares: false, wanted: true, with_text: true };

    fn joined(n: usize) -> News {
        News::Joined(format!("Guest {n}"))
    }

    fn wrote(name: &str, text: &str) -> News {
        News::Wrote { name: name.into(), text: text.into() }
    }

    /// The body of a notification that is to be shown.
    fn body(order: Option<NotificationOrder>) -> String {
        match order {
            Some(NotificationOrder::Show(notification)) => plain(&notification.body).to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ten_who_join_within_a_second_give_one_notification() {
        let mut all = Notifications::default();
        for n in 0..10 {
            all.note(joined(n), n as f64 * 0.09);
            assert_eq!(all.decide(n as f64 * 0.09, &AWAY), None);
        }
        assert!((all.next_change(0.9).expect("due") - 0.1).abs() < 1e-9);
        assert_eq!(body(all.decide(1.0, &AWAY)), "Guest 0, Guest 1 and 8 others joined");
        assert_eq!((all.decide(1.1, &AWAY), all.next_change(1.1)), (None, None));
    }

    #[test]
    fn later_news_replace_the_notification_after_a_while() {
        let mut all = Notifications::default();
        all.note(joined(0), 0.0);
        assert_eq!(body(all.decide(1.0, &AWAY)), "Guest 0 joined");
        all.note(wrote("Mina", "Where are you?"), 1.5);
        assert_eq!(all.decide(2.6, &AWAY), None, "not more often than every 5 s");
        all.note(News::HandRaised("Jonas".into()), 3.0);
        let expected = "Jonas raised a hand\nMina: Where are you?\nGuest 0 joined";
        assert_eq!(body(all.decide(6.0, &AWAY)), expected);
    }

    #[test]
    fn it_is_withdrawn_when_the_window_is_seen_when_a_screen_is_shared_and_after_the_call() {
        let ends = [
            Circumstances { seen: true, ..AWAY },
            Circumstances { shares: true, ..AWAY },
            Circumstances { room: None, ..AWAY },
            Circumstances { wanted: false, ..AWAY },
        ];
        for end in ends {
            let mut all = Notifications::default();
            all.note(News::Waits("Mina".into()), 0.0);
            assert_eq!(body(all.decide(1.0, &AWAY)), "Mina waits to come in");
            all.note(joined(1), 2.0);
            assert_eq!(all.decide(2.0, &end), Some(NotificationOrder::Withdraw), "{end:?}");
            assert_eq!(all.decide(2.1, &end), None, "once");
            assert_eq!((all.decide(9.0, &AWAY), all.next_change(9.0)), (None, None), "what came before is old news");
        }
    }

    #[test]
    fn nothing_is_told_while_a_screen_is_shared() {
        let mut all = Notifications::default();
        let shares = Circumstances { shares: true, ..AWAY };
        for n in 0..5 {
            all.note(joined(n), n as f64);
            assert_eq!(all.decide(n as f64 + 0.9, &shares), None);
        }
        assert_eq!(all.decide(60.0, &AWAY), None);
    }

    #[test]
    fn a_text_is_told_only_where_the_settings_allow_it_and_alone() {
        let mut all = Notifications::default();
        all.note(wrote("Mina", "the password is tea"), 0.0);
        let without = Circumstances { with_text: false, ..AWAY };
        assert_eq!(body(all.clone().decide(1.0, &without)), "Mina wrote a message");
        all.note(wrote("Mina", "or is it?"), 0.5);
        assert_eq!(body(all.clone().decide(1.0, &AWAY)), "2 messages from Mina");
        for n in 0..7 {
            all.note(wrote(&format!("Guest {n}"), "x"), 0.6);
        }
        assert_eq!(body(all.decide(1.0, &AWAY)), "9 messages from Mina, Guest 0 and 2 others");
    }

    #[test]
    fn names_and_texts_of_others_stay_on_their_line() {
        let mut all = Notifications::default();
        all.note(wrote("Mi\nna", &format!("a\nb{}", "c".repeat(500))), 0.0);
        let told = body(all.decide(1.0, &AWAY));
        assert!(told.starts_with("Mi na: a bccc") && told.ends_with("c…") && !told.contains('\n'), "{told}");
        assert_eq!(told.chars().count(), "Mi na: ".len() + TEXT + 1);
    }

    #[test]
    fn a_crowd_that_comes_and_goes_is_soon_silent() {
        let mut sounds = JoinSounds::default();
        let heard = |sounds: &mut JoinSounds, from: f64| (0..10).filter(|n| sounds.is_heard(from + *n as f64)).count();
        assert_eq!(heard(&mut sounds, 0.0), SOUNDS);
        assert_eq!(heard(&mut sounds, 10.0), 0, "it goes on");
        assert!(sounds.is_heard(40.0), "later it is quiet in the room");
        assert!((0..20).all(|n| sounds.is_heard(100.0 + n as f64 * 4.0)), "one every 4 s");
    }
}
