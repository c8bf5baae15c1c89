//! Makes the file of orders: `order generate > orders.jsonl`. The same seed gives the same bytes everywhere.

use crate::{
    domain::{Address, CATALOGUE, Card, Line, Order},
    rng::Rng,
};
use std::fmt::Write as _;

/// Seed of the file that is checked in.
pub(crate) const SEED: u64 = 1848;
/// Orders in the file that is checked in.
pub(crate) const COUNT: u64 = 1_200;

struct Country {
    code: &'static str,
    first: &'static [&'static str],
    last: &'static [&'static str],
    streets: &'static [&'static str],
    /// `9` stands for a digit, `A` for a letter.
    towns: &'static [(&'static str, &'static str)],
}

const COUNTRIES: &[Country] = &[
    Country {
        code: "DE",
        first: &["Jürgen", "Käthe", "Björn", "Anneliese", "Jörg", "Heike"],
        last: &["Müller", "Weiß", "Schäfer", "Krüger", "von der Mühlen", "Groß"],
        streets: &["Königstraße", "Am Rüdesheimer Platz", "Goethestraße", "Kühler Grund"],
        towns: &[("München", "80999"), ("Köln", "50999"), ("Düsseldorf", "40299"), ("Lübeck", "23559")],
    },
    Country {
        code: "FR",
        first: &["Zoë", "François", "Hélène", "Maël", "Aurélie", "Jérôme"],
        last: &["Lefèvre", "Béranger", "D'Aubigné", "Noël", "Gauthier", "Françoise-Roy"],
        streets: &["Rue de l'Église", "Allée des Chênes", "Boulevard Général-Leclerc", "Rue du Faubourg Saint-Honoré"],
        towns: &[("Orléans", "45999"), ("Besançon", "25999"), ("Nîmes", "30999"), ("Paris", "75019")],
    },
    Country {
        code: "PL",
        first: &["Łukasz", "Małgorzata", "Żaneta", "Wojciech", "Bożena", "Grażyna"],
        last: &["Wójcik", "Kowalczyk", "Dąbrowska", "Żółtowski", "Świątek", "Brzęczyszczykiewicz"],
        streets: &["ulica Świętokrzyska", "ulica Piękna", "aleja Róż", "ulica Źródlana"],
        towns: &[("Łódź", "90-999"), ("Kraków", "30-999"), ("Gdańsk", "80-999"), ("Wrocław", "50-999")],
    },
    Country {
        code: "CZ",
        first: &["Jiří", "Božena", "Růžena", "Ondřej", "Kateřina", "Zdeněk"],
        last: &["Dvořák", "Nováková", "Šťastný", "Černý", "Příhoda", "Žižka"],
        streets: &["Na Příkopě", "Křižíkova", "Žerotínova", "Dlouhá třída"],
        towns: &[("Plzeň", "301 99"), ("Ústí nad Labem", "400 99"), ("Hradec Králové", "500 99")],
    },
    Country {
        code: "SE",
        first: &["Åsa", "Göran", "Märta", "Örjan", "Sölve", "Linnéa"],
        last: &["Ångström", "Sjöberg", "Öberg", "Håkansson", "Lindström", "Åkerlund"],
        streets: &["Östra Ågatan", "Sankt Görans gata", "Kungsgatan", "Björkvägen"],
        towns: &[("Malmö", "211 99"), ("Göteborg", "411 99"), ("Västerås", "722 99"), ("Umeå", "903 99")],
    },
    Country {
        code: "ES",
        first: &["Íñigo", "Begoña", "José María", "Óscar", "Núria", "Andrés"],
        last: &["Muñoz Ibáñez", "Peña", "García-Núñez", "Güell", "Castaño", "López"],
        streets: &["Calle de Alcalá", "Paseo de la Castellana", "Carrer de la Marina", "Avenida de la Constitución"],
        towns: &[("A Coruña", "15099"), ("Málaga", "29099"), ("Logroño", "26099"), ("Cádiz", "11099")],
    },
    Country {
        code: "TR",
        first: &["Çağla", "Şükrü", "Gülşen", "İbrahim", "Özlem", "Işıl"],
        last: &["Yıldız", "Öztürk", "Çelik", "Güneş", "Şahin", "Karadağ"],
        streets: &["İstiklal Caddesi", "Bağdat Caddesi", "Çiçek Sokağı", "Gülbahar Sokağı"],
        towns: &[("İstanbul", "34999"), ("İzmir", "35999"), ("Eskişehir", "26999")],
    },
    Country {
        code: "VN",
        first: &["Thị Hồng", "Văn Đức", "Ngọc Ánh", "Quốc Bảo"],
        last: &["Nguyễn", "Trần", "Phạm", "Đặng", "Võ"],
        streets: &["Đường Lê Lợi", "Phố Hàng Bạc", "Đường Nguyễn Huệ"],
        towns: &[("Hà Nội", "100999"), ("Đà Nẵng", "550999"), ("Cần Thơ", "900999")],
    },
    Country {
        code: "IS",
        first: &["Þórdís", "Guðrún", "Ægir", "Sigríður", "Jón"],
        last: &["Þorláksson", "Sigurðardóttir", "Guðmundsson", "Ólafsdóttir"],
        streets: &["Laugavegur", "Skólavörðustígur", "Ægisgata"],
        towns: &[("Reykjavík", "109"), ("Ísafjörður", "400"), ("Höfn í Hornafirði", "780")],
    },
    Country {
        code: "GB",
        first: &["Siân", "Oliver", "Chloë", "Eilidh", "Tomos"],
        last: &["O'Connor", "Fitzgerald-Smith", "Llewellyn", "MacLeòid", "Brontë"],
        streets: &["Heol y Gadeirlan", "Baker Street", "Sràid na h-Eaglaise", "St. John's Wood Road"],
        towns: &[("Cardiff", "CF9 9AA"), ("London", "NW9 9AA"), ("Edinburgh", "EH9 9AA")],
    },
    Country {
        code: "JP",
        first: &["Yūko", "Ryūichi", "Shōta", "Kaoru"],
        last: &["Satō", "Ōtani", "Kobayashi", "Kondō"],
        streets: &["Kita-Aoyama 3-chōme", "Jingūmae 5-chōme", "Ōsu 2-chōme"],
        towns: &[("Tōkyō", "107-0099"), ("Ōsaka", "530-0099"), ("Kōbe", "650-0099")],
    },
];

