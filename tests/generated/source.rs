//! The choices that a program is made of. A program is a pure function of them, so a smaller list of choices is a smaller program.

/// A list of choices that is made up as it is needed, or given.
pub struct Source {
    given: Option<Vec<u32>>,
    state: u64,
    /// The choices that were taken.
    pub taken: Vec<u32>,
    /// Which of them belong together: one statement, one expression.
    pub spans: Vec<(usize, usize)>,
    open: Vec<usize>,
}

impl Source {
    /// Choices at random.
    pub fn seeded(seed: u64) -> Self {
        Source { given: None, state: seed, taken: vec![], spans: vec![], open: vec![] }
    }

    /// These choices, and the simplest ones behind them.
    pub fn replay(choices: &[u32]) -> Self {
        Source { given: Some(choices.to_vec()), ..Source::seeded(0) }
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`. Zero is the simplest.
    pub fn below(&mut self, n: usize) -> usize {
        let n = n.max(1) as u32;
        let choice = match &self.given {
            Some(given) => given.get(self.taken.len()).map_or(0, |c| c % n),
            None => (self.random() % u64::from(n)) as u32,
        };
        self.taken.push(choice);
        choice as usize
    }

    /// One of several things that are not equally likely. The first is the simplest.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut at = self.below(weights.iter().sum::<u32>() as usize) as u32;
        for (i, w) in weights.iter().enumerate() {
            if at < *w {
                return i;
            }
            at -= w;
        }
        0
    }

    /// True in `n` of `of` cases; false is simpler.
    pub fn chance(&mut self, n: usize, of: usize) -> bool {
        self.below(of) >= of - n
    }

    /// What follows belongs together.
    pub fn begin(&mut self) {
        self.open.push(self.taken.len());
    }

    /// The end of what [`begin`](Self::begin) began.
    pub fn end(&mut self) {
        if let Some(start) = self.open.pop() {
            let end = self.taken.len();
            if end > start {
                self.spans.push((start, end));
            }
        }
    }
}
