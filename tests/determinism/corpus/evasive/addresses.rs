//! Addresses and what else each build has of its own.

use crate::note;
use std::{any, fmt, ptr, rc::Rc};
use workflow_runtime::prelude::*;

/// WF011: `{:p}` with an inline argument
pub mod address_format {
    use super::*;

    #[workflow]
    pub async fn address_format(order: String) -> Result<String, WorkflowError> {
        let place = &order;
        let key = format!("{place:p}");
        note(&key).await?;
        Ok(key)
    }
}

/// WF011: `{:p}` with flags, in a macro of one's own
pub mod address_macro {
    use super::*;

    macro_rules! key {
        ($of:expr) => {
            format!("{:#018p}", &$of)
        };
    }

    #[workflow]
    pub async fn address_macro(order: String) -> Result<String, WorkflowError> {
        let key = key!(order);
        note(&key).await?;
        Ok(key)
    }
}

/// WF011: `{:p}` in a helper of another crate
pub mod address_other_crate {
    use super::*;

    #[workflow]
    pub async fn address_other_crate(order: String) -> Result<String, WorkflowError> {
        let key = shared::places::handle(&order);
        note(&key).await?;
        Ok(key)
    }
}

/// WF011: a cast of a pointer
pub mod address_cast {
    use super::*;

    #[workflow]
    pub async fn address_cast(order: String) -> Result<usize, WorkflowError> {
        let at = &raw const order as usize % 64;
        note("at").await?;
        Ok(at)
    }
}

/// WF011: a cast in two steps, by a method
pub mod address_as_ptr {
    use super::*;

    #[workflow]
    pub async fn address_as_ptr(order: String) -> Result<u64, WorkflowError> {
        let pointer = order.as_ptr();
        let at = pointer as u64;
        note("at").await?;
        Ok(at)
    }
}

/// WF011: the method `addr`
pub mod address_method {
    use super::*;

    #[workflow]
    pub async fn address_method(order: String) -> Result<bool, WorkflowError> {
        let even = order.as_ptr().addr() % 2 == 0;
        note("even").await?;
        Ok(even)
    }
}

/// WF011: a comparison of pointers, behind an alias
pub mod address_eq {
    use super::*;
    use std::ptr::eq as same;

    #[workflow]
    pub async fn address_eq(names: Vec<String>) -> Result<bool, WorkflowError> {
        let same = names.first().zip(names.last()).is_some_and(|(a, b)| same(a, b));
        note("same").await?;
        Ok(same)
    }
}

/// WF011: a comparison of shared pointers
pub mod address_rc {
    use super::*;

    #[workflow]
    pub async fn address_rc(text: String) -> Result<bool, WorkflowError> {
        let same = {
            let (a, b) = (Rc::new(text.clone()), Rc::new(text));
            Rc::ptr_eq(&a, &b)
        };
        note("same").await?;
        Ok(same)
    }
}

/// WF011: the name of a type
pub mod address_type_name {
    use super::*;

    fn kind<T>(_: &T) -> &'static str {
        any::type_name::<T>()
    }

    #[workflow]
    pub async fn address_type_name(n: u32) -> Result<String, WorkflowError> {
        let name = kind(&Some(n)).to_owned();
        note(&name).await?;
        Ok(name)
    }
}

/// WF011: the name of a type, behind an alias
pub mod address_type_name_alias {
    use super::*;
    use std::any::type_name as label;

    #[workflow]
    pub async fn address_type_name_alias() -> Result<String, WorkflowError> {
        let name = label::<Vec<String>>().to_owned();
        note(&name).await?;
        Ok(name)
    }
}

/// WF011: the id of a type, as data
pub mod address_type_id {
    use super::*;
    use std::any::TypeId;

    #[workflow]
    pub async fn address_type_id() -> Result<String, WorkflowError> {
        let id = format!("{:?}", TypeId::of::<String>());
        note(&id).await?;
        Ok(id)
    }
}

/// WF011: the address of a function
pub mod address_function {
    use super::*;

    fn handler() {}

    #[workflow]
    pub async fn address_function() -> Result<usize, WorkflowError> {
        let at = handler as fn() as usize;
        note("at").await?;
        Ok(at)
    }
}

/// WF011: `Debug` of a pointer in a helper type
pub mod address_debug {
    use super::*;

    #[derive(Debug)]
    pub struct Handle {
        pub of: *const u8,
    }

    fn shown(text: &str) -> String {
        format!("{:?}", Handle { of: text.as_ptr() })
    }

    #[workflow]
    pub async fn address_debug(text: String) -> Result<String, WorkflowError> {
        let shown = shown(&text);
        note(&shown).await?;
        Ok(shown)
    }
}

/// WF011: `Display` of a helper type
pub mod address_display {
    use super::*;

    pub struct Id<'a>(&'a str);

    impl fmt::Display for Id<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Pointer::fmt(&self.0.as_ptr(), f)
        }
    }

    #[workflow]
    pub async fn address_display(text: String) -> Result<String, WorkflowError> {
        let shown = Id(&text).to_string();
        note(&shown).await?;
        Ok(shown)
    }
}

/// WF011: a hash of a pointer
pub mod address_hash {
    use super::*;
    use std::hash::{DefaultHasher, Hasher};

    #[workflow]
    pub async fn address_hash(text: String) -> Result<u64, WorkflowError> {
        let hash = {
            let mut hasher = DefaultHasher::new();
            ptr::hash(text.as_str(), &mut hasher);
            hasher.finish()
        };
        note("hash").await?;
        Ok(hash)
    }
}
