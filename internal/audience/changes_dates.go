package audience

import (
	"encoding/json"
	"strings"
	"time"
)

// dayNamed is a date with the day of the year that a text names: a date, or month and
// day alone (05-12).
func dayNamed(text string) (time.Time, bool) {
	if t, ok := textMoment(text); ok {
		return t, true
	}
	return textMoment("2000-" + strings.TrimPrefix(text, "--")) // which had a 29 February
}

// textsIn are the texts at path in a JSON object, those in lists of objects on the
// way too.
func textsIn(doc, path string) []string {
	var v any
	if json.Unmarshal([]byte(doc), &v) != nil {
		return nil
	}
	return textsBelow(v, strings.Split(path, "."))
}

func textsBelow(v any, keys []string) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			out = append(out, textsBelow(one, keys)...)
		}
	case map[string]any:
		// A key may itself hold dots.
		for i := 1; i <= len(keys); i++ {
			if inner, ok := v[strings.Join(keys[:i], ".")]; ok {
				out = append(out, textsBelow(inner, keys[i:])...)
			}
		}
	case string:
		if len(keys) == 0 {
			out = append(out, v)
		}
	}
	return out
}
