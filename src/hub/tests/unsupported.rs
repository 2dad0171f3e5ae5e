//! Requests for what this server lacks: each is answered, so that no client waits.

use super::stage::Stage;
use livekit_protocol as lk;
use lk::request_response::{Reason, Request as Named};
use lk::signal_request::Message as Request;
use lk::signal_response::Message;

/// What client `c` is told about `request`: the id of the request, the reason, and what is named in the answer.
fn answer(stage: &mut Stage, c: usize, request: Request) -> (u32, Reason, Option<Named>) {
    stage.got(c, |_| None::<()>);
    stage.tell(c, request);
    let mut answers = stage.got(c, |message| match message {
        Message::RequestResponse(r) => Some((r.request_id, r.reason(), r.request)),
        _ => None,
    });
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

#[test]
fn data_tracks_and_data_blobs_are_refused_with_an_answer() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let track = lk::PublishDataTrackRequest { pub_handle: 7, name: "gps".into(), ..Default::default() };
    let refused = answer(&mut stage, mina, Request::PublishDataTrackRequest(track.clone()));
    assert_eq!(refused, (0, Reason::UnsupportedType, Some(Named::PublishDataTrack(track))));
    let track = lk::UnpublishDataTrackRequest { pub_handle: 7 };
    let refused = answer(&mut stage, mina, Request::UnpublishDataTrackRequest(track));
    assert_eq!(refused, (0, Reason::NotFound, Some(Named::UnpublishDataTrack(track))));
    let blob = lk::StoreDataBlobRequest { request_id: 5, ..Default::default() };
    assert_eq!(answer(&mut stage, mina, Request::StoreDataBlobRequest(blob)), (5, Reason::NotAllowed, None));
    let blob = lk::GetDataBlobRequest { request_id: 6, participant_identity: "mina".into(), ..Default::default() };
    assert_eq!(answer(&mut stage, mina, Request::GetDataBlobRequest(blob)), (6, Reason::NotFound, None));
    stage.end();
}
