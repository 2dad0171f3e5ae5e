//! Writes the relay's media port in place of the server's into the server's descriptions.

/// Replaces the address in candidates (RFC 8839, section 5.1) of a stream that comes in pieces.
pub(super) struct Rewriter {
    from: Vec<u8>,
    to: Vec<u8>,
    /// The end of the last piece, if the address may begin there.
    held: Vec<u8>,
}

impl Rewriter {
    /// For the ports of the server and of the relay; `None` if one has more digits than the other.
    pub(super) fn new(server: u16, own: u16) -> Option<Self> {
        let address = |port: u16| format!(" 127.0.0.1 {port} ").into_bytes();
        let (from, to) = (address(server), address(own));
        (from.len() == to.len()).then_some(Self { from, to, held: Vec::new() })
    }

    /// Whether something is held back.
    pub(super) const fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The next piece with what was held back before it.
    pub(super) fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut bytes = self.rest();
        bytes.extend_from_slice(piece);
        let mut at = 0;
        while let Some(found) =
            bytes.get(at..).and_then(|rest| rest.windows(self.from.len()).position(|w| w == self.from))
        {
            bytes[at + found..][..self.to.len()].copy_from_slice(&self.to);
            at += found + self.to.len();
        }
        let longest = bytes.len().min(self.from.len() - 1);
        let begun = (1..=longest).rev().find(|length| bytes.ends_with(&self.from[..*length]));
        self.held = bytes.split_off(bytes.len() - begun.unwrap_or(0));
        bytes
    }

    /// What is held back, when nothing follows.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_replaced_wherever_the_stream_is_cut() {
        let text =
            b"a=candidate:1 1 udp 2130706431 127.0.0.1 41234 typ host\r\na=x 127.0.0.1 41235 \x20127.0.0.1 41234 ";
        let expected = String::from_utf8_lossy(text).replace("127.0.0.1 41234 ", "127.0.0.1 52001 ");
        for cut in 0..=text.len() {
            let mut rewriter = Rewriter::new(41_234, 52_001).expect("as many digits");
            let mut out = rewriter.pass(&text[..cut]);
            out.extend(rewriter.pass(&text[cut..]));
            out.extend(rewriter.rest());
            assert_eq!(String::from_utf8_lossy(&out), expected, "cut at {cut}");
        }
        assert!(Rewriter::new(9_999, 52_001).is_none());
    }

    #[test]
    fn little_is_held_back() {
        let mut rewriter = Rewriter::new(41_234, 52_001).expect("as many digits");
        assert_eq!(rewriter.pass(b"what else"), b"what else");
        assert!(!rewriter.holds());
        assert_eq!(rewriter.pass(b"x 127.0"), b"x");
        assert!(rewriter.holds());
        assert_eq!(rewriter.rest(), b" 127.0");
    }
}
