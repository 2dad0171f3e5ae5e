//! Reads the others' test pictures and test tones: what `--verify` reports.

use crate::base::{UserId, Verification, VideoFrame};
use crate::call::{MediaObserver, VideoTap};
use crate::clock::unix_ms;
use crate::testcard::{FrameTracker, ToneMeter, ToneReading, read};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Pictures that may be missing, in percent.
const MISSING_PERCENT: u64 = 10;
/// Pictures that may be unreadable or somebody else's, in percent.
const WRONG_PERCENT: u64 = 2;
/// The longest gap that a tone may have, in ms.
const GAP_MS: f64 = 60.0;

/// What arrived from everybody.
#[derive(Default)]
pub(crate) struct Verifier {
    people: Mutex<BTreeMap<UserId, Arc<Mutex<Person>>>>,
}

struct Person {
    picture: Option<FrameTracker>,
    tone: Option<ToneMeter>,
    samples: Option<rtrb::Consumer<f32>>,
}

impl Person {
    /// Feeds the tone's meter with what has been played since.
    fn listen(&mut self) {
        let (Some(tone), Some(samples)) = (&mut self.tone, &mut self.samples) else { return };
        let waiting = samples.slots();
        if let Ok(chunk) = samples.read_chunk(waiting) {
            let (first, second) = chunk.as_slices();
            tone.push(first);
            tone.push(second);
            chunk.commit_all();
        }
    }

    fn tone(&mut self) -> Option<ToneReading> {
        self.listen();
        self.tone.as_ref().map(ToneMeter::reading)
    }
}

/// Reads a picture of `identity` that arrived at `unix_ms`.
fn look(person: &Mutex<Person>, identity: &str, frame: &VideoFrame, unix_ms: u64) {
    let reading = read(frame);
    let mut person = person.lock().unwrap_or_else(PoisonError::into_inner);
    person.picture.get_or_insert_with(|| FrameTracker::new(identity)).on_frame(reading, unix_ms);
}

impl MediaObserver for Verifier {
    fn picture(&self, user: &UserId) -> VideoTap {
        let person = self.person(user);
        let identity = user.as_str().to_owned();
        Arc::new(move |frame: &VideoFrame| {
            let now = unix_ms() as u64;
            look(&person, &identity, frame, now);
        })
    }

    fn voice(&self, user: &UserId, samples: rtrb::Consumer<f32>) {
        let person = self.person(user);
        let mut person = person.lock().unwrap_or_else(PoisonError::into_inner);
        person.tone.get_or_insert_with(ToneMeter::searching);
        person.samples = Some(samples);
    }
}

impl Verifier {
    fn person(&self, user: &UserId) -> Arc<Mutex<Person>> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Mutex::new(Person { picture: None, tone: None, samples: None }));
        people.entry(user.clone()).or_insert_with(new).clone()
    }

    fn each<T>(&self, mut f: impl FnMut(&UserId, &mut Person) -> T) -> Vec<T> {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::with_capacity(people.len());
        for (user, person) in &*people {
            all.push(f(user, &mut person.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        all
    }

    /// Takes a picture of somebody that a window has painted at `unix_ms`.
    pub(crate) fn painted(&self, user: &UserId, frame: &VideoFrame, unix_ms: f64) {
        look(&self.person(user), user.as_str(), frame, unix_ms.max(0.0) as u64);
    }

    /// What arrived so far; must be called at least every second while sound arrives.
    pub(crate) fn results(&self) -> Vec<Verification> {
        self.each(|user, person| Verification {
            remote_user: user.as_str().to_owned(),
            picture: person.picture.as_ref().map_or(Value::Null, |p| p.reading().to_json()),
            tone: person.tone().map_or(Value::Null, ToneReading::to_json),
        })
    }

    /// Takes what was heard since, so that the rings do not run over.
    pub(crate) fn listen(&self) {
        self.each(|_, person| person.listen());
    }

    /// Whether somebody was there and everything of everybody was as it should be.
    pub(crate) fn is_met(&self) -> bool {
        let met = self.each(|_, person| {
            let picture = person.picture.as_ref().is_none_or(|p| {
                let p = p.reading();
                let all = p.frames + p.missing;
                p.frames > 0 && p.missing * 100 <= all * MISSING_PERCENT && p.wrong * 100 <= all * WRONG_PERCENT
            });
            let tone = person.tone().is_none_or(|t| t.hz > 0.0 && t.longest_gap_ms <= GAP_MS);
            picture && tone && (person.picture.is_some() || person.tone.is_some())
        });
        !met.is_empty() && met.iter().all(|m| *m)
    }
}
