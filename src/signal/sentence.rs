//! Messages of servers for users.

/// A server's message for the user: one plain sentence of at most 160 bytes that contains no part of `secret`. `None` if
/// the body is anything else.
pub(super) fn plain_sentence(body: &str, secret: &str) -> Option<String> {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let field = |json: &serde_json::Value| {
        let named = ["message", "msg", "error", "reason", "detail"].iter().find_map(|name| json.get(name));
        named.or(Some(json)).and_then(|v| v.as_str()).map(str::to_owned)
    };
    let text = match &json {
        Some(json) => field(json)?,
        None => body.to_owned(),
    };
    let text = text.trim();
    // Not a page, and not JSON of another form. A sentence may name these signs.
    let plain = !text.is_empty() && text.len() <= 160 && !text.starts_with(['<', '{', '[']) && !text.contains("</");
    let leaks = text.contains("eyJ") || secret.split('.').any(|part| part.len() >= 6 && text.contains(part));
    if !plain || leaks || text.chars().any(char::is_control) {
        return None;
    }
    let mut sentence: String = text.chars().take(1).flat_map(char::to_uppercase).chain(text.chars().skip(1)).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_messages_of_a_server_are_shown() {
        let token = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl";
        let said = |body: &str| plain_sentence(body, token);
        assert_eq!(said("you were removed from this room"), Some("You were removed from this room.".into()));
        assert_eq!(said(r#"{"error":"the room is full"}"#), Some("The room is full.".into()));
        assert_eq!(said(r#"{"error":7}"#), None);
        assert_eq!(said("invalid token: c2lnbmF0dXJl"), None);
        assert_eq!(said("invalid token: eyJ0eXAi"), None);
        assert_eq!(said("<html>not found</html>"), None);
        assert_eq!(said("<!doctype html>"), None);
        assert_eq!(said("nginx <b>502</b>"), None);
        assert_eq!(said("no {x}\nno"), None);
        let room = "a/b".parse::<crate::base::RoomId>().expect_err("a refusal").to_string();
        assert_eq!(said(&room), Some(format!("{room}.")), "the sentence of a room name that a server refuses");
        assert_eq!(said(&"x".repeat(161)), None);
        assert_eq!(said("  "), None);
    }
}
