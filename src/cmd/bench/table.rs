//! Measurements, and their output as Markdown and JSON.

use serde_json::json;

/// A measured quantity with all its values.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
}

impl Measurement {
    pub(super) fn new(what: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self { what: what.into(), unit, values }
    }

    pub(super) fn unit(&self) -> &'static str {
        self.unit
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// The 99th percentile (nearest rank).
    pub(super) fn p99(&self) -> Option<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get((sorted.len() * 99).div_ceil(100).checked_sub(1)?).copied()
    }

    /// The median; the larger one of two middle values. `None` without values.
    pub(super) fn median(&self) -> Option<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    pub(super) fn worst(&self) -> Option<f64> {
        self.values.iter().copied().max_by(f64::total_cmp)
    }
}

/// A list with one object for each measurement.
pub(super) fn json(figures: &[Measurement]) -> String {
    let one = |f: &Measurement| {
        let (median, worst) = (f.median().map(rounded), f.worst().map(rounded));
        json!({ "what": f.what, "median": median, "worst": worst, "unit": f.unit, "count": f.values.len() })
    };
    json!(figures.iter().map(one).collect::<Vec<_>>()).to_string()
}

/// A table in Markdown.
pub(super) fn text(figures: &[Measurement]) -> String {
    let mut lines = vec!["| what | median | worst | times |".to_owned(), "|---|---:|---:|---:|".to_owned()];
    lines.extend(figures.iter().map(|f| {
        let shown = |value: Option<f64>| value.map_or("-".into(), |v| format!("{} {}", rounded(v), f.unit));
        format!("| {} | {} | {} | {} |", f.what, shown(f.median()), shown(f.worst()), f.values.len())
    }));
    lines.join("\n")
}

/// Rounds to two decimals below 10, to one below 100, else to none.
pub(super) fn rounded(value: f64) -> f64 {
    let scale = match value.abs() {
        v if v < 10.0 => 100.0,
        v if v < 100.0 => 10.0,
        _ => 1.0,
    };
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_printed_with_their_middle_and_their_worst() {
        let figures =
            [Measurement::new("enter", "ms", vec![3.0, 120.4, 14.26]), Measurement::new("nothing", "%", vec![])];
        let table = text(&figures);
        assert!(table.contains("| enter | 14.3 ms | 120 ms | 3 |"), "{table}");
        assert!(table.contains("| nothing | - | - | 0 |"), "{table}");
        let read: serde_json::Value = serde_json::from_str(&json(&figures)).expect("JSON");
        assert_eq!(read[0]["worst"], 120.0);
        assert!(read[1]["median"].is_null());
    }

    #[test]
    fn one_of_a_hundred_may_be_above_the_99th_percentile() {
        let hundred = Measurement::new("leave", "ms", (1..=100).rev().map(f64::from).collect());
        assert_eq!(hundred.p99(), Some(99.0));
        assert_eq!(Measurement::new("leave", "ms", vec![4.0]).p99(), Some(4.0));
        assert_eq!(Measurement::new("leave", "ms", vec![]).p99(), None);
    }
}
