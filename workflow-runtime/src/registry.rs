//! Which workflows and activities an engine knows, by name.

use crate::{
    activity::{ActivityDef, ActivityRegistration, States},
    machine::{WorkflowDef, WorkflowRegistration},
};
use std::{collections::BTreeMap, fmt};

/// The workflows and activities that an engine can run, by name and by alias.
///
/// Functions of a dependency that nothing names are not linked, and so are not in [`Registry::linked`]: give them to
/// [`Registry::register`].
#[derive(Default, Clone)]
pub struct Registry {
    workflows: Names<WorkflowDef>,
    activities: Names<ActivityDef>,
}

/// What the names of workflows of this crate itself begin with, such as that of schedules: an engine always serves them.
const SYSTEM: &str = "workflow.";

/// A function with `#[workflow]` or `#[activity]`.
#[derive(Clone, Copy)]
pub enum Registered {
    /// A workflow.
    Workflow(&'static WorkflowDef),
    /// An activity.
    Activity(&'static ActivityDef),
}

impl From<&'static WorkflowDef> for Registered {
    fn from(def: &'static WorkflowDef) -> Self {
        Registered::Workflow(def)
    }
}

impl From<&'static ActivityDef> for Registered {
    fn from(def: &'static ActivityDef) -> Self {
        Registered::Activity(def)
    }
}

/// Why a set of functions cannot be one registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two functions claim one name: a stored instance could not tell which one it means.
    #[error("two {kind} are named `{name}`: {first} and {second}; rename one with `name = \"..\"`")]
    Duplicate {
        /// Whether they are workflows or activities.
        kind: Kind,
        /// The name or alias that both claim.
        name: String,
        /// Where one stands.
        first: Place,
        /// Where the other stands.
        second: Place,
    },
    /// A restriction names a function that is not there.
    #[error(
        "no workflow or activity is named `{name}`; linked into this binary are {known}: a dependency that nothing names is not linked"
    )]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that are there.
        known: String,
    },
}

/// What a registered function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function with `#[workflow]`.
    Workflow,
    /// A function with `#[activity]`.
    Activity,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Workflow => "workflows",
            Kind::Activity => "activities",
        })
    }
}

/// Where a function stands: `file:line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The source file, as the compiler named it.
    pub file: &'static str,
    /// Its line.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A state that an activity takes and nobody has given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingState {
    /// Name of the type `T` of `State<T>`.
    pub state: &'static str,
    /// Name of the activity that takes it.
    pub activity: &'static str,
    /// Where the activity stands.
    pub place: Place,
}

impl Registry {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every annotated function that is linked into this binary.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Duplicate`]: two of them claim one name.
    pub fn linked() -> Result<Self, RegistryError> {
        let workflows = inventory::iter::<WorkflowRegistration>.into_iter().map(|r| Registered::Workflow((r.0)()));
        let activities = inventory::iter::<ActivityRegistration>.into_iter().map(|r| Registered::Activity((r.0)()));
        // The linker decides the order; messages should not depend on it.
        let mut all: Vec<Registered> = workflows.chain(activities).collect();
        all.sort_by_key(|r| match r {
            Registered::Workflow(d) => (d.file, d.line),
            Registered::Activity(d) => (d.file, d.line),
        });
        Self::new().register(all)
    }

    /// Adds functions. One that is there already changes nothing.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Duplicate`]: two functions claim one name.
    pub fn register<R: Into<Registered>>(
        mut self,
        functions: impl IntoIterator<Item = R>,
    ) -> Result<Self, RegistryError> {
        for function in functions {
            match function.into() {
                Registered::Workflow(d) => self.workflows.add(d)?,
                Registered::Activity(d) => self.activities.add(d)?,
            }
        }
        Ok(self)
    }

    /// Keeps only the functions with these names.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unknown`]: there is no such function.
    pub fn only<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Result<Self, RegistryError> {
        let names: Vec<&str> = names.into_iter().collect();
        for &name in &names {
            if self.workflow(name).is_none() && self.activity(name).is_none() {
                return Err(unknown(name, self.workflows.0.keys().chain(self.activities.0.keys())));
            }
        }
        self.workflows.0.retain(|name, d| name.starts_with(SYSTEM) || names.iter().any(|n| d.answers_to(n)));
        self.activities.0.retain(|_, d| names.iter().any(|n| d.answers_to(n)));
        Ok(self)
    }

    /// The activity with this name or alias.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Unknown`]: there is none.
    pub(crate) fn known_activity(&self, name: &str) -> Result<&'static ActivityDef, RegistryError> {
        self.activity(name).ok_or_else(|| unknown(name, self.activities.0.keys()))
    }

    /// The workflow with this name or alias.
    pub fn workflow(&self, name: &str) -> Option<&'static WorkflowDef> {
        self.workflows.0.get(name).copied()
    }

    /// The activity with this name or alias.
    pub fn activity(&self, name: &str) -> Option<&'static ActivityDef> {
        self.activities.0.get(name).copied()
    }

    /// Every workflow once, by name.
    pub fn workflows(&self) -> impl Iterator<Item = &'static WorkflowDef> + '_ {
        self.workflows.once()
    }

    /// Every activity once, by name.
    pub fn activities(&self) -> impl Iterator<Item = &'static ActivityDef> + '_ {
        self.activities.once()
    }

    /// What `State<T>` parameters ask for and `states` lacks.
    pub fn missing_states(&self, states: &States) -> Vec<MissingState> {
        let missing = |a: &'static ActivityDef| {
            let lacking = (a.states)().into_iter().filter(|(id, _)| !states.has(*id));
            lacking.map(move |(_, state)| MissingState { state, activity: a.name, place: a.place() })
        };
        self.activities().flat_map(missing).collect()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workflows: Vec<_> = self.workflows().map(|d| d.name).collect();
        let activities: Vec<_> = self.activities().map(|d| d.name).collect();
        f.debug_struct("Registry").field("workflows", &workflows).field("activities", &activities).finish()
    }
}

