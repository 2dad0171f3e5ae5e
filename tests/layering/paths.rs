//! Finds the paths (`a::b::c`) that a Rust file names, by its tokens: comments and strings do not count, macros do.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::iter::Peekable;
use std::slice::Iter;
use std::str::FromStr;

/// A path as a file names it; `use a::{b, c}` gives two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// From the first segment on. A path that climbs by `super` is written out from `crate`.
    pub(crate) segments: Vec<String>,
    /// Whether it stands in a module that exists only in tests.
    pub(crate) in_tests: bool,
}

/// Every path with at least two segments in the file at `place`, and what `use` brings in by a single one.
pub(crate) fn named_in(place: &str, source: &str) -> Result<Vec<NamedPath>, String> {
    let tokens = TokenStream::from_str(source).map_err(|e| format!("this cannot be read as Rust: {e}"))?;
    let in_tests = place.ends_with("/tests.rs") || place.contains("tests/");
    let mut finder = Finder { module: module_of(place), in_tests, found: Vec::new() };
    finder.walk(&tokens.into_iter().collect::<Vec<_>>());
    Ok(finder.found)
}

/// `hub/leave.rs` is the module hub::leave, `hub/mod.rs` is hub.
fn module_of(place: &str) -> Vec<String> {
    let stem = place.strip_suffix(".rs").unwrap_or(place);
    let parts = stem.split('/').filter(|part| !["mod", "lib", "main"].contains(part));
    parts.map(str::to_owned).collect()
}

struct Finder {
    module: Vec<String>,
    in_tests: bool,
    found: Vec<NamedPath>,
}

type Tokens<'a> = Peekable<Iter<'a, TokenTree>>;

impl Finder {
    fn walk(&mut self, tokens: &[TokenTree]) {
        let outside = self.in_tests;
        let mut rest = tokens.iter().peekable();
        while let Some(token) = rest.next() {
            match token {
                TokenTree::Group(group) if is_test_attribute(group) => self.in_tests = true,
                TokenTree::Group(group) => {
                    self.walk_group(group);
                    // `#[cfg(test)]` reaches up to the end of the item it stands on.
                    if group.delimiter() == Delimiter::Brace {
                        self.in_tests = outside;
                    }
                }
                TokenTree::Ident(word) if word == "mod" => {
                    self.module(&mut rest);
                    self.in_tests = outside;
                }
                TokenTree::Ident(word) if word == "use" => self.path(Vec::new(), &mut rest),
                TokenTree::Ident(word) if continues(&rest) => {
                    self.path(vec![word.to_string()], &mut rest);
                }
                TokenTree::Punct(p) if p.as_char() == ';' => self.in_tests = outside,
                _ => {}
            }
        }
        self.in_tests = outside;
    }

    fn walk_group(&mut self, group: &Group) {
        self.walk(&group.stream().into_iter().collect::<Vec<_>>());
    }

    /// `mod name { … }`; `mod name;` names nothing.
    fn module(&mut self, rest: &mut Tokens<'_>) {
        let Some(TokenTree::Ident(name)) = rest.next() else { return };
        let Some(TokenTree::Group(body)) = rest.next() else { return };
        self.module.push(name.to_string());
        self.walk_group(body);
        self.module.pop();
    }

    /// Reads on from `segments` to the end of a path, and through the braces of a `use`.
    fn path(&mut self, mut segments: Vec<String>, rest: &mut Tokens<'_>) {
        let read_colons = |rest: &mut Tokens<'_>| {
            let colons = continues(rest);
            if colons {
                rest.next();
                rest.next();
            }
            colons
        };
        let mut more = read_colons(rest) || segments.is_empty();
        while more {
            match rest.peek() {
                Some(TokenTree::Ident(word)) => {
                    segments.push(word.to_string());
                    rest.next();
                    more = read_colons(rest);
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    for branch in inner.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ',')) {
                        self.path_branch(segments.clone(), branch);
                    }
                    rest.next();
                    return;
                }
                _ => more = false,
            }
        }
        self.note(segments);
    }

    fn path_branch(&mut self, mut segments: Vec<String>, branch: &[TokenTree]) {
        let mut rest = branch.iter().peekable();
        if let Some(TokenTree::Ident(word)) = rest.peek() {
            segments.push(word.to_string());
            rest.next();
            self.path(segments, &mut rest);
        }
    }

    fn note(&mut self, mut segments: Vec<String>) {
        if segments.is_empty() {
            return;
        }
        let climbs = segments.iter().take_while(|n| *n == "super").count();
        if climbs > 0 {
            let kept = self.module.len().saturating_sub(climbs);
            let outside = self.module[..kept].iter().cloned();
            segments = std::iter::once("crate".to_owned()).chain(outside).chain(segments.split_off(climbs)).collect();
        }
        self.found.push(NamedPath { segments, in_tests: self.in_tests });
    }
}

fn is_test_attribute(group: &Group) -> bool {
    let text = group.stream().to_string().replace(' ', "");
    group.delimiter() == Delimiter::Bracket && (text == "cfg(test)" || text.starts_with("cfg(all(test,"))
}

/// Whether `::` comes next.
fn continues(rest: &Tokens<'_>) -> bool {
    let mut ahead = rest.clone();
    let mut colon = || matches!(ahead.next(), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon() && colon()
}
