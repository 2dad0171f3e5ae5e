//! Checks that commands, flags, files, tests and links in the sentences of a document exist.

use super::read::{Document, anchor, root};
use crate::kit::{TestContext, Visavis};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Flags of other programs that sentences name.
const OTHERS_FLAGS: &[(&str, &str)] = &[("--network", "podman")];
/// Commands for packages, which the help does not list.
const HIDDEN: &[&str] = &["man-pages"];
/// Files that users write.
const USER_FILES: &[&str] = &["profiles.toml"];
/// Folders that builds and tests make.
const GENERATED: &[&str] = &["target", "artifacts"];
/// The extensions of file names.
const EXTENSIONS: &[&str] = &["rs", "md", "toml", "yml", "sh", "py", "service", "svg", "html"];

/// Every command of the program, by its words, with the flags that its `--help` lists.
pub(super) struct CommandLine(BTreeMap<String, BTreeSet<String>>);

impl CommandLine {
    /// Reads the `--help` of every command.
    pub(super) fn ask(context: &TestContext) -> Self {
        let mut commands = BTreeMap::new();
        ask(context, &[], &mut commands);
        for hidden in HIDDEN {
            ask(context, &[(*hidden).to_owned()], &mut commands);
        }
        Self(commands)
    }

    /// The faults of a `visavis …` in a sentence.
    fn faults(&self, span: &str) -> Vec<String> {
        let mut words = span.split_whitespace().skip(1).peekable();
        let mut command = String::new();
        while let Some(word) = words.peek() {
            let longer = format!("{command} {word}").trim().to_owned();
            if !self.0.contains_key(&longer) {
                break;
            }
            command = longer;
            words.next();
        }
        let mut faults = Vec::new();
        let below = self.0.keys().any(|known| *known != command && known.starts_with(&command));
        if let Some(word) = words.peek()
            && below
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            && !word.starts_with("--")
        {
            faults.push(format!("there is no command `visavis {command} {word}`"));
        }
        let known = &self.0[&command];
        faults.extend(flags(span).filter(|f| !known.contains(*f)).map(|f| format!("`visavis {command}` has no {f}")));
        faults
    }

    fn knows(&self, flag: &str) -> bool {
        self.0.values().any(|flags| flags.contains(flag)) || OTHERS_FLAGS.iter().any(|(other, _)| *other == flag)
    }
}

fn ask(context: &TestContext, command: &[String], commands: &mut BTreeMap<String, BTreeSet<String>>) {
    let output = Visavis::run(Visavis::command(context).args(command).arg("--help"));
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && help.contains("--help"), "{command:?} has no help: {help}");
    let listed = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let known = listed.flat_map(|line| line.split_whitespace().take_while(|word| word.starts_with('-')));
    let known = known.map(|flag| flag.trim_end_matches(',').to_owned()).collect();
    commands.insert(command.join(" "), known);
    let below = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in below {
        let Some(word) = line.strip_prefix("  ").and_then(|l| l.split(' ').next()).filter(|w| !w.is_empty()) else {
            continue;
        };
        if word != "help" {
            ask(context, &[command, &[word.to_owned()]].concat(), commands);
        }
    }
}

/// The long flags of a command as it is written.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2)
}

/// The files of this repository, from its root.
pub(super) fn files() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    collect(root(), &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != ".git" && !GENERATED.iter().any(|made| name == *made) {
                collect(&path, found);
            }
        } else {
            found.insert(path.strip_prefix(root()).expect("below the root").to_owned());
        }
    }
}

/// The faults of a document.
pub(super) fn faults(
    document: &Document,
    others: &[Document],
    line: &CommandLine,
    files: &BTreeSet<PathBuf>,
) -> Vec<String> {
    let mut faults = document.faults.clone();
    for span in &document.spans {
        faults.extend(span_faults(span, document, line, files));
    }
    faults.extend(document.links.iter().filter_map(|link| link_fault(link, document, others)));
    for text in document.sections.iter().flat_map(|section| &section.json) {
        if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
            faults.push(format!("a block is no JSON ({error}): {text}"));
        }
    }
    faults.iter().map(|fault| format!("{}: {fault}", document.path)).collect()
}

