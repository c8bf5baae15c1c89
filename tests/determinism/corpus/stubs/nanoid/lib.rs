//! As much of nanoid as the corpus calls, so that names and paths are those of nanoid.

/// Twenty-one characters.
pub fn simple() -> String {
    let mut bytes = [0; 21];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes.iter().map(|b| char::from(b'a' + b % 26)).collect()
}

#[macro_export]
macro_rules! nanoid {
    () => {
        $crate::simple()
    };
}
