//! An activity function as the runtime sees it.

use super::{
    ActivityContext, ActivityOptions, Limits,
    bounds::{Arguments, BusinessError, Transport},
};
use crate::journal::{
    encoding::{DecodeError, EncodeError},
    payload::Payload,
};
use crate::machine::ActivityCall;
use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::Arc,
};

/// A future that may run on any thread.
pub type SendBoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A function with `#[activity]`. Implemented by the macro.
pub trait Activity: 'static {
    /// The registered name.
    const NAME: &'static str;
    /// The arguments without states and context, owned, a tuple.
    type Args: Arguments;
    /// The value.
    type Ok: Transport;
    /// The business error.
    type Err: Transport + BusinessError;
    /// Limits in one process, as the attribute says.
    const LIMITS: Limits = Limits::new();
    /// Options as the attribute says.
    fn options() -> ActivityOptions;
    /// The registered description.
    fn def() -> &'static ActivityDef;
    /// Runs the body.
    fn call(states: &States, cx: ActivityContext, args: Self::Args) -> SendBoxFuture<Result<Self::Ok, Self::Err>>;
    /// True for errors that are final although the activity has a retry policy.
    fn unless(error: &Self::Err) -> bool {
        let _ = error;
        false
    }
}

/// How one attempt ended.
#[derive(Debug)]
pub enum Attempt {
    /// With a value.
    Ok(Payload),
    /// With a business error.
    Err {
        /// The encoded error.
        error: Payload,
        /// `unless(..)` matched it.
        permanent: bool,
    },
    /// The stored arguments are not of the parameters' types.
    Undecodable(DecodeError),
    /// The result cannot be encoded.
    Unencodable(EncodeError),
}

/// One running attempt.
pub type AttemptFuture = SendBoxFuture<Attempt>;

/// What the macro registers for an activity.
pub struct ActivityDef {
    /// The registered name.
    pub name: &'static str,
    /// Names that stored calls may carry from before a rename.
    pub aliases: &'static [&'static str],
    /// Where the function stands.
    pub file: &'static str,
    /// Where the function stands.
    pub line: u32,
    /// The types of its `State<T>` parameters.
    pub states: fn() -> Vec<(TypeId, &'static str)>,
    /// Limits in one process.
    pub limits: Limits,
    /// Starts an attempt.
    pub run: fn(&States, ActivityContext, &Payload) -> AttemptFuture,
    /// Whether a value from outside is of the activity's type.
    pub accepts: fn(&Payload) -> Result<(), DecodeError>,
    /// Whether an error from outside is of the activity's type, and final in spite of a retry policy.
    pub is_final: fn(&Payload) -> Result<bool, DecodeError>,
}

impl ActivityDef {
    /// A function whose types are not known here: what comes for it from outside is taken as it is.
    pub const fn untyped(
        name: &'static str,
        aliases: &'static [&'static str],
        file: &'static str,
        line: u32,
        run: fn(&States, ActivityContext, &Payload) -> AttemptFuture,
    ) -> Self {
        let (accepts, is_final) = (|_: &Payload| Ok(()), |_: &Payload| Ok(false));
        ActivityDef { name, aliases, file, line, states: Vec::new, limits: Limits::new(), run, accepts, is_final }
    }

    /// The erased form of `A`.
    pub const fn of<A: Activity>(
        aliases: &'static [&'static str],
        file: &'static str,
        line: u32,
        states: fn() -> Vec<(TypeId, &'static str)>,
    ) -> Self {
        let (limits, accepts, is_final) = (A::LIMITS, accepts::<A>, is_final::<A>);
        ActivityDef { name: A::NAME, aliases, file, line, states, limits, run: run::<A>, accepts, is_final }
    }
}

fn run<A: Activity>(states: &States, cx: ActivityContext, args: &Payload) -> AttemptFuture {
    let args = match A::Args::load(args) {
        Ok(args) => args,
        Err(e) => return Box::pin(std::future::ready(Attempt::Undecodable(e))),
    };
    let body = A::call(states, cx, args);
    Box::pin(async move {
        let encoded = match body.await {
            Ok(value) => value.save().map(Attempt::Ok),
            Err(e) => e.save().map(|error| Attempt::Err { error, permanent: A::unless(&e) }),
        };
        encoded.unwrap_or_else(Attempt::Unencodable)
    })
}

fn accepts<A: Activity>(value: &Payload) -> Result<(), DecodeError> {
    A::Ok::load(value).map(drop)
}

fn is_final<A: Activity>(error: &Payload) -> Result<bool, DecodeError> {
    Ok(A::unless(&A::Err::load(error)?))
}

/// A registration of an activity, collected from every crate that is linked.
pub struct ActivityRegistration(pub fn() -> &'static ActivityDef);
inventory::collect!(ActivityRegistration);

/// The values that `State<T>` parameters receive, by type.
#[derive(Clone, Default)]
pub struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    /// Adds the value for `State<T>`.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// True if there is a value for this type.
    pub fn has(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    /// The value for `State<T>`.
    ///
    /// # Panics
    ///
    /// If there is none, which building an engine refuses.
    pub fn get<T: Send + Sync + 'static>(&self) -> State<T> {
        match self.0.get(&TypeId::of::<T>()).and_then(|v| v.clone().downcast::<T>().ok()) {
            Some(v) => State(v),
            None => panic!("no state of type `{}`: give it to the engine with `.state(..)`", type_name::<T>()),
        }
    }
}

/// A value that the engine injects into activities: a client, a pool, a configuration.
pub struct State<T>(Arc<T>);

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        State(self.0.clone())
    }
}

impl<T> std::ops::Deref for State<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> State<T> {
    /// A state for calling an activity in a unit test.
    pub fn new(value: T) -> Self {
        State(Arc::new(value))
    }
}

/// The function that `#[activity]` makes of an activity: names its type by value.
pub trait ActivityFn<Args> {
    /// The activity.
    type Def: Activity;
}

macro_rules! activity_fn { ($($a:ident)*) => {
    impl<F, D: Activity, $($a),*> ActivityFn<($($a,)*)> for F
    where
        F: Fn($($a),*) -> ActivityCall<D>,
    {
        type Def = D;
    }
} }
activity_fn!();
activity_fn!(A);
activity_fn!(A B);
activity_fn!(A B C);
activity_fn!(A B C E);
activity_fn!(A B C E G);
activity_fn!(A B C E G H);
activity_fn!(A B C E G H I);
activity_fn!(A B C E G H I J);
activity_fn!(A B C E G H I J K);
activity_fn!(A B C E G H I J K L);
activity_fn!(A B C E G H I J K L M);
activity_fn!(A B C E G H I J K L M N);
