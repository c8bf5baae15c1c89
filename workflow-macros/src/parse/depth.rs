//! How deep tokens are nested, found without recursion: the parser and the compiler recurse, and the stack is limited.

use crate::diagnostic::Errors;
use proc_macro2::{Delimiter, TokenStream, TokenTree, token_stream::IntoIter};

/// The deepest nesting that the compiler takes, as the sum of what stands around a token: delimiters, and what comes before it in
/// the same expression, which may all be operators.
///
/// rustc gives a macro 8 MiB of stack. Built without optimisation, the compiler needs 3 to 5 KiB of it for each of the worst
/// chains, and up to 40 for the delimiters and generic arguments that count for more; so about half of it is left.
const DEEPEST: usize = 1_000;

/// What one delimiter counts for.
const DELIMITER: usize = 8;

/// What the beginning of generic arguments counts for.
const ANGLE: usize = 12;

/// True if the tokens can be parsed; reports what is nested too deeply.
pub(crate) fn shallow(tokens: &TokenStream, errors: &Errors) -> bool {
    let mut open: Vec<Level> = vec![Level::new(tokens.clone(), 0)];
    while let Some(level) = open.last_mut() {
        let Some(token) = level.rest.next() else {
            open.pop();
            continue;
        };
        let depth = level.deeper(&token);
        if depth > DEEPEST {
            errors.at(
                token.span(),
                "this is nested too deeply for the workflow compiler, which would run out of stack: bind parts of it with `let`, or move them into a function",
            );
            return false;
        }
        if let TokenTree::Group(g) = token {
            open.push(Level::new(g.stream(), depth + DELIMITER));
        }
    }
    true
}

/// The inside of a delimiter.
struct Level {
    rest: IntoIter,
    depth: usize,
    /// Tokens since the last separator.
    chain: usize,
    /// A block has ended, and with it perhaps a statement.
    block: bool,
}

impl Level {
    fn new(tokens: TokenStream, depth: usize) -> Self {
        Level { rest: tokens.into_iter(), depth, chain: 0, block: false }
    }

    /// The depth at the next token.
    fn deeper(&mut self, token: &TokenTree) -> usize {
        // A statement or an arm that ends in a block needs no separator.
        let (separates, counts) = match token {
            TokenTree::Punct(p) => match p.as_char() {
                ';' | ',' => (true, 0),
                '#' | '\'' => (self.block, 1),
                '<' => (false, ANGLE),
                _ => (false, 1),
            },
            TokenTree::Ident(i) => (self.block && i != "else" && i != "as", 1),
            TokenTree::Literal(_) | TokenTree::Group(_) => (self.block, 1),
        };
        self.block = matches!(token, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
        self.chain = if separates { counts } else { self.chain + counts };
        self.depth + self.chain
    }
}
