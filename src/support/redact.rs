//! Takes what is private out of texts: first the words that this process knows to be private, then everything that looks
//! like an address, a link, a path, a host or a key.

use super::device_words;
use super::patterns::{Shape, shape};
use super::pseudonym::Pseudonyms;
use crate::base::{cut, names_real_device, visible};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// Private words that are remembered at most. The oldest is forgotten first.
const KNOWN: usize = 1024;
/// Bytes of a text that are kept at most.
const TEXT_BYTES: usize = 1000;
/// How long the lock is waited for after a panic, which may have happened under it.
const AFTER_PANIC: Duration = Duration::from_millis(50);
/// What stands for a secret. Secrets have no pseudonym: there is nothing to compare.
const SECRET: &str = "***";

/// The environment variables whose values are secret or name servers, rooms or people.
const SECRET_VARIABLES: &[&str] = &[
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "LIVEKIT_TOKEN",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "VISAVIS_SDK_APP_ID",
    "VISAVIS_SDK_SECRET_KEY",
    "VISAVIS_PASSPHRASE",
];
/// Those that hold the address of a server.
const SERVER_VARIABLES: &[&str] =
    &["LIVEKIT_URL", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Those that name the person at the computer, or the computer.
const PERSON_VARIABLES: &[&str] = &["USER", "LOGNAME", "USERNAME", "HOSTNAME", "COMPUTERNAME"];

/// Words with an apostrophe that are no names.
const NO_OWNERS: &[&str] = &["He", "Here", "It", "Let", "She", "That", "There", "Visavis", "What", "Who"];

/// What a value is. Its pseudonym begins with this word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// A user id or a display name.
    User,
    /// A room.
    Room,
    /// A host, by its name.
    Server,
    /// An IP address or a MAC address.
    Address,
    /// The id of a device, or a word of its label.
    Device,
    /// The id of a track.
    Track,
    /// A file or folder.
    Path,
    /// Any other id.
    Id,
    /// Quoted text.
    Text,
}

impl Hidden {
    const ALL: [Self; 9] = [
        Self::User,
        Self::Room,
        Self::Server,
        Self::Address,
        Self::Device,
        Self::Track,
        Self::Path,
        Self::Id,
        Self::Text,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Room => "room",
            Self::Server => "server",
            Self::Address => "address",
            Self::Device => "device",
            Self::Track => "track",
            Self::Path => "path",
            Self::Id => "id",
            Self::Text => "text",
        }
    }
}

/// Replaces what is private. One serves the whole process, so that a name that the call has told is also taken out of
/// the log.
pub(crate) struct Redactor {
    /// Where the key lies; `None` for pseudonyms of this process alone.
    folder: Option<PathBuf>,
    /// Made when the first one is needed: a program that needs none leaves no key behind.
    pseudonyms: OnceLock<Pseudonyms>,
    known: Mutex<VecDeque<Known>>,
}

/// A private word and what stands for it.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    word: String,
    instead: Instead,
}

/// What stands for a private word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Instead {
    Secret,
    /// The pseudonym of a value, which need not be the word itself.
    Pseudonym(Hidden, String),
}

impl Redactor {
    /// With the pseudonyms of the installation whose key lies in `folder`. It knows the secrets of the environment.
    pub(crate) fn of_installation(folder: Option<&Path>) -> Self {
        let folder = folder.map(Path::to_owned);
        let redactor = Self { folder, pseudonyms: OnceLock::new(), known: Mutex::default() };
        redactor.learn_environment(|name| std::env::var(name).ok());
        redactor
    }

    /// Reads the variables that hold secrets, servers and the name of the person at this computer.
    fn learn_environment(&self, variable: impl Fn(&str) -> Option<String>) {
        for name in SECRET_VARIABLES {
            variable(name).iter().for_each(|value| self.learn_secret(value));
        }
        for name in SERVER_VARIABLES {
            variable(name).iter().for_each(|value| self.learn_server(value));
        }
        for name in PERSON_VARIABLES {
            variable(name).iter().for_each(|value| self.learn(Hidden::User, value));
        }
    }

    /// The pseudonym of a value: `user-1a2b3c4d`.
    pub(crate) fn hide(&self, kind: Hidden, value: &str) -> String {
        let value = if kind == Hidden::Server { value.to_ascii_lowercase() } else { value.to_owned() };
        let folder = self.folder.as_deref();
        let make = || folder.map_or_else(Pseudonyms::of_process, Pseudonyms::of_installation);
        format!("{}-{}", kind.word(), self.pseudonyms.get_or_init(make).digits(kind.word(), &value))
    }

