//! `for` over characters, lines and pieces of texts.

use crate::{agree, shop::*};
use std::borrow::Cow;
use workflow_runtime::prelude::*;

type Out = Result<Vec<String>, OrderError>;

#[workflow]
async fn characters(order: Order, word: String) -> Out {
    let mut out = vec![];
    for c in word.chars() {
        out.push(text(&c.to_string(), &[]).await?);
        out.push(c.to_string());
    }
    for c in word.chars().rev().skip(1) {
        out.push(text(&c.to_string(), &[]).await?);
    }
    for (i, c) in word.char_indices() {
        out.push(text(&c.to_string(), &[i as u32]).await?);
        out.push(word[i..].to_string());
    }
    for (i, c) in word.char_indices().rev() {
        out.push(text(&c.to_string(), &[i as u32]).await?);
    }
    for (n, (i, c)) in word.char_indices().enumerate().take(2) {
        out.push(text(&c.to_string(), &[n as u32, i as u32]).await?);
    }
    for b in word.bytes().rev() {
        out.push(ping(b.into()).await?.to_string());
    }
    for c in order.card.0.chars().zip(word.chars()) {
        out.push(text(&c.0.to_string(), &[c.1 as u32]).await?);
    }
    for c in word.trim().chars() {
        out.push(text(&c.to_string(), &[]).await?);
    }
    for c in "xy".chars() {
        out.push(text(&c.to_string(), &[]).await?);
    }
    let part = &word[1..];
    for c in part.chars() {
        out.push(text(&c.to_string(), &[part.len() as u32]).await?);
    }
    Ok(out)
}

#[workflow]
async fn pieces(list: String, order: Order, separator: char) -> Out {
    let mut out = vec![];
    for line in list.lines() {
        out.push(text(line, &[]).await?);
        out.push(line.to_string());
    }
    for (i, line) in list.lines().enumerate().skip(1) {
        out.push(text(line, &[i as u32]).await?);
        out.push(format!("{i}{line}"));
    }
    for piece in list.split(',') {
        out.push(text(piece, &[]).await?);
        out.push(piece.to_string());
    }
    for piece in list.split(", ").rev_all() {
        out.push(text(piece, &[]).await?);
    }
    for piece in list.rsplit([',', '\n']) {
        out.push(text(piece, &[]).await?);
    }
    for piece in list.split(char::is_whitespace).rev() {
        out.push(text(piece, &[]).await?);
        out.push(piece.to_string());
    }
    for piece in list.split(|c: char| c == separator || c.is_ascii_punctuation()) {
        out.push(text(piece, &[]).await?);
    }
    for piece in list.split_whitespace() {
        for word in piece.split_terminator(',') {
            out.push(text(word, &[piece.len() as u32]).await?);
            out.push(format!("{piece}{word}"));
        }
    }
    for piece in list.splitn(2, separator) {
        out.push(text(piece, &[]).await?);
    }
    for piece in list.rsplitn(2, ',') {
        out.push(text(piece, &[]).await?);
    }
    for piece in list.split_inclusive('\n') {
        out.push(text(piece, &[]).await?);
    }
    for piece in list.split_ascii_whitespace() {
        out.push(text(piece, &[]).await?);
    }
    for piece in list.matches(char::is_numeric) {
        out.push(text(piece, &[]).await?);
    }
    for (i, piece) in list.match_indices(',') {
        out.push(text(piece, &[i as u32]).await?);
        out.push(format!("{i}{piece}"));
    }
    for piece in order.card.0.split('-').chain(list.lines()) {
        out.push(text(piece, &[]).await?);
    }
    for piece in order.note.as_deref().unwrap_or("none").split(' ') {
        out.push(text(piece, &[]).await?);
        out.push(piece.to_string());
    }
    for piece in list.lines().map_to_owned() {
        out.push(text(&piece, &[]).await?);
    }
    Ok(out)
}

/// What other crates add to iterators is evaluated as it is written, if it gives a collection.
trait More<'a>: Iterator<Item = &'a str> + Sized {
    fn rev_all(self) -> Vec<&'static str> {
        let mut all: Vec<_> = self.map(|s| if s.starts_with('a') { "a" } else { "other" }).collect();
        all.reverse();
        all
    }
    fn map_to_owned(self) -> Vec<String> {
        self.map(String::from).collect()
    }
}
impl<'a, I: Iterator<Item = &'a str>> More<'a> for I {}

#[workflow]
async fn texts_behind_pointers(word: String) -> Out {
    let mut out = vec![];
    let boxed: Box<str> = word.clone().into();
    let shared: Box<String> = Box::new(word.clone());
    let cow: Cow<'static, str> = Cow::Owned(word.clone());
    let by_ref = &word;
    for piece in boxed.split('-') {
        out.push(text(piece, &[]).await?);
    }
    for piece in shared.lines() {
        out.push(text(piece, &[]).await?);
        out.push(piece.to_string());
    }
    for c in cow.chars() {
        out.push(text(&c.to_string(), &[]).await?);
    }
    for piece in by_ref.split("-") {
        out.push(text(piece, &[]).await?);
        out.push(piece.to_string());
    }
    for word in word.split('-') {
        out.push(text(word, &[]).await?);
        out.push(word.to_string());
    }
    out.push(word);
    Ok(out)
}

#[test]
fn loops_through_texts() {
    for word in ["", " ñandú→", "a-b-"] {
        if !word.is_empty() {
            agree(|| characters(order("ok-card", 1), word.into()));
        }
        agree(|| texts_behind_pointers(format!("{word}-x\ny")));
    }
    for list in ["", "a, b1 c,,\nd2, e\r\n\n"] {
        for separator in [',', ' '] {
            agree(|| pieces(list.into(), order("a-b", 1), separator));
        }
    }
}
