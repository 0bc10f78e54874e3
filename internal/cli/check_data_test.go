package cli

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/config"
	"tidings/internal/content"
	"tidings/internal/intake"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// checkedShop is a workspace with a segment that a broken table spoils and one that
// it does not.
func checkedShop(t *testing.T) (fstest.MapFS, *campaign.Catalog) {
	t.Helper()
	files := fstest.MapFS{
		"tidings.yaml":          {Data: []byte("name: Shop\ncurrency: EUR\nbrand: { address: \"12 Calle Real\" }\ntopics: { offers: { name: Offers } }\n")},
		"segments/agreed.yaml":  {Data: []byte("name: Agreed\nmatch: { attribute: consent.offers, is: true }\n")},
		"segments/ordered.yaml": {Data: []byte("match: { event: Order Completed }\n")},
	}
	cat, problems := content.Load(files)
	if cat == nil {
		t.Fatal(problems)
	}
	return files, cat
}

func checkRuntime(databaseURL string, stderr io.Writer) *runtime {
	return &runtime{ctx: context.Background(), cfg: config.Config{DatabaseURL: databaseURL}, stdout: io.Discard, stderr: stderr}
}

// What the evaluator cannot answer is an error that names the file: a tick would
// fail on it, too.
func TestCheckNamesWhatCannotBeWorkedOut(t *testing.T) {
	files, cat := checkedShop(t)
	each := func(t *testing.T, driver, databaseURL, source string) {
		ctx := context.Background()
		s, err := store.Open(ctx, databaseURL, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		items, err := intake.ParseCall("track", []byte(`{"userId":"ana","event":"Order Completed"}`), time.Now().Add(-time.Hour))
		if err == nil {
			err = s.Accept(ctx, items)
		}
		if err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open(driver, source)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(`DROP TABLE consents`); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		found, _ := checkRuntime(databaseURL, &stderr).checkData(files, cat, time.Minute, nil)
		if len(found) != 2 || stderr.Len() > 0 {
			t.Fatalf("found %v, said %q", found, stderr.String())
		}
		if p := found[0]; p.Warning || !strings.HasPrefix(p.String(), "segments/agreed.yaml:2:1: segment agreed cannot be worked out: ") || !strings.Contains(p.Message, "consents") {
			t.Errorf("%v", p)
		}
		if p := found[1]; !p.Warning || p.String() != "segments/ordered.yaml:1:1: segment ordered matches everybody, 1 customer; take it out if everybody is meant" {
			t.Errorf("%v", p)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "shop.db")
		each(t, "sqlite", "sqlite:"+file, file)
	})
	t.Run("postgres", func(t *testing.T) {
		address := storetest.PostgresURL(t)
		each(t, "pgx", address, address)
	})
}

// What was not looked at in time is said, thing by thing, and nothing is found out
// about it.
func TestCheckSaysWhatTookTooLong(t *testing.T) {
	t.Parallel()
	files, cat := checkedShop(t)
	ctx, cancel := context.WithCancel(context.Background())
	d := newDataCheck(ctx, storetest.SQLite(t), cat, nil)
	d.customers, d.eventNames = 1, []string{"Order Completed"}
	cancel()
	for _, m := range content.Mentions(files) {
		switch m.Kind {
		case content.MentionEvent:
			d.event(m)
		case content.MentionSegment:
			d.size(m)
		}
	}
	d.currencies(content.Mentions(files))
	if got := strings.Join(d.late, ", "); got != "segment agreed, segment ordered, event Order Completed, the currencies of amounts" {
		t.Errorf("late: %s", got)
	}
	if len(d.problems) > 0 || len(d.notes) > 0 {
		t.Errorf("found %v, said %v", d.problems, d.notes)
	}
}

// A check neither makes a database nor changes one.
func TestCheckMakesNoDatabase(t *testing.T) {
	t.Parallel()
	files, cat := checkedShop(t)
	file := filepath.Join(t.TempDir(), "shop.db")
	var stderr bytes.Buffer
	if found, _ := checkRuntime("sqlite:"+file, &stderr).checkData(files, cat, time.Minute, nil); found != nil {
		t.Error(found)
	}
	if got := stderr.String(); got != "checked without data: no database\n" {
		t.Errorf("said %q", got)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("made a file: %v", err)
	}
}
