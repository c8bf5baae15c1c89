//! As much of rayon as the corpus calls, so that names and paths are those of rayon.

use std::thread;

pub fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|s| {
        let b = s.spawn(b);
        (a(), b.join().expect("no panic"))
    })
}

pub mod prelude {
    use std::thread;

    pub trait IntoParallelRefIterator<T> {
        fn par_iter(&self) -> ParIter<'_, T>;
    }

    impl<T> IntoParallelRefIterator<T> for Vec<T> {
        fn par_iter(&self) -> ParIter<'_, T> {
            ParIter(self)
        }
    }

    pub struct ParIter<'a, T>(&'a [T]);

    pub struct ParMap<'a, T, F>(&'a [T], F);

    impl<'a, T: Sync> ParIter<'a, T> {
        pub fn map<R, F: Fn(&T) -> R + Sync>(self, f: F) -> ParMap<'a, T, F> {
            ParMap(self.0, f)
        }
    }

    impl<T: Sync, F> ParMap<'_, T, F> {
        pub fn sum(self) -> u64
        where
            F: Fn(&T) -> u64 + Sync,
        {
            let (left, right) = self.0.split_at(self.0.len() / 2);
            thread::scope(|s| {
                let right = s.spawn(|| right.iter().map(&self.1).sum::<u64>());
                left.iter().map(&self.1).sum::<u64>() + right.join().unwrap_or(0)
            })
        }
    }
}
