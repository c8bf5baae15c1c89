//! What the process knows of itself and of its machine.

use crate::note;
use std::{env, process, thread};
use workflow_runtime::prelude::*;

/// WF009: a variable, in a helper
pub mod env_helper {
    use super::*;

    fn stage() -> String {
        env::var("STAGE").unwrap_or_else(|_| "test".into())
    }

    #[workflow]
    pub async fn env_helper() -> Result<String, WorkflowError> {
        let stage = stage();
        note(&stage).await?;
        Ok(stage)
    }
}

/// WF009: a variable, behind an alias of the function
pub mod env_alias {
    use super::*;
    use std::env::var_os as setting;

    #[workflow]
    pub async fn env_alias() -> Result<bool, WorkflowError> {
        let debug = setting("DEBUG").is_some();
        note("debug").await?;
        Ok(debug)
    }
}

/// WF009: a variable at build time
pub mod env_at_build {
    use super::*;

    #[workflow]
    pub async fn env_at_build() -> Result<String, WorkflowError> {
        let region = option_env!("DEPLOY_REGION").unwrap_or("north");
        note(region).await?;
        Ok(region.to_owned())
    }
}

/// WF009: the arguments of the process
pub mod env_arguments {
    use super::*;

    fn verbose() -> bool {
        env::args().any(|a| a == "--verbose")
    }

    #[workflow]
    pub async fn env_arguments() -> Result<bool, WorkflowError> {
        let verbose = verbose();
        note("verbose").await?;
        Ok(verbose)
    }
}

/// WF009: the id of the process, in a format string
pub mod env_process_id {
    use super::*;

    #[workflow]
    pub async fn env_process_id() -> Result<String, WorkflowError> {
        let key = format!("lock-{}", process::id());
        note(&key).await?;
        Ok(key)
    }
}

/// WF009: how many processors there are
pub mod env_parallelism {
    use super::*;
    use std::thread::available_parallelism as cores;

    #[workflow]
    pub async fn env_parallelism() -> Result<usize, WorkflowError> {
        let n = cores().map_or(1, usize::from);
        note("n").await?;
        Ok(n)
    }
}

/// WF009: the folder of the process
pub mod env_folder {
    use super::*;

    #[workflow]
    pub async fn env_folder() -> Result<String, WorkflowError> {
        let at = env::current_dir()?.display().to_string();
        note(&at).await?;
        Ok(at)
    }
}

/// WF009: the folder of temporary files, in another crate
pub mod env_temporary {
    use super::*;

    #[workflow]
    pub async fn env_temporary() -> Result<String, WorkflowError> {
        let at = shared::settings::scratch();
        note(&at).await?;
        Ok(at)
    }
}

/// WF009: settings with a `Default` that reads them
pub mod env_default {
    use super::*;

    #[workflow]
    pub async fn env_default() -> Result<u32, WorkflowError> {
        let settings = shared::settings::Settings::default();
        let n = settings.retries;
        note("n").await?;
        Ok(n)
    }
}

/// WF009: the end of the process
pub mod env_exit {
    use super::*;

    fn give_up(n: u32) -> u32 {
        if n > 1_000 {
            process::exit(1);
        }
        n
    }

    #[workflow]
    pub async fn env_exit(n: u32) -> Result<u32, WorkflowError> {
        let n = give_up(n);
        note("n").await?;
        Ok(n)
    }
}

/// WF009 WF005: the name of the thread
pub mod env_thread {
    use super::*;

    #[workflow]
    pub async fn env_thread() -> Result<String, WorkflowError> {
        let name = thread::current().name().unwrap_or_default().to_owned();
        note(&name).await?;
        Ok(name)
    }
}

/// WF009: the conversion of an error by `?`, in another crate
pub mod env_question_mark {
    use super::*;

    #[workflow]
    pub async fn env_question_mark(text: String) -> Result<u32, WorkflowError> {
        note(&text).await?;
        Ok(shared::settings::number(&text)?)
    }
}

/// WF009: a trait object that a function of another crate makes
pub mod env_trait_object {
    use super::*;

    #[workflow]
    pub async fn env_trait_object(key: String) -> Result<Option<String>, WorkflowError> {
        let value = shared::settings::provider(false).value(&key);
        note(&key).await?;
        Ok(value)
    }
}
