//! The carriers: take a parcel where somebody drives, and give it back while it is still at the depot.

use super::ledger::Service;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What the service is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Request {
    Ship { order: u64, country: String, postcode: String },
    Recall { order: u64 },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Answer {
    Shipped { carrier: String, tracking: String },
    NoCarrier,
    Recalled { parcels: usize },
}

/// What it writes down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Entry {
    Shipped {
        order: u64,
        key: String,
        country: String,
    },
    NoCarrier {
        order: u64,
        key: String,
    },
    /// A parcel, named by its key, was taken back.
    Recalled {
        order: u64,
        parcel: String,
    },
    /// The order is closed: a parcel that is still on its way to the depot will be refused.
    Closed {
        order: u64,
    },
}

const CARRIERS: &[(&str, &[&str])] = &[
    ("DHL", &["DE", "CZ", "PL"]),
    ("La Poste", &["FR", "ES"]),
    ("PostNord", &["SE", "IS"]),
    ("Royal Mail", &["GB"]),
    ("EMS", &["JP", "VN", "TR"]),
];

/// The parcels of each order.
#[derive(Default)]
pub(crate) struct Shipping {
    parcels: HashMap<u64, Vec<String>>,
    closed: HashSet<u64>,
}

impl Service for Shipping {
    type Request = Request;
    type Answer = Answer;
    type Entry = Entry;

    fn decide(&self, key: &str, request: &Request) -> (Answer, Vec<Entry>) {
        match request {
            Request::Ship { order, country, .. } => {
                let carrier = CARRIERS.iter().find(|(_, countries)| countries.contains(&country.as_str()));
                match carrier.filter(|_| !self.closed.contains(order)) {
                    Some((carrier, _)) => {
                        let shipped = Entry::Shipped { order: *order, key: key.into(), country: country.clone() };
                        let tracking = format!("{country}{order:09}");
                        (Answer::Shipped { carrier: (*carrier).into(), tracking }, vec![shipped])
                    }
                    None => (Answer::NoCarrier, vec![Entry::NoCarrier { order: *order, key: key.into() }]),
                }
            }
            Request::Recall { order } => {
                let parcels = self.parcels.get(order).map(Vec::as_slice).unwrap_or_default();
                let recall = |parcel: &String| Entry::Recalled { order: *order, parcel: parcel.clone() };
                let mut entries: Vec<_> = parcels.iter().map(recall).collect();
                entries.push(Entry::Closed { order: *order });
                (Answer::Recalled { parcels: parcels.len() }, entries)
            }
        }
    }

    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Shipped { order, key, .. } => self.parcels.entry(*order).or_default().push(key.clone()),
            Entry::NoCarrier { .. } => {}
            Entry::Recalled { order, parcel } => self.parcels.entry(*order).or_default().retain(|p| p != parcel),
            Entry::Closed { order } => {
                self.closed.insert(*order);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(service: &mut Shipping, key: &str, request: Request) -> Answer {
        let (answer, entries) = service.decide(key, &request);
        entries.iter().for_each(|e| service.apply(e));
        answer
    }

    fn ship(country: &str) -> Request {
        Request::Ship { order: 1, country: country.into(), postcode: "753 22".into() }
    }

    #[test]
    fn a_parcel_goes_where_a_carrier_drives() {
        let answer = play(&mut Shipping::default(), "a", ship("SE"));
        assert_eq!(answer, Answer::Shipped { carrier: "PostNord".into(), tracking: "SE000000001".into() });
        assert_eq!(play(&mut Shipping::default(), "a", ship("AQ")), Answer::NoCarrier);
    }

    #[test]
    fn a_parcel_is_recalled_and_none_follows_it() {
        let mut service = Shipping::default();
        play(&mut service, "a", ship("SE"));
        assert_eq!(play(&mut service, "b", Request::Recall { order: 1 }), Answer::Recalled { parcels: 1 });
        assert_eq!(play(&mut service, "c", ship("SE")), Answer::NoCarrier);
    }
}
