//! Messages of the compiler, one file per group of rules. `TRYBUILD=overwrite` writes them anew.

#[test]
fn messages() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
}
