package audience_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain draws the same random cases in every run, so that a failure is met by
// whoever makes it; -rapid.seed=N draws others.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.seed"); f != nil && f.Value.String() == "0" {
		if err := f.Value.Set("20261122"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
