package intake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tidings/internal/campaign"
)

// codes are columns whose values look like numbers and are none, besides all
// that end in id.
var codes = []string{"sku", "phone", "zip", "zip_code", "zipcode", "postcode", "postal_code"}

// isCode tells whether a column holds names rather than amounts: id, order_id,
// orderId, sku, phone, zip.
func isCode(column string) bool {
	if strings.HasSuffix(column, "Id") || strings.HasSuffix(column, "ID") {
		return true
	}
	c := strings.ToLower(column)
	return c == "id" || strings.HasSuffix(c, "_id") || slices.Contains(codes, c)
}

// cell types a value of a CSV file: numbers, true and false; the rest, dates
// among it, stays text.
func cell(column, s string) any {
	if isCode(column) {
		return s
	}
	switch s {
	case "true", "TRUE", "True":
		return true
	case "false", "FALSE", "False":
		return false
	}
	if f, ok := plainNumber(s); ok {
		return f
	}
	return s
}

// plainNumber reads a number that a float64 gives back as it was written: no
// leading zeros or plus sign, no exponent (12E4 is a product code), at most 15
// digits.
func plainNumber(s string) (float64, bool) {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	switch {
	case whole == "" || !digits(whole) || len(whole) > 1 && whole[0] == '0',
		point && (fraction == "" || !digits(fraction)),
		len(whole)+len(fraction) > 15:
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f == 0 && s[0] == '-' {
		return 0, false
	}
	return f, true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// clean brings a decoded JSON value into the domain's form: numbers as float64,
// or as text where that would not keep an integer's digits. It refuses what no
// SQL engine stores and what lies too deep; depth is the level of v itself.
func clean(v any, depth int) (any, error) {
	switch v := v.(type) {
	case string:
		if strings.ContainsRune(v, 0) {
			return nil, &fieldError{"", "holds a NUL character"}
		}
	case json.Number:
		return cleanNumber(v)
	case []any:
		if depth > MaxDepth {
			return nil, tooDeep()
		}
		for i := range v {
			one, err := clean(v[i], depth+1)
			if err != nil {
				return nil, below(fmt.Sprintf("[%d]", i), err)
			}
			v[i] = one
		}
	case map[string]any:
		if depth > MaxDepth {
			return nil, tooDeep()
		}
		for k := range v {
			if strings.ContainsRune(k, 0) {
				return nil, &fieldError{"", "has a name with a NUL character"}
			}
			one, err := clean(v[k], depth+1)
			if err != nil {
				return nil, below(k, err)
			}
			v[k] = one
		}
	}
	return v, nil
}

func tooDeep() error {
	return &fieldError{"", fmt.Sprintf("lies more than %d levels deep", MaxDepth)}
}

func cleanNumber(n json.Number) (any, error) {
	s := n.String()
	if d := strings.TrimPrefix(s, "-"); len(d) > 15 && digits(d) {
		return s, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, &fieldError{"", fmt.Sprintf("is a number out of range: %.40s", s)}
	}
	return f, nil
}

// amounts are the properties of the e-commerce spec that are numbers, whatever
// a sender puts them into.
var amounts = []string{"total", "revenue", "value", "price", "quantity", "subtotal", "tax", "shipping", "discount"}

// typeAmounts turns known amounts written as text into numbers, in the
// properties and in their products.
func typeAmounts(properties map[string]any) {
	for _, k := range amounts {
		if s, ok := properties[k].(string); ok {
			if f, ok := plainNumber(strings.TrimSpace(s)); ok {
				properties[k] = f
			}
		}
	}
	products, _ := properties["products"].([]any)
	for _, p := range products {
		if p, ok := p.(map[string]any); ok {
			typeAmounts(p)
		}
	}
}

// text reads an id or a name: text, or a number as it was written. Absent and
// null are "".
func text(m map[string]any, key string) (string, error) {
	switch v := m[key].(type) {
	case nil:
		return "", nil
	case string:
		if strings.ContainsRune(v, 0) {
			return "", &fieldError{key, "holds a NUL character"}
		}
		return strings.TrimSpace(v), nil
	case json.Number:
		return v.String(), nil
	case float64:
		return campaign.NumberValue(v).Text, nil
	}
	return "", &fieldError{key, "is not text"}
}

// object reads an object; absent and null are an empty one.
func object(m map[string]any, key string) (map[string]any, error) {
	switch v := m[key].(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		if _, err := clean(v, 1); err != nil {
			return nil, below(key, err)
		}
		return v, nil
	}
	return nil, &fieldError{key, "is not an object"}
}
