//! Parses a document: sections with the commands of their code blocks, code spans in sentences, links.

use std::fs;
use std::path::{Path, PathBuf};

/// A document of this repository.
pub(super) struct Document {
    /// Its path from the root.
    pub(super) path: String,
    /// The parts under its headings.
    pub(super) sections: Vec<Section>,
    /// Code within sentences, without the backticks.
    pub(super) spans: Vec<String>,
    /// The targets of its links.
    pub(super) links: Vec<String>,
    /// Errors of its format.
    pub(super) faults: Vec<String>,
}

/// A heading and the code blocks up to the next one.
#[derive(Default)]
pub(super) struct Section {
    /// The text of the heading.
    pub(super) heading: String,
    /// The commands of its blocks for a shell, without their comments.
    pub(super) commands: Vec<String>,
    /// Its blocks of TOML.
    pub(super) toml: Vec<String>,
    /// Its blocks of JSON.
    pub(super) json: Vec<String>,
}

/// The root of this repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The documents for users, operators and developers.
pub(super) fn documents() -> Vec<Document> {
    let mut paths = Vec::new();
    for folder in ["", "docs", "packaging", "packaging/cluster"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder").flatten() {
            let path = Path::new(folder).join(entry.file_name());
            paths.extend(Some(path).filter(|path| path.extension().is_some_and(|e| e == "md")));
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(root().join(path)).expect("a document");
        parse(&path.to_string_lossy(), &text)
    };
    paths.iter().map(read).collect()
}

/// The anchor that a heading has.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// Reads a document.
pub(super) fn parse(path: &str, text: &str) -> Document {
    let mut document = Document {
        path: path.to_owned(),
        sections: vec![Section::default()],
        spans: Vec::new(),
        links: Vec::new(),
        faults: Vec::new(),
    };
    let mut prose = String::new();
    let mut block: Option<(String, Vec<&str>)> = None;
    let mut blank = true;
    for line in text.lines() {
        if let Some(mark) = line.strip_prefix("```") {
            block = match block.take() {
                None => Some((mark.trim().to_owned(), Vec::new())),
                Some((language, lines)) => {
                    document.take_block(&language, &lines);
                    None
                }
            };
        } else if let Some((_, lines)) = &mut block {
            lines.push(line);
        } else if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim().to_owned();
            document.sections.push(Section { heading, ..Section::default() });
        } else {
            if blank && line.starts_with("    ") {
                document.faults.push(format!("an indented block has no language, write a fence: {line}"));
            }
            prose.push_str(line);
            prose.push('\n');
        }
        blank = line.trim().is_empty();
    }
    if block.is_some() {
        document.faults.push("a code block does not end".to_owned());
    }
    document.spans = spans(&prose);
    document.links = links(&prose);
    document
}

impl Document {
    fn take_block(&mut self, language: &str, lines: &[&str]) {
        let section = self.sections.last_mut().expect("the part before the first heading");
        match language {
            "sh" => section.commands.extend(commands(lines)),
            "console" => section.commands.extend(commands(&typed(lines))),
            "json" => section.json.push(lines.join("\n")),
            "toml" => section.toml.push(lines.join("\n")),
            // Settings of other programs: `reverse_proxies` runs those of nginx, `cluster` those of livekit-server's machines.
            "nginx" | "caddy" | "haproxy" | "ini" => {}
            // Drawings, which are not checked.
            "text" | "mermaid" => {}
            other => self.faults.push(format!("nobody knows what to do with a block of {other:?}: {lines:?}")),
        }
    }
}

/// The commands of a transcript: the lines after a `$`.
fn typed<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect()
}

/// One command a line; a line that ends with a backslash goes on in the next one.
fn commands(lines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = String::new();
    for line in lines {
        open.push_str(without_comment(line));
        match open.strip_suffix('\\') {
            Some(start) => open = start.to_owned(),
            None => found.push(std::mem::take(&mut open)),
        }
    }
    found.push(open);
    found.into_iter().map(|c| c.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|c| !c.is_empty()).collect()
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or(line).trim_end() }
}

/// The code spans: texts between equal numbers of backticks.
fn spans(prose: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = prose;
    while let Some(at) = rest.find('`') {
        let ticks = rest[at..].chars().take_while(|c| *c == '`').count();
        let (mark, after) = (&rest[at..at + ticks], &rest[at + ticks..]);
        let Some(end) = after.find(mark) else { break };
        found.push(after[..end].trim().to_owned());
        rest = &after[end + ticks..];
    }
    found
}

/// The targets of `[text](…)` and `![text](…)`.
fn links(prose: &str) -> Vec<String> {
    let targets = prose.split("](").skip(1);
    targets.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}
