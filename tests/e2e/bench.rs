//! `visavis bench` measures something: each figure is there, and none of them is asserted to be small.

use crate::kit::{Display, Stage, Visavis};
use serde_json::Value;

#[test]
fn every_figure_is_measured() {
    let stage = Stage::new("bench");
    let display = Display::start(&stage, "a");
    let arguments = ["bench", "--window", "--rounds", "2", "--time", "3s", "--picture", "320x180@15", "--json"];
    let output = Visavis::run(Visavis::command(&stage).args(arguments).env("DISPLAY", display.name()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list of figures");
    assert!(figures.len() >= 15, "{figures:?}");
    for figure in &figures {
        let (median, worst) = (figure["median"].as_f64(), figure["worst"].as_f64());
        let is_measured = median.zip(worst).is_some_and(|(m, w)| m > 0.0 && w >= m);
        // A server that forwards two small pictures may need less than a hundredth of a second of CPU.
        let is_idle =
            figure["what"].as_str().is_some_and(|w| w.starts_with("CPU of the server")) && median == Some(0.0);
        assert!(is_measured || is_idle, "{figure}");
    }
}
