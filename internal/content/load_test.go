package content

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tidings/internal/campaign"
)

var update = flag.Bool("update", false, "write what Load says into the .want files")

// workspace is the sound workspace of testdata/base with files put over it.
func workspace(t testing.TB, files map[string]string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	base := os.DirFS("testdata/base")
	err := fs.WalkDir(base, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(base, path)
		out[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		out[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// baseWith is the sound tidings.yaml with lines behind it.
func baseWith(t testing.TB, lines string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/base/tidings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + lines
}

// mustLoad loads a workspace that has no problems at all.
func mustLoad(t *testing.T, fsys fs.FS) *campaign.Catalog {
	t.Helper()
	catalog, problems := Load(fsys)
	if len(problems) > 0 || catalog == nil {
		t.Fatalf("problems:\n%s", listing(problems))
	}
	return catalog
}

// listing is one problem a line, warnings marked.
func listing(problems []campaign.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		if p.Warning {
			b.WriteString("warning: ")
		}
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// TestBroken loads each file below testdata/broken within a sound workspace and
// compares all that is said of it with the .want file beside it.
func TestBroken(t *testing.T) {
	t.Parallel()
	for kind, path := range map[string]string{
		"campaign": "campaigns/x.yaml", "segment": "segments/x.yaml",
		"workspace": "tidings.yaml", "template": "templates/welcome.html", "rates": "rates.csv",
		"gate": "campaigns/x.yaml", // in a workspace with quiet hours and a cap
	} {
		files, err := filepath.Glob("testdata/broken/" + kind + "/*" + filepath.Ext(path))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files of kind %s: %v", kind, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				files := map[string]string{path: string(text)}
				switch kind {
				case "rates":
					files["tidings.yaml"] = baseWith(t, "rates: rates.csv\n")
				case "gate":
					files["tidings.yaml"] = baseWith(t, "quiet_hours: { from: 21:00, to: 08:00 }\ncap: [ 1 per 16h, 4 per 7d ]\n")
				}
				catalog, problems := Load(workspace(t, files))
				got := listing(problems)
				if fatal := strings.Count(got, "\n") > strings.Count(got, "warning: "); fatal == (catalog != nil) {
					t.Errorf("catalog is %v with problems\n%s", catalog, got)
				}
				compare(t, strings.TrimSuffix(file, filepath.Ext(file))+".want", got)
			})
		}
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) || got == "" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
