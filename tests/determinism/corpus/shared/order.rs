//! Maps whose order is that of the process.

use std::{collections::HashMap, fmt, ops::Deref};

/// How often each word is there.
pub fn tally(words: &[String]) -> String {
    let mut counts: HashMap<&str, u32> = HashMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut text = String::new();
    for (word, n) in counts {
        text += &format!("{word}: {n}\n");
    }
    text
}

/// Words and their places.
pub struct Index(HashMap<String, usize>);

impl Index {
    pub fn of(words: &[String]) -> Index {
        Index(words.iter().cloned().enumerate().map(|(i, w)| (w, i)).collect())
    }
}

impl Deref for Index {
    type Target = HashMap<String, usize>;

    fn deref(&self) -> &HashMap<String, usize> {
        &self.0
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(word, at)| write!(f, "{word}@{at} "))
    }
}
