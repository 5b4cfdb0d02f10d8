use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A country of ISO 3166-1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Country {
    pub(super) code: &'static str,
    pub(super) code3: &'static str,
    pub(super) name: &'static str,
}

/// The country that a code or name means, whatever its case.
pub(super) fn find(text: &str) -> Option<&'static Country> {
    static INDEX: LazyLock<BTreeMap<String, &'static Country>> = LazyLock::new(|| {
        let mut index = BTreeMap::new();
        for country in COUNTRIES.iter() {
            for key in [country.code, country.code3, country.name] {
                index.insert(key.to_lowercase(), country);
            }
        }
        for (name, code) in OTHER_NAMES {
            if let Some(country) = COUNTRIES.iter().find(|country| country.code == *code) {
                index.insert((*name).to_owned(), country);
            }
        }
        index
    });
    INDEX.get(&text.trim().to_lowercase()).copied()
}

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| {
    let lines = TABLE.split(';').map(str::trim);
    lines
        .filter_map(|line| {
            let (code, rest) = line.split_once(' ')?;
            let (code3, name) = rest.split_once(' ')?;
            Some(Country { code, code3, name })
        })
        .collect()
});

/// Names that people and CRMs use beside the short English one, in lower case.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("america", "US"),
    ("bolivia, plurinational state of", "BO"),
    ("bonaire, sint eustatius and saba", "BQ"),
    ("britain", "GB"),
    ("burma", "MM"),
    ("cape verde", "CV"),
    ("congo (brazzaville)", "CG"),
    ("congo (kinshasa)", "CD"),
    ("congo, the democratic republic of the", "CD"),
    ("cote d'ivoire", "CI"),
    ("curacao", "CW"),
    ("czech republic", "CZ"),
    ("deutschland", "DE"),
    ("east timor", "TL"),
    ("england", "GB"),
    ("great britain", "GB"),
    ("holland", "NL"),
    ("holy see (vatican city state)", "VA"),
    ("iran, islamic republic of", "IR"),
    ("ivory coast", "CI"),
    ("korea, democratic people's republic of", "KP"),
    ("korea, republic of", "KR"),
    ("lao people's democratic republic", "LA"),
    ("macau", "MO"),
    ("macedonia", "MK"),
    ("micronesia, federated states of", "FM"),
    ("moldova, republic of", "MD"),
    ("palestine, state of", "PS"),
    ("reunion", "RE"),
    ("russian federation", "RU"),
    ("saint barthelemy", "BL"),
    ("swaziland", "SZ"),
    ("syrian arab republic", "SY"),
    ("taiwan, province of china", "TW"),
    ("tanzania, united republic of", "TZ"),
    ("the netherlands", "NL"),
    ("turkiye", "TR"),
    ("türkiye", "TR"),
    ("u.s.", "US"),
    ("u.s.a.", "US"),
    ("uk", "GB"),
    ("united states of america", "US"),
    ("vatican", "VA"),
    ("venezuela, bolivarian republic of", "VE"),
    ("viet nam", "VN"),
    ("virgin islands, british", "VG"),
    ("virgin islands, u.s.", "VI"),
    ("åland islands", "AX"),
];

