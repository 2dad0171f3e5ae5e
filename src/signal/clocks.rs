//! Tells wrong clocks from credentials that have expired: compares this computer's clock with the `Date` of the server's
//! answer (RFC 9110, section 6.6.1).

use crate::clock::unix_s;
use crate::http::{HttpAnswer, HttpRequest, http_url};
use crate::proto::link::invitation_end;
use crate::proto::token::unverified_claims;
use std::fmt;
use std::time::Duration;

/// Clocks that differ by less agree: servers accept a token for a minute before and after.
pub(crate) const AGREE_S: i64 = 30;
/// Time to ask a server for its date.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of the answer at most.
const ANSWER_BYTES: usize = 1 << 20;

/// Why a server finds that the time of a token or an invitation has not come, or is over, though it has and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockProblem {
    /// This computer's clock is so many seconds ahead of the server's; negative: behind.
    Differs(i64),
    /// The two agree, so the clock of the maker of the token is ahead.
    MadeAhead,
    /// The server did not tell its time.
    Unknown,
}

impl fmt::Display for ClockProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(seconds) => write!(
                f,
                "The clock of this computer or of the server is wrong: this computer's is {} {} the server's. Set the \
                 wrong one, then try again.",
                words(seconds.unsigned_abs()),
                if *seconds > 0 { "ahead of" } else { "behind" },
            ),
            Self::MadeAhead => f.write_str(
                "This invitation is not valid yet: the clock of the computer that made it is ahead of the server's. \
                 Ask for a new one when that clock is right.",
            ),
            Self::Unknown => f.write_str(
                "The clock of this computer or of the server is wrong: this invitation is not valid yet. Set the wrong \
                 one, then try again.",
            ),
        }
    }
}

/// "45 seconds", "10 minutes", "3 hours", "2 days".
pub(crate) fn words(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..120 => (seconds, "seconds"),
        120..7_200 => ((seconds + 30) / 60, "minutes"),
        7_200..172_800 => ((seconds + 1_800) / 3_600, "hours"),
        _ => ((seconds + 43_200) / 86_400, "days"),
    };
    format!("{number} {unit}")
}

/// The time for which a token or an invitation says that it is valid, in Unix seconds; nobody has checked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClaimedTime {
    from: i64,
    until: i64,
}

impl ClaimedTime {
    const ALWAYS: Self = Self { from: 0, until: i64::MAX };

    pub(super) fn of_token(token: &str) -> Self {
        unverified_claims(token).map_or(Self::ALWAYS, |claims| Self { from: claims.not_before, until: claims.expires })
    }

    pub(super) fn of_invitation(text: &str) -> Self {
        invitation_end(text).map_or(Self::ALWAYS, |until| Self { until, ..Self::ALWAYS })
    }
}

/// What the server said about the time of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    TooEarly,
    TooLate,
}

impl Objection {
    /// Reads the body of a refusal: of our server, of livekit-server ("token is not valid yet", "token is expired"), and
    /// of go-jose ("issued in the future"). `None` if it is about something else, or the clocks of both sides and the
    /// token agree that the token has expired.
    pub(super) fn read(body: &str, claimed: ClaimedTime, now: i64) -> Option<Self> {
        let body = body.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| body.contains(words));
        if says(&["not valid yet", "not yet valid", "issued in the future"])
            // A server that gives no reason.
            || (body.trim().is_empty() && claimed.from > now + AGREE_S)
        {
            return Some(Self::TooEarly);
        }
        (says(&["expired", "has ended"]) && claimed.until > now).then_some(Self::TooLate)
    }

    /// The problem, by how far our clock is ahead of the server's; `None` if the clocks give no reason for it.
    pub(super) const fn problem(self, ahead: Option<i64>) -> Option<ClockProblem> {
        match (self, ahead) {
            (_, Some(ahead)) if ahead.abs() >= AGREE_S => Some(ClockProblem::Differs(ahead)),
            (Self::TooEarly, Some(_)) => Some(ClockProblem::MadeAhead),
            (Self::TooEarly, None) => Some(ClockProblem::Unknown),
            // It expired within these seconds.
            (Self::TooLate, _) => None,
        }
    }
}

/// How many seconds our clock is ahead of the server that gave this answer.
pub(super) fn ahead_of(answer: &HttpAnswer) -> Option<i64> {
    let theirs = httpdate::parse_http_date(answer.header("date")?).ok()?;
    let theirs = theirs.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(unix_s() - i64::try_from(theirs).ok()?)
}

/// Asks a server for its date: how many seconds our clock is ahead of it.
pub(crate) async fn ahead_of_server(server: &str) -> Option<i64> {
    ahead_of(&HttpRequest::get(http_url(server)?).send(ASK_TIMEOUT, ANSWER_BYTES).await.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_586_184;
    const VALID: ClaimedTime = ClaimedTime { from: NOW - 60, until: NOW + 60 };
    const OVER: ClaimedTime = ClaimedTime { from: NOW - 600, until: NOW - 1 };

    #[test]
    fn early_is_told_from_expired() {
        let read = |body: &str, claimed| Objection::read(body, claimed, NOW);
        for early in [
            "The access token is not valid yet. Are the clocks right?",
            "invalid token: eyJ, error: go-jose/go-jose/jwt: validation failed, token not valid yet (nbf)",
            "token issued in the future (iat)",
        ] {
            assert_eq!(read(early, VALID), Some(Objection::TooEarly), "{early}");
        }
        let expired = "The access token has expired. Ask for a new one.";
        assert_eq!(read(expired, VALID), Some(Objection::TooLate), "it is valid by our clock");
        assert_eq!(read(expired, OVER), None, "it has expired by our clock too");
        assert_eq!(read("token is expired (exp)", OVER), None);
        assert_eq!(read("This link has ended. Ask for a new one.", VALID), Some(Objection::TooLate));
        assert_eq!(read("The access token's signature is wrong.", VALID), None);
        assert_eq!(read("", ClaimedTime { from: NOW + 600, until: NOW + 900 }), Some(Objection::TooEarly));
        assert_eq!(read("", VALID), None);
    }

    #[test]
    fn the_wrong_clock_is_named_with_the_difference() {
        let said = |objection: Objection, ahead| objection.problem(ahead).map(|problem| problem.to_string());
        let ahead = said(Objection::TooLate, Some(605)).expect("a problem");
        assert!(ahead.contains("this computer's is 10 minutes ahead of the server's"), "{ahead}");
        let behind = said(Objection::TooEarly, Some(-3 * 86_400)).expect("a problem");
        assert!(behind.contains("3 days behind the server's"), "{behind}");
        let made = said(Objection::TooEarly, Some(2)).expect("a problem");
        assert!(made.contains("computer that made it is ahead"), "{made}");
        assert_eq!(said(Objection::TooLate, Some(2)), None, "it expired by seconds: no clock is to blame");
        assert_eq!(said(Objection::TooLate, None), None);
        assert_eq!(
            (words(45), words(119), words(120), words(5_400)),
            ("45 seconds".into(), "119 seconds".into(), "2 minutes".into(), "90 minutes".into())
        );
    }

    #[test]
    fn the_claimed_time_of_damaged_credentials_is_all_time() {
        assert_eq!(ClaimedTime::of_token("nonsense"), ClaimedTime::ALWAYS);
        assert_eq!(ClaimedTime::of_invitation("nonsense"), ClaimedTime::ALWAYS);
        assert_eq!(ClaimedTime::of_invitation("a.b.guest.0.x"), ClaimedTime::ALWAYS, "0 is no end");
        assert_eq!(ClaimedTime::of_invitation("a.b.guest.77.x").until, 77);
    }
}
