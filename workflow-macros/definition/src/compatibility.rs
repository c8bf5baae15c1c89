use crate::{Definition, Point, START};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Where a run waits, and what is known of it besides.
#[derive(Debug, Clone, Copy)]
pub struct Parked<'a> {
    /// Label of the point, in the older definition.
    pub label: &'a str,
    /// What the run knows of `patched!` ids that it has passed.
    pub decided: &'a BTreeMap<String, bool>,
    /// What is known to be called otherwise in the newer definition: the forks around the point.
    pub renamed: &'a Renamed,
}

/// How a frame that an older definition wrote goes on under a newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Label of the point in the newer definition.
    pub point: String,
    /// `patched!` ids that are false for this run from now on, sorted.
    pub decided_false: Vec<String>,
    /// Slots that were not saved and have to come from the arguments in the start record.
    pub from_arguments: Vec<String>,
    /// What is called otherwise in the newer definition.
    pub renamed: Renamed,
}

/// What is called otherwise on the old path of a `patched!`, because the new path has the same names: by the old names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renamed {
    /// Labels of points.
    pub labels: BTreeMap<String, String>,
    /// Locals.
    pub locals: BTreeMap<String, String>,
}

impl Renamed {
    /// The key that a slot has now. That of what waits for a point begins with the label, and that of a field with its variable.
    pub fn key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        let of = |names: &BTreeMap<String, String>, fits: fn(&str) -> bool| {
            let longest = |(old, new): (&String, &String)| {
                Some((key.strip_prefix(old.as_str()).filter(|r| fits(r))?, new.clone()))
            };
            names.iter().rev().find_map(longest).map(|(rest, new)| new + rest)
        };
        let local = of(&self.locals, |rest| rest.is_empty() || rest.starts_with('.'));
        local.or_else(|| of(&self.labels, |rest| rest.starts_with(['/', '.']))).map_or(Cow::Borrowed(key), Cow::Owned)
    }

    /// The label that a point has by now because of the forks around it.
    fn label(&self, label: &str) -> String {
        let within = |(old, new): (&String, &String)| {
            let rest = label.strip_prefix(old.as_str()).filter(|rest| rest.starts_with('/'))?;
            Some(format!("{new}{rest}"))
        };
        self.labels.iter().rev().find_map(within).unwrap_or_else(|| label.to_owned())
    }
}

/// Why a frame cannot go on under a newer definition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incompatible {
    /// The point in which the run waits is gone.
    PointGone {
        /// Label of the point.
        point: String,
    },
    /// Only ways that the run cannot have taken lead to the point now.
    OtherPath {
        /// Label of the point.
        point: String,
        /// The `patched!` id that decides it.
        id: String,
        /// What the id is on those ways.
        is: bool,
    },
    /// The point now awaits something else.
    OperationChanged {
        /// Label of the point.
        point: String,
        /// What the run waits for.
        was: String,
        /// What the new code awaits there.
        now: String,
    },
    /// The new code reads locals after the point that the old code did not save there.
    LocalsMissing {
        /// Label of the point.
        point: String,
        /// Keys of the missing slots.
        locals: Vec<String>,
    },
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PointGone { point } => write!(f, "the code has no point `{point}` any more"),
            Self::OtherPath { point, id, is } => write!(
                f,
                "the point `{point}` is now only where `patched!(\"{id}\")` is {is}, and the path where it is {} has no such point",
                !is
            ),
            Self::OperationChanged { point, was, now } => {
                write!(f, "the point `{point}` awaited `{was}` and now awaits `{now}`")
            }
            Self::LocalsMissing { point, locals } => {
                write!(f, "after `{point}` the code now reads {}, which was not saved there", locals.join(", "))
            }
        }
    }
}

impl std::error::Error for Incompatible {}

