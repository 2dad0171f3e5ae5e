//! `GET /j/ROOM`: the page that a join link leads to. It opens the program, or says where to get it. Words and two links:
//! it needs no script, loads nothing, and tells nobody who came.

use super::App;
use super::token_endpoint::address;
use crate::base::{RoomId, Secret};
use crate::proto::link;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use percent_encoding::percent_decode_str;

/// Where the program can be had for every system.
const RELEASES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/releases/latest");

/// Answers `GET /j/ROOM`.
pub(super) async fn page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Response {
    let server = address(&app, &headers);
    let invitation = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == link::INVITATION)
        .map(|(_, value)| Secret::new(value.into_owned()));
    let path = uri.path().strip_prefix("/j/").unwrap_or_default().trim_end_matches('/');
    // What is no UTF-8 is no room either, and is refused as such.
    let (status, words) = match percent_decode_str(path).decode_utf8_lossy().parse::<RoomId>() {
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

fn invited(room: &RoomId, app_link: &str, headers: &HeaderMap) -> String {
    let (room, href) = (escaped(&room.to_string()), escaped(app_link));
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

/// The system that a browser says it runs on, if the program runs there.
fn system(headers: &HeaderMap) -> Option<&'static str> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    // Phones and tablets name the system of a computer beside their own.
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

/// Text that a page shows as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
