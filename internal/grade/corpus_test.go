package grade

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"hash/fnv"
	"os"
	"testing"
)

const labelled = "../../../shared/data/useragents/labelled-dev.csv.gz"

// sample is a user agent and what it is.
type sample struct{ agent, label, source string }

// samples reads the labelled user agents, in two halves: rules may be made from the
// first, and are judged by the second, of which none was looked at.
func samples(t *testing.T) (learn, judge []sample) {
	t.Helper()
	f, err := os.Open(labelled)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not there", labelled)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		s := sample{row[0], row[1], row[3]}
		h := fnv.New32a()
		h.Write([]byte(s.agent))
		if h.Sum32()%2 == 0 {
			learn = append(learn, s)
		} else {
			judge = append(judge, s)
		}
	}
	return learn, judge
}

// tally is how many user agents of a label there are, and how many are taken for
// people's.
type tally struct{ all, human, mailProgram int }

func tallies(in []sample) (out map[string]*tally) {
	out = map[string]*tally{}
	for _, s := range in {
		c := out[s.label]
		if c == nil {
			c = &tally{}
			out[s.label] = c
		}
		c.all++
		if r := Judge(Hit{UserAgent: s.agent}); r.Grade == Human {
			c.human++
			if r.Reasons[0] == "user agent: a mail program" {
				c.mailProgram++
			}
		}
	}
	return out
}

// The lists of crawlers hold some mail programs too (Outlook, Apple Mail); those are
// people's, and are not counted against us: docs/grades.md.
func TestAgents(t *testing.T) {
	t.Parallel()
	learn, judge := samples(t)
	for half, in := range map[string][]sample{"learnt from": learn, "held out": judge} {
		bots, missed := 0, 0
		for label, c := range tallies(in) {
			t.Logf("%s: %s: %d, human %d", half, label, c.all, c.human)
			switch label {
			case "mail_client":
				if c.human != c.all {
					t.Errorf("%s: %d of %d mail clients are not graded as people's", half, c.all-c.human, c.all)
				}
			case "browser":
				if c.human*4 < c.all*3 {
					t.Errorf("%s: only %d of %d browsers are graded as people's", half, c.human, c.all)
				}
			default:
				bots += c.all - c.mailProgram
				missed += c.human - c.mailProgram
			}
		}
		t.Logf("%s: %d of %d bots and proxies are known", half, bots-missed, bots)
		if missed*100 > bots {
			t.Errorf("%s: %d of %d bots and proxies are graded as people", half, missed, bots)
		}
	}
}
