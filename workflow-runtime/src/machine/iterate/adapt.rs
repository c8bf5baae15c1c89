//! The adaptors of iterators, as arithmetic on the numbers of items.

use super::View;

/// From the last item to the first.
#[derive(Debug)]
pub struct Rev<V>(V);

/// See [`Iterator::rev`].
pub fn rev<V: View>(view: V) -> Rev<V> {
    Rev(view)
}

impl<V: View> Rev<V> {
    fn number(view: &V, k: usize, mark: &mut V::Mark) -> Option<usize> {
        let Some(len) = view.len(mark) else {
            panic!(
                "what has no end, or more than `usize::MAX` items, cannot be gone through from its end in a loop that awaits"
            )
        };
        len.checked_sub(1)?.checked_sub(k)
    }
}

/// The mark of [`Rev`]: the number of the last item, and the mark of what is turned around.
pub type Turned<M> = (Option<usize>, M);

impl<V: View> View for Rev<V> {
    type Mark = Turned<V::Mark>;
    type Item = V::Item;
    fn seek(&self, k: usize, (number, mark): &mut Self::Mark) -> bool {
        *number = Self::number(&self.0, k, mark);
        number.is_some_and(|n| self.0.seek(n, mark))
    }
    fn len(&self, (_, mark): &mut Self::Mark) -> Option<usize> {
        self.0.len(mark)
    }
    fn item(self, _: usize, (number, mark): &Self::Mark) -> Option<V::Item> {
        self.0.item((*number)?, mark)
    }
}

/// With the number of each item.
#[derive(Debug)]
pub struct Enumerate<V>(V);

/// See [`Iterator::enumerate`].
pub fn enumerate<V: View>(view: V) -> Enumerate<V> {
    Enumerate(view)
}

impl<V: View> View for Enumerate<V> {
    type Mark = V::Mark;
    type Item = (usize, V::Item);
    fn seek(&self, k: usize, mark: &mut V::Mark) -> bool {
        self.0.seek(k, mark)
    }
    fn len(&self, mark: &mut V::Mark) -> Option<usize> {
        self.0.len(mark)
    }
    fn item(self, k: usize, mark: &V::Mark) -> Option<Self::Item> {
        Some((k, self.0.item(k, mark)?))
    }
}

/// Without the first items.
#[derive(Debug)]
pub struct Skip<V>(V, usize);

/// See [`Iterator::skip`].
pub fn skip<V: View>(view: V, n: usize) -> Skip<V> {
    Skip(view, n)
}

impl<V: View> View for Skip<V> {
    type Mark = V::Mark;
    type Item = V::Item;
    fn seek(&self, k: usize, mark: &mut V::Mark) -> bool {
        k.checked_add(self.1).is_some_and(|k| self.0.seek(k, mark))
    }
    fn len(&self, mark: &mut V::Mark) -> Option<usize> {
        Some(self.0.len(mark)?.saturating_sub(self.1))
    }
    fn item(self, k: usize, mark: &V::Mark) -> Option<V::Item> {
        self.0.item(k.checked_add(self.1)?, mark)
    }
}

/// The first items only.
#[derive(Debug)]
pub struct Take<V>(V, usize);

/// See [`Iterator::take`].
pub fn take<V: View>(view: V, n: usize) -> Take<V> {
    Take(view, n)
}

impl<V: View> View for Take<V> {
    type Mark = V::Mark;
    type Item = V::Item;
    fn seek(&self, k: usize, mark: &mut V::Mark) -> bool {
        k < self.1 && self.0.seek(k, mark)
    }
    fn len(&self, mark: &mut V::Mark) -> Option<usize> {
        Some(self.0.len(mark).map_or(self.1, |len| len.min(self.1)))
    }
    fn item(self, k: usize, mark: &V::Mark) -> Option<V::Item> {
        self.0.item(k, mark)
    }
}

/// Every so many items one.
#[derive(Debug)]
pub struct StepBy<V>(V, usize);

/// See [`Iterator::step_by`].
///
/// # Panics
///
/// If `step` is zero.
pub fn step_by<V: View>(view: V, step: usize) -> StepBy<V> {
    assert!(step != 0, "assertion failed: step != 0");
    StepBy(view, step)
}