fn span_faults(span: &str, document: &Document, line: &CommandLine, files: &BTreeSet<PathBuf>) -> Vec<String> {
    let first = span.split_whitespace().next().unwrap_or_default();
    let script = first.trim_start_matches("./");
    if first == "visavis" {
        return line.faults(span);
    }
    if first.starts_with("--") {
        return flags(span).filter(|f| !line.knows(f)).map(|f| format!("no command has {f}")).collect();
    }
    if script.starts_with("scripts/") {
        let Ok(text) = fs::read_to_string(root().join(script)) else { return vec![format!("there is no {script}")] };
        return flags(span).filter(|f| !text.contains(*f)).map(|f| format!("{script} has no {f}")).collect();
    }
    if span.contains("cargo test") {
        return cargo_fault(span, files).into_iter().collect();
    }
    path_fault(span, document, files).into_iter().collect()
}

/// `cargo test --test TARGET FILTER`: both are there.
fn cargo_fault(span: &str, files: &BTreeSet<PathBuf>) -> Option<String> {
    let words: Vec<&str> = span.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "--test")?;
    let target = words.get(at + 1)?;
    let folder = Path::new("tests").join(target);
    let sources: Vec<&PathBuf> = files.iter().filter(|file| file.starts_with(&folder)).collect();
    if sources.is_empty() {
        return Some(format!("there are no tests {target}"));
    }
    let filter = words.get(at + 2)?;
    let named = |file: &&PathBuf| {
        file.file_stem().is_some_and(|stem| stem.to_string_lossy().contains(filter))
            || fs::read_to_string(root().join(file)).is_ok_and(|text| text.contains(&format!("fn {filter}")))
    };
    (!sources.iter().any(named)).then(|| format!("no test of {target} is called {filter}"))
}

/// A word that is a path of this repository, or the name of one of its files.
fn path_fault(span: &str, document: &Document, files: &BTreeSet<PathBuf>) -> Option<String> {
    let name = span.trim_start_matches("./").trim_end_matches('/');
    let is_word = !name.is_empty() && !name.contains(char::is_whitespace) && !name.starts_with(['/', '~']);
    // Placeholders, and files that a build makes.
    if !is_word
        || USER_FILES.contains(&name)
        || name.contains(['…', '*'])
        || name.contains("VERSION")
        // A variable of Windows.
        || name.starts_with('%')
        || GENERATED.iter().any(|m| name.starts_with(m))
    {
        return None;
    }
    let here = Path::new(&document.path).parent().unwrap_or(Path::new(""));
    let exists = |path: &Path| files.contains(path) || files.iter().any(|file| file.starts_with(path));
    let first = name.split('/').next().unwrap_or(name);
    let begins = |at: &Path| name.contains('/') && root().join(at).join(first).is_dir();
    let is_path = begins(Path::new("")) || begins(here) || span.ends_with('/');
    let is_file = Path::new(name).extension().is_some_and(|e| EXTENSIONS.iter().any(|ending| e == *ending));
    if !(is_path || is_file) || exists(Path::new(name)) || exists(&here.join(name)) {
        return None;
    }
    let by_name = !name.contains('/') && files.iter().any(|file| file.file_name().is_some_and(|f| f == name));
    (!by_name).then(|| format!("there is no {name}"))
}

/// A link to a file of this repository, or to a heading.
fn link_fault(link: &str, document: &Document, others: &[Document]) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let here = Path::new(&document.path).parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { PathBuf::from(&document.path) } else { plain(&here.join(file)) };
    if !root().join(&path).exists() {
        return Some(format!("a link leads to {link}, which is not there"));
    }
    let target = others.iter().find(|other| Path::new(&other.path) == path)?;
    let found = heading.is_empty() || target.sections.iter().any(|s| anchor(&s.heading) == heading);
    (!found).then(|| format!("a link leads to {link}, which has no such heading"))
}

/// The path without its `..`.
fn plain(path: &Path) -> PathBuf {
    let mut made = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(made.pop()),
            part => made.push(part),
        }
    }
    made
}
