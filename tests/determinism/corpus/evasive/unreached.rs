//! What no net can see: each of these is a limit, not a bug. Whoever makes one of them visible moves it to its rule.

use crate::note;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use workflow_runtime::prelude::*;

/// UNREACHED WF011: a cast of a pointer in a helper, which is an instruction and calls nothing
pub mod unreached_cast {
    use super::*;

    #[workflow]
    pub async fn unreached_cast(text: String) -> Result<u64, WorkflowError> {
        let n = shared::places::slot(&text);
        note("n").await?;
        Ok(n)
    }
}

/// UNREACHED WF011: a comparison of pointers in a helper
pub mod unreached_comparison {
    use super::*;

    fn same(a: &String, b: &String) -> bool {
        std::ptr::from_ref(a) < std::ptr::from_ref(b)
    }

    #[workflow]
    pub async fn unreached_comparison(a: String, b: String) -> Result<bool, WorkflowError> {
        let first = same(&a, &b);
        note("first").await?;
        Ok(first)
    }
}

/// UNREACHED WF012: assembly in another crate
pub mod unreached_assembly {
    use super::*;

    #[workflow]
    pub async fn unreached_assembly() -> Result<u64, WorkflowError> {
        let n = shared::clock::ticks();
        note("n").await?;
        Ok(n)
    }
}

/// UNREACHED WF012: `unsafe` that a macro of another crate writes, of which rustc says nothing
pub mod unreached_macro {
    use super::*;

    #[workflow]
    pub async fn unreached_macro(names: Vec<String>) -> Result<String, WorkflowError> {
        let first = shared::first_of!(names);
        note(&first).await?;
        Ok(first)
    }
}

/// UNREACHED WF009: a constant of the build in another crate
pub mod unreached_build_constant {
    use super::*;

    #[workflow]
    pub async fn unreached_build_constant() -> Result<String, WorkflowError> {
        let version = shared::settings::BUILD.to_owned();
        note(&version).await?;
        Ok(version)
    }
}

/// UNREACHED WF001: a generic function that the dev build has with another type only
pub mod unreached_instance {
    use super::*;

    #[workflow]
    pub async fn unreached_instance() -> Result<u64, WorkflowError> {
        #[cfg(debug_assertions)]
        let n = shared::clock::read::<shared::clock::Frozen>();
        #[cfg(not(debug_assertions))]
        let n = shared::clock::read::<shared::clock::Wall>();
        note("n").await?;
        Ok(n)
    }
}

/// UNREACHED WF001: a trait object that is registered by code that nothing in reach calls
pub mod unreached_registration {
    use super::*;

    #[workflow]
    pub async fn unreached_registration() -> Result<u64, WorkflowError> {
        let n = shared::clock::registered();
        note("n").await?;
        Ok(n)
    }
}

/// UNREACHED WF014: a cell within a type that is saved
pub mod unreached_cell {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub struct Hits {
        n: Cell<u32>,
    }

    #[workflow]
    pub async fn unreached_cell(names: Vec<String>) -> Result<u32, WorkflowError> {
        let hits = Hits { n: Cell::new(0) };
        for name in &names {
            hits.n.set(hits.n.get() + 1);
            note(name).await?;
        }
        Ok(hits.n.get())
    }
}

/// UNREACHED WF003: an order that came from outside of the step
pub mod unreached_argument {
    use super::*;
    use std::collections::HashMap;

    #[activity]
    pub async fn names_in_any_order() -> Result<Vec<String>, String> {
        let names = HashMap::from([("ann".to_owned(), 1), ("bob".to_owned(), 2)]);
        Ok(names.into_keys().collect())
    }

    #[workflow]
    pub async fn unreached_argument() -> Result<Vec<String>, WorkflowError> {
        Ok(names_in_any_order().await?)
    }
}

/// UNREACHED WF015: `file!()` in a macro of another crate, which is a constant of the build
pub mod unreached_place_in_a_macro {
    use super::*;

    #[workflow]
    pub async fn unreached_place_in_a_macro() -> Result<String, WorkflowError> {
        let place = shared::here!();
        note(&place).await?;
        Ok(place)
    }
}