    /// Remembers a private word, for [`Redactor::text`].
    pub(crate) fn learn(&self, kind: Hidden, word: &str) {
        self.remember(word, Instead::Pseudonym(kind, word.to_owned()));
    }

    /// Remembers somebody's user id and display name: both have the pseudonym of the id.
    pub(crate) fn learn_user(&self, user: &str, name: &str) {
        let instead = Instead::Pseudonym(Hidden::User, user.to_owned());
        for word in [user, name, &visible(name)] {
            self.remember(word, instead.clone());
        }
    }

    /// Remembers the host of a server's address, and the name and the password before it.
    pub(crate) fn learn_server(&self, url: &str) {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        userinfo.split(':').for_each(|part| self.learn_secret(part));
        let name =
            host.rsplit_once(':').map_or(host, |(name, port)| if port.parse::<u16>().is_ok() { name } else { host });
        // Addresses are hidden by their shape, as they are everywhere.
        if shape(name).is_none_or(|shape| shape == Shape::Host) && name != "localhost" {
            self.remember(name, Instead::Pseudonym(Hidden::Server, name.to_owned()));
        }
    }

    /// Remembers a secret: `***` stands for it.
    pub(crate) fn learn_secret(&self, secret: &str) {
        self.remember(secret, Instead::Secret);
    }

    fn remember(&self, word: &str, instead: Instead) {
        let word = word.trim();
        // A single letter would change ordinary words, and says nothing.
        if word.chars().count() < 2 {
            return;
        }
        let mut known = self.known.lock();
        if known.iter().any(|k| k.word == word) {
            return;
        }
        if known.len() >= KNOWN {
            known.pop_front();
        }
        known.push_back(Known { word: word.to_owned(), instead });
    }

    /// A sentence of ours, of a system, a driver or a server, without what is private: on one line, of 1000 bytes at most.
    pub(crate) fn text(&self, text: &str) -> String {
        let known = self.known.lock();
        self.redacted(text, &known)
    }

    /// The same after a panic. `None` if the panic came while this was at work.
    pub(super) fn text_after_panic(&self, text: &str) -> Option<String> {
        let known = self.known.try_lock_for(AFTER_PANIC)?;
        Some(self.redacted(text, &known))
    }

    fn redacted(&self, text: &str, known: &VecDeque<Known>) -> String {
        let text = visible(cut(text, 4 * TEXT_BYTES));
        let mut words: Vec<&Known> = known.iter().collect();
        words.sort_by_key(|known| std::cmp::Reverse(known.word.len()));
        let text = words.into_iter().fold(text, |text, known| {
            replace_word(&text, &known.word, || match &known.instead {
                Instead::Secret => SECRET.to_owned(),
                Instead::Pseudonym(kind, value) => self.hide(*kind, value),
            })
        });
        cut(&self.without_shapes(&text), TEXT_BYTES).to_owned()
    }

    /// Replaces quoted text, and words that look private.
    fn without_shapes(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // The word before, which may announce a secret.
        let mut before = String::new();
        while let Some(c) = rest.chars().next() {
            if let Some((quoted, after)) = quoted(rest, c) {
                let hidden = if is_pseudonym(quoted) { quoted.to_owned() } else { self.hide(Hidden::Text, quoted) };
                out.push_str(&format!("“{hidden}”"));
                rest = after;
                continue;
            }
            let mut end = rest.find(is_delimiter).unwrap_or(rest.len());
            if rest[..end].contains("://") {
                // A link ends where a space or a quotation mark stands: its query is part of it.
                end = rest.find(ends_link).unwrap_or(rest.len());
                end = rest[..end].trim_end_matches([')', ']', '}', ',', ';']).len();
            }
            if end == 0 {
                out.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
            let (token, after) = rest.split_at(end);
            rest = after;
            let word = token.trim_end_matches(['.', ':', '!', '?', '…']);
            if announces_secret(&before) && !is_pseudonym(word) {
                out.push_str(SECRET);
            } else if is_owner(word, rest) {
                out.push_str(&self.hide(Hidden::User, word));
            } else {
                out.push_str(&self.without_shape(word));
            }
            out.push_str(&token[word.len()..]);
            word.clone_into(&mut before);
        }
        out
    }

    fn without_shape(&self, word: &str) -> String {
        let Some(shape) = shape(word).filter(|_| !is_pseudonym(word)) else { return word.to_owned() };
        match shape {
            Shape::Link { scheme, host, port } => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let host = match super::patterns::shape(host) {
                    Some(Shape::Loopback { .. }) => "loopback".to_owned(),
                    Some(Shape::Address { .. }) => self.hide(Hidden::Address, host),
                    _ => self.hide(Hidden::Server, host),
                };
                format!("{scheme}://{host}{port}")
            }
            Shape::Loopback { after } => format!("loopback{after}"),
            Shape::Address { address, after } => format!("{}{after}", self.hide(Hidden::Address, &address)),
            Shape::Host => match word.rsplit_once(':') {
                Some((name, port)) => format!("{}:{port}", self.hide(Hidden::Server, name)),
                None => self.hide(Hidden::Server, word),
            },
            Shape::Person => self.hide(Hidden::User, word),
            Shape::Path => self.hide(Hidden::Path, word),
            Shape::Id => self.hide(Hidden::Id, word),
            Shape::Secret => SECRET.to_owned(),
        }
    }

