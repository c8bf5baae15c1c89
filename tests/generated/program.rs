//! Whole programs: functions that await each other, in one text that is rendered twice.

use crate::{
    r#gen::{Gen, Helper, Ret},
    scope::Hold,
    source::Source,
    types::Ty,
};
use std::collections::BTreeMap;

/// A generated program.
pub struct Program {
    pub functions: Vec<Function>,
    /// The choices that it is made of.
    pub choices: Vec<u32>,
    /// Those that belong together.
    pub spans: Vec<(usize, usize)>,
    pub uses: BTreeMap<&'static str, usize>,
}

pub struct Function {
    pub name: String,
    /// Patterns and types.
    pub params: Vec<(String, Ty)>,
    /// Arguments for the function that begins.
    pub args: Vec<String>,
    pub ret: Ret,
    pub body: String,
    /// Its first parameter is of any type.
    pub generic: bool,
}

/// The parameter of a generic function.
const GENERIC: &str = "<T: tests::generated::workflow_runtime::prelude::Payload + Clone + std::fmt::Debug>";

/// How the text is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendering {
    Plain,
    Workflow,
}

impl Program {
    /// The program that `source` describes; its functions begin with `name`.
    pub fn generate(mut source: Source, name: &str) -> Program {
        let mut uses = BTreeMap::new();
        let mut helpers: Vec<Helper> = vec![];
        let mut functions = vec![];
        let n = source.weighted(&[5, 3, 1]);
        for i in 0..=n {
            let root = i == n;
            source.begin();
            let full = if root { name.to_owned() } else { format!("{name}_{i}") };
            let function = function(&mut source, &full, root, &mut helpers, &mut uses);
            source.end();
            functions.push(function);
        }
        Program { functions, choices: source.taken, spans: source.spans, uses }
    }

    /// The text of the module with one of the renderings. Both have the same lines.
    pub fn render(&self, rendering: Rendering) -> String {
        let mut text = format!(
            "#![allow(warnings, clippy::all)]\n{}\nuse std::{{collections::{{BTreeMap, BTreeSet}}, fmt::Write as _}};\nconst LIMIT: u32 = 3;\n",
            match rendering {
                Rendering::Plain => "use tests::generated::{plain::*, serde, tracing, values::*};",
                Rendering::Workflow =>
                    "use tests::generated::{flow::*, serde, tracing, values::*}; use workflow_runtime::{sleep, seconds, workflow};",
            }
        );
        for f in &self.functions {
            text.push_str(&f.render(rendering));
        }
        indent(&text)
    }

    /// What runs the program.
    pub fn harness(&self) -> String {
        let Some(root) = self.functions.last() else { return String::new() };
        let (name, args) = (&root.name, root.args.join(", "));
        format!(
            "driver::Program {{ name: \"{name}\", compare: |seeds, corrupt, count| driver::compare(|| plain::{name}({args}), || flow::{name}({args}), (seeds, corrupt), count) }}"
        )
    }

    /// How large it is: what the shrinking makes less.
    pub fn size(&self) -> usize {
        self.functions.iter().map(|f| f.body.len() + 20).sum()
    }
}

impl Function {
    fn render(&self, rendering: Rendering) -> String {
        let Function { name, params, body, ret, .. } = self;
        let generic = if self.generic { GENERIC } else { "" };
        let ret = match ret {
            Ret::Result(t) => format!("Result<{t}, Fail>"),
            Ret::Option(t) => format!("Option<{t}>"),
            Ret::Plain(t) => t.to_string(),
        };
        let list: Vec<_> = params.iter().map(|(p, t)| format!("{p}: {t}")).collect();
        let list = list.join(", ");
        match rendering {
            Rendering::Workflow => {
                format!("#[workflow]\npub async fn {name}{generic}({list}) -> {ret} {{\n{body}\n}}\n")
            }
            // Boxed, so that it can call itself.
            Rendering::Plain => {
                let outer: Vec<_> = params.iter().enumerate().map(|(i, (_, t))| format!("a{i}: {t}")).collect();
                let args: Vec<_> = (0..params.len()).map(|i| format!("a{i}")).collect();
                let (outer, args) = (outer.join(", "), args.join(", "));
                format!(
                    "pub fn {name}{generic}({outer}) -> std::pin::Pin<Box<dyn Future<Output = {ret}>>> {{ Box::pin({name}_plain({args})) }}\nasync fn {name}_plain{generic}({list}) -> {ret} {{\n{body}\n}}\n"
                )
            }
        }
    }
}

