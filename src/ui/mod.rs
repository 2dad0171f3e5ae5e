//! The window: model, views, actions, update.
//!
//! [`App`] reads the newest [`Snapshot`](crate::call::view::Snapshot) from its desk, `screens` decides which screen that
//! is, a view draws it from the model and answers with actions, `update` turns those into changes of the model and
//! commands for the desk. Video frames bypass all of this: `video` takes them from their slots.

mod action;
mod app;
mod focus_report;
mod fonts;
mod form;
mod grid;
mod hosting;
mod icons;
mod keys;
mod model;
mod screens;
mod strings;
mod text;
mod theme;
mod tile_layout;
mod tokens;
mod update;
mod video;
mod views;
mod widgets;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use app::{App, OnPainted, Options, viewport};
pub(crate) use focus_report::OnFocus;
