//! Closures, trait objects, generics, function pointers, `Drop`, `Default`, `Display`, `Deref`.

use crate::desk;
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    fmt,
    ops::{AddAssign, Deref, Index},
};
use workflow_runtime::prelude::*;

pub mod discount_rules {
    use super::*;

    pub trait Rule {
        fn off(&self, order: &desk::Order) -> u64;
    }

    pub struct Bulk(u32);
    pub struct Regular<'a>(&'a str);

    impl Rule for Bulk {
        fn off(&self, order: &desk::Order) -> u64 {
            order.lines.iter().filter(|l| l.quantity >= self.0).map(|l| l.cents).sum()
        }
    }

    impl Rule for Regular<'_> {
        fn off(&self, order: &desk::Order) -> u64 {
            if order.customer == self.0 { 100 } else { 0 }
        }
    }

    #[workflow]
    pub async fn discount_rules(id: u64) -> Result<u64, WorkflowError> {
        let order = desk::order(id).await?;
        let rules: Vec<Box<dyn Rule>> = vec![Box::new(Bulk(10)), Box::new(Regular("ann@example.com"))];
        let off = rules.iter().map(|r| r.off(&order)).sum::<u64>();
        desk::store("off", &off.to_string()).await?;
        Ok(off)
    }
}

pub mod commands_by_name {
    use super::*;

    fn double(n: i64) -> i64 {
        n * 2
    }

    fn negate(n: i64) -> i64 {
        -n
    }

    const TABLE: [(&str, fn(i64) -> i64); 3] = [("double", double), ("negate", negate), ("abs", i64::abs)];

    #[workflow]
    pub async fn commands_by_name(mut n: i64, commands: Vec<String>) -> Result<i64, WorkflowError> {
        for command in &commands {
            let run = TABLE.iter().find(|(name, _)| name == command).map(|(_, f)| *f);
            n = run.map_or(n, |f| f(n));
            desk::store(command, &n.to_string()).await?;
        }
        Ok(n)
    }
}

pub mod pipeline_of_closures {
    use super::*;

    type Stage = Box<dyn Fn(String) -> String>;

    fn stages(prefix: &str) -> Vec<Stage> {
        let prefix = prefix.to_owned();
        vec![
            Box::new(|s| s.trim().to_owned()),
            Box::new(move |s| format!("{prefix}{s}")),
            Box::new(|s| s.to_uppercase()),
        ]
    }

    #[workflow]
    pub async fn pipeline_of_closures(url: String) -> Result<String, WorkflowError> {
        let page = desk::fetch(&url).await?;
        let text = stages("> ").into_iter().fold(page, |text, stage| stage(text));
        desk::store(&url, &text).await?;
        Ok(text)
    }
}

pub mod generic_ledger {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub struct Ledger<T> {
        entries: Vec<T>,
    }

    impl<T: Copy + Default + AddAssign> Ledger<T> {
        fn total(&self) -> T {
            let mut sum = T::default();
            self.entries.iter().for_each(|e| sum += *e);
            sum
        }
    }

    #[workflow]
    pub async fn generic_ledger(names: Vec<String>) -> Result<(u64, f64), WorkflowError> {
        let (mut whole, mut half) = (Ledger { entries: vec![] }, Ledger { entries: vec![] });
        for name in &names {
            let n = desk::count(name).await?;
            whole.entries.push(n);
            half.entries.push(n as f64 / 2.0);
        }
        Ok((whole.total(), half.total()))
    }
}

pub mod apply_to_all {
    use super::*;

    fn apply<T, R>(all: &[T], mut f: impl FnMut(&T) -> R) -> Vec<R> {
        all.iter().map(&mut f).collect()
    }

    #[workflow]
    pub async fn apply_to_all(ids: Vec<u64>) -> Result<u64, WorkflowError> {
        let mut sum = 0;
        let names = apply(&ids, |id| {
            sum += id;
            format!("order {id}")
        });
        for name in names {
            desk::ask(&name).await?;
        }
        Ok(sum)
    }
}

pub mod dropped_in_order {
    use super::*;