/// A definition that has names.
trait Named: 'static {
    const KIND: Kind;
    fn name(&self) -> &'static str;
    fn aliases(&self) -> &'static [&'static str];
    fn place(&self) -> Place;
    fn answers_to(&self, name: &str) -> bool {
        self.name() == name || self.aliases().contains(&name)
    }
}

impl Named for WorkflowDef {
    const KIND: Kind = Kind::Workflow;
    fn name(&self) -> &'static str {
        self.name
    }
    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }
    fn place(&self) -> Place {
        Place { file: self.file, line: self.line }
    }
}

impl Named for ActivityDef {
    const KIND: Kind = Kind::Activity;
    fn name(&self) -> &'static str {
        self.name
    }
    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }
    fn place(&self) -> Place {
        Place { file: self.file, line: self.line }
    }
}

fn unknown<'n>(name: &str, known: impl Iterator<Item = &'n &'static str>) -> RegistryError {
    let known = known.map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "none".into() } else { known };
    RegistryError::Unknown { name: name.into(), known }
}

/// Definitions by every name that they answer to.
struct Names<D: 'static>(BTreeMap<&'static str, &'static D>);

impl<D> Default for Names<D> {
    fn default() -> Self {
        Names(BTreeMap::new())
    }
}

impl<D> Clone for Names<D> {
    fn clone(&self) -> Self {
        Names(self.0.clone())
    }
}

impl<D: Named> Names<D> {
    fn add(&mut self, def: &'static D) -> Result<(), RegistryError> {
        for &name in std::iter::once(&def.name()).chain(def.aliases()) {
            match self.0.get(name) {
                Some(there) if !std::ptr::eq(*there, def) => {
                    let (first, second) = (there.place(), def.place());
                    return Err(RegistryError::Duplicate { kind: D::KIND, name: name.into(), first, second });
                }
                _ => self.0.insert(name, def),
            };
        }
        Ok(())
    }

    fn once(&self) -> impl Iterator<Item = &'static D> + '_ {
        self.0.iter().filter(|(k, d)| **k == d.name()).map(|(_, d)| *d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::{ActivityContext, Attempt};
    use crate::journal::payload::Payload;
    use std::any::{TypeId, type_name};

    const fn def(name: &'static str, aliases: &'static [&'static str], line: u32) -> ActivityDef {
        fn run(_: &States, _: ActivityContext, _: &Payload) -> crate::activity::AttemptFuture {
            Box::pin(std::future::pending::<Attempt>())
        }
        ActivityDef {
            states: || vec![(TypeId::of::<u8>(), type_name::<u8>())],
            ..ActivityDef::untyped(name, aliases, "shop.rs", line, run)
        }
    }
    static CHARGE: ActivityDef = def("charge", &["bill"], 3);
    static OTHER: ActivityDef = def("charge", &[], 9);
    static BILL: ActivityDef = def("bill", &[], 12);

    #[test]
    fn a_name_and_an_alias_find_one_function() {
        let r = Registry::new().register([&CHARGE, &CHARGE]).unwrap();
        assert_eq!(r.activity("bill").unwrap().line, 3);
        assert_eq!(r.activity("charge").unwrap().line, 3);
        assert_eq!(r.activities().count(), 1);
        assert!(r.workflow("charge").is_none());
    }

    #[test]
    fn two_functions_with_one_name_are_an_error_that_names_both_places() {
        let e = Registry::new().register([&CHARGE, &OTHER]).unwrap_err();
        assert_eq!(
            e.to_string(),
            "two activities are named `charge`: shop.rs:3 and shop.rs:9; rename one with `name = \"..\"`"
        );
        assert!(Registry::new().register([&CHARGE, &BILL]).is_err());
    }

    #[test]
    fn a_restriction_keeps_what_it_names_and_knows_what_it_does_not() {
        let all = Registry::new().register([&CHARGE]).unwrap();
        let kept = all.clone().only(["bill"]).unwrap();
        assert!(kept.activity("charge").is_some());
        let e = all.only(["chrage"]).unwrap_err();
        assert!(e.to_string().starts_with("no workflow or activity is named `chrage`"), "{e}");
    }

    #[test]
    fn missing_states_are_named() {
        let r = Registry::new().register([&CHARGE]).unwrap();
        let mut states = States::default();
        let missing = r.missing_states(&states);
        assert_eq!((missing.len(), missing[0].state, missing[0].activity), (1, "u8", "charge"));
        states.insert(1u8);
        assert!(r.missing_states(&states).is_empty());
    }

    #[test]
    fn linked_functions_are_found() {
        let r = Registry::linked().unwrap();
        assert!(r.workflow("order").is_some());
        assert_eq!(r.activities().filter(|a| a.name == "charge").count(), 1);
    }
}
