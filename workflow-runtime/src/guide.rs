//! The guide, whose programs are tests of the documentation.

/// A page that must compile, and run.
macro_rules! pages {
    ($($(#[$condition:meta])* $name:ident $path:literal)*) => { $(
        $(#[$condition])*
        #[doc = include_str!(concat!("../../", $path))]
        struct $name;
    )* };
}

pages! {
    Readme "README.md"
    Activities "docs/activities.md"
    FanOut "docs/fan-out.md"
    Children "docs/children.md"
    Helpers "docs/helpers.md"
    ChangingCode "docs/changing-code.md"
    ContinueAsNew "docs/continue-as-new.md"
    #[cfg(feature = "testing")]
    Language "docs/language.md"
    #[cfg(feature = "testing")]
    Loops "docs/loops.md"
    Messages "docs/messages.md"
    #[cfg(feature = "testing")]
    Simulation "docs/simulation.md"
    #[cfg(feature = "testing")]
    Overload "docs/overload.md"
    Starting "docs/starting.md"
    Storage "docs/storage.md"
    Testing "docs/testing.md"
    Cancellation "docs/cancellation.md"
    Sagas "docs/sagas.md"
    Timers "docs/timers.md"
    Concurrency "docs/concurrency.md"
    Verify "docs/verify.md"
    #[cfg(feature = "service")]
    Service "docs/service.md"
    #[cfg(feature = "schedules")]
    Schedules "docs/schedules.md"
    Wf001 "docs/rules/WF001.md"
    Wf002 "docs/rules/WF002.md"
    Wf003 "docs/rules/WF003.md"
    Wf004 "docs/rules/WF004.md"
    Wf005 "docs/rules/WF005.md"
    Wf006 "docs/rules/WF006.md"
    Wf007 "docs/rules/WF007.md"
    Wf008 "docs/rules/WF008.md"
    Wf009 "docs/rules/WF009.md"
    Wf010 "docs/rules/WF010.md"
    Wf011 "docs/rules/WF011.md"
    Wf012 "docs/rules/WF012.md"
    Wf013 "docs/rules/WF013.md"
    Wf014 "docs/rules/WF014.md"
    Wf015 "docs/rules/WF015.md"
}