impl<V: View> View for StepBy<V> {
    type Mark = V::Mark;
    type Item = V::Item;
    fn seek(&self, k: usize, mark: &mut V::Mark) -> bool {
        k.checked_mul(self.1).is_some_and(|k| self.0.seek(k, mark))
    }
    fn len(&self, mark: &mut V::Mark) -> Option<usize> {
        Some(self.0.len(mark)?.div_ceil(self.1))
    }
    fn item(self, k: usize, mark: &V::Mark) -> Option<V::Item> {
        self.0.item(k.checked_mul(self.1)?, mark)
    }
}

/// Two at a time.
#[derive(Debug)]
pub struct Zip<A, B>(A, B);

/// See [`Iterator::zip`].
pub fn zip<A: View, B: View>(a: A, b: B) -> Zip<A, B> {
    Zip(a, b)
}

impl<A: View, B: View> View for Zip<A, B> {
    type Mark = (A::Mark, B::Mark);
    type Item = (A::Item, B::Item);
    fn seek(&self, k: usize, (a, b): &mut Self::Mark) -> bool {
        self.0.seek(k, a) && self.1.seek(k, b)
    }
    fn len(&self, (a, b): &mut Self::Mark) -> Option<usize> {
        match (self.0.len(a), self.1.len(b)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
    fn item(self, k: usize, (a, b): &Self::Mark) -> Option<Self::Item> {
        Some((self.0.item(k, a)?, self.1.item(k, b)?))
    }
}

/// One behind the other.
#[derive(Debug)]
pub struct Chain<A, B>(A, B);

/// See [`Iterator::chain`].
pub fn chain<A: View, B: View<Item = A::Item>>(a: A, b: B) -> Chain<A, B> {
    Chain(a, b)
}

/// The mark of [`Chain`]: those of its parts, and the number in the second part, if it is there.
pub type Chained<A, B> = (A, B, Option<usize>);

impl<A: View, B: View<Item = A::Item>> View for Chain<A, B> {
    type Mark = Chained<A::Mark, B::Mark>;
    type Item = A::Item;
    fn seek(&self, k: usize, (a, b, behind): &mut Self::Mark) -> bool {
        *behind = None;
        if self.0.seek(k, a) {
            return true;
        }
        *behind = self.0.len(a).and_then(|len| k.checked_sub(len));
        behind.is_some_and(|k| self.1.seek(k, b))
    }
    fn len(&self, (a, b, _): &mut Self::Mark) -> Option<usize> {
        self.0.len(a)?.checked_add(self.1.len(b)?)
    }
    fn item(self, k: usize, (a, b, behind): &Self::Mark) -> Option<A::Item> {
        match behind {
            Some(k) => self.1.item(*k, b),
            None => self.0.item(k, a),
        }
    }
}

/// Copies of the items.
#[derive(Debug)]
pub struct Cloned<V>(V);

/// See [`Iterator::cloned`] and [`Iterator::copied`].
pub fn cloned<'a, T: Clone + 'a, V: View<Item = &'a T>>(view: V) -> Cloned<V> {
    Cloned(view)
}

impl<'a, T: Clone + 'a, V: View<Item = &'a T>> View for Cloned<V> {
    type Mark = V::Mark;
    type Item = T;
    fn seek(&self, k: usize, mark: &mut V::Mark) -> bool {
        self.0.seek(k, mark)
    }
    fn len(&self, mark: &mut V::Mark) -> Option<usize> {
        self.0.len(mark)
    }
    fn item(self, k: usize, mark: &V::Mark) -> Option<T> {
        self.0.item(k, mark).cloned()
    }
}

/// What is not bound is not taken out.
#[derive(Debug)]
pub struct Without<V>(V);

/// The view without its items.
pub fn without<V: View>(view: V) -> Without<V> {
    Without(view)
}

impl<V: View> View for Without<V> {
    type Mark = V::Mark;
    type Item = ();
    fn seek(&self, k: usize, mark: &mut V::Mark) -> bool {
        self.0.seek(k, mark)
    }
    fn len(&self, mark: &mut V::Mark) -> Option<usize> {
        self.0.len(mark)
    }
    fn item(self, _: usize, _: &V::Mark) -> Option<()> {
        Some(())
    }
}
