use crate::{Definition, Point, START};
use std::{collections::BTreeMap, fmt};

/// How a frame that an older definition wrote goes on under a newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Label of the point in the newer definition.
    pub point: String,
    /// `patched!` ids that are false for this run from now on, sorted.
    pub decided_false: Vec<String>,
    /// Slots that were not saved and have to come from the arguments in the start record.
    pub from_arguments: Vec<String>,
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

/// Decides whether a run parked at `label` under `old` can go on under `new`, and where.
///
/// A patch id that `old` did not know, with a site from which control can reach the point, is decided
/// false: the run has passed that site on the old path. Ids whose sites lie only ahead stay undecided and are true when reached.
/// So the run waits in none of the points to which only the new path leads, and those with its label and an ordinal are counted
/// without them. `decided` is what the run knows of ids that it has passed.
///
/// # Errors
///
/// [`Incompatible`] says what is missing.
pub fn compatibility(
    old: &Definition,
    new: &Definition,
    label: &str,
    decided: &BTreeMap<String, bool>,
) -> Result<Resume, Incompatible> {
    if label == START {
        return Ok(Resume { point: START.into(), decided_false: vec![], from_arguments: vec![] });
    }
    let from = old.point(label).ok_or_else(|| Incompatible::PointGone { point: label.into() })?;
    let to = same_point(old, new, label, decided)?;
    if from.operation != to.operation {
        return Err(Incompatible::OperationChanged {
            point: label.into(),
            was: from.operation.clone(),
            now: to.operation.clone(),
        });
    }
    let (from_arguments, locals): (Vec<_>, Vec<_>) = to
        .live
        .iter()
        .filter(|l| !from.live.contains(l))
        .cloned()
        .partition(|l| new.parameters.iter().any(|p| p.name == *l) && old.parameters.iter().any(|p| p.name == *l));
    if !locals.is_empty() {
        return Err(Incompatible::LocalsMissing { point: label.into(), locals });
    }
    let decided_false = to.passed.iter().filter(|id| !old.patches.contains(id)).cloned().collect();
    Ok(Resume { point: to.label.clone(), decided_false, from_arguments })
}

/// The point of `new` in which a run waits that waits in the point `label` of `old`.
fn same_point<'d>(
    old: &Definition,
    new: &'d Definition,
    label: &str,
    decided: &BTreeMap<String, bool>,
) -> Result<&'d Point, Incompatible> {
    // What the run cannot have seen true: it would have to have passed a site that was not there.
    let other_path = |p: &Point| {
        let is_false = |id: &&String| decided.get(*id).map_or(!old.patches.contains(id), |is| !is);
        let is_true = |id: &&String| decided.get(*id) == Some(&true);
        let wrongly_true = p.patched.iter().find(is_false).map(|id| (id.clone(), true));
        wrongly_true.or_else(|| p.unpatched.iter().find(is_true).map(|id| (id.clone(), false)))
    };
    let (was, is) = (numbered(old, label), numbered(new, label));
    let own = |all: &[&'_ Point]| -> Vec<usize> { (0..all.len()).filter(|i| other_path(all[*i]).is_none()).collect() };
    let (was_own, is_own) = (own(&was), own(&is));
    let at = was.iter().position(|p| p.label == label).and_then(|i| was_own.iter().position(|o| *o == i));
    let found = match at {
        // Nothing is counted where nothing is left out: a label that the user gave may end with any number.
        Some(_) if was_own.len() == was.len() && is_own.len() == is.len() => new.point(label),
        Some(at) => is_own.get(at).map(|i| is[*i]),
        None => new.point(label),
    };
    let gone = || Incompatible::PointGone { point: label.into() };
    match (found, new.point(label)) {
        (Some(found), _) if other_path(found).is_none() => Ok(found),
        (_, Some(other)) => {
            Err(other_path(other).map_or_else(gone, |(id, is)| Incompatible::OtherPath { point: label.into(), id, is }))
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
        assert_eq!(compatibility(&old, &new, "charge", &BTreeMap::new()).unwrap().decided_false, ["behind"]);
        assert!(compatibility(&new, &new, "charge", &BTreeMap::new()).unwrap().decided_false.is_empty());
    }

    #[test]
    fn a_missing_local_is_refused_unless_it_is_an_argument() {
        let old = definition(vec![point("charge", &[], &[])], &[]);
        let new = definition(vec![point("charge", &["order"], &[])], &[]);
        assert_eq!(compatibility(&old, &new, "charge", &BTreeMap::new()).unwrap().from_arguments, ["order"]);
        let new = definition(vec![point("charge", &["total"], &[])], &[]);
        assert!(matches!(
            compatibility(&old, &new, "charge", &BTreeMap::new()),
            Err(Incompatible::LocalsMissing { .. })
        ));
    }

    #[test]
    fn a_renamed_point_is_gone_and_lines_do_not_matter() {
        let old = definition(vec![point("charge", &[], &[])], &[]);
        let mut new = definition(vec![point("pay", &[], &[])], &[]);
        assert!(matches!(compatibility(&old, &new, "charge", &BTreeMap::new()), Err(Incompatible::PointGone { .. })));
        new.points[0].label = "charge".into();
        new.points[0].operation = "charge".into();
        new.points[0].line = 99;
        assert_eq!(old.fingerprint(), new.fingerprint());
    }
}
