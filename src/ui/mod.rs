//! The window: model, views, actions, update.