fn function(
    source: &mut Source,
    name: &str,
    root: bool,
    helpers: &mut Vec<Helper>,
    uses: &mut BTreeMap<&'static str, usize>,
) -> Function {
    let mut ty = Ty::any(source, 1);
    let generic = !root && source.chance(1, 4);
    if generic {
        ty = Ty::Tuple(vec![Ty::Generic, ty]);
    }
    let ret = match source.weighted(&[6, 2, 2]) {
        0 => Ret::Result(ty),
        1 => Ret::Option(ty),
        _ => Ret::Plain(ty),
    };
    let recursive = !root && !generic && source.chance(1, 3);
    let mut types: Vec<Ty> = vec![];
    while types.len() < 4 && source.chance(3, 5) {
        types.push(Ty::any(source, 2));
    }
    let args: Vec<String> = types.iter().map(|t| t.literal(source)).collect();
    let mut all = types.clone();
    if recursive {
        all.insert(0, Ty::U32);
    }
    if generic {
        all.insert(0, Ty::Generic);
    }
    let helper = Helper { name: name.into(), params: all, ret: ret.clone(), recursive, generic };
    let fuel = if root { 20 + source.below(50) as i32 } else { 6 + source.below(20) as i32 };
    let known = helpers.clone();
    let mut g = Gen::new(source, ret.clone(), known, fuel);
    let mut params = vec![];
    if generic {
        params.push(("held".to_owned(), Ty::Generic));
        let held = g.scope.declare("held", &Ty::Generic, Hold::Owned, false, 0);
        g.scope.vars[held].frozen += 1;
    }
    if recursive {
        params.push(("depth".to_owned(), Ty::U32));
    }
    for ty in &types {
        let (pattern, bound) = match g.src.below(3) {
            0 => g.irrefutable(ty, Hold::Owned),
            n => {
                let (name, mutable) = (g.fresh("v"), n == 2);
                let pattern = if mutable { format!("mut {name}") } else { name.clone() };
                (pattern, vec![crate::pattern::Bound { name, ty: ty.clone(), mutable }])
            }
        };
        // Parameters must not share a name.
        let clash = bound.iter().any(|b| g.scope.vars.iter().any(|v| v.name == b.name));
        let (pattern, bound) = if clash { ("_".to_owned(), vec![]) } else { (pattern, bound) };
        g.bind(bound, Hold::Owned, None);
        params.push((pattern, ty.clone()));
    }
    let mut lines = vec![];
    if recursive {
        let value = g.returned();
        g.scope.vars.iter_mut().for_each(|v| v.moved.clear());
        lines.push(format!("if depth == 0 {{\nreturn {value};\n}}"));
    }
    lines.extend(g.several(12, Gen::statement));
    if recursive {
        lines.push(recurse(&mut g, &helper));
    }
    lines.push(g.returned());
    for (construct, n) in std::mem::take(&mut g.uses) {
        *uses.entry(construct).or_default() += n;
    }
    helpers.push(helper);
    Function { name: name.into(), params, args, ret, body: lines.join("\n"), generic }
}

/// A call of the function itself.
fn recurse(g: &mut Gen<'_>, helper: &Helper) -> String {
    let args: Vec<String> = helper.params[1..].iter().map(|t| g.value(t)).collect();
    g.used("recursion");
    let name = &helper.name;
    format!("let _ = {name}({}).await;", [vec!["depth - 1".to_owned()], args].concat().join(", "))
}

/// Lines, indented by the braces around them; empty ones are left out.
fn indent(text: &str) -> String {
    let (mut out, mut depth) = (String::new(), 0usize);
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let opens = line.matches(['{', '(', '[']).count();
        let closes = line.matches(['}', ')', ']']).count();
        let leading = line.chars().take_while(|c| matches!(c, '}' | ')' | ']')).count();
        out.push_str(&"    ".repeat(depth.saturating_sub(leading)));
        out.push_str(line);
        out.push('\n');
        depth = (depth + opens).saturating_sub(closes);
    }
    out
}
