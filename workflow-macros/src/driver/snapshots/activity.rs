/// Charges a card.
#[allow(
    dead_code,
    private_interfaces,
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    clippy::ptr_arg
)]
pub fn charge(
    card: &Card,
    cents: u64,
) -> ::workflow_runtime::__private::ActivityCall<
    impl ::workflow_runtime::__private::Activity<
        Args = (<Card as ::workflow_runtime::__private::Lend>::Owned, u64),
        Ok = Payment,
        Err = ChargeError,
    > + use<>,
> {
    #[allow(unused_imports)]
    use ::workflow_runtime::__private::{Encode as _, Unencodable as _};
    ::workflow_runtime::__private::ActivityCall::<
        __charge,
    >::of((&::workflow_runtime::__private::Lending((card, &cents))).encode())
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
enum __charge {}
impl ::workflow_runtime::__private::Activity for __charge {
    const NAME: &'static str = "charge";
    type Args = (<Card as ::workflow_runtime::__private::Lend>::Owned, u64);
    type Ok = Payment;
    type Err = ChargeError;
    fn options() -> ::workflow_runtime::__private::ActivityOptions {
        ::workflow_runtime::__private::ActivityOptions {
            timeout: ::core::option::Option::Some(
                ::workflow_runtime::__private::Duration::from_millis(10000u64),
            ),
            retry: ::core::option::Option::Some(::workflow_runtime::__private::Retry {
                attempts: ::core::option::Option::Some(5u32),
                ..::core::default::Default::default()
            }),
            ..::core::default::Default::default()
        }
    }
    fn def() -> &'static ::workflow_runtime::__private::ActivityDef {
        static DEF: ::workflow_runtime::__private::ActivityDef = ::workflow_runtime::__private::ActivityDef::of::<
            __charge,
        >(
            &["bill"],
            ::core::file!(),
            ::core::line!(),
            || {
                ::std::vec![
                    (::core::any::TypeId::of:: < Gateway > (), ::core::any::type_name:: <
                    Gateway > ())
                ]
            },
        );
        &DEF
    }
    #[allow(clippy::unused_async)]
    fn call(
        states: &::workflow_runtime::__private::States,
        cx: ::workflow_runtime::__private::ActivityContext,
        (a2, a3): Self::Args,
    ) -> ::workflow_runtime::__private::SendBoxFuture<
        ::core::result::Result<Self::Ok, Self::Err>,
    > {
        async fn charge(
            gateway: State<Gateway>,
            cx: ActivityContext,
            card: &Card,
            cents: u64,
        ) -> Result<Payment, ChargeError> {
            gateway.charge(cx.idempotency_key(), card, cents).await
        }
        let _ = (states, &cx);
        let a0 = ::workflow_runtime::__private::States::get::<Gateway>(states);
        ::std::boxed::Box::pin(async move { charge(a0, cx, &a2, a3).await })
    }
    #[deny(unreachable_patterns)]
    fn unless(error: &Self::Err) -> bool {
        match error {
            ChargeError::Declined { code } if *code > 10 => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
}
::workflow_runtime::__private::inventory::submit!(
    ::workflow_runtime::__private::ActivityRegistration(< __charge as
    ::workflow_runtime::__private::Activity > ::def)
);
