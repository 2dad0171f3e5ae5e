//! `GET /j/ROOM`: the web page of a join link. It opens the program, or links to the download. It has no scripts and
//! loads nothing.

use super::app::AppState;
use crate::base::{RoomName, Secret};
use crate::proto::link;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use percent_encoding::percent_decode_str;

/// The download page of the program.
const RELEASES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/latest");

/// Answers `GET /j/ROOM`.
pub(super) async fn page(State(app): State<AppState>, headers: HeaderMap, uri: Uri) -> Response {
    let server = app.url(&headers);
    let invitation = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == link::INVITATION)
        .map(|(_, value)| Secret::new(value.into_owned()));
    let path = uri.path().strip_prefix("/j/").unwrap_or_default().trim_end_matches('/');
    // A path that is not UTF-8 is no room name, and is refused as such.
    let (status, words) = match app.engine.room_name(&percent_decode_str(path).decode_utf8_lossy()) {
        Ok(room) => (StatusCode::OK, invited(&room, &link::app_link(&server, &room, invitation.as_ref()), &headers)),
        Err(e) => (StatusCode::NOT_FOUND, format!("<h1>There is no such room</h1><p>{}</p>", escaped(&e.to_string()))),
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "user-agent"),
    ];
    (status, headers, Html(format!("{HEAD}{words}"))).into_response()
}

fn invited(room: &RoomName, app_link: &str, headers: &HeaderMap) -> String {
    let (room, href) = (escaped(&room.shown()), escaped(app_link));
    let get = match system(headers) {
        Some(system) => format!("<a href=\"{RELEASES}\">Get Visavis for {system}</a>, then open this page again"),
        None => format!(
            "Visavis runs on computers with Windows, macOS or Linux: <a href=\"{RELEASES}\">get it there</a>, then open \
             this page there"
        ),
    };
    format!(
        "<h1>You are invited to “{room}”</h1><p><a class=\"main\" href=\"{href}\">Open in Visavis</a></p>\
         <p>Your browser may ask whether it may open Visavis. You will see the room filled in; nobody sees or hears you \
         before you press Join.</p>\
         <p>Nothing happens? {get}, or paste its address into the lobby.</p>"
    )
}

/// The caller's operating system by its user agent, if the program runs on it.
fn system(headers: &HeaderMap) -> Option<&'static str> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    // The user agents of phones and tablets also name a desktop system.
    if ["Android", "iPhone", "iPad", "CrOS"].iter().any(|mark| agent.contains(mark)) {
        return None;
    }
    let systems = [("Windows NT", "Windows"), ("Macintosh", "macOS"), ("Linux", "Linux")];
    systems.into_iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| name)
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>Visavis</title>\
    <style>body{font:1.1rem/1.5 system-ui;max-width:34rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}\
    .main{display:inline-block;padding:.6rem 1.2rem;border:1px solid;border-radius:.6rem;text-decoration:none}</style>";

/// Escapes text for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