impl Incompatible {
    /// What to write instead, so that the run can go on.
    pub fn remedy(&self) -> String {
        match self {
            Self::PointGone { point } => format!(
                "if another operation, or the same one in another place, stands for it now, give that `.label(\"{point}\")`; else keep it on the old path of a `patched!`"
            ),
            Self::OtherPath { id, is, .. } => format!("keep it where `patched!(\"{id}\")` is {}", !is),
            Self::OperationChanged { .. } => "keep the old one on the old path of a `patched!`".into(),
            Self::LocalsMissing { .. } => "compute it behind the point, or keep its name if it has a new one (`n#1` is the second variable `n` of the function); else keep the old code on the old path of a `patched!`".into(),
        }
    }
}

/// Decides whether a run that waits under `old` can go on under `new`, and where.
///
/// A patch id that `old` did not know, with a site from which control can reach the point, is decided
/// false: the run has passed that site on the old path. Ids whose sites lie only ahead stay undecided and are true when reached.
/// So the run waits in none of the points to which only the new path leads, and those with its label and an ordinal are counted
/// without them.
///
/// # Errors
///
/// [`Incompatible`] says what is missing.
pub fn compatibility(old: &Definition, new: &Definition, parked: Parked<'_>) -> Result<Resume, Incompatible> {
    let label = parked.label;
    if label == START {
        return Ok(Resume {
            point: START.into(),
            decided_false: vec![],
            from_arguments: vec![],
            renamed: Renamed::default(),
        });
    }
    let from = old.point(label).ok_or_else(|| Incompatible::PointGone { point: label.into() })?;
    let to = same_point(old, new, parked)?;
    if from.operation != to.operation && !(is_given(to) && kind(&from.operation) == kind(&to.operation)) {
        return Err(Incompatible::OperationChanged {
            point: label.into(),
            was: from.operation.clone(),
            now: to.operation.clone(),
        });
    }
    let decided_false: Vec<String> = to.passed.iter().filter(|id| !old.patches.contains(id)).cloned().collect();
    let mut renamed = parked.renamed.clone();
    if to.label != label {
        renamed.labels.insert(label.into(), to.label.clone());
    }
    // Without a new path nothing has shifted the names: then another ordinal is another variable.
    if !decided_false.is_empty() {
        renamed.locals.extend(shifted(from, to));
    }
    let saved: Vec<Cow<'_, str>> = from.live.iter().map(|l| renamed.key(l)).collect();
    let (from_arguments, locals): (Vec<_>, Vec<_>) = to
        .live
        .iter()
        .filter(|l| !saved.iter().any(|s| s == *l))
        .cloned()
        .partition(|l| new.parameters.iter().any(|p| p.name == *l) && old.parameters.iter().any(|p| p.name == *l));
    if !locals.is_empty() {
        return Err(Incompatible::LocalsMissing { point: label.into(), locals });
    }
    Ok(Resume { point: to.label.clone(), decided_false, from_arguments, renamed })
}

/// True for a label that the user has written: it stands for the same point, whatever is awaited there is called.
fn is_given(p: &Point) -> bool {
    let name = p.operation.split("!(").next().unwrap_or_default();
    let automatic = p.label.rsplit('/').next().unwrap_or_default().split('#').next().unwrap_or_default();
    automatic != name.strip_suffix(".recv").unwrap_or(name)
}

/// What kind of operation it is, as far as its name says so. A fork is like no other one.
fn kind(operation: &str) -> &str {
    match operation {
        fork if fork.contains("!(") => fork,
        message if message.ends_with(".recv") => ".recv",
        timer if timer.starts_with("sleep") => "sleep",
        _ => "",
    }
}

/// Variables of one name that have other ordinals at the point now, if there are as many as before.
fn shifted(from: &Point, to: &Point) -> Vec<(String, String)> {
    let variables = |p: &Point| {
        let mut by_name: BTreeMap<String, BTreeSet<(usize, String)>> = BTreeMap::new();
        for key in p.live.iter().filter(|key| !key.contains('/')) {
            let variable = key.split('.').next().unwrap_or(key);
            let (name, n) = variable.split_once('#').unwrap_or((variable, "0"));
            by_name.entry(name.into()).or_default().insert((n.parse().unwrap_or_default(), variable.into()));
        }
        by_name
    };
    let (before, now) = (variables(from), variables(to));
    let same = before.iter().filter_map(|(name, old)| Some((old, now.get(name).filter(|new| new.len() == old.len())?)));
    let pairs = same.flat_map(|(old, new)| old.iter().zip(new)).map(|((_, old), (_, new))| (old.clone(), new.clone()));
    pairs.filter(|(old, new)| old != new).collect()
}

