//! What a workflow with type parameters cannot be, and what it cannot be used with.

use std::rc::Rc;
use workflow_runtime::{Engine, prelude::*};

#[workflow]
async fn generic<T: Payload>(t: T) -> Result<T, Cancelled> {
    sleep(days(1)).await?;
    Ok(t)
}

#[workflow]
async fn children() -> Result<u32, WorkflowError> {
    let n = generic(1u32).child("one").await?;
    generic(n).start_child("two").await?;
    Ok(n)
}

#[workflow]
async fn not_stored(n: u32) -> Result<u32, Cancelled> {
    Ok(*generic(Rc::new(n)).await?)
}

#[workflow]
async fn too_little<T: serde::Serialize + serde::de::DeserializeOwned + 'static>(t: T) -> Result<T, Cancelled> {
    sleep(days(1)).await?;
    Ok(t)
}

#[workflow]
async fn nothing_said<T>(t: T) -> Result<T, Cancelled> {
    sleep(days(1)).await?;
    Ok(t)
}

#[workflow]
async fn of_a_moment<T: Default + ToString>() -> Result<String, Cancelled> {
    sleep(days(1)).await?;
    Ok(T::default().to_string())
}

async fn roots(engine: Engine) {
    let _ = engine.start("one", generic(1u32)).await;
    engine.run(generic::<u32>, "one");
}

fn main() {}
