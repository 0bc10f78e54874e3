package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tidings/internal/campaign"
	"tidings/internal/mjml"
)

type mjmlCmd struct {
	File string `arg:"" help:"MJML file; what it includes is read from its folder and those below, or from anywhere in the workspace it is in."`
}

// Run prints the HTML of an MJML file, as it is before Liquid fills it. What it
// doesn't support is told with its place, and the command then fails.
func (c *mjmlCmd) Run(rt *runtime) error {
	src, err := os.ReadFile(c.File)
	if err != nil {
		return usage("%v", err)
	}
	dir := rt.includeFolder(c.File)
	files, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer files.Close()
	html, problems := mjml.Compile(filepath.ToSlash(c.File), withoutFrontMatter(src), mjml.Options{Include: includer(files, dir)})
	if rt.json {
		err = rt.printJSON(struct {
			HTML     string             `json:"html"`
			Problems []campaign.Problem `json:"problems"`
		}{string(html), problemsOf(problems)})
	} else {
		err = rt.printMJML(html, problems)
	}
	if err == nil && len(problems) > 0 {
		return &exitError{code: exitNo}
	}
	return err
}

func (rt *runtime) printMJML(html []byte, problems []mjml.Problem) error {
	for _, p := range problems {
		fmt.Fprintln(rt.stderr, p)
	}
	_, err := rt.stdout.Write(html)
	return err
}

func problemsOf(problems []mjml.Problem) []campaign.Problem {
	all := make([]campaign.Problem, 0, len(problems))
	for _, p := range problems {
		all = append(all, campaign.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.What, Hint: p.Hint})
	}
	return all
}

// includeFolder is the folder that includes may read: the workspace if the file
// is in it, else the file's.
func (rt *runtime) includeFolder(file string) string {
	_, workspace, err := rt.workspace()
	if err != nil {
		return filepath.Dir(file)
	}
	if _, ok := below(workspace, file); ok {
		return workspace
	}
	return filepath.Dir(file)
}

// below is the path of a file from a folder, false if it is outside.
func below(dir, file string) (string, bool) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return "", false
	}
	path, err := filepath.Rel(from, to)
	return path, err == nil && filepath.IsLocal(path)
}

// includer reads included files, never one outside of the folder.
func includer(files *os.Root, dir string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		inside, ok := below(dir, filepath.FromSlash(path))
		if !ok {
			return nil, fmt.Errorf("it is outside of the folder %s", dir)
		}
		data, err := files.ReadFile(inside)
		var broken *fs.PathError
		if errors.As(err, &broken) {
			err = broken.Err // the place is told anyway
		}
		return data, err
	}
}

// withoutFrontMatter blanks the front matter that a template of a workspace may
// begin with; the lines stay, and so do the places of problems.
func withoutFrontMatter(src []byte) []byte {
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	if !strings.HasPrefix(text, "---\n") {
		return src
	}
	front, rest, ok := strings.Cut(text[len("---\n"):], "\n---\n")
	if !ok {
		return src
	}
	return []byte(strings.Repeat("\n", strings.Count(front, "\n")+3) + rest)
}
