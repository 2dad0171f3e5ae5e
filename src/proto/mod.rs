//! LiveKit messages and access tokens: encode, decode, verify; nothing else.
