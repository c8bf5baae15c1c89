//! A message without what is different on the next machine, and after the next change to a file that it only points into.

use std::path::Path;

/// How the arrow to a place begins.
const ARROWS: [&str; 2] = ["--> ", "::: "];

/// What stands for lines that are not shown.
const LEFT_OUT: &str = "...";

/// The most types that a list of types has.
const TYPES: usize = 8;

/// One line of a message.
struct Line {
    /// The number of a line of the case, or none; `None` if the line does not stand in the frame around the source.
    number: Option<String>,
    /// What is behind the number.
    text: String,
}

/// A message of rustc on the file `case`, in which
///
/// * cases are in `ui/fail`, other files of this workspace below `$WORKSPACE`, and those of the standard library below `$RUST`,
/// * lines of other files than the case have no numbers, and the frame is as narrow as the other numbers allow,
/// * a list of types ends after eight.
pub(crate) fn form(message: &str, case: &Path, root: &Path) -> String {
    let frame = message.lines().find_map(|l| ARROWS.iter().find_map(|a| l.find(a))).unwrap_or_default();
    let mut lines: Vec<Line> = vec![];
    let (mut foreign, mut framed) = (false, false);
    for line in message.trim_end().lines() {
        let line = match framed_by(line, frame) {
            // Behind a line of the frame, what begins with blanks is indented from there; behind another, from the margin.
            None if framed && line.starts_with(&" ".repeat(frame + 1)) => {
                Line { number: Some(String::new()), text: line[frame..].to_owned() }
            }
            None => Line { number: None, text: line.to_owned() },
            Some((number, text)) => {
                let (text, own) = place(text, case).unwrap_or((text.to_owned(), !foreign));
                foreign = !own;
                let number = if own || number == LEFT_OUT { number } else { "" };
                Line { number: Some(number.to_owned()), text }
            }
        };
        framed = line.number.is_some();
        foreign &= framed;
        lines.push(line);
    }
    let numbers = lines.iter().filter_map(|l| l.number.as_deref()).filter(|n| *n != LEFT_OUT);
    let width = numbers.map(str::len).max().unwrap_or_default().max(1);
    let lines = shortened(lines).into_iter().map(|line| match line.number.as_deref() {
        Some(LEFT_OUT) => format!("{LEFT_OUT:0$}{1}", width + LEFT_OUT.len(), line.text),
        Some(number) => format!("{number:>width$}{}", line.text),
        None => line.text,
    });
    let root = format!("{}/", root.display());
    lines.map(|line| line.trim_end().replace("tests/ui/", "ui/").replace(&root, "$WORKSPACE/") + "\n").collect()
}

/// The number and the text of a line in a frame that is so wide.
fn framed_by(line: &str, frame: usize) -> Option<(&str, &str)> {
    if let Some(rest) = line.strip_prefix(LEFT_OUT) {
        return Some((LEFT_OUT, rest.trim_start()));
    }
    let (number, text) = line.split_at_checked(frame)?;
    let number = number.trim();
    let borders = [" |", " = ", " ~ ", " + ", " - "].into_iter().chain(ARROWS);
    (number.bytes().all(|b| b.is_ascii_digit()) && borders.into_iter().any(|b| text.starts_with(b)))
        .then_some((number, text))
}

/// An arrow to a place, and whether that is in the case. Places elsewhere have neither line nor column.
fn place(text: &str, case: &Path) -> Option<(String, bool)> {
    let arrow = ARROWS.iter().find(|a| text.starts_with(**a))?;
    let path = &text[arrow.len()..];
    let without = path.trim_end_matches(|c: char| c == ':' || c.is_ascii_digit());
    if Path::new(without) == case {
        return Some((text.to_owned(), true));
    }
    let library = without.find("/library/").map(|at| format!("$RUST{}", &without[at + "/library".len()..]));
    let inside = || if Path::new(without).is_absolute() { without.to_owned() } else { format!("$WORKSPACE/{without}") };
    Some((format!("{arrow}{}", library.unwrap_or_else(inside)), false))
}

/// Ends lists of types early.
fn shortened(lines: Vec<Line>) -> Vec<Line> {
    let mut short: Vec<Line> = vec![];
    let mut types = None;
    for mut line in lines {
        let text = line.text.trim_start();
        if text.starts_with("= help: the following") && text.contains("types implement trait ") {
            types = Some(0);
        } else if line.text.starts_with("          ") && types.is_some() {
            let n = types.insert(types.unwrap_or_default() + 1);
            if *n == TYPES + 1 {
                line.text.replace_range(line.text.len() - text.len() - 2.., "and $N others");
            }
            if *n > TYPES + 1 {
                continue;
            }
        } else {
            types = None;
        }
        short.push(line);
    }
    short
}

/// Messages with the names of types without the modules of the standard library and the runtime: rustc leaves them out where no
/// other library has such a name, so it depends on the features that the libraries are built with.
pub(crate) fn without_modules(messages: &str) -> String {
    let mut out = String::with_capacity(messages.len());
    let mut word = 0;
    for (i, c) in messages.char_indices() {
        let in_path = |c: char| c == '_' || c == ':' || c.is_ascii_alphanumeric();
        if !in_path(c) {
            word = i + c.len_utf8();
            out.push(c);
            continue;
        }
        out.push(c);
        let path = &messages[word..i];
        let of_them = ["std::", "core::", "alloc::", "workflow_runtime::"].iter().any(|krate| path.starts_with(krate));
        if c.is_ascii_uppercase() && of_them && path.ends_with("::") && !path.bytes().any(|b| b.is_ascii_uppercase()) {
            out.truncate(out.len() - path.len() - 1);
            out.push(c);
        }
    }
    out
}