/// The point of `new` in which a run waits that is parked under `old`.
fn same_point<'d>(old: &Definition, new: &'d Definition, parked: Parked<'_>) -> Result<&'d Point, Incompatible> {
    let Parked { label, decided, renamed } = parked;
    // In a fork that has another label the points have too.
    let now = renamed.label(label);
    // What the run cannot have seen true: it would have to have passed a site that was not there.
    let other_path = |p: &Point| {
        let is_false = |id: &&String| decided.get(*id).map_or(!old.patches.contains(id), |is| !is);
        let is_true = |id: &&String| decided.get(*id) == Some(&true);
        let wrongly_true = p.patched.iter().find(is_false).map(|id| (id.clone(), true));
        wrongly_true.or_else(|| p.unpatched.iter().find(is_true).map(|id| (id.clone(), false)))
    };
    let (was, is) = (numbered(old, label), numbered(new, &now));
    let own = |all: &[&Point]| -> Vec<usize> { (0..all.len()).filter(|i| other_path(all[*i]).is_none()).collect() };
    let (was_own, is_own) = (own(&was), own(&is));
    let at = was.iter().position(|p| p.label == label).and_then(|i| was_own.iter().position(|o| *o == i));
    let found = match at {
        // Nothing is counted where nothing is left out: a label that the user gave may end with any number.
        Some(_) if was_own.len() == was.len() && is_own.len() == is.len() => new.point(&now),
        Some(at) => is_own.get(at).map(|i| is[*i]),
        None => new.point(&now),
    };
    let gone = || Incompatible::PointGone { point: label.into() };
    match (found, new.point(&now)) {
        (Some(found), _) if other_path(found).is_none() => Ok(found),
        (_, Some(other)) => {
            let path = |(id, is)| Incompatible::OtherPath { point: label.into(), id, is };
            Err(other_path(other).map_or_else(gone, path))
        }
        (_, None) => Err(gone()),
    }
}

