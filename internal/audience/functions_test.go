package audience

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

// asked answers an expression for each of the texts, in one statement.
func asked(t interface{ Fatalf(string, ...any) }, b *builder, db *sql.DB, expr string, texts []string) []bool {
	list, _ := json.Marshal(texts)
	elements := "SELECT key AS n, value AS v FROM json_each($1)"
	if b.engine == Postgres {
		elements = "SELECT n, v FROM jsonb_array_elements_text($1::text::jsonb) WITH ORDINALITY el(v, n)"
	}
	query, args := "SELECT "+expr+" FROM ("+elements+") el ORDER BY n", []any{string(list)}
	// The list is the first parameter: those of b come after it.
	query = paramPattern.ReplaceAllStringFunc(query, func(p string) string {
		var n int
		fmt.Sscanf(p, "$%d", &n)
		if n == 1 {
			return p
		}
		args = append(args, b.args[n-1])
		return fmt.Sprint("$", len(args))
	})
	rows, err := db.Query(query, args...)
	if err != nil {
		t.Fatalf("%s: %s: %v", b.engine, query, err)
	}
	defer rows.Close()
	var out []bool
	for rows.Next() {
		var one bool
		if err := rows.Scan(&one); err != nil {
			t.Fatalf("%s: %v", b.engine, err)
		}
		out = append(out, one)
	}
	if err := rows.Err(); err != nil || len(out) != len(texts) {
		t.Fatalf("%s: %d answers, %v", b.engine, len(out), err)
	}
	return out
}

// afresh is a builder whose own parameters begin at $2.
func (b *builder) afresh() *builder {
	out := &builder{engine: b.engine, cat: b.cat, given: map[any]int{}}
	out.args = append(out.args, nil)
	return out
}

var letters = []string{"a", "b", "A", "é", "É", "ſ", "s", "K", "K", "0", "٣", " ", "\n", "-", ".", "😀", "\u2028", "ß", "]", "^"}

func genPattern(t *rapid.T, depth int) string {
	atom := func() string {
		switch rapid.IntRange(0, 8).Draw(t, "atom") {
		case 0:
			return "."
		case 1:
			return rapid.SampledFrom([]string{`\d`, `\w`, `\s`, `\D`, `\W`, `\S`, `\pL`, `\PN`, `[[:alpha:]]`, `[^a]`, `[a-cé]`, `[^\n-]`, `[\]^]`, `(?i:s)`, `(?i:[k-m])`, `(?s:.)`, `\x{1F600}`, `\QA.\E`}).Draw(t, "class")
		}
		return regexp.QuoteMeta(rapid.SampledFrom(letters).Draw(t, "letter"))
	}
	if depth == 0 {
		return atom()
	}
	inner := func() string { return genPattern(t, depth-1) }
	switch rapid.IntRange(0, 7).Draw(t, "pattern") {
	case 0, 1:
		return inner() + inner()
	case 2:
		return inner() + "|" + inner()
	case 3:
		return "(" + inner() + ")" + rapid.SampledFrom([]string{"*", "+", "?", "*?", "{2}", "{0,2}", "{1,}", "{0}", ""}).Draw(t, "times")
	case 4:
		return "^" + inner()
	case 5:
		return inner() + "$"
	case 6:
		return "(?i)" + inner()
	}
	return "(?:" + inner() + "|)" + atom()
}

// A pattern finds the same in Go and on both engines.
func TestPatterns(t *testing.T) {
	bare(t, func(t *testing.T, name string, b *builder, db *sql.DB) {
		refused := 0
		rapid.Check(t, func(t *rapid.T) {
			var texts []string
			for range 12 {
				var s strings.Builder
				for range rapid.IntRange(0, 5).Draw(t, "length") {
					s.WriteString(rapid.SampledFrom(letters).Draw(t, "letter"))
				}
				texts = append(texts, s.String())
			}
			for range 3 {
				pattern := genPattern(t, rapid.IntRange(0, 4).Draw(t, "depth"))
				p, err := campaign.ParsePattern(pattern)
				if err != nil {
					refused++
					continue
				}
				b := b.afresh()
				cond := b.test(subject{text: "v"}, campaign.Test{Op: campaign.OpMatches, Values: []campaign.Value{campaign.TextValue(pattern)}})
				for i, got := range asked(t, b, db, cond, texts) {
					if want := regexp.MustCompile(pattern).MatchString(texts[i]); got != want || p.Match(texts[i]) != want {
						t.Fatalf("%s: %q (%s) in %q is %v, Go says %v", name, pattern, p.ARE(), texts[i], got, want)
					}
				}
			}
		})
		if refused > 150 {
			t.Errorf("%d patterns were refused: the rest shows little", refused)
		}
	})
}