    pub struct Scope<'a> {
        name: &'static str,
        out: &'a mut Vec<String>,
    }

    impl Drop for Scope<'_> {
        fn drop(&mut self) {
            self.out.push(format!("left {}", self.name));
        }
    }

    #[workflow]
    pub async fn dropped_in_order(n: u32) -> Result<Vec<String>, WorkflowError> {
        let mut out = vec![];
        for _ in 0..n {
            {
                let scope = Scope { name: "room", out: &mut out };
                scope.out.push("entered".to_owned());
            }
            sleep(seconds(1)).await?;
        }
        Ok(out)
    }
}

pub mod defaults {
    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Options {
        retries: u32,
        pause: u64,
        to: Option<String>,
    }

    impl Default for Options {
        fn default() -> Self {
            Options { retries: 3, pause: 30, to: None }
        }
    }

    #[workflow]
    pub async fn defaults(options: Option<Options>) -> Result<u32, WorkflowError> {
        let options = options.unwrap_or_default();
        let wanted = Options { to: Some("ann@example.com".into()), ..options };
        for _ in 0..wanted.retries {
            sleep(seconds(wanted.pause)).await?;
            if let Some(to) = &wanted.to {
                desk::mail(to, "still there?").await?;
            }
        }
        Ok(wanted.retries)
    }
}

pub mod displayed {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Cents(u64);

    impl fmt::Display for Cents {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}.{:02} EUR", self.0 / 100, self.0 % 100)
        }
    }

    impl fmt::Debug for Cents {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("Cents").field(&self.0).finish()
        }
    }

    #[workflow]
    pub async fn displayed(sums: Vec<Cents>) -> Result<String, WorkflowError> {
        for sum in &sums {
            desk::mail("ann@example.com", &format!("{sum}, in full {sum:?}")).await?;
        }
        Ok(sums.iter().map(Cents::to_string).collect::<Vec<_>>().concat())
    }
}

pub mod dereferenced {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub struct Title(String);

    impl Deref for Title {
        type Target = str;

        fn deref(&self) -> &str {
            &self.0
        }
    }

    impl Index<usize> for Title {
        type Output = u8;

        fn index(&self, at: usize) -> &u8 {
            &self.0.as_bytes()[at]
        }
    }

    #[workflow]
    pub async fn dereferenced(title: Title) -> Result<u8, WorkflowError> {
        desk::store("title", &title).await?;
        Ok(if title.is_empty() { 0 } else { title[0] })
    }
}

pub mod maybe_owned {
    use super::*;

    fn clean(text: &str) -> Cow<'_, str> {
        if text.contains('\t') { text.replace('\t', " ").into() } else { text.into() }
    }

    #[workflow]
    pub async fn maybe_owned(texts: Vec<String>) -> Result<usize, WorkflowError> {
        let mut n = 0;
        for text in &texts {
            let cleaned = clean(text).into_owned();
            n += cleaned.len();
            desk::store("text", &cleaned).await?;
        }
        Ok(n)
    }
}

pub mod a_tree {
    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub struct Node {
        value: i64,
        children: Vec<Node>,
    }

    impl Node {
        fn visit(&self, f: &mut dyn FnMut(i64)) {
            f(self.value);
            self.children.iter().for_each(|c| c.visit(f));
        }
    }

    #[workflow]
    pub async fn a_tree(root: Node) -> Result<i64, WorkflowError> {
        let mut sum = 0;
        root.visit(&mut |v| sum += v);
        desk::store("sum", &sum.to_string()).await?;
        Ok(sum)
    }
}

pub mod associated {
    use super::*;

    pub trait Unit {
        const FACTOR: u64;
        fn name() -> &'static str;
    }

    pub struct Metre;
    pub struct Mile;

    impl Unit for Metre {
        const FACTOR: u64 = 1;

        fn name() -> &'static str {
            "m"
        }
    }

    impl Unit for Mile {
        const FACTOR: u64 = 1_609;

        fn name() -> &'static str {
            "mi"
        }
    }

    fn show<U: Unit>(n: u64) -> String {
        format!("{} {}", n / U::FACTOR, U::name())
    }

    #[workflow]
    pub async fn associated(metres: u64) -> Result<String, WorkflowError> {
        desk::ask(&show::<Metre>(metres)).await?;
        Ok(show::<Mile>(metres))
    }
}
