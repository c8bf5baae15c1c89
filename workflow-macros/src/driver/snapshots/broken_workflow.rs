#[allow(unused, clippy::all, clippy::pedantic)]
pub fn order(
    _: Order,
) -> ::workflow_runtime::__private::WorkflowCall<
    impl ::workflow_runtime::__private::Workflow<
        Outcome = Result<Receipt, OrderError>,
    > + use<>,
> {
    ::workflow_runtime::__private::WorkflowCall::<__order>::new(&())
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
enum __order {}
#[allow(unused, clippy::all, clippy::pedantic)]
impl ::workflow_runtime::__private::Workflow for __order {
    const NAME: &'static str = "shop.order";
    type Args = (Order,);
    type Outcome = Result<Receipt, OrderError>;
    fn def() -> &'static ::workflow_runtime::__private::WorkflowDef {
        ::core::panic!("this workflow has an error")
    }
    fn check(
        _: Self::Args,
    ) -> ::workflow_runtime::__private::LocalBoxFuture<
        <Self::Outcome as ::workflow_runtime::__private::Outcome>::Out,
    > {
        ::core::panic!("this workflow has an error")
    }
}
::core::compile_error! {
    "this `join!` polls futures, which no checkpoint can hold: use `workflow_runtime::join!`, whose branches are saved; there is no `.await` behind it"
}
