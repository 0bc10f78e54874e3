package render

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/osteele/liquid/filters"
)

// needsState tells whether a filter depends on the customer's locale or zone.
func needsState(name string) bool {
	switch name {
	case "money", "date", "pick", "number", "percent", "money_with_currency", "money_without_currency", "money_without_trailing_zeros":
		return true
	}
	return false
}

// costs tells whether a filter's work grows with its input.
func costs(name string) bool {
	switch name {
	case "split", "sort", "sort_natural", "uniq", "join", "map", "where", "concat", "reverse", "compact", "sum", "json",
		"replace", "remove", "append", "prepend", "strip_html", "handleize", "handle", "slice", "truncatewords",
		"find", "reject", "pick", "titleize", "camelize", "base64_encode", "base64_decode", "md5", "sha1", "sha256", "hmac_sha256":
		return true
	}
	return false
}

// filterSet lets the library add its standard filters, but for some.
type filterSet struct{ e *engine }

// AddFilter is called by the library for each of its filters. inspect and type
// show Go's insides.
func (s filterSet) AddFilter(name string, fn any) {
	if name != "inspect" && name != "type" {
		s.e.filters[name] = true
		s.e.cfg.AddFilter(name, fn)
	}
}

// addFilters gives the engine the standard filters, those of the standard ones
// that could make a text of any length with a bound, and our own.
func addFilters(e *engine) {
	s := filterSet{e}
	filters.AddStandardFilters(s)
	s.AddFilter("money", moneyFilter)
	s.AddFilter("date", dateFilter)
	s.AddFilter(listFilter, listOf)
	s.AddFilter(intFilter, boundOf)
	s.AddFilter(blankFilter, holdsNothing)
	s.AddFilter(textFilter, textOnly)
	s.AddFilter(rawFilter, func(any) (any, error) { return nil, errors.New("raw stands last, behind a value of the brand") })
	s.AddFilter(costFilter, func(v any, st any) (any, error) { return v, charge(v, st) })
	s.AddFilter("append", func(a, b string) (string, error) { return bounded(len(a)+len(b), func() string { return a + b }) })
	s.AddFilter("prepend", func(a, b string) (string, error) { return bounded(len(a)+len(b), func() string { return b + a }) })
	s.AddFilter("replace", func(a, from, to string) (string, error) {
		n := strings.Count(a, from)
		return bounded(len(a)+n*(len(to)-len(from)), func() string { return strings.ReplaceAll(a, from, to) })
	})
	s.AddFilter("join", func(list any, sep func(string) string) (string, error) {
		by := sep(" ")
		var parts []string
		size := 0
		for _, v := range itemsOf(list) {
			text, err := textForm(v)
			if v == nil {
				continue
			}
			if err != nil {
				return "", fmt.Errorf("a member %w", err)
			}
			parts = append(parts, text)
			size += len(text) + len(by)
		}
		return bounded(size, func() string { return strings.Join(parts, by) })
	})
	s.AddFilter("concat", func(a, b any) ([]any, error) {
		all := slices.Concat(itemsOf(a), itemsOf(b))
		if len(all) > maxSteps {
			return nil, errors.New("the list grows too long")
		}
		return all, nil
	})
	s.AddFilter("slice", sliceFilter)
	shopFilters(s)
	s.AddFilter("divided_by", dividedBy)
}

// bounded makes a text unless it would be longer than a filter may make.
func bounded(size int, make func() string) (string, error) {
	if size > maxText {
		return "", fmt.Errorf("the text grows beyond %d kB", maxText>>10)
	}
	return make(), nil
}

// charge makes a costly filter's input count as steps.
func charge(v, given any) error {
	st, ok := given.(*state)
	if !ok {
		return nil
	}
	n := 1
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		n += r.Len() / 64
	case reflect.Slice, reflect.Map, reflect.Array:
		n += r.Len()
	}
	return st.spend(n)
}

// listOf is what a for goes through: nothing for what is missing, pairs in the
// order of their keys for a group of values.
func listOf(v any) any {
	switch v := v.(type) {
	case nil:
		return []any{}
	case map[string]any:
		pairs := make([]any, 0, len(v))
		for k, x := range v {
			pairs = append(pairs, []any{k, x})
		}
		slices.SortFunc(pairs, func(a, b any) int {
			return strings.Compare(a.([]any)[0].(string), b.([]any)[0].(string))
		})
		return pairs
	case string, bool, float64, int:
		return []any{}
	}
	return v
}

// boundOf is an end of a range: 0 for what is missing.
func boundOf(v any) (int, error) {
	if v == nil {
		return 0, nil
	}
	f, ok := toNumber(v)
	if !ok || f < -1e9 || f > 1e9 {
		return 0, errors.New("a loop's bounds are numbers")
	}
	return int(f), nil
}

// itemsOf is a list's members, whatever its Go type.
func itemsOf(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		if v == nil {
			return nil
		}
		return []any{v}
	}
	out := make([]any, r.Len())
	for i := range out {
		out[i] = r.Index(i).Interface()
	}
	return out
}

// sliceFilter cuts a text or a list: from start (behind the end when negative),
// length members, by default one.
func sliceFilter(v any, start int, length func(int) int) (any, error) {
	n := length(1)
	cut := func(size int) (int, int) {
		from := start
		if from < 0 {
			from += size
		}
		from = min(max(from, 0), size)
		return from, min(from+max(n, 0), size)
	}
	if s, ok := v.(string); ok {
		r := []rune(s)
		from, to := cut(len(r))
		return string(r[from:to]), nil
	}
	list := itemsOf(v)
	from, to := cut(len(list))
	return list[from:to], nil
}

// dividedBy divides; by a whole number it divides whole numbers without rest.
func dividedBy(a, b any) (any, error) {
	x, okX := toNumber(a)
	y, okY := toNumber(b)
	if !okX || !okY {
		return nil, errors.New("only numbers can be divided")
	}
	if y == 0 {
		return nil, errors.New("division by zero")
	}
	if i, ok := a.(int); ok {
		if j, ok := b.(int); ok {
			return i / j, nil
		}
	}
	return x / y, nil
}
