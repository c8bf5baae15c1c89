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
#[diagnostic::do_not_recommend]
impl ::workflow_runtime::__private::Workflow for __order {}
#[allow(unused, clippy::all, clippy::pedantic)]
impl ::workflow_runtime::__private::InlineWorkflow for __order {
    const NAME: &'static str = "shop.order";
    type Args = (Order,);
    type Outcome = Result<Receipt, OrderError>;
    fn def() -> &'static ::workflow_runtime::__private::WorkflowDef {
        ::core::panic!("this workflow has an error")
    }
    fn step(
        _: &mut ::workflow_runtime::__private::Cx<'_>,
    ) -> ::core::result::Result<
        ::workflow_runtime::__private::Flow,
        ::workflow_runtime::__private::StepError,
    > {
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
#[allow(unexpected_cfgs)]
const _: () = {
    #[cfg(rust_analyzer)]
    const _: () = {
        #[allow(
            clippy::too_many_arguments,
            clippy::unused_async,
            clippy::large_futures,
            clippy::unused_unit
        )]
        async fn __check(order: Order) -> Result<Receipt, OrderError> {
            tokio::join!(a(), b());
            todo!()
        }
        fn __future(
            (order,): (Order,),
        ) -> impl ::core::future::Future<Output = Result<Receipt, OrderError>> {
            __check(order)
        }
    };
};
::core::compile_error! {
    "`tokio::join!` polls futures side by side, and what runs beside a step ends sooner in one process and later in another: use `join!`, `select!` or `join_all` of workflow_runtime, or a child workflow [WF005]"
}