// A lot is drawn alike in Go and on both engines, whatever the seed and the
// customer are called.
func TestDraw(t *testing.T) {
	bare(t, func(t *testing.T, name string, b *builder, db *sql.DB) {
		for _, seed := range []string{"", "segments/vip", "é", "a\x00b", "\xff", "'; --"} {
			texts := make([]string, 2000)
			for i := range texts {
				texts[i] = campaign.TextValue(fmt.Sprint([]string{"#", "c-", "é'\\"}[i%3], i)).Text
			}
			for _, share := range []float64{0.1, 0.5} {
				b := b.afresh()
				drawn := asked(t, b, db, b.draw("sample\x00"+seed, "v")+" < "+b.int(int64(math.Ceil(share*lots))), texts)
				some := 0
				for i, got := range drawn {
					if want := campaign.Draw("sample", seed, texts[i]) < share; got != want {
						t.Fatalf("%s: %q of %q is below %v: %v, Go says %v", name, texts[i], seed, share, got, want)
					} else if want {
						some++
					}
				}
				if near := float64(some) / float64(len(texts)); near < share-0.05 || near > share+0.05 {
					t.Errorf("%s: %v of the customers lie below %v", name, near, share)
				}
			}
		}
	})
}

// A day comes round alike in Go and on both engines, also at the year's end and
// on 29 February.
func TestAnniversary(t *testing.T) {
	bare(t, func(t *testing.T, name string, b *builder, db *sql.DB) {
		rapid.Check(t, func(t *rapid.T) {
			year := rapid.SampledFrom([]int{1969, 1999, 2000, 2023, 2024, 2026, 2100}).Draw(t, "year")
			asOf := time.Date(year, rapid.SampledFrom([]time.Month{1, 2, 2, 3, 12, 12}).Draw(t, "month"), rapid.IntRange(1, 31).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, rapid.IntRange(0, 999).Draw(t, "µs")*1000, time.UTC)
			d := rapid.SampledFrom([]campaign.Duration{{}, campaign.Of(time.Hour), campaign.Days(1), campaign.Days(7), campaign.Days(60), campaign.Days(366), {Months: 1}, {Months: 14}}).Draw(t, "within")
			var texts []string
			for range 15 {
				form := rapid.SampledFrom([]string{"%04[1]d-%02[2]d-%02[3]d", "%04[1]d-%02[2]d-%02[3]dT00:00:00Z", "%04[1]d-%02[2]d-%02[3]dT23:59:59.999999-05:00", "%02[2]d-%02[3]d", "--%02[2]d-%02[3]d", "%02[2]d-%02[3]dx", "----%02[2]d-%02[3]d"}).Draw(t, "form")
				texts = append(texts, fmt.Sprintf(form, rapid.SampledFrom([]int{1, 1900, 1960, 1984, 2030, 9990}).Draw(t, "born"), rapid.SampledFrom([]int{0, 1, 2, 2, 2, 3, 12, 13}).Draw(t, "in"), rapid.SampledFrom([]int{0, 1, 2, 28, 28, 29, 29, 30, 31, 32}).Draw(t, "on")))
			}
			b := b.afresh()
			b.whole = &whole{at: asOf}
			s := subject{text: "v", moment: func() string { return b.textMomentSQL("v") }}
			for i, got := range asked(t, b, db, b.anniversary(s, d), texts) {
				if want := anniversaryIn(texts[i], d, asOf); got != want {
					t.Fatalf("%s: %s within %v of %s is %v, Go says %v", name, texts[i], d, asOf, got, want)
				}
			}
		})
	})
}
