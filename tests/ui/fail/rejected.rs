//! What the macro writes for a function that it finds wrong, and that rustc accepts: by hand, because that is a bug of the macro.
//! The snapshot `rejected` of the macro crate shows that it writes it.

const _: () = {
    async fn __check(n: u32) -> u32 {
        n
    }
    #[deny(unused_must_use)]
    fn __rejected() {
        ::workflow_runtime::__private::rejected();
    }
};

fn main() {}
