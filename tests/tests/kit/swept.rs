//! Tests with the attribute, as a user writes them.

use crate::shop::*;
use workflow_runtime::{
    days, hours,
    prelude::*,
    testing::{Mock, Test},
};

type Paid = Mock<Payment, ChargeError>;

fn shop(t: &Test) {
    t.strict();
    t.mock_sequence(charge, [Paid::fail(ChargeError::Network), Mock::panic("paper jam"), Mock::ok(paid(500))]);
    t.mock(refund, |_: u64| Ok(()));
}

#[workflow_runtime::test]
async fn an_order_that_is_approved(t: Test) {
    shop(&t);
    let run = t.start("order-1", order(card(), 500)).await;
    run.wait_until_at("APPROVED").await;
    t.advance(days(4)).await;
    run.signal(&APPROVED, "Ada".to_string()).await;
    assert_eq!(run.result().await, Ok("payment 7 of 500 cents, approved by Ada".to_string()));
    assert_eq!(t.calls(charge).assert_called_once().args, (card(), 500));
    t.calls(refund).assert_not_called();
}

#[workflow_runtime::test(sled, seed = 7)]
async fn an_order_that_nobody_approves(t: Test) -> Result<(), OrderError> {
    shop(&t);
    let run = t.start("order-1", order(card(), 500)).await;
    assert_eq!(run.result().await, Err(OrderError::NotApproved));
    t.calls(refund).assert_called_once_with((7,));
    Ok(())
}

#[workflow_runtime::test(crashes = "every")]
async fn an_order_that_is_cancelled(t: Test) {
    shop(&t);
    let run = t.start("order-1", order(card(), 500)).await;
    run.wait_until_at("APPROVED").await;
    run.cancel("changed my mind").await;
    assert_eq!(run.result().await, Err(OrderError::Cancelled(Cancelled)));
    let other = t.start("order-2", ticks_for_ever()).await;
    t.advance(hours(3)).await;
    assert_eq!(other.status().await.locals[0].value, 3);
    other.terminate("enough").await;
    assert_eq!(other.outcome().await.unwrap_err().code(), "WE062");
}

/// Counts hours.
#[workflow]
async fn ticks_for_ever() -> Result<u32, OrderError> {
    let mut ticked = 0;
    loop {
        sleep(hours(1)).await?;
        ticked += 1;
        set_status(&ticked);
    }
}

/// A report to the authorities, once a year.
#[workflow]
async fn ten_years(begun: i16) -> Result<Vec<String>, OrderError> {
    let mut reports = vec![];
    for year in begun..begun + 10 {
        sleep(days(365)).await?;
        reports.push(greet(&year.to_string(), &["Report".to_string()]).await?);
    }
    Ok(reports)
}

#[workflow_runtime::test]
async fn ten_years_pass(t: Test) {
    let begin = t.now();
    let run = t.start("r", ten_years(2000)).await;
    let reports = run.result().await.expect("ten reports");
    assert_eq!((reports.len(), reports[9].as_str()), (10, "Report 2009"));
    assert_eq!(t.now().duration_since(begin).as_hours(), 3650 * 24);
}

#[workflow]
async fn greeter() -> Result<u32, OrderError> {
    let mut greeted = 0;
    loop {
        let (name, reply) = GREET.recv().await?;
        if name.is_empty() {
            reply.send(String::new());
            return Ok(greeted);
        }
        let (first, second) = join!(greet(&name, &["Dr.".into()]), greet(&name, &["Prof.".into()]));
        greeted += 2;
        reply.send(format!("{}, {}", first?, second?));
    }
}

const GREET: Update<String, String> = Update::new("greet");

/// Neither time nor another call makes the engine say what the activities gave: the answer itself needs it.
#[workflow_runtime::test]
async fn an_update_whose_answer_needs_activities(t: Test) {
    let run = t.start("greeter", greeter()).await;
    let ask = async |id: &str, name: &str| {
        t.call(async |engine| engine.run(greeter, "greeter").update(&GREET, name.to_string()).id(id).await).await
    };
    assert_eq!(ask("1", "Ada").await.unwrap(), "Dr. Ada, Prof. Ada");
    assert_eq!(ask("2", "").await.unwrap(), "");
    assert_eq!(run.result().await, Ok(2));
}
