package mjml

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the reference's output for every sample; TEST_MJML has to name its command")

// samples are the paths of testdata's MJML files.
func samples(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.mjml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	return files
}

func compileFile(t testing.TB, file string) ([]byte, []Problem) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return Compile(filepath.ToSlash(file), src, Options{Include: func(path string) ([]byte, error) { return os.ReadFile(path) }})
}

// The reference's output for each sample is kept beside it, so that comparing
// needs no Node.
func TestSamplesEqualReference(t *testing.T) {
	if *update {
		reference(t, "testdata", samples(t))
	}
	for _, file := range samples(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(strings.TrimSuffix(file, ".mjml") + ".html")
			if err != nil {
				t.Fatal(err)
			}
			got, problems := compileFile(t, file)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if diff := different(outline(t, got), outline(t, want)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is compiled now, by the reference and by us: the samples, the real
// templates in today's MJML, and mails made at random.
func TestEqualsReference(t *testing.T) {
	folder := t.TempDir()
	files := slices.Concat(samples(t), ported(t, folder), randomFiles(t, folder))
	reference(t, folder, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { compareWith(t, file, folder) })
	}
}

// compareWith compares a file with the reference's output of it in a folder.
func compareWith(t *testing.T, file, folder string) {
	got, problems := compileFile(t, file)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want, err := os.ReadFile(filepath.Join(folder, strings.TrimSuffix(filepath.Base(file), ".mjml")+".html"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := different(outline(t, got), outline(t, want)); diff != "" {
		src, _ := os.ReadFile(file)
		t.Errorf("%s\n%s", diff, src)
	}
}

// reference runs the reference implementation on files and leaves its output in
// a folder.
func reference(t *testing.T, folder string, files []string) {
	t.Helper()
	command := os.Getenv("TEST_MJML")
	if command == "" {
		if *update {
			t.Fatal("TEST_MJML has to name the command of the reference implementation")
		}
		t.Skip("TEST_MJML is not set")
	}
	args := append([]string{"-r"}, files...)
	args = append(args, "-o", folder, "--config.beautify", "false", "--config.allowIncludes", "true")
	out, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
