//! Names of right-to-left scripts: spoken in logical order, typed, and told of in sentences.

use super::{LARGE, in_a_call, press};
use crate::call::view::Notice;
use crate::ui::App;
use crate::ui::testing::{World, ada_with};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

const NAME: &str = "محمد علي";

#[test]
fn screen_readers_get_a_name_in_logical_order_and_without_controls() {
    let world = World::new();
    let mut window = in_a_call(&world);
    world.with_call(|call| {
        call.host = true;
        call.people[1].name = NAME.to_owned();
    });
    world.lock().notices = vec![Notice::Left(NAME.to_owned())];
    window.run_steps(3);
    assert!(window.query_by_label(&format!("{NAME} left")).is_some());
    let tile = |label: &str| label.starts_with(&format!("{NAME}, "));
    window.get_by(|n| n.role() == Role::Group && n.label().is_some_and(|l| tile(&l))).click_secondary();
    window.run_steps(3);
    window.get_by_role_and_label(Role::MenuItem, "Remove from call…").click();
    window.run_steps(3);
    assert!(window.query_by_role_and_label(Role::AlertDialog, &format!("Remove {NAME}?")).is_some());
    press(&mut window, "Cancel");
}

fn typed(window: &Harness<'static, App>) -> String {
    window.get_by_label("Your name").value().unwrap_or_default()
}

#[test]
fn a_name_is_typed_and_corrected_where_the_cursor_stands() {
    let world = World::new();
    let mut window = world.window(LARGE, ada_with(|settings| settings.name.clear()));
    let write = |window: &mut Harness<'static, App>, text: &str| {
        window.get_by_label("Your name").type_text(text);
        window.run_steps(2);
    };
    write(&mut window, "דנה כהן");
    assert_eq!(typed(&window), "דנה כהן");
    window.key_press(Key::Backspace);
    window.run_steps(2);
    assert_eq!(typed(&window), "דנה כה");
    write(&mut window, "ן");
    window.key_press(Key::Home);
    window.run_steps(2);
    write(&mut window, "ד״ר ");
    assert_eq!(typed(&window), "ד״ר דנה כהן");
    // A press at the left end of the text, which stands at the right of the field, goes on behind its last letter.
    let field = window.get_by_label("Your name").rect();
    window.drag_at(egui::pos2(field.left() + 4.0, field.center().y));
    window.run_steps(1);
    window.drop_at(egui::pos2(field.left() + 4.0, field.center().y));
    window.run_steps(2);
    write(&mut window, " (Dana)");
    assert_eq!(typed(&window), "ד״ר דנה כהן (Dana)");
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    window.key_press(Key::Delete);
    window.run_steps(2);
    assert_eq!(typed(&window), "");
}
