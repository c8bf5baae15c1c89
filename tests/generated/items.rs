//! Items, attributes and macros in a body.

use crate::{
    r#gen::{Gen, Ret},
    scope::Hold,
    types::Ty,
};

impl Gen<'_> {
    /// An item within the body, and a use of it.
    pub fn item(&mut self) -> String {
        let (item, name) = (self.fresh("it"), self.fresh("v"));
        let arg = self.value(&Ty::U32);
        self.used("item in the body");
        let derives = "#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]\n#[serde(crate = \"serde\")]\n";
        let text = match self.src.below(7) {
            0 => format!("fn {item}(n: u32) -> u32 {{\nn + 1\n}}\nlet {name} = {item}({arg});"),
            1 => {
                let constant = item.to_uppercase();
                format!("const {constant}: u32 = 3;\nlet {name} = {constant} ^ {arg};")
            }
            2 => format!("{derives}struct S{item} {{\nn: u32,\n}}\nlet {name} = S{item} {{ n: {arg} }}.n;"),
            3 => format!("macro_rules! {item} {{\n($e:expr) => {{ $e + 1 }};\n}}\nlet {name} = {item}!(2u32) + {arg};"),
            4 => {
                self.used("enum in the body");
                let held = self.fresh("h");
                let between = if self.cx.awaits && self.cx.leaves { self.deed() } else { String::new() };
                format!(
                    "{derives}enum E{item} {{\nA,\nB(u32),\n}}\nimpl E{item} {{\nfn n(&self) -> u32 {{\nmatch self {{\nE{item}::A => 1,\nE{item}::B(n) => *n,\n}}\n}}\n}}\nlet {held} = if {arg} == 0 {{ E{item}::A }} else {{ E{item}::B(7) }};\n{between}\nlet {name} = {held}.n();"
                )
            }
            5 => format!("use std::cmp::max as {item};\nlet {name} = {item}({arg}, 2u32);"),
            _ => format!("type T{item} = (u32, bool);\nlet {name}: u32 = {{ let it: T{item} = ({arg}, true); it.0 }};"),
        };
        self.scope.declare(&name, &Ty::U32, Hold::Owned, false, self.cx.loops);
        text
    }

    /// `#[cfg]` on statements, and what stands there under the opposite predicate.
    pub fn conditional(&mut self) -> String {
        self.conditional = true;
        self.used("#[cfg] on a statement");
        let (value, name) = (self.value(&Ty::U32), self.fresh("v"));
        let other = self.quiet(|g| g.leaf(&Ty::U32));
        self.scope.declare(&name, &Ty::U32, Hold::Owned, false, self.cx.loops);
        format!(
            "#[cfg(debug_assertions)]\nlet {name} = {value};\n#[cfg(not(debug_assertions))]\nlet {name} = {other};\n#[cfg(any())]\nthere_is_no_such_function();"
        )
    }

    /// An event of `tracing`, at a level that is heard or one that is not.
    pub fn event(&mut self) -> String {
        self.used("event");
        let level = ["info", "warn", "debug", "trace"][self.src.below(4)];
        let values = |g: &mut Self| (g.value(&Ty::U32), g.value(&Ty::Str));
        let (n, s) = self.under(|cx| cx.moves = false, |g| g.perhaps(values));
        match self.src.below(3) {
            0 => format!("tracing::{level}!(n = {n}, \"seen {{}}\", {s});"),
            1 => format!("tracing::{level}!(n = ?{n}, s = %{s});"),
            _ => format!("tracing::{level}!(\"{{}} and {{:?}}\", {n}, {s});"),
        }
    }

    /// `ensure!` and `bail!`, which return.
    pub fn ensured(&mut self) -> String {
        if !self.cx.leaves || !matches!(self.ret, Ret::Result(_)) {
            return self.item();
        }
        let condition = self.value(&Ty::Bool);
        let n = self.under(|cx| cx.moves = false, |g| g.perhaps(|g| g.value(&Ty::U32)));
        if self.src.chance(1, 2) {
            self.used("ensure!");
            let again = unlabelled(&n);
            return format!(
                "ensure!({condition} || LIMIT > 2, \"never {{}}\", {n});\nensure!({again} < 90, \"n {{}}\", {again});"
            );
        }
        self.used("bail!");
        format!("if !({condition}) {{\nbail!(\"with {{}}\", {n});\n}}")
    }
}

/// The text as it can stand once more: each point has a label of its own.
pub(crate) fn unlabelled(text: &str) -> String {
    let mut parts = text.split(".label(\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("\")").map_or(part, |(_, behind)| behind))
}