/// The points that have this label but for the ordinal, in the order of their ordinals.
fn numbered<'d>(of: &'d Definition, label: &str) -> Vec<&'d Point> {
    let ordinal = |label: &str| label.rsplit_once('#').and_then(|(stem, n)| Some((stem.to_owned(), n.parse().ok()?)));
    let stem = ordinal(label).map_or_else(|| label.to_owned(), |(stem, _): (String, usize)| stem);
    let name = |n: usize| if n == 0 { stem.clone() } else { format!("{stem}#{n}") };
    (0..).map_while(|n| of.point(&name(n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parameter, Point};

    fn point(label: &str, live: &[&str], passed: &[&str]) -> Point {
        let own = |x: &[&str]| x.iter().map(|s| s.to_string()).collect();
        Point {
            label: label.into(),
            operation: label.into(),
            line: 1,
            live: own(live),
            passed: own(passed),
            patched: vec![],
            unpatched: vec![],
        }
    }

    fn parked() -> Parked<'static> {
        static NOTHING: (BTreeMap<String, bool>, Renamed) =
            (BTreeMap::new(), Renamed { labels: BTreeMap::new(), locals: BTreeMap::new() });
        Parked { label: "charge", decided: &NOTHING.0, renamed: &NOTHING.1 }
    }

    fn definition(points: Vec<Point>, patches: &[&str]) -> Definition {
        Definition {
            name: "order".into(),
            file: "src/main.rs".into(),
            parameters: vec![Parameter { name: "order".into(), ty: "Order".into() }],
            points,
            edges: vec![],
            patches: patches.iter().map(|s| s.to_string()).collect(),
        }
    }

    #[test]
    fn a_new_patch_behind_the_point_is_false_and_one_ahead_stays_undecided() {
        let old = definition(vec![point("charge", &[], &[])], &[]);
        let new = definition(vec![point("charge", &[], &["behind"])], &["behind", "ahead"]);
        assert_eq!(compatibility(&old, &new, parked()).unwrap().decided_false, ["behind"]);
        assert!(compatibility(&new, &new, parked()).unwrap().decided_false.is_empty());
    }

    #[test]
    fn a_missing_local_is_refused_unless_it_is_an_argument() {
        let old = definition(vec![point("charge", &[], &[])], &[]);
        let new = definition(vec![point("charge", &["order"], &[])], &[]);
        assert_eq!(compatibility(&old, &new, parked()).unwrap().from_arguments, ["order"]);
        let new = definition(vec![point("charge", &["total"], &[])], &[]);
        assert!(matches!(compatibility(&old, &new, parked()), Err(Incompatible::LocalsMissing { .. })));
    }

    #[test]
    fn a_renamed_point_is_gone_and_lines_do_not_matter() {
        let old = definition(vec![point("charge", &[], &[])], &[]);
        let mut new = definition(vec![point("pay", &[], &[])], &[]);
        assert!(matches!(compatibility(&old, &new, parked()), Err(Incompatible::PointGone { .. })));
        new.points[0].label = "charge".into();
        new.points[0].operation = "charge".into();
        new.points[0].line = 99;
        assert_eq!(old.fingerprint(), new.fingerprint());
    }

    fn on_path(mut p: Point, patched: &[&str], unpatched: &[&str]) -> Point {
        let own = |x: &[&str]| x.iter().map(|s| s.to_string()).collect();
        (p.operation, p.patched, p.unpatched) =
            (p.label.split('#').next().unwrap().into(), own(patched), own(unpatched));
        p
    }

    fn resumed(old: &Definition, new: &Definition, label: &str) -> Result<String, Incompatible> {
        let (decided, renamed) = (BTreeMap::new(), Renamed::default());
        compatibility(old, new, Parked { label, decided: &decided, renamed: &renamed }).map(|r| r.point)
    }

    #[test]
    fn points_of_a_new_path_are_not_counted() {
        let plain = |label: &str| on_path(point(label, &[], &[]), &[], &[]);
        let old = definition(vec![plain("GO"), plain("GO#1"), plain("ship")], &[]);
        let new = |label: &str| on_path(point(label, &[], &["x"]), &["x"], &[]);
        let kept = |label: &str| on_path(point(label, &[], &["x"]), &[], &["x"]);
        let both = definition(vec![new("GO"), kept("GO#1"), new("GO#2"), kept("GO#3"), new("ship")], &["x"]);
        assert_eq!(resumed(&old, &both, "GO").unwrap(), "GO#1");
        assert_eq!(resumed(&old, &both, "GO#1").unwrap(), "GO#3");
        let other = resumed(&old, &both, "ship").unwrap_err();
        assert!(matches!(&other, Incompatible::OtherPath { id, is: true, .. } if id == "x"), "{other}");
        assert!(other.remedy().contains("`patched!(\"x\")` is false"), "{}", other.remedy());
        // A build with the same paths changes nothing.
        assert_eq!(resumed(&both, &both, "GO").unwrap(), "GO");
        assert_eq!(resumed(&both, &both, "GO#3").unwrap(), "GO#3");
    }

    #[test]
    fn what_a_run_knows_of_an_id_counts_in_the_next_build_too() {
        let side = |label: &str, is: bool| {
            let (yes, no): (&[&str], &[&str]) = if is { (&["x"], &[]) } else { (&[], &["x"]) };
            on_path(point(label, &[], &["x"]), yes, no)
        };
        let old = definition(vec![side("GO", true), side("GO#1", false)], &["x"]);
        let new = definition(vec![side("GO", true), side("GO#1", true), side("GO#2", false)], &["x"]);
        let renamed = Renamed::default();
        let of = |label, is| {
            let decided = BTreeMap::from([("x".to_owned(), is)]);
            compatibility(&old, &new, Parked { label, decided: &decided, renamed: &renamed }).map(|r| r.point)
        };
        assert_eq!(of("GO#1", false).unwrap(), "GO#2");
        assert_eq!(of("GO", true).unwrap(), "GO");
    }

    #[test]
    fn labels_that_were_given_keep_their_numbers() {
        let old = definition(vec![point("step#1", &[], &[])], &[]);
        let new = definition(vec![point("step", &[], &[]), point("step#1", &[], &[])], &[]);
        assert_eq!(resumed(&old, &new, "step#1").unwrap(), "step#1");
    }

    #[test]
    fn names_that_a_new_path_has_shifted_are_found_and_no_others() {
        let old = definition(vec![point("charge", &["n", "n.0", "total"], &[])], &[]);
        let live = &["n#1", "n#1.0", "total"];
        let patched = definition(vec![point("charge", live, &["x"])], &["x"]);
        let resume = compatibility(&old, &patched, parked()).unwrap();
        assert_eq!(resume.renamed.key("n"), "n#1");
        assert_eq!(resume.renamed.key("n.0"), "n#1.0");
        assert_eq!(resume.renamed.key("nn"), "nn");
        let unpatched = definition(vec![point("charge", live, &[])], &[]);
        let missing = compatibility(&old, &unpatched, parked()).unwrap_err();
        assert!(matches!(&missing, Incompatible::LocalsMissing { locals, .. } if locals[..] == ["n#1", "n#1.0"]));
        // Two of them where there was one: nobody knows which.
        let two = definition(vec![point("charge", &["n", "n#1", "total"], &["x"])], &["x"]);
        assert!(compatibility(&old, &two, parked()).is_err());
    }

    #[test]
    fn what_is_within_a_fork_is_called_as_the_fork_is() {
        let plain = |label: &str| on_path(point(label, &[], &[]), &[], &[]);
        let mut branch = on_path(point("join/0/GO", &["join/1"], &[]), &[], &[]);
        let old = definition(vec![plain("join"), branch.clone()], &[]);
        (branch.label, branch.live) = ("join#1/0/GO".into(), vec!["join#1/1".into()]);
        let new = definition(vec![on_path(plain("join"), &["x"], &[]), plain("join#1"), branch], &["x"]);
        let fork = compatibility(&old, &new, Parked { label: "join", ..parked() }).unwrap();
        assert_eq!(fork.point, "join#1");
        let within = Parked { label: "join/0/GO", renamed: &fork.renamed, ..parked() };
        assert_eq!(compatibility(&old, &new, within).unwrap().point, "join#1/0/GO");
        assert_eq!(fork.renamed.key("join/1.ok"), "join#1/1.ok");
    }

    #[test]
    fn a_label_that_is_written_stands_for_an_operation_of_another_name() {
        let awaits = |label: &str, operation: &str| Point { operation: operation.into(), ..point(label, &[], &[]) };
        let of = |was: (&str, &str), is: (&str, &str)| {
            let (old, new) = (definition(vec![awaits(was.0, was.1)], &[]), definition(vec![awaits(is.0, is.1)], &[]));
            resumed(&old, &new, was.0)
        };
        assert!(of(("ship", "ship"), ("ship", "send")).is_ok());
        assert!(of(("a/GO#1", "GO.recv"), ("a/GO#1", "PROCEED.recv")).is_ok());
        assert!(of(("nap", "sleep"), ("nap", "sleep_until")).is_ok());
        for (was, is) in [
            (("send", "ship"), ("send", "send")),
            (("GO", "GO.recv"), ("GO", "send")),
            (("ship", "ship"), ("ship", "sleep")),
            (("select", "select!(2)"), ("select", "select!(3)")),
            (("first", "select!(2)"), ("first", "join!(2)")),
        ] {
            assert!(matches!(of(was, is), Err(Incompatible::OperationChanged { .. })), "{was:?} {is:?}");
        }
    }
}
