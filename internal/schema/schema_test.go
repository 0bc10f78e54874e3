package schema

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

var update = flag.Bool("update", false, "write the example workspace's schemas")

// kindOf is which schema a file of a workspace is for.
func kindOf(file string) string {
	if strings.HasSuffix(file, ".test.yaml") {
		return "test"
	}
	switch path.Dir(file) {
	case "campaigns":
		return "campaign"
	case "segments":
		return "segment"
	}
	return "workspace"
}

// TestSound: what check finds right, the schemas take.
func TestSound(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{".", "internal/content/skeleton", "internal/content/testdata/base", "internal/content/testdata/programmes"} {
		workspace := os.DirFS(filepath.Join(root, dir))
		seen := 0
		for _, pattern := range []string{"tidings.yaml", "campaigns/*.yaml", "segments/*.yaml"} {
			files, err := fs.Glob(workspace, pattern)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				seen++
				text, err := fs.ReadFile(workspace, file)
				if err != nil {
					t.Fatal(err)
				}
				doc, err := read(string(text))
				if err != nil {
					t.Fatalf("%s/%s: %v", dir, file, err)
				}
				if err := compiled(t, kindOf(file)).Validate(doc); err != nil {
					t.Errorf("%s/%s is refused: %v", dir, file, err)
				}
			}
		}
		if seen < 3 {
			t.Errorf("%s has %d files", dir, seen)
		}
	}
}

// TestBroken: what check finds wrong in a file's structure, its schema refuses
// too. A fault that no schema could see is listed in beyond with the reason.
func TestBroken(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for kind, of := range map[string]string{"campaign": "campaign", "gate": "campaign", "segment": "segment", "workspace": "workspace"} {
		files, err := filepath.Glob(root + "/internal/content/testdata/broken/" + kind + "/*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files of kind %s: %v", kind, err)
		}
		s := compiled(t, of)
		for _, file := range files {
			name := kind + "/" + strings.TrimSuffix(filepath.Base(file), ".yaml")
			seen[name] = true
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := read(string(text))
			refused := err != nil || s.Validate(doc) != nil
			switch why, listed := beyond[name]; {
			case !refused && !listed && !onlyWarns(t, file):
				t.Errorf("%s is taken; refuse it, or list it with the reason", name)
			case refused && listed:
				t.Errorf("%s is refused although %s: take it from the list", name, why)
			}
		}
	}
	for name := range beyond {
		if !seen[name] {
			t.Errorf("%s is listed and not there", name)
		}
	}
}

// TestBrokenTests: what check finds wrong in a file of tests, the schema refuses too,
// but for what only the campaign or another part of the file can tell.
func TestBrokenTests(t *testing.T) {
	t.Parallel()
	beyond := map[string]string{
		"exit-near": elsewhere, "exit-dash": elsewhere, "event-slip": elsewhere,
		"until-early": compared, "event-late": compared, "expect-late": compared,
	}
	files, err := filepath.Glob(root + "/internal/content/testdata/suites/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := read(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		refused := compiled(t, "test").Validate(doc) != nil
		if _, listed := beyond[name]; refused == listed {
			t.Errorf("%s: refused %v, listed as beyond a schema %v", name, refused, listed)
		}
	}
}

// onlyWarns tells whether check takes the file, too.
func onlyWarns(t *testing.T, file string) bool {
	t.Helper()
	want, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".want")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(want)), "\n")
	return !slices.ContainsFunc(lines, func(l string) bool { return !strings.HasPrefix(l, "warning: ") })
}

// TestHelpful: every key that an editor offers says in a sentence what it is for,
// and no map lets a misspelt one pass.
func TestHelpful(t *testing.T) {
	t.Parallel()
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for _, f := range files {
		var doc map[string]any
		if err := json.Unmarshal(f.Text, &doc); err != nil {
			t.Fatal(err)
		}
		if doc["$schema"] != dialect || doc["title"] == "" || doc["description"] == "" {
			t.Errorf("%s does not say what it is", f.Name)
		}
		var look func(at string, v any)
		look = func(at string, v any) {
			switch v := v.(type) {
			case []any:
				for i, part := range v {
					look(fmt.Sprintf("%s/%d", at, i), part)
				}
			case map[string]any:
				offered, _ := v["properties"].(map[string]any)
				// A map without a title only narrows one that has it.
				if v["title"] != nil && offered != nil {
					if v["additionalProperties"] != false {
						t.Errorf("%s%s lets any key pass", f.Name, at)
					}
					for name, key := range offered {
						about, _ := key.(map[string]any)["description"].(string)
						if keys++; !strings.HasSuffix(about, ".") {
							t.Errorf("%s%s/%s has no sentence about it: %q", f.Name, at, name, about)
						}
					}
				}
				for name, part := range v {
					look(at+"/"+name, part)
				}
			}
		}
		look("", doc)
	}
	if keys < 200 {
		t.Errorf("%d keys were looked at", keys)
	}
}

// TestCommitted keeps the example workspace's schemas those that
// `tidings schema` writes.
func TestCommitted(t *testing.T) {
	t.Parallel()
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if _, err := Write(filepath.Join(root, Dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(root, Dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(f.Text) {
			t.Errorf("%s is not what `go run . schema` writes: run it, or this test with -update", f.Name)
		}
	}
}

// TestPointed: each YAML file of the example and of the skeleton names its
// schema, by a path that leads to it.
func TestPointed(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{".", "internal/content/skeleton"} {
		for _, pattern := range []string{"tidings.yaml", "campaigns/*.yaml", "segments/*.yaml"} {
			files, err := fs.Glob(os.DirFS(filepath.Join(root, dir)), pattern)
			if err != nil || len(files) == 0 {
				t.Fatalf("no %s in %s: %v", pattern, dir, err)
			}
			for _, file := range files {
				up := strings.Repeat("../", strings.Count(file, "/"))
				want := "# yaml-language-server: $schema=" + up + Dir + "/" + kindOf(file) + ".schema.json\n"
				text, err := os.ReadFile(filepath.Join(root, dir, file))
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(string(text), want) {
					t.Errorf("%s/%s does not begin with %s", dir, file, want)
				}
			}
		}
	}
}
