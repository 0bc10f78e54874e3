package intake_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// Whatever a CSV writer writes, the reader gives back.
func FuzzCSVRoundTrip(f *testing.F) {
	f.Add("a", "b,c", `d"e`)
	f.Add("x\ny", "", `""`)
	f.Add("[1]", "{", "\t;")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.Write([]string{"id", "email", "x1_id", "x2_id", "x3_id"})
		w.Write([]string{"1", "a@b.example", a, b, c})
		w.Flush()
		rows, bad := customers(t, file.String())
		clean := true
		want := map[string]any{"email": "a@b.example"}
		for i, s := range []string{a, b, c} {
			// Line ends within a cell are given back as \n.
			if strings.ContainsAny(s, "\x00\r") || strings.ToValidUTF8(s, "") != s {
				clean = false
			}
			if s = strings.TrimSpace(s); s != "" {
				want[fmt.Sprintf("x%d_id", i+1)] = s
			}
		}
		if !clean {
			return
		}
		if len(rows) != 1 {
			t.Fatalf("%q: rejected %v", file.String(), bad)
		}
		if d := cmp.Diff(want, rows[0].Traits.Attributes); d != "" {
			t.Errorf("%q: %s", file.String(), d)
		}
	})
}

// No file panics, and each line is in exactly one row or rejection at most.
func FuzzEvents(f *testing.F) {
	f.Add("customer_id,name,occurred_at\n1,A,2020-01-02\n")
	f.Add("customer_id;name;occurred_at;properties\n\"1\";A;2020-01-02;{}\n\"\n\"")
	f.Add(`{"customer_id":1,"name":"A","occurred_at":"2020-01-02","properties":{"total":"5"}}` + "\n{}\n")
	f.Add(`{"userId":1,"event":"A","timestamp":"2020-01-02T00:00:00Z","type":"page"}`)
	f.Fuzz(func(t *testing.T, file string) {
		r, err := intake.Events(strings.NewReader(file), "f", intake.Options{})
		if err != nil {
			return
		}
		last := 0
		for {
			row, err := r.Next()
			var bad *intake.Rejected
			line := row.Line
			switch {
			case err == io.EOF:
				return
			case errors.As(err, &bad):
				line = bad.Line
			case err != nil:
				t.Fatal(err)
			default:
				e := row.Event
				if e.UID == "" || e.Name == "" || e.Customer == (campaign.Ref{}) || e.Properties == nil || !e.KnownAt.Equal(e.OccurredAt) {
					t.Errorf("incomplete event %+v", e)
				}
			}
			if line <= last {
				t.Fatalf("line %d after line %d", line, last)
			}
			last = line
		}
	})
}
