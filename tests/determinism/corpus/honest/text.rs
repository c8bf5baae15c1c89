//! Text: regular expressions, templates, tokens, reports.

use crate::desk;
use regex::{Captures, Regex, RegexSet};
use std::fmt::Write as _;
use workflow_runtime::prelude::*;

pub mod dates_in_text {
    use super::*;

    #[workflow]
    pub async fn dates_in_text(url: String) -> Result<Vec<(i32, u32, u32)>, WorkflowError> {
        let text = desk::fetch(&url).await?;
        let re = Regex::new(r"(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})")?;
        let dates = re
            .captures_iter(&text)
            .map(|c| Ok((c["year"].parse()?, c["month"].parse()?, c["day"].parse()?)))
            .collect::<Result<Vec<_>, std::num::ParseIntError>>()?;
        desk::store("dates", &dates.len().to_string()).await?;
        Ok(dates)
    }
}

pub mod masked_cards {
    use super::*;

    #[workflow]
    pub async fn masked_cards(lines: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let mut out = vec![];
        for line in lines {
            let card = Regex::new(r"\b(\d{4})[ -]?\d{4}[ -]?\d{4}[ -]?(\d{4})\b")?;
            let masked = card.replace_all(&line, |c: &Captures| format!("{}-****-****-{}", &c[1], &c[2])).into_owned();
            desk::store("line", &masked).await?;
            out.push(masked);
        }
        Ok(out)
    }
}

pub mod routed_tickets {
    use super::*;

    const QUEUES: [(&str, &str); 3] =
        [("billing", r"(?i)invoice|refund"), ("abuse", r"(?i)spam|phish"), ("sales", r"(?i)price|quote")];

    #[workflow]
    pub async fn routed_tickets(tickets: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let mut queues = vec![];
        for ticket in &tickets {
            let set = RegexSet::new(QUEUES.map(|(_, pattern)| pattern))?;
            let queue = set.matches(ticket).iter().next().map_or("desk", |i| QUEUES[i].0);
            desk::mail(&format!("{queue}@example.com"), ticket).await?;
            queues.push(queue.to_owned());
        }
        Ok(queues)
    }
}

pub mod mail_template {
    use super::*;

    #[workflow]
    pub async fn mail_template(template: String, id: u64) -> Result<String, WorkflowError> {
        let order = desk::order(id).await?;
        let text = Regex::new(r"\{\{\s*(\w+)\s*\}\}")?.replace_all(&template, |c: &Captures| match &c[1] {
            "customer" => order.customer.clone(),
            "id" => order.id.to_string(),
            "now" => now().to_string(),
            other => format!("[{other}?]"),
        });
        let text = text.into_owned();
        desk::mail(&order.customer, &text).await?;
        Ok(text)
    }
}

pub mod csv_report {
    use super::*;

    #[workflow]
    pub async fn csv_report(ids: Vec<u64>) -> Result<String, WorkflowError> {
        let mut csv = String::from("order;sku;quantity;total\n");
        for id in ids {
            let order = desk::order(id).await?;
            for line in &order.lines {
                writeln!(csv, "{};{};{:>5};{:.2}", order.id, line.sku, line.quantity, line.cents as f64 / 100.0)?;
            }
        }
        Ok(csv)
    }
}

pub mod slugs {
    use super::*;

    fn slug(title: &str) -> String {
        let cleaned: String =
            title.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
        cleaned.split('-').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("-")
    }

    #[workflow]
    pub async fn slugs(titles: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        let mut all = vec![];
        for title in &titles {
            let slug = slug(title);
            desk::store(&slug, title).await?;
            all.push(slug);
        }
        Ok(all)
    }
}

pub mod calculator {
    use super::*;

    fn expression(tokens: &mut std::iter::Peekable<std::str::Chars>) -> Option<i64> {
        let mut sum = term(tokens)?;
        while let Some(op) = tokens.next_if(|c| matches!(c, '+' | '-')) {
            let right = term(tokens)?;
            sum = if op == '+' { sum.checked_add(right)? } else { sum.checked_sub(right)? };
        }
        Some(sum)
    }

    fn term(tokens: &mut std::iter::Peekable<std::str::Chars>) -> Option<i64> {
        if tokens.next_if_eq(&'(').is_some() {
            let inner = expression(tokens)?;
            return tokens.next_if_eq(&')').map(|_| inner);
        }
        let mut digits = String::new();
        while let Some(d) = tokens.next_if(char::is_ascii_digit) {
            digits.push(d);
        }
        digits.parse().ok()
    }

    #[workflow]
    pub async fn calculator(lines: Vec<String>) -> Result<i64, WorkflowError> {
        let mut total = 0;
        for line in &lines {
            let answer = desk::ask(line).await?;
            total += expression(&mut answer.chars().peekable())
                .ok_or_else(|| WorkflowError::msg(format!("no expression: {line}")))?;
        }
        Ok(total)
    }
}

pub mod log_levels {
    use super::*;

    #[workflow]
    pub async fn log_levels(lines: Vec<String>) -> Result<[usize; 3], WorkflowError> {
        let mut counts = [0; 3];
        for line in lines.iter() {
            let level = line.split_ascii_whitespace().nth(1).unwrap_or("INFO");
            match level {
                "ERROR" => {
                    counts[0] += 1;
                    desk::mail("pager@example.com", line).await?;
                }
                "WARN" => counts[1] += 1,
                _ => counts[2] += 1,
            }
        }
        Ok(counts)
    }
}

pub mod wrapped_lines {
    use super::*;

    fn wrap(text: &str, width: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let line = lines.last_mut().expect("there is a line");
            if line.chars().count() + word.chars().count() >= width {
                lines.push(word.to_owned());
            } else {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines
    }

    #[workflow]
    pub async fn wrapped_lines(url: String) -> Result<usize, WorkflowError> {
        let lines = wrap(&desk::fetch(&url).await?, 72);
        for line in &lines {
            desk::store("line", line).await?;
        }
        Ok(lines.len())
    }
}

pub mod palindromes {
    use super::*;

    #[workflow]
    pub async fn palindromes(words: Vec<String>) -> Result<Vec<String>, WorkflowError> {
        sleep(seconds(2)).await?;
        let mut found: Vec<String> = words.into_iter().filter(|w| w.chars().eq(w.chars().rev())).collect();
        found.dedup();
        Ok(found)
    }
}
