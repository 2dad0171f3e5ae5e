//! Why a server's TLS certificate was not accepted.

use std::error::Error;

/// The problem of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateProblem {
    /// Its time has not come, by this computer's clock: servers use new certificates at once, so the clock is wrong.
    TooEarly,
    /// Its time is over, by this computer's clock.
    Expired,
    /// Its issuer is not known, it is for another name, or it was revoked.
    NotTrusted,
}

impl CertificateProblem {
    /// Reads the text of an error of rustls; `None` if it is about something else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (_, problem) = text.split_once("invalid peer certificate: ")?;
        let problem = problem.to_lowercase();
        Some(if problem.starts_with("expired") || problem.starts_with("certificate expired") {
            Self::Expired
        } else if problem.starts_with("notvalidyet") || problem.starts_with("certificate not valid yet") {
            Self::TooEarly
        } else {
            Self::NotTrusted
        })
    }

    /// Reads an error and those that caused it.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(problem) = Self::read(&error.to_string()) {
                return Some(problem);
            }
            cause = error.source();
        }
        None
    }

    /// The sentence for the user; `server` as errors show it.
    pub(super) fn sentence(self, server: &str) -> String {
        match self {
            Self::TooEarly => format!(
                "The clock of this computer is probably wrong: the certificate of {server} is not valid yet by it. Set \
                 the clock, then try again."
            ),
            Self::Expired => format!(
                "By the clock of this computer, the certificate of {server} has expired. Check date and time here; if \
                 they are right, tell the person who runs the server."
            ),
            Self::NotTrusted => format!(
                "This computer does not trust the certificate of {server}. Check the address, or ask the person who runs \
                 the server."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_rustls_are_read() {
        use CertificateProblem as P;
        for (text, problem) in [
            ("invalid peer certificate: Expired", Some(P::Expired)),
            ("IO error: invalid peer certificate: certificate expired: verification time 9 (UNIX)", Some(P::Expired)),
            ("invalid peer certificate: certificate not valid yet: verification time 9 (UNIX)", Some(P::TooEarly)),
            ("invalid peer certificate: NotValidYet", Some(P::TooEarly)),
            ("invalid peer certificate: UnknownIssuer", Some(P::NotTrusted)),
            ("connection refused", None),
        ] {
            assert_eq!(P::read(text), problem, "{text}");
        }
    }
}
