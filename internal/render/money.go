package render

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	nbsp  = "\u00a0"
	nnbsp = "\u202f"
)

// currencySymbol is a currency's sign where it has one that is read as such
// everywhere the currency is used; else its code.
func currencySymbol(code string) string {
	switch code {
	case "EUR":
		return "€"
	case "USD":
		return "$"
	case "GBP":
		return "£"
	case "JPY":
		return "¥"
	case "PHP":
		return "₱"
	case "ILS":
		return "₪"
	case "AMD":
		return "֏"
	case "MYR":
		return "RM"
	case "KRW":
		return "₩"
	case "VND":
		return "₫"
	case "INR":
		return "₹"
	case "TRY":
		return "₺"
	case "UAH":
		return "₴"
	}
	return code
}

// currencyDigits is the number of decimals of a currency, by ISO 4217.
func currencyDigits(code string) int {
	switch code {
	case "JPY", "KRW", "VND", "CLP", "ISK", "PYG", "RWF", "UGX", "VUV", "XAF", "XOF", "XPF", "BIF", "DJF", "GNF", "KMF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	}
	return 2
}

// formatMoney writes an amount in a currency (ISO 4217) as locale does.
func formatMoney(amount float64, code, locale string) string {
	form := formOf(locale)
	group, decimal := form.moneySigns()
	code = strings.ToUpper(code)
	digits := currencyDigits(code)
	// Rounded to the currency first, halves away from zero as shops do; a price
	// of 1.005 is stored a little below.
	scale := math.Pow10(digits)
	rounded := math.Round(math.Abs(amount)*scale+1e-7) / scale
	text := strconv.FormatFloat(rounded, 'f', digits, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	var b strings.Builder
	if amount < 0 && rounded != 0 {
		b.WriteByte('-')
	}
	symbol := form.symbols[code]
	if symbol == "" {
		symbol = currencySymbol(code)
	}
	for i, r := range form.money {
		switch r {
		case '¤':
			b.WriteString(symbol)
			if last, _ := utf8.DecodeLastRuneInString(symbol); unicode.IsLetter(last) && strings.HasPrefix(form.money[i:], "¤0") {
				b.WriteString(nbsp) // letters do not touch the figures
			}
		case '0':
			form.write(&b, whole, fraction, group, decimal)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// write writes the digits of a number.
func (f *localeForm) write(b *strings.Builder, whole, fraction, group, decimal string) {
	for i := range len(whole) {
		left := len(whole) - i
		if i > 0 && len(whole) >= 3+f.least && (left == 3 || left > 3 && left%3 == 0 && !f.lakhs || left > 3 && left%2 == 1 && f.lakhs) {
			b.WriteString(group)
		}
		b.WriteByte(whole[i])
	}
	if fraction != "" {
		b.WriteString(decimal + fraction)
	}
}

// formatNumber writes a number as locale does, with so many digits behind the
// point; -1: as many as it has, at most three.
func formatNumber(n float64, digits int, locale string) string {
	form := formOf(locale)
	return form.figures(n, digits, form.group, form.decimal)
}

func (f *localeForm) figures(n float64, digits int, group, decimal string) string {
	abs := math.Abs(n)
	text := strconv.FormatFloat(math.Round(abs*1000)/1000, 'f', -1, 64)
	if digits >= 0 {
		scale := math.Pow10(digits)
		text = strconv.FormatFloat(math.Round(abs*scale+1e-7)/scale, 'f', digits, 64)
	}
	whole, fraction, _ := strings.Cut(text, ".")
	var b strings.Builder
	if n < 0 && strings.Trim(text, "0.") != "" {
		b.WriteByte('-')
	}
	f.write(&b, whole, fraction, group, decimal)
	return b.String()
}

// toNumber reads a number, also one that is written as a text.
func toNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

// moneyFilter is {{ amount | money }} in the workspace's currency, or
// {{ amount | money: "EUR" }}.
func moneyFilter(v any, args ...any) (any, error) {
	amount, code, st, err := moneyOf(v, args)
	if err != nil || st == nil {
		return nil, err
	}
	return formatMoney(amount, code, st.locale), nil
}

// moneyOf reads what a filter of money is given. st is nil for a value that is
// missing.
func moneyOf(v any, args []any) (amount float64, code string, st *state, err error) {
	for _, a := range args {
		switch a := a.(type) {
		case *state:
			st = a
		case string:
			code = a
		case nil: // a currency that is not known: the workspace's
		default:
			return 0, "", nil, errors.New(`takes a currency, as in money: "EUR"`)
		}
	}
	if v == nil || st == nil {
		return 0, "", nil, nil
	}
	amount, ok := toNumber(v)
	if !ok {
		return 0, "", nil, errors.New("needs a number")
	}
	if math.Abs(amount) > 1e15 {
		return 0, "", nil, errors.New("the amount is too large to be one")
	}
	if code == "" {
		code = st.currency
	}
	return amount, code, st, nil
}
