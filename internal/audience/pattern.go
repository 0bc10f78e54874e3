package audience

import (
	"strings"

	"tidings/internal/campaign"
)

// matches is the SQL of `matches`; a pattern that cannot be read matches nothing,
// as check has said.
func (b *builder) matches(s subject, t campaign.Test) string {
	if len(t.Values) == 0 || s.text == "" {
		return sqlFalse
	}
	p, err := campaign.ParsePattern(t.Values[0].Text)
	if err != nil {
		return sqlFalse
	}
	if b.engine == SQLite {
		return matchesFunction + "(" + b.text(t.Values[0].Text) + ", " + s.text + ") = 1"
	}
	return "(" + s.text + `) COLLATE "C" ~ ` + b.text(p.ARE())
}

// quoted are keys as a path of either engine writes them: ."one"."two".
func quoted(keys []string) string {
	var s strings.Builder
	for _, key := range keys {
		s.WriteString(`."`)
		for _, r := range key {
			switch {
			case r == '"' || r == '\\':
				s.WriteByte('\\')
				s.WriteRune(r)
			case r < ' ':
				s.WriteString(`\u00`)
				s.WriteByte("0123456789abcdef"[r>>4])
				s.WriteByte("0123456789abcdef"[r&15])
			default:
				s.WriteRune(r)
			}
		}
		s.WriteByte('"')
	}
	return s.String()
}
