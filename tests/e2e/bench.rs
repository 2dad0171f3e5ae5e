//! `visavis bench`: every measurement has a value. No test asserts that a value is small.

use crate::kit::{Display, TestContext, Visavis};
use serde_json::Value;

#[test]
fn every_quantity_is_measured() {
    let context = TestContext::new("bench");
    let display = Display::start(&context, "a");
    let arguments = ["bench", "--window", "--rounds", "2", "--time", "3s", "--picture", "320x180@15", "--json"];
    let output = Visavis::run(Visavis::command(&context).args(arguments).env("DISPLAY", display.name()));
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

#[test]
fn a_load_of_admin_calls_is_answered_and_the_call_beside_it_goes_on() {
    let context = TestContext::new("bench-admin");
    let arguments = ["bench", "admin", "--rate", "100", "--time", "5s", "--picture", "320x180@15", "--json"];
    let output = Visavis::run(Visavis::command(&context).args(arguments));
    std::fs::write(context.artifact("figures.json"), &output.stdout).expect("room for the figures");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list of figures");
    let of = |what: &str| {
        let found = figures.iter().find(|f| f["what"].as_str().is_some_and(|w| w.starts_with(what)));
        found.unwrap_or_else(|| panic!("no {what} in {figures:?}")).clone()
    };
    assert_eq!(of("Admin calls without an answer")["worst"], 0.0);
    assert!(of("Admin calls answered")["median"].as_f64().is_some_and(|rate| rate > 10.0), "{figures:?}");
    // An idle machine misses no frame; a busy one draws fewer.
    let (arrived, missing) = (of("Pictures arrived, with 100"), of("Pictures missing, with 100"));
    let (least, most) = (arrived["median"].as_f64().expect("a number"), missing["worst"].as_f64().expect("a number"));
    assert!(arrived["count"] == 2 && least > 30.0 && most <= 0.1 * least, "{figures:?}");
    for delay in ["Picture drawn → decoded, 95 %, without", "Picture drawn → decoded, 95 %, with 100"] {
        assert!(of(delay)["median"].as_f64().is_some_and(|ms| ms > 0.0), "{figures:?}");
    }
}

#[test]
fn every_exit_is_measured_and_written_between_the_marks() {
    let context = TestContext::new("bench-exit");
    let readme = context.artifact("README.md");
    std::fs::write(
        &readme,
        "# Mine\n<!-- visavis bench exit: begin -->\nold\n<!-- visavis bench exit: end -->\nrest\n",
    )
    .expect("a file with marks");
    let arguments = ["bench", "exit", "--runs", "3", "--together", "3", "--json", "--readme"];
    let output = Visavis::run(Visavis::command(&context).args(arguments).arg(&readme));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list of figures");
    let ours: Vec<_> = figures.iter().filter(|f| f["side"] == "visavis").collect();
    assert_eq!(ours.len(), 6, "{figures:?}");
    for figure in &figures {
        let (median, p99) = (figure["median"].as_f64(), figure["p99"].as_f64());
        assert!(median.zip(p99).is_some_and(|(m, p)| m > 0.0 && p >= m), "{figure}");
        assert_eq!(figure["count"], 3, "{figure}");
    }
    let written = std::fs::read_to_string(&readme).expect("the file");
    assert!(written.starts_with("# Mine\n") && written.ends_with("\nrest\n") && !written.contains("old"), "{written}");
    assert!(written.contains("| kill -9 → gone for the others |"), "{written}");
}