    /// The id of a device: synthetic ones stay, without the name of a file.
    pub(crate) fn device_id(&self, id: &str) -> String {
        let id = id.trim();
        if id.starts_with("file:") {
            return "file".to_owned();
        }
        // A test device, or a capture process with a fault: words of this program.
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | ':' | '@' | '.');
        match names_real_device(id) || !id.chars().all(is_plain) {
            true => self.hide(Hidden::Device, id),
            false => id.to_owned(),
        }
    }

    /// The label of a device, in which words that are no technical ones are pseudonyms: people name their devices.
    pub(crate) fn device_label(&self, label: &str) -> String {
        let shown: Vec<String> = visible(cut(label, TEXT_BYTES))
            .split(' ')
            .map(
                |word| if device_words::is_technical(word) { word.to_owned() } else { self.hide(Hidden::Device, word) },
            )
            .collect();
        shown.join(" ")
    }
}

/// Replaces a word where it stands by itself, in upper and lower case of ASCII.
fn replace_word(text: &str, word: &str, instead: impl Fn() -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let end = at + word.len();
        let is_word = text.is_char_boundary(end)
            && text.get(at..end).is_some_and(|found| found.eq_ignore_ascii_case(word))
            && !text[..at].chars().next_back().is_some_and(joins)
            && !text[end..].chars().next().is_some_and(joins);
        if is_word {
            out.push_str(&instead());
            at = end;
        } else if let Some(c) = text[at..].chars().next() {
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

fn joins(c: char) -> bool {
    c.is_alphanumeric()
}

/// A quotation at the beginning of `rest`, which begins with `first`: its content, and what follows.
fn quoted(rest: &str, first: char) -> Option<(&str, &str)> {
    let close = match first {
        '“' | '„' => '”',
        '‘' => '’',
        '«' => '»',
        '"' | '`' => first,
        _ => return None,
    };
    let inside = &rest[first.len_utf8()..];
    let (content, after) = inside.split_once(close)?;
    (!content.is_empty()).then_some((content, after))
}

/// Whether the word is a name of an owner: `Mina` in “Mina's camera”.
fn is_owner(word: &str, after: &str) -> bool {
    let is_possessive = ["'s ", "’s "].iter().any(|end| after.starts_with(end)) || matches!(after, "'s" | "’s");
    let is_capital = word.chars().next().is_some_and(|c| c.is_uppercase() || !c.is_ascii());
    is_possessive && is_capital && !NO_OWNERS.contains(&word) && !device_words::is_technical(word)
}

fn ends_link(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '`' | '\'' | '<' | '>' | '“' | '”' | '‘' | '’' | '«' | '»')
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '=' | '|' | '"' | '`' | '\'')
        || matches!(c, '“' | '”' | '„' | '‘' | '’' | '«' | '»')
}

/// Whether the word after this one is a secret.
fn announces_secret(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    [
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "authorization",
        "bearer",
        "credential",
        "api_key",
        "apikey",
    ]
    .iter()
    .any(|name| word.ends_with(name))
        && (word.contains('_')
            || word == "bearer"
            || word == "password"
            || word == "passphrase"
            || word == "authorization")
}

/// Whether the word is one of our pseudonyms.
fn is_pseudonym(word: &str) -> bool {
    let Some((kind, digits)) = word.rsplit_once('-') else { return word == SECRET };
    digits.len() == 8
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && Hidden::ALL.iter().any(|hidden| hidden.word() == kind)
}