/// Two-letter code, three-letter code and short English name of each country.
const TABLE: &str = "\
AD AND Andorra; AE ARE United Arab Emirates; AF AFG Afghanistan; AG ATG Antigua and Barbuda; AI AIA Anguilla;
AL ALB Albania; AM ARM Armenia; AO AGO Angola; AQ ATA Antarctica; AR ARG Argentina; AS ASM American Samoa;
AT AUT Austria; AU AUS Australia; AW ABW Aruba; AX ALA Aland Islands; AZ AZE Azerbaijan;
BA BIH Bosnia and Herzegovina; BB BRB Barbados; BD BGD Bangladesh; BE BEL Belgium; BF BFA Burkina Faso;
BG BGR Bulgaria; BH BHR Bahrain; BI BDI Burundi; BJ BEN Benin; BL BLM Saint Barthélemy; BM BMU Bermuda;
BN BRN Brunei Darussalam; BO BOL Bolivia; BQ BES Caribbean Netherlands; BR BRA Brazil; BS BHS Bahamas; BT BTN Bhutan;
BV BVT Bouvet Island; BW BWA Botswana; BY BLR Belarus; BZ BLZ Belize; CA CAN Canada;
CC CCK Cocos (Keeling) Islands; CD COD Democratic Republic of the Congo; CF CAF Central African Republic;
CG COG Congo; CH CHE Switzerland; CI CIV Côte d'Ivoire; CK COK Cook Islands; CL CHL Chile; CM CMR Cameroon;
CN CHN China; CO COL Colombia; CR CRI Costa Rica; CU CUB Cuba; CV CPV Cabo Verde; CW CUW Curaçao;
CX CXR Christmas Island; CY CYP Cyprus; CZ CZE Czechia; DE DEU Germany; DJ DJI Djibouti; DK DNK Denmark;
DM DMA Dominica; DO DOM Dominican Republic; DZ DZA Algeria; EC ECU Ecuador; EE EST Estonia; EG EGY Egypt;
EH ESH Western Sahara; ER ERI Eritrea; ES ESP Spain; ET ETH Ethiopia; FI FIN Finland; FJ FJI Fiji;
FK FLK Falkland Islands; FM FSM Micronesia; FO FRO Faroe Islands; FR FRA France; GA GAB Gabon;
GB GBR United Kingdom; GD GRD Grenada; GE GEO Georgia; GF GUF French Guiana; GG GGY Guernsey; GH GHA Ghana;
GI GIB Gibraltar; GL GRL Greenland; GM GMB Gambia; GN GIN Guinea; GP GLP Guadeloupe; GQ GNQ Equatorial Guinea;
GR GRC Greece; GS SGS South Georgia and the South Sandwich Islands; GT GTM Guatemala; GU GUM Guam;
GW GNB Guinea-Bissau; GY GUY Guyana; HK HKG Hong Kong; HM HMD Heard Island and McDonald Islands; HN HND Honduras;
HR HRV Croatia; HT HTI Haiti; HU HUN Hungary; ID IDN Indonesia; IE IRL Ireland; IL ISR Israel; IM IMN Isle of Man;
IN IND India; IO IOT British Indian Ocean Territory; IQ IRQ Iraq; IR IRN Iran; IS ISL Iceland; IT ITA Italy;
JE JEY Jersey; JM JAM Jamaica; JO JOR Jordan; JP JPN Japan; KE KEN Kenya; KG KGZ Kyrgyzstan; KH KHM Cambodia;
KI KIR Kiribati; KM COM Comoros; KN KNA Saint Kitts and Nevis; KP PRK North Korea; KR KOR South Korea;
KW KWT Kuwait; KY CYM Cayman Islands; KZ KAZ Kazakhstan; LA LAO Laos; LB LBN Lebanon; LC LCA Saint Lucia;
LI LIE Liechtenstein; LK LKA Sri Lanka; LR LBR Liberia; LS LSO Lesotho; LT LTU Lithuania; LU LUX Luxembourg;
LV LVA Latvia; LY LBY Libya; MA MAR Morocco; MC MCO Monaco; MD MDA Moldova; ME MNE Montenegro;
MF MAF Saint Martin (French part); MG MDG Madagascar; MH MHL Marshall Islands; MK MKD North Macedonia; ML MLI Mali;
MM MMR Myanmar; MN MNG Mongolia; MO MAC Macao; MP MNP Northern Mariana Islands; MQ MTQ Martinique;
MR MRT Mauritania; MS MSR Montserrat; MT MLT Malta; MU MUS Mauritius; MV MDV Maldives; MW MWI Malawi;
MX MEX Mexico; MY MYS Malaysia; MZ MOZ Mozambique; NA NAM Namibia; NC NCL New Caledonia; NE NER Niger;
NF NFK Norfolk Island; NG NGA Nigeria; NI NIC Nicaragua; NL NLD Netherlands; NO NOR Norway; NP NPL Nepal;
NR NRU Nauru; NU NIU Niue; NZ NZL New Zealand; OM OMN Oman; PA PAN Panama; PE PER Peru; PF PYF French Polynesia;
PG PNG Papua New Guinea; PH PHL Philippines; PK PAK Pakistan; PL POL Poland; PM SPM Saint Pierre and Miquelon;
PN PCN Pitcairn; PR PRI Puerto Rico; PS PSE Palestine; PT PRT Portugal; PW PLW Palau; PY PRY Paraguay; QA QAT Qatar;
RE REU Réunion; RO ROU Romania; RS SRB Serbia; RU RUS Russia; RW RWA Rwanda; SA SAU Saudi Arabia;
SB SLB Solomon Islands; SC SYC Seychelles; SD SDN Sudan; SE SWE Sweden; SG SGP Singapore;
SH SHN Saint Helena, Ascension and Tristan da Cunha; SI SVN Slovenia; SJ SJM Svalbard and Jan Mayen;
SK SVK Slovakia; SL SLE Sierra Leone; SM SMR San Marino; SN SEN Senegal; SO SOM Somalia; SR SUR Suriname;
SS SSD South Sudan; ST STP Sao Tome and Principe; SV SLV El Salvador; SX SXM Sint Maarten (Dutch part);
SY SYR Syria; SZ SWZ Eswatini; TC TCA Turks and Caicos Islands; TD TCD Chad; TF ATF French Southern Territories;
TG TGO Togo; TH THA Thailand; TJ TJK Tajikistan; TK TKL Tokelau; TL TLS Timor-Leste; TM TKM Turkmenistan;
TN TUN Tunisia; TO TON Tonga; TR TUR Turkey; TT TTO Trinidad and Tobago; TV TUV Tuvalu; TW TWN Taiwan;
TZ TZA Tanzania; UA UKR Ukraine; UG UGA Uganda; UM UMI United States Minor Outlying Islands; US USA United States;
UY URY Uruguay; UZ UZB Uzbekistan; VA VAT Vatican City; VC VCT Saint Vincent and the Grenadines; VE VEN Venezuela;
VG VGB British Virgin Islands; VI VIR U.S. Virgin Islands; VN VNM Vietnam; VU VUT Vanuatu; WF WLF Wallis and Futuna;
WS WSM Samoa; YE YEM Yemen; YT MYT Mayotte; ZA ZAF South Africa; ZM ZMB Zambia; ZW ZWE Zimbabwe";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_no_key_means_two_countries() {
        assert_eq!(COUNTRIES.len(), 249);
        assert!(
            COUNTRIES
                .iter()
                .all(|country| country.code.len() == 2 && country.code3.len() == 3)
        );
        for country in COUNTRIES.iter() {
            for key in [country.code, country.code3, country.name] {
                assert_eq!(find(key), Some(country), "{key}");
            }
        }
        for (name, code) in OTHER_NAMES {
            assert_eq!(find(name).map(|country| country.code), Some(*code), "{name}");
        }
    }
}
