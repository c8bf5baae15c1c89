//! The text of the measured functions: each a different sequence of parts, with a fixed number of suspension points.

/// What a part is written with: its place in the function, and a number that makes its constants differ.
type Write = fn(i: usize, n: u64) -> String;

/// A part of a function: how many suspension points it has, and what it leaves behind for the end of the function.
struct Part {
    points: usize,
    text: Write,
    mark: Option<Write>,
}

const PARTS: [Part; 11] = [
    Part {
        points: 2,
        text: |i, n| {
            format!(
                r#"let mut held{i} = 0;
    for line in order.lines.iter() {{
        if line.quantity == 0 {{
            continue;
        }}
        held{i} += reserve(&line.sku, line.quantity).await?;
        if held{i} > {n} {{
            break;
        }}
    }}
    total += match quote(&order.customer, held{i}).await? {{
        Quote::Exact(cents) => cents,
        Quote::Range {{ low, high }} if high - low < {n} => low,
        Quote::Range {{ high, .. }} => high,
        Quote::Never => return Err(FlowError::Refused(format!("nobody sells to {{}}", order.customer))),
    }};"#
            )
        },
        mark: Some(|i, _| format!(r#"format!("held {{held{i}}}")"#)),
    },
    Part {
        points: 3,
        text: |i, n| {
            format!(
                r#"let payment{i} = match charge(&order.customer, total + {n}).await {{
        Ok(payment) => payment,
        Err(ActivityError::Failed(OpError::Declined {{ reason }})) => {{
            notify(&order.customer, &format!("declined: {{reason}}")).await?;
            charge(&order.customer, total / 2).await?
        }}
        Err(e) => return Err(e.into()),
    }};
    journal.push(format!("paid {{}} with {{}}", payment{i}.cents, payment{i}.id));"#
            )
        },
        mark: Some(|i, _| format!("payment{i}.id")),
    },
    Part {
        points: 2,
        text: |i, n| {
            format!(
                r#"let mut attempt{i} = 0;
    let by{i} = loop {{
        match track(order.id).await? {{
            Status::Done {{ by }} => break by,
            Status::Pending {{ .. }} if attempt{i} < {n} => {{
                attempt{i} += 1;
                sleep(minutes(attempt{i} * {n})).await?;
            }}
            Status::Pending {{ since }} => return Err(FlowError::Late {{ since }}),
            Status::Failed(why) => return Err(FlowError::Refused(why)),
        }}
    }};"#
            )
        },
        mark: Some(|i, _| format!(r#"format!("{{by{i}}} after {{attempt{i}}}")"#)),
    },
    Part {
        points: 2,
        text: |_, n| {
            format!(
                r#"if let Some(note) = &order.note {{
        let found = lookup(note).await?;
        if let Some(text) = found
            && text.len() > {n}
        {{
            journal.push(text);
        }} else {{
            notify(&order.customer, note).await?;
        }}
    }}"#
            )
        },
        mark: None,
    },
    Part {
        points: 1,
        text: |i, n| {
            format!(
                r#"let Some(address{i}) = lookup(&order.customer).await? else {{
        journal.push("no address".to_owned());
        return Err(FlowError::Refused(format!("{{}} of {{total}}: step {n}", journal.join(", "))));
    }};"#
            )
        },
        mark: Some(|i, _| format!("address{i}")),
    },
    Part {
        points: 1,
        text: |i, n| {
            format!(
                r#"let mut left{i}: Vec<Line> = order.lines.iter().filter(|l| l.cents > {n}).cloned().collect();
    while let Some(Line {{ sku, quantity, cents }}) = left{i}.pop() {{
        let offer = price(&sku, quantity).await?;
        total = total.saturating_sub(cents).max(offer);
    }}"#
            )
        },
        mark: None,
    },
    Part {
        points: 3,
        text: |_, n| {
            format!(
                r#"match review(&order.customer, total).await? {{
        Review::Approved {{ by }} => journal.push(format!("approved by {{by}}")),
        Review::Later {{ hours: late }} => {{
            sleep(hours(late.min({n}))).await?;
            total += late;
        }}
        Review::Rejected(why) => {{
            release(&order.customer, total).await?;
            return Err(FlowError::Refused(why));
        }}
    }}"#
            )
        },
        mark: None,
    },
    Part {
        points: 1,
        text: |i, n| {
            format!(
                r#"let mut text{i} = String::from("step {n}: ");
    for (n, entry) in journal.iter().enumerate() {{
        if n > 0 {{
            text{i}.push_str(", ");
        }}
        text{i}.push_str(entry.trim());
    }}
    let code{i} = archive(&text{i}).await?;"#
            )
        },
        mark: Some(|i, _| format!("code{i}")),
    },
    Part {
        points: 2,
        text: |i, n| {
            format!(
                r#"let score{i} = price(&order.customer, {n}).await? * 2 + price("base", 1).await?;
    let level{i} = match score{i} {{
        0..=9 => "low",
        10..=99 if total > {n} => "middle",
        _ => "high",
    }};
    journal.push(format!("{{level{i}}}: {{score{i}:>8}}"));"#
            )
        },
        mark: Some(|i, _| format!("format!(\"{{}}\", score{i} % 7)")),
    },
    Part {
        points: 2,
        text: |_, n| {
            format!(
                r#"for part in split(&order).await? {{
        if part.cents < {n} {{
            continue;
        }}
        let code = ship(part).await?;
        journal.push(code);
    }}"#
            )
        },
        mark: None,
    },
    Part {
        points: 2,
        text: |i, n| {
            format!(
                r#"let (low{i}, high{i}) = (price("low", {n}).await?, price("high", {n}).await?);
    let spread{i} = if low{i} < high{i} {{
        high{i} - low{i}
    }} else {{
        journal.push(format!("{{low{i}}} is not below {{high{i}}}"));
        low{i} - high{i}
    }};
    total += spread{i};"#
            )
        },
        mark: Some(|i, _| format!("spread{i}.to_string()")),
    },
];

/// An async function with so many suspension points; `seed` decides about its parts.
pub(crate) fn function(name: &str, attribute: &str, seed: u64, points: usize) -> String {
    let (mut text, mut marks, mut left, mut state) = (String::new(), vec![], points, seed);
    for i in 0.. {
        let fitting: Vec<&Part> = PARTS.iter().filter(|p| p.points <= left).collect();
        if fitting.is_empty() {
            break;
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = fitting[usize::try_from(state >> 33).unwrap_or(0) % fitting.len()];
        let n = (state >> 20) % 40 + 2;
        text += &format!("    {}\n", (part.text)(i, n));
        marks.extend(part.mark.map(|mark| mark(i, n)));
        left -= part.points;
    }
    let marks = marks.join(", ");
    format!(
        "{attribute}
pub async fn {name}(order: Order) -> Result<Receipt, FlowError> {{
    let mut total = 0u64;
    let mut journal: Vec<String> = Vec::new();
{text}    Ok(Receipt {{ order: order.id, cents: total, journal, marks: vec![{marks}] }})
}}
"
    )
}
