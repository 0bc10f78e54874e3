package render

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"sync"

	"tidings/internal/campaign"
)

// localeForm is how a language writes numbers, amounts and dates, after the Unicode
// CLDR.
type localeForm struct {
	group, decimal string
	least          int               // digits that stand before the first group sign, at least
	lakhs          bool              // 12,34,567
	money          string            // ¤ and 0 for the sign and the figure
	percent        string            // 0 for the figure
	symbols        map[string]string // of currencies, where the language has its own
	names          *dateNames

	moneyGroup, moneyDecimal  string // of amounts, where they are others
	short, medium, long, time string // for strftime
}

//go:embed cldr.tsv
var cldrTable string

// cldrForms are the other languages, from cldr.tsv, which testdata/cldr.mjs writes.
var cldrForms = sync.OnceValue(func() map[string]*localeForm {
	forms := map[string]*localeForm{}
	for line := range strings.Lines(cldrTable) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		form := &localeForm{
			group: f[1], decimal: f[2], least: int(f[3][0] - '0'), lakhs: f[4] == "2", money: f[5], percent: f[6], symbols: map[string]string{},
			names: &dateNames{am: f[12], pm: f[13]}, short: f[14], medium: f[15], long: f[16], time: f[17], moneyGroup: f[18], moneyDecimal: f[19],
		}
		for pair := range strings.SplitSeq(f[7], " ") { // a symbol may hold another space
			code, symbol, _ := strings.Cut(pair, "=")
			form.symbols[code] = symbol
		}
		copy(form.names.months[:], strings.Split(f[8], "|"))
		copy(form.names.monthsShort[:], strings.Split(f[9], "|"))
		copy(form.names.days[:], strings.Split(f[10], "|"))
		copy(form.names.daysShort[:], strings.Split(f[11], "|"))
		forms[strings.ToLower(f[0])] = form
	}
	return forms
})

// moneySigns are what parts the digits of an amount.
func (f *localeForm) moneySigns() (group, decimal string) {
	return cmp.Or(f.moneyGroup, f.group), cmp.Or(f.moneyDecimal, f.decimal)
}

// formsKnown are the forms by the locales that were asked for: those of workspaces,
// so they are few.
var formsKnown sync.Map

// formOf is by locale, else by language; English for those that it lacks.
func formOf(locale string) *localeForm {
	if f, ok := formsKnown.Load(locale); ok {
		return f.(*localeForm)
	}
	f := findForm(strings.ToLower(strings.ReplaceAll(locale, "_", "-")))
	formsKnown.Store(locale, f)
	return f
}

func findForm(locale string) *localeForm {
	lang, rest, _ := strings.Cut(locale, "-")
	switch lang {
	case "he", "iw":
		return &formHe
	case "hy":
		return &formHy
	case "el":
		return &formEl
	case "ms":
		return &formMs
	case "fil", "tl":
		return &formFil
	case "no", "nn":
		lang = "nb"
	case "in":
		lang = "id"
	}
	region := rest[strings.LastIndexByte(rest, '-')+1:]
	for _, name := range []string{locale, lang + "-" + region, parentForm(lang, rest, region), lang} {
		if f := cldrForms()[name]; f != nil {
			return f
		}
	}
	return &formEn
}

// parentForm names the form that countries share which have none of their own, by the
// CLDR: outside of the United States English has the day before the month, and most of
// America writes Spanish numbers with a point.
func parentForm(lang, rest, region string) string {
	switch {
	case rest == "":
	case lang == "en" && !slices.Contains([]string{"us", "as", "gu", "mh", "mp", "pr", "um", "vi"}, region):
		return "en-001"
	case lang == "es" && !slices.Contains([]string{"es", "ea", "ic", "gq", "ph"}, region):
		return "es-419"
	case lang == "pt" && region != "br":
		return "pt-pt"
	case lang == "sr" && (strings.HasPrefix(rest, "latn") || rest == "me"):
		return "sr-latn"
	case lang == "zh" && region == "mo":
		return "zh-hk"
	case lang == "zh" && strings.HasPrefix(rest, "hant"):
		return "zh-tw"
	}
	return ""
}

// The languages of the example workspace.
var (
	formEn  = localeForm{group: ",", decimal: ".", money: "¤0", percent: "0%", names: &namesEn, short: "%-m/%-d/%y", medium: "%b %-d, %Y", long: "%B %-d, %Y", time: "%-I:%M %p"}
	formFil = localeForm{group: ",", decimal: ".", money: "¤0", percent: "0%", names: &namesFil, short: "%-m/%-d/%y", medium: "%b %-d, %Y", long: "%B %-d, %Y", time: "%-I:%M %p"}
	formHe  = localeForm{group: ",", decimal: ".", money: "0" + nbsp + "¤", percent: "0%", names: &namesHe, short: "%-d.%-m.%Y", medium: "%-d %b %Y", long: "%-d ב%B %Y", time: "%H:%M"}
	formHy  = localeForm{group: nbsp, decimal: ",", money: "0" + nbsp + "¤", percent: "0%", names: &namesHy, short: "%-d.%-m.%Y", medium: "%-d %b %Y", long: "%-d %B, %Y թ.", time: "%H:%M"}
	formEl  = localeForm{group: ".", decimal: ",", money: "0" + nbsp + "¤", percent: "0%", names: &namesEl, short: "%-d/%-m/%y", medium: "%-d %b %Y", long: "%-d %B %Y", time: "%H:%M"}
	formMs  = localeForm{group: ",", decimal: ".", money: "¤" + nbsp + "0", percent: "0%", names: &namesMs, short: "%-d/%-m/%y", medium: "%-d %b %Y", long: "%-d %B %Y", time: "%H:%M"}
)

// foreignForms warns of languages whose numbers and dates would be English.
func (c *compiler) foreignForms() {
	for _, locale := range c.catalog.Workspace.Locales {
		if lang, _, _ := strings.Cut(locale, "-"); lang != "en" && formOf(locale) == &formEn {
			c.problems = append(c.problems, campaign.Problem{File: "tidings.yaml", Warning: true, Message: "dates, numbers and amounts in " + locale + " are written as in English, since its own forms are not known", Hint: "write dates by numbers, as in date: \"%d.%m.%Y\""})
		}
	}
}