/// Places that no carrier goes to.
const UNSERVED: &[(&str, &str, &str)] = &[
    ("AQ", "McMurdo Station", "96599"),
    ("PN", "Adamstown", "PCRN 1ZZ"),
    ("TF", "Port-aux-Français", "98413"),
    ("BV", "Bouvetøya", "0000"),
];

/// Test numbers as card processors publish them: these are declined.
const DECLINED: &[&str] = &["4000000000000002", "4000000000009995", "4000000000000069"];
const ACCEPTED: &[&str] =
    &["4242424242424242", "5555555555554444", "378282246310005", "6011111111111117", "3566002020360505"];

/// The file, one order per line.
pub(crate) fn orders(seed: u64, count: u64) -> String {
    let mut text = String::new();
    for id in 1..=count {
        let order = order(id, &mut Rng::of(seed, &format!("order {id}")));
        let line = serde_json::to_string(&order).unwrap_or_else(|e| unreachable!("an order is plain data: {e}"));
        let _ = writeln!(text, "{line}");
    }
    text
}

fn order(id: u64, rng: &mut Rng) -> Order {
    let country = rng.pick(COUNTRIES);
    let customer = format!("{} {}", rng.pick(country.first), rng.pick(country.last));
    let street = format!("{} {}", rng.pick(country.streets), 1 + rng.below(180));
    let address = if rng.chance(4) {
        let &(code, city, postcode) = rng.pick(UNSERVED);
        Address { street, postcode: postcode.into(), city: city.into(), country: code.into() }
    } else {
        let &(city, pattern) = rng.pick(country.towns);
        Address { street, postcode: postcode(pattern, rng), city: city.into(), country: country.code.into() }
    };
    let number = if rng.chance(7) { rng.pick(DECLINED) } else { rng.pick(ACCEPTED) };
    let expires = format!("{:02}/{}", 1 + rng.below(12), 27 + rng.below(5));
    Order { id, customer, address, card: Card { number: (*number).into(), expires }, lines: lines(rng) }
}

fn postcode(pattern: &str, rng: &mut Rng) -> String {
    let mut one = |c| match c {
        '9' => char::from(b'0' + rng.below(10) as u8),
        'A' => char::from(b'A' + rng.below(26) as u8),
        c => c,
    };
    pattern.chars().map(&mut one).collect()
}

fn lines(rng: &mut Rng) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![];
    for _ in 0..1 + rng.below(4) {
        let product = rng.pick(CATALOGUE);
        // Nobody buys espresso machines as often as filters.
        if product.cents > 100_000 && rng.chance(55) || lines.iter().any(|l| l.sku == product.sku) {
            continue;
        }
        let quantity = if product.cents < 10_000 { 1 + rng.below(3) as u32 } else { 1 };
        lines.push(Line { sku: product.sku.into(), quantity, cents: product.cents });
    }
    if lines.is_empty() {
        lines.push(Line { sku: "FIL-40".into(), quantity: 1 + rng.below(5) as u32, cents: 420 });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_is_checked_in_is_what_the_generator_makes() {
        assert!(orders(SEED, COUNT) == include_str!("orders.jsonl"), "run `order generate` and check its output in");
    }
}
