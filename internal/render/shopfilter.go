package render

import (
	"crypto/hmac"
	"crypto/md5"  // #nosec: names avatars and the like, protects nothing
	"crypto/sha1" // #nosec: the same
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shopFilters adds the filters that marketers know from shops and from other
// mailers, beside Liquid's own.
func shopFilters(s filterSet) {
	s.AddFilter("number", numberFilter)
	s.AddFilter("percent", percentFilter)
	s.AddFilter("money_with_currency", func(v any, args ...any) (any, error) {
		amount, code, st, err := moneyOf(v, args)
		if err != nil || st == nil {
			return nil, err
		}
		return formatMoney(amount, code, st.locale) + nbsp + strings.ToUpper(code), nil
	})
	s.AddFilter("money_without_currency", func(v any, args ...any) (any, error) {
		amount, code, st, err := moneyOf(v, args)
		if err != nil || st == nil {
			return nil, err
		}
		form := formOf(st.locale)
		group, decimal := form.moneySigns()
		return form.figures(amount, currencyDigits(strings.ToUpper(code)), group, decimal), nil
	})
	s.AddFilter("money_without_trailing_zeros", func(v any, args ...any) (any, error) {
		amount, code, st, err := moneyOf(v, args)
		if err != nil || st == nil {
			return nil, err
		}
		_, decimal := formOf(st.locale).moneySigns()
		zeros := decimal + strings.Repeat("0", currencyDigits(strings.ToUpper(code)))
		return strings.Replace(formatMoney(amount, code, st.locale), zeros, "", 1), nil
	})
	s.AddFilter("url_param", urlParam)
	s.AddFilter("pick", pickFilter)
	s.AddFilter("titleize", func(v string) string { return eachWord(v, " ") })
	s.AddFilter("camelize", func(v string) string { return eachWord(v, "") })
	s.AddFilter("find", func(list any, key string, value any) any {
		for _, v := range itemsOf(list) {
			if holds(v, key, value) {
				return v
			}
		}
		return nil
	})
	s.AddFilter("reject", func(list any, key string, value any) []any {
		var out []any
		for _, v := range itemsOf(list) {
			if !holds(v, key, value) {
				out = append(out, v)
			}
		}
		return out
	})
	s.AddFilter("base64_encode", func(v string) (string, error) {
		return bounded(len(v)*4/3, func() string { return base64.StdEncoding.EncodeToString([]byte(v)) })
	})
	s.AddFilter("base64_decode", func(v string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil || !utf8.Valid(b) {
			return "", errors.New("not a text in base64")
		}
		return string(b), nil
	})
	for name, sum := range map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New} {
		s.AddFilter(name, func(v string) string { return digest(sum(), v) })
	}
	s.AddFilter("hmac_sha256", func(v, key string) string { return digest(hmac.New(sha256.New, []byte(key)), v) })
}

func digest(h hash.Hash, v string) string {
	h.Write([]byte(v)) // a hash's Write never fails
	return hex.EncodeToString(h.Sum(nil))
}

// numberFilter is {{ 1234.5 | number }} in the mail's language, with as many
// digits behind the point as it has, or with the number given.
func numberFilter(v any, args ...any) (any, error) {
	n, digits, st, err := numberOf(v, args)
	if err != nil || st == nil {
		return nil, err
	}
	return formatNumber(n, digits, st.locale), nil
}

// percentFilter is {{ 0.15 | percent }}: 15 %, spaced as the language does by the
// CLDR's percent patterns.
func percentFilter(v any, args ...any) (any, error) {
	n, digits, st, err := numberOf(v, args)
	if err != nil || st == nil {
		return nil, err
	}
	if digits < 0 {
		digits = 0
	}
	return strings.Replace(formOf(st.locale).percent, "0", formatNumber(n*100, digits, st.locale), 1), nil
}

func numberOf(v any, args []any) (n float64, digits int, st *state, err error) {
	digits = -1
	for _, a := range args {
		switch a := a.(type) {
		case *state:
			st = a
		case int:
			digits = min(max(a, 0), 6)
		}
	}
	if v == nil || st == nil {
		return 0, 0, nil, nil
	}
	n, ok := toNumber(v)
	if !ok || n > 1e15 || n < -1e15 {
		return 0, 0, nil, errors.New("needs a number")
	}
	return n, digits, st, nil
}

// urlParam is {{ url | url_param: "ref", customer.id }}: the address with one
// parameter more, or with that parameter changed.
func urlParam(address, name string, value any) (string, error) {
	text, err := textForm(value)
	if err != nil || value == nil {
		return "", fmt.Errorf("the value of %s is not a text", name)
	}
	return setParam(address, name, text)
}

// setParam keeps the order of an address's other parameters.
func setParam(address, name, value string) (string, error) {
	address, fragment, hasFragment := strings.Cut(address, "#")
	base, query, _ := strings.Cut(address, "?")
	var parts []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(key); part != "" && (err != nil || plain != name) {
			parts = append(parts, part)
		}
	}
	parts = append(parts, url.QueryEscape(name)+"="+strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	out := base + "?" + strings.Join(parts, "&")
	if hasFragment {
		out += "#" + fragment
	}
	return bounded(len(out), func() string { return out })
}

// eachWord writes words with a capital each, joined by sep.
func eachWord(s, sep string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '_' || r == '-' })
	for i, w := range words {
		first, n := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToTitle(first)) + w[n:]
	}
	return strings.Join(words, sep)
}

// holds tells whether a member of a list has a value under key.
func holds(v any, key string, value any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	x, ok := m[key]
	return ok && reflect.DeepEqual(x, value)
}
