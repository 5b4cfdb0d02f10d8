//! Generated contacts as Salesforce gives them: pages of 2,000 with 17 fields each, about 635 bytes a record.

use std::fmt::Write;

/// Records of one page: the most that Salesforce gives.
pub const PAGE: usize = 2_000;

const FIRST: [&str; 12] = [
    "Anna",
    "Bruno",
    "Chiara",
    "David",
    "Elif",
    "Farid",
    "Greta",
    "Hiroshi",
    "Ines",
    "Jonas",
    "Katarzyna",
    "Luís",
];
const LAST: [&str; 12] = [
    "Huber",
    "Moser",
    "Fernández",
    "Okafor",
    "Kowalski",
    "Yamamoto",
    "Nguyen",
    "O'Brien",
    "Svensson",
    "Dupont",
    "García Márquez",
    "van den Berg",
];
const CITY: [(&str, &str); 6] = [
    ("Wien", "Austria"),
    ("München", "Germany"),
    ("San Francisco", "United States"),
    ("São Paulo", "Brazil"),
    ("Lyon", "France"),
    ("Amsterdam", "Netherlands"),
];
const TITLE: [&str; 5] = [
    "Head of Procurement",
    "Engineer",
    "Account Manager",
    "CFO",
    "Customer Success Lead",
];
const DEPARTMENT: [&str; 4] = ["Operations", "Research and Development", "Finance", "Sales"];
const SOURCE: [&str; 3] = ["Web", "Partner Referral", "Purchased List"];

/// The body of a page, from the record `start` on; `total` records in all.
pub fn page(start: usize, total: usize) -> Vec<u8> {
    assemble(start, total, 640, record)
}

/// The same page with nothing but ids, as a sweep asks for.
pub fn id_page(start: usize, total: usize) -> Vec<u8> {
    assemble(start, total, 160, |number, out| {
        let id = id(number);
        let _never = write!(
            out,
            r#"{{"attributes":{{"type":"Contact","url":"/services/data/v66.0/sobjects/Contact/{id}"}},"Id":"{id}","SystemModstamp":"{}"}}"#,
            stamp(number)
        );
    })
}

fn assemble(start: usize, total: usize, size: usize, one: impl Fn(usize, &mut String)) -> Vec<u8> {
    let end = (start + PAGE).min(total);
    let mut out = String::with_capacity((end - start) * size + 200);
    let _never = write!(out, r#"{{"totalSize":{total},"done":{}"#, end == total);
    if end < total {
        let _never = write!(out, r#","nextRecordsUrl":"/services/data/v66.0/query/0r8xx-{end}""#);
    }
    out.push_str(r#","records":["#);
    for number in start..end {
        if number > start {
            out.push(',');
        }
        one(number, &mut out);
    }
    out.push_str("]}");
    out.into_bytes()
}

/// The 18-character id of a record: ascending, with the suffix that says which of the 15 characters are upper case.
pub fn id(number: usize) -> String {
    format!("003{number:012}AAA")
}

fn stamp(number: usize) -> String {
    format!(
        "2026-{:02}-{:02}T{:02}:{:02}:{:02}.000+0000",
        1 + number / 2_419_200 % 10,
        1 + number / 86_400 % 28,
        number / 3_600 % 24,
        number / 60 % 60,
        number % 60
    )
}

fn record(number: usize, out: &mut String) {
    let id = id(number);
    let mixed = number.wrapping_mul(2_654_435_761) >> 7;
    let (first, last) = (FIRST[mixed % 12], LAST[mixed / 12 % 12]);
    let (city, country) = CITY[mixed / 144 % 6];
    let _never = write!(
        out,
        concat!(
            r#"{{"attributes":{{"type":"Contact","url":"/services/data/v66.0/sobjects/Contact/{id}"}},"Id":"{id}","#,
            r#""FirstName":"{first}","LastName":"{last}","Email":"{mail}.{number}@example{domain}.com","#,
            r#""Phone":"+43 1 {phone:07}","MobilePhone":{mobile},"Title":"{title}","Department":"{department}","#,
            r#""MailingStreet":"{street} Long Street Name\r\nDoor {door}","MailingCity":"{city}","#,
            r#""MailingPostalCode":"{postal:05}","MailingCountry":"{country}","LeadSource":"{source}","#,
            r#""Birthdate":"19{year:02}-{month:02}-{day:02}","HasOptedOutOfEmail":{opted},"#,
            r#""CreatedDate":"2024-05-17T08:30:00.000+0000","SystemModstamp":"{stamp}"}}"#
        ),
        id = id,
        first = first,
        last = last,
        mail = ["purchasing", "office", "contact", "jane.doe"][mixed % 4],
        number = number,
        domain = mixed % 977,
        phone = mixed % 10_000_000,
        mobile = if mixed.is_multiple_of(3) {
            "null".to_owned()
        } else {
            format!("\"+43 664 {:07}\"", mixed / 3 % 10_000_000)
        },
        title = TITLE[mixed % 5],
        department = DEPARTMENT[mixed / 5 % 4],
        street = mixed % 300,
        door = mixed % 40,
        city = city,
        postal = mixed % 99_999,
        country = country,
        source = SOURCE[mixed % 3],
        year = 40 + mixed % 60,
        month = 1 + mixed % 12,
        day = 1 + mixed % 28,
        opted = mixed.is_multiple_of(11),
        stamp = stamp(number),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_json_and_name_the_next_until_the_last() {
        let first: serde_json::Value = serde_json::from_slice(&page(0, PAGE + 1)).unwrap();
        assert_eq!(first["records"].as_array().unwrap().len(), PAGE);
        assert_eq!(first["nextRecordsUrl"], "/services/data/v66.0/query/0r8xx-2000");
        let record = first["records"][7].as_object().unwrap();
        assert_eq!(record.len(), 18, "17 fields and the attributes");
        let last: serde_json::Value = serde_json::from_slice(&page(PAGE, PAGE + 1)).unwrap();
        assert_eq!(
            (&last["done"], last["records"].as_array().unwrap().len()),
            (&true.into(), 1)
        );
        assert!(serde_json::from_slice::<serde_json::Value>(&id_page(0, 10)).is_ok());
    }
}
