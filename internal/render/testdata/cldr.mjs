// Writes ../cldr.tsv from the Unicode CLDR that Node has: node testdata/cldr.mjs > cldr.tsv
const locales = `ar ar-AE ar-DZ ar-EG ar-IQ ar-JO ar-LB ar-MA ar-SA ar-TN az bg bn ca cs da de de-AT de-CH de-LI en-001 en-AU en-CA en-GB
en-HK en-IE en-IN en-NZ en-SG en-ZA es es-419 es-AR es-BO es-CL es-CO es-CR es-DO es-EC es-GT es-HN es-MX es-NI es-PA es-PE es-PR es-PY es-SV es-US es-UY es-VE
et eu fa fi fr fr-BE fr-CA fr-CH gl hi hr hu id is it it-CH ja ka kk ko lt lv mk mn nb nl nl-BE pl pt pt-PT ro ru sk sl sq sr sr-Latn sv sv-FI sw ta th tr uk ur uz vi zh
zh-HK zh-TW`.split(/\s+/);
const currencies = `BRL PLN CZK SEK NOK DKK ISK HUF RON BGN CHF RUB KZT GEL AZN UZS THB IDR SGD HKD TWD CNY AUD NZD CAD ZAR MXN ARS CLP COP PEN IRR SAR AED EGP PKR BDT LKR KES TZS MNT MKD RSD ALL BOB CRC DOP GTQ HNL NIO PAB PYG UYU VES`.split(/\s+/);
const shared = { USD: "$", GBP: "£", JPY: "¥" }; // money.go's, which are others' signs too
const range = n => [...Array(n).keys()];
const part = (parts, type) => parts.find(p => p.type === type)?.value ?? "";
const clean = s => s.replaceAll("%", "%%");

console.log(`# From the Unicode CLDR ${process.versions.cldr}, © Unicode, Inc., under the Unicode License v3.`);
for (const locale of locales) {
  const tag = locale + "-u-ca-gregory-nu-latn";
  const at = (o, d) => new Intl.DateTimeFormat(tag, { timeZone: "UTC", ...o }).formatToParts(d);
  const month = m => new Date(Date.UTC(2026, m, 3, 15, 4)), day = d => new Date(Date.UTC(2026, 1, 1 + d)); // a Sunday first
  // 12 is no name of a month, 12月 is one.
  const named = (m, name, other) => [name, at({ month: "short" }, month(m)).map(p => p.value).join(""), other].find(isNaN);
  const months = range(12).map(m => named(m, part(at({ month: "long", day: "numeric", year: "numeric" }, month(m)), "month")));
  const short = range(12).map(m => part(at({ dateStyle: "medium" }, month(m)), "month"));
  const abbreviated = range(12).map(m => part(at({ month: "short", day: "numeric", year: "numeric" }, month(m)), "month"));
  const chosen = isNaN(short[0]) && short[0] !== months[0] ? short : abbreviated;
  const monthsShort = range(12).map(m => named(m, chosen[m], months[m]));
  const days = range(7).map(d => part(at({ weekday: "long" }, day(d)), "weekday"));
  const daysShort = range(7).map(d => part(at({ weekday: "short" }, day(d)), "weekday"));
  const half = h => part(at({ hour: "numeric", hour12: true }, new Date(Date.UTC(2026, 1, 3, h))), "dayPeriod");
  // A named form, in the letters of strftime.
  const form = o => at(o, month(1)).map(({ type, value }) => ({
    day: value === "03" ? "%d" : "%-d",
    month: value === "02" ? "%m" : value === "2" ? "%-m" : value === (o.dateStyle === "long" ? months : monthsShort)[1] ? (o.dateStyle === "long" ? "%B" : "%b") : value === months[1] ? "%B" : "?" + value,
    year: value === "26" ? "%y" : "%Y", hour: value === "15" ? "%H" : value === "03" ? "%I" : "%-I", minute: "%M", dayPeriod: "%P",
  })[type] ?? clean(value)).join("");
  const number = (o, n) => new Intl.NumberFormat(locale + "-u-nu-latn", o).formatToParts(n);
  const seven = number({}, 1234567.5);
  const pattern = parts => parts.map(p => ({ currency: "¤", percentSign: "%", literal: p.value })[p.type] ?? "0").join("").replace(/0+/, "0");
  const symbols = [...Object.keys(shared), ...currencies].map(c => [c, part(number({ style: "currency", currency: c }, 1), "currency")])
    .filter(([c, s]) => s !== (shared[c] ?? c)).map(p => p.join("="));
  const amount = number({ style: "currency", currency: "EUR" }, 1234567.5);
  const signs = ["group", "decimal"].map(s => part(amount, s));
  console.log([
    locale, part(seven, "group"), part(seven, "decimal"), number({}, 1234).length > 1 ? 1 : 2, part(seven, "integer").length > 1 ? 2 : 3,
    pattern(number({ style: "currency", currency: "EUR" }, 1)), pattern(number({ style: "percent" }, 1)), symbols.join(" "),
    months.join("|"), monthsShort.join("|"), days.join("|"), daysShort.join("|"), half(9), half(15),
    form({ dateStyle: "short" }), form({ dateStyle: "medium" }), form({ dateStyle: "long" }), form({ timeStyle: "short" }), ...signs,
  ].join("\t"));
}
