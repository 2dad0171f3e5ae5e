//! The facts about media: the way it takes, codecs, layers, devices, load.

use crate::call::view::CallDetails;
use crate::ui::strings;
use crate::ui::text;
use crate::ui::views::View;
use egui::{ScrollArea, Ui};

/// Draws them, in `height` or as high as they are.
pub(super) fn facts(ui: &mut Ui, view: &View<'_>, details: &CallDetails, height: Option<f32>) {
    let Some(height) = height else { return content(ui, view, details) };
    let scroll = ScrollArea::vertical().id_salt("facts").auto_shrink(false).max_height(height);
    scroll.show(ui, |ui| content(ui, view, details));
}

fn content(ui: &mut Ui, view: &View<'_>, details: &CallDetails) {
    let colors = view.colors;
    let Some(sample) = details.samples.last() else {
        text::add_paragraph(ui, text::BODY, colors.text_2, strings::details::NOT_YET);
        return;
    };
    for (title, lines) in strings::details::facts(&sample.statistics, view.model.details.whom.as_ref()) {
        text::add_line(ui, text::LABEL_STRONG, colors.text, title);
        for line in lines {
            text::add_paragraph(ui, text::SMALL, colors.text_2, &line);
        }
        ui.add_space(10.0);
    }
}
