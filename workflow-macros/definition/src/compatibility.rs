use crate::{Definition, START};
use std::fmt;

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

/// Decides whether a run parked at `label` under `old` can go on under `new`.
///
/// A patch id that `old` did not know, with a site from which control can reach the point, is decided
/// false: the run has passed that site on the old path. Ids whose sites lie only ahead stay undecided and are true when reached.
///
/// # Errors
///
/// [`Incompatible`] says what is missing.
pub fn compatibility(old: &Definition, new: &Definition, label: &str) -> Result<Resume, Incompatible> {
    if label == START {
        return Ok(Resume { point: START.into(), decided_false: vec![], from_arguments: vec![] });
    }
    let gone = || Incompatible::PointGone { point: label.into() };
    let from = old.point(label).ok_or_else(gone)?;
    let to = new.point(label).ok_or_else(gone)?;
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
    Ok(Resume { point: label.into(), decided_false, from_arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parameter, Point};

    fn point(label: &str, live: &[&str], passed: &[&str]) -> Point {
        let own = |x: &[&str]| x.iter().map(|s| s.to_string()).collect();
        Point { label: label.into(), operation: label.into(), line: 1, live: own(live), passed: own(passed) }
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
        assert_eq!(compatibility(&old, &new, "charge").unwrap().decided_false, ["behind"]);
        assert!(compatibility(&new, &new, "charge").unwrap().decided_false.is_empty());
    }

    #[test]
    fn a_missing_local_is_refused_unless_it_is_an_argument() {
        let old = definition(vec![point("charge", &[], &[])], &[]);
        let new = definition(vec![point("charge", &["order"], &[])], &[]);
        assert_eq!(compatibility(&old, &new, "charge").unwrap().from_arguments, ["order"]);
        let new = definition(vec![point("charge", &["total"], &[])], &[]);
        assert!(matches!(compatibility(&old, &new, "charge"), Err(Incompatible::LocalsMissing { .. })));
    }

    #[test]
    fn a_renamed_point_is_gone_and_lines_do_not_matter() {
        let old = definition(vec![point("charge", &[], &[])], &[]);
        let mut new = definition(vec![point("pay", &[], &[])], &[]);
        assert!(matches!(compatibility(&old, &new, "charge"), Err(Incompatible::PointGone { .. })));
        new.points[0].label = "charge".into();
        new.points[0].operation = "charge".into();
        new.points[0].line = 99;
        assert_eq!(old.fingerprint(), new.fingerprint());
    }
}
