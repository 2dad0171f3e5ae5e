//! The window: model, views, actions, update.
//!
//! In each frame `observe` takes the newest [`Snapshot`](crate::call::view::Snapshot) of the call service in, `screens`
//! decides which screen it means, a view draws that from the model and returns actions, and `update` turns those into
//! changes of the model and effects, which [`App`] carries out. Video frames bypass the model: `video` reads them from
//! their slots.

mod action;
mod app;
mod bidi;
mod chat;
mod checkup;
mod details;
mod effects;
mod focus_report;
mod fonts;
mod form;
mod graphics;
mod grid;
mod hosting;
mod icons;
mod keys;
mod meter;
mod model;
mod notices;
mod notifications;
mod observe;
mod parts;
mod people;
mod reactions;
mod report;
mod screens;
mod share;
mod strings;
mod text;
mod theme;
mod tile_layout;
mod tile_order;
mod toast;
mod tokens;
mod update;
mod video;
mod views;
mod widgets;
mod zoom;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use app::{App, OnNotification, OnPainted, OnSave, OnTalkKey, Options, TalkKeyProblem, viewport};
pub(crate) use checkup::{CheckProgress, CheckRequest, Checker};
pub(crate) use focus_report::OnFocus;
pub(crate) use graphics::graphics_adapters;
pub(crate) use notifications::{Notification, NotificationOrder};
pub(crate) use report::{ReportRequest, ReportState};
